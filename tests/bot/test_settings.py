"""Settings: what is right loads, and every mistake is named with its line and its remedy."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import make_url
from typer.testing import CliRunner

from bot import starter
from bot.cli import app
from bot.settings import (
    Problem,
    Settings,
    SettingsErrors,
    business_days,
    charter_of,
    company_of,
    load,
)
from bot.settings import model as settings_module
from bot.settings.file import locate
from connectors.base import ConnectorSettings
from connectors.money import Money
from workflows.calendars import Calendar
from workflows.charter import difference, hash_of
from workflows.opening import Hours

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "countersign.example.toml").read_text()
ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-secret-value", "SLACK_APP_TOKEN": "xapp-secret-value"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    starter.write(tmp_path)
    return tmp_path


def edited(
    folder: Path, change: Callable[[str], str], environ: dict[str, str] | None = None
) -> str:
    """Return what is said of an edited example; it must be said to be wrong."""
    path = folder / "countersign.toml"
    path.write_text(change(path.read_text()))
    with pytest.raises(SettingsErrors) as caught:
        load(path, ENVIRON if environ is None else environ)
    return str(caught.value)


def line_of(text: str) -> int:
    return EXAMPLE[: EXAMPLE.index(text)].count("\n") + 1


def test_the_example_loads(folder: Path) -> None:
    found = load(folder / "countersign.toml", ENVIRON)
    assert found.company.name == "Northwind Trading GmbH"
    assert found.storage.folder == str(folder / "var")
    assert found.connectors["hausbank"].model_dump()["url"] == "https://api.bank.example/psd2"
    assert "secret-value" not in repr(found)
    key = (folder / "secrets/key").read_text().strip()
    assert key not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "said", "remedy"),
    [
        ('base_currency = "EUR"', 'base_currency = "EURO"', "no currency", "ISO 4217"),
        (
            'timezone = "Europe/Berlin"        # whose',
            'timezone = "Berlin"  # whose',
            "no time zone",
            "IANA",
        ),
        ('language = "en" ', 'language = "de" ', "'en' or 'zh_CN'", "example"),
        ("port = 8080", "port = 99999", "65535", "example"),
        ('public_url = "https', 'public_url = "http', "not secret", "https"),
        ('mode = "socket"', 'mode = "sockets"', "'socket' or 'http'", "example"),
        ('api_url = "https://slack.com/api/"', 'api_url = "slack.com"', "no web address", "https"),
        ('file = "policy.yml"', 'file = "nowhere.yml"', "cannot be read", "init"),
        ('USD = "0.92"', "USD = 0.92", "no rate", "in quotes"),
        ('USD = "0.92"', 'USD = "-1"', "no rate", "in quotes"),
        ('USD = "0.92"', 'UDS = "0.92"', "no currency", "ISO 4217"),
        ('USD = "0.92"', 'USD = { 2026-13-01 = "0.92" }', "no rate", "by day"),
        ('USD = "0.92"', "USD = { 2026-11-01 = 0.92 }", "no rate", "by day"),
        ('USD = "0.92"', 'USD = { "last year" = "0.92" }', "no rate", "by day"),
        ('USD = "0.92"', "USD = {}", "no rate", "by day"),
        ('USD = "0.92"', 'EUR = { 2026-11-01 = "1" }', "no rate", "by day"),
        ('# rates_good_for = "30d"', 'rates_good_for = "a week"', "no duration", "7d"),
        ('# near_cut_off = "1h"', "near_cut_off = 60", "no duration", "7d"),
        (
            '# business_hours = "mon-fri 08:00-18:00"',
            'business_hours = "nine to five"',
            "mon-fri",
            "mon-fri 08:00-18:00",
        ),
        (
            'request = ["staff"]',
            'request = ["staf"]',
            "nobody has the role staf",
            "Did you mean staff",
        ),
        ('duplicate_window = "7d"', 'duplicate_window = "7 days"', "no duration", "7d"),
        (
            'channel = "C0123ABCDEF"           # id',
            'channel = "#treasury"  # id',
            "not written",
            "C0123ABCD",
        ),
        ('at = "08:30"', 'at = "8 o\'clock"', "no time of day", "08:30"),
        ("first_poll_seconds = 5", "first_poll_seconds = 0", "greater than 0", "example"),
        ('type = "berlin_group"', 'type = "berlin"', "no type", "berlin_group"),
        (
            'url = "https://api.bank.example/psd2"',
            'urll = "https://x.example"',
            "no such setting",
            "Did you mean url",
        ),
        (
            'iban = "DE89370400440532013000"',
            'iban = "DE88370400440532013000"',
            "no valid IBAN",
            "check digits",
        ),
        (
            'connector = "hausbank"            #',
            'connector = "hausbnk"  #',
            "no [connectors.hausbnk]",
            "hausbank",
        ),
        ('calendar = "TARGET"', 'calendar = "T2"', "no calendar", "TARGET"),
        ('calendar = "TARGET"', 'calendar = "Gb"', "no calendar", "GB"),
        ("# [calendars.TARGET]", "[calendars.TARGT]", "no account has", "TARGET"),
        ('collect = "0 7,11,15,19 * * *"', 'collect = "often"', "no cron", "five fields"),
        ('email = "amara@northwind.example"', 'email = "amara"', "not written", "e-mail"),
        ('id = "bea"', 'id = "amara"', "already", "another"),
        ('id = "bea"', 'id = "Bea L"', "not written", "lower-case"),
        ('roles = ["staff"]', "roles = []", "at least 1", "example"),
        ('name = "Amara Okafor"', 'nam = "Amara"', "no such setting", "Did you mean name"),
        ("[permissions]", "[permission]", "missing", "Add it"),
    ],
)
def test_a_mistake_is_named(folder: Path, old: str, new: str, said: str, remedy: str) -> None:
    assert old in EXAMPLE
    found = edited(folder, lambda text: text.replace(old, new, 1))
    assert said in found
    assert remedy in found
    if old != "[permissions]":
        assert f"countersign.toml:{line_of(old)}:" in found


def test_rates_may_hold_from_a_day_on(folder: Path) -> None:
    path = folder / "countersign.toml"
    dated = 'USD = "0.92"\nCHF = { 2026-11-01 = "1.06", 2026-11-15 = "1.07" }'
    text = path.read_text().replace('USD = "0.92"', dated)
    path.write_text(
        text.replace('file = "policy.yml"', 'file = "policy.yml"\nrates_good_for = "10d"')
    )
    rates = company_of(load(path, ENVIRON)).rates
    franc = Money(100, "CHF")
    assert rates.on(date(2026, 10, 31)).to_base(franc) is None
    assert rates.on(date(2026, 11, 11)).to_base(franc) == Money(106, "EUR")
    assert rates.on(date(2026, 11, 12)).to_base(franc) is None
    assert rates.on(date(2026, 11, 15)).to_base(franc) == Money(107, "EUR")
    assert rates.on(date(2027, 1, 1)).to_base(Money(100, "USD")) == Money(92, "EUR")


def test_hours_of_people_and_of_banks_reach_the_company(folder: Path) -> None:
    path = folder / "countersign.toml"
    text = path.read_text().replace(
        'base_currency = "EUR"', 'base_currency = "EUR"\nbusiness_hours = "mon-thu 09:00-17:00"'
    )
    path.write_text(
        text.replace(
            'type = "berlin_group"', 'type = "berlin_group"\ntakes_payments = "mon-fri 06:00-16:30"'
        )
    )
    company = company_of(load(path, ENVIRON))
    assert company.business_hours == Hours.parse("mon-thu 09:00-17:00")
    assert company.opening == {"hausbank": Hours.parse("mon-fri 06:00-16:30")}


def with_days(folder: Path, text: str) -> Settings:
    """Return the example's settings with something stated of the calendar TARGET."""
    path = folder / "countersign.toml"
    path.write_text(EXAMPLE.replace("# [calendars.TARGET]", f"[calendars.TARGET]\n{text}"))
    return load(path, ENVIRON)


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("shut = []", "no such setting", "closed"),
        ('open = ["soon"]', "no day", "2026-12-24"),
        ("open = [1926-12-24]", "no day", "2026-12-24"),
        ("closed = [2026-12-24T10:00:00]", "no day", "2026-12-24"),
        ("known_until = 2027", "no day", "2026-12-24"),
        ("open = [2026-12-24]\nclosed = [2026-12-24]", "closed and open", "one of them"),
        (f"open = [{', '.join(['2026-12-24'] * 401)}]", "at most 400", "example"),
    ],
)
def test_a_mistake_in_business_days_is_named(
    folder: Path, text: str, said: str, remedy: str
) -> None:
    with pytest.raises(SettingsErrors) as caught:
        with_days(folder, text)
    assert said in str(caught.value)
    assert remedy in str(caught.value)
    assert f"countersign.toml:{line_of('# [calendars.TARGET]') + 1}:" in str(caught.value)


def test_business_days_reach_the_company(folder: Path) -> None:
    company = company_of(load(folder / "countersign.toml", ENVIRON))
    named = {own.id: own.calendar for own in company.accounts.values()}
    assert named == {"operating-eur": Calendar("TARGET"), "operating-usd": Calendar("US-FED")}
    stated = with_days(
        folder, 'closed = [2026-12-24]\nopen = ["2026-12-26"]\nknown_until = 2027-12-31'
    )
    calendar = company_of(stated).accounts["operating-eur"].calendar
    assert calendar == Calendar(
        "TARGET",
        frozenset({date(2026, 12, 24)}),
        frozenset({date(2026, 12, 26)}),
        date(2027, 12, 31),
    )


def test_business_days_are_agreed_to(folder: Path) -> None:
    before = load(folder / "countersign.toml", ENVIRON)
    stated = with_days(folder, "closed = [2026-12-24]")
    documents = [charter_of(each, company_of(each)) for each in (before, stated)]
    (closed, *rest) = difference(*documents)
    assert (closed.section, closed.name, closed.after) == ("calendars", "TARGET", "2026-12-24")
    assert [each.after for each in rest] == ["", "–"]
    path = folder / "countersign.toml"
    path.write_text(EXAMPLE.replace('calendar = "TARGET"', 'calendar = "DE-BY"'))
    other = load(path, ENVIRON)
    (changed,) = difference(documents[0], charter_of(other, company_of(other)))
    assert (changed.section, changed.name) == ("accounts", "operating-eur")
    assert (changed.field, changed.before, changed.after) == ("calendar", "TARGET", "DE-BY")


def test_what_nobody_knows_of_business_days_is_remarked(folder: Path) -> None:
    today = date(2026, 11, 27)
    path = folder / "countersign.toml"
    assert list(business_days.remarks(load(path, ENVIRON), today)) == []
    path.write_text(
        EXAMPLE.replace('calendar = "TARGET"', 'calendar = "CN"').replace(
            'calendar = "US-FED"\n', ""
        )
    )
    without, unknown = business_days.remarks(load(path, ENVIRON), today)
    assert "No calendar: operating-usd." in without
    assert unknown.startswith("CN: from 2027-01-01 on")
    assert "[calendars.CN]" in unknown


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    found = edited(
        folder,
        lambda text: (
            text.replace('language = "en" ', 'language = "xx" ')
            .replace("port = 8080", "port = [1]")
            .replace('USD = "0.92"', 'USD = "x"')
            .replace('id = "bea"', 'id = "amara"')
        ),
        {},
    )
    assert found.count("countersign.toml:") >= 5
    numbers = [int(each) for each in re.findall(r"countersign\.toml:(\d+):", found)]
    assert numbers == sorted(numbers)


def test_toml_that_is_none(folder: Path) -> None:
    found = edited(folder, lambda text: text.replace("port = 8080", "port 8080"))
    assert f"countersign.toml:{line_of('port = 8080')}:" in found
    assert "not valid TOML" in found


def test_a_policy_mistake_has_its_own_file_and_line(folder: Path) -> None:
    policy = folder / "policy.yml"
    text = policy.read_text().replace("role: cfo", "role: ceo", 1)
    policy.write_text(text)
    line = text[: text.index("role: ceo")].count("\n") + 1
    with pytest.raises(SettingsErrors, match=f"policy.yml:{line}"):
        load(folder / "countersign.toml", ENVIRON)


def test_a_rule_nobody_can_satisfy(folder: Path) -> None:
    (folder / "policy.yml").write_text(
        "version: 1\nrules:\n  - name: Five chiefs\n    require: [{ role: cfo, count: 5 }]\n"
    )
    with pytest.raises(SettingsErrors, match="Five chiefs"):
        load(folder / "countersign.toml", ENVIRON)


# ---- secrets ----------------------------------------------------------------------------------


def test_a_secret_in_the_file_is_refused_and_not_repeated(folder: Path) -> None:
    found = edited(
        folder,
        lambda text: text.replace('{ env = "SLACK_BOT_TOKEN" }', '"xoxb-123-plain"'),
    )
    assert "does not belong in this file" in found
    assert "xoxb-123-plain" not in found


def test_a_variable_that_is_not_set(folder: Path) -> None:
    found = edited(folder, lambda text: text, {"SLACK_APP_TOKEN": "xapp-1"})
    assert "SLACK_BOT_TOKEN is not set" in found
    assert f":{line_of('bot_token =')}:" in found


def test_the_wrong_token(folder: Path) -> None:
    found = edited(folder, lambda text: text, {**ENVIRON, "SLACK_BOT_TOKEN": "xoxp-user-token"})
    assert "does not begin with xoxb-" in found
    assert "xoxp-user-token" not in found


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda key: key.unlink(), "there is no file"),
        (lambda key: key.write_text(""), "is empty"),
        (lambda key: key.chmod(0o644), "others can read"),
        (lambda key: key.write_text("c2hvcnQ="), "not 32 bytes"),
        (lambda key: key.write_bytes(b"\xff\xfe"), "cannot be read"),
    ],
)
def test_a_key_file_that_will_not_do(
    folder: Path, break_it: Callable[[Path], object], said: str
) -> None:
    break_it(folder / "secrets/key")
    assert said in edited(folder, lambda text: text)


def test_socket_mode_needs_its_token_and_http_its_secret(folder: Path) -> None:
    without = EXAMPLE.replace('app_token = { env = "SLACK_APP_TOKEN" }', "")
    assert "app-level token" in edited(folder, lambda _: without)
    http = EXAMPLE.replace('mode = "socket"', 'mode = "http"')
    assert "signing secret" in edited(folder, lambda _: http)


# ---- variables --------------------------------------------------------------------------------


def test_a_variable_wins_over_the_file(folder: Path) -> None:
    environ = {**ENVIRON, "COUNTERSIGN__WEB__PORT": "9090", "COUNTERSIGN__COMPANY__NAME": "Other"}
    found = load(folder / "countersign.toml", environ)
    assert (found.web.port, found.company.name) == (9090, "Other")


def test_a_mistaken_variable_is_named_without_a_line(folder: Path) -> None:
    found = edited(folder, lambda text: text, {**ENVIRON, "COUNTERSIGN__WEB__PORT": "many"})
    assert "countersign.toml: web.port" in found


# ---- the locator and the loader under any input -----------------------------------------------


def test_lines_are_found_in_odd_files() -> None:
    text = (
        'top = 1\n[a]\nlist = [\n  "x = 1",\n  "]",\n]\nlong = """\n[fake]\nb = 2\n"""\n'
        'real = 3 # [x]\n[[c]]\nd.e = 1\n[[c]]\n"quoted key" = 2\n[c.sub]\nz = { y = 1 }\n'
    )
    tomllib.loads(text)
    found = locate(text)
    assert found["a", "list"] == 3
    assert found["a", "real"] == 11
    assert ("fake",) not in found
    assert found["c", 0, "d", "e"] == 13
    assert found["c", 1, "quoted key"] == 15
    assert found["c", 1, "sub", "z"] == 17


@trying(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_mutilated_file_never_crashes_the_loader(folder: Path, data: st.DataObject) -> None:
    lines = EXAMPLE.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(
            st.sampled_from(
                ["", "x = 1", "[a]", "[[people]]", 'id = 3', "roles = 7", "rates = 1",
                 "connectors = []", "policy = 4", "people = 1", "key = 4", "]", '"""']
            )
            | st.text(max_size=20)
        )  # fmt: skip
    path = folder / "mutilated.toml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    problems: tuple[Problem, ...] = ()
    try:
        load(path, ENVIRON)
    except SettingsErrors as error:
        problems = error.problems
    assert all(each.message and each.remedy for each in problems)
    assert "secret-value" not in str(problems)


SECTIONS = [
    value
    for value in vars(settings_module).values()
    if isinstance(value, type)
    and issubclass(value, BaseModel)
    and value.__name__.endswith("Settings")
    and value not in (Settings, ConnectorSettings)
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: str(each.__name__))
def test_every_setting_is_in_the_example(section: type[BaseModel]) -> None:
    """A setting that the example does not show is one that nobody finds."""
    for setting, field in section.model_fields.items():
        assert re.search(rf"^(# )?{setting} = ", EXAMPLE, re.M), setting
        assert field.description


def with_storage(folder: Path, *lines: str) -> Path:
    path = folder / "countersign.toml"
    text = "\n".join(["[storage]", *lines])
    path.write_text(path.read_text().replace("[storage]", text, 1))
    return path


@pytest.mark.parametrize(
    ("line", "said", "remedy"),
    [
        ('database = "mysql://u@db/x"', "no address of a PostgreSQL", "postgresql://user@host"),
        ('database = "postgresql://u@db"', "no address of a PostgreSQL", "postgresql://user@host"),
        ('database = "postgresql://u@a:1,b:2/x"', "a port each", "?port=5433"),
        ("database = 5432", "no address of a PostgreSQL", "postgresql://user@host"),
        ('database = "postgresql://u:hunter2@db/x"', "password does not belong", "DATABASE_URL"),
        ('database = "postgresql:///x?password=hunter2"', "password does not", "DATABASE_URL"),
        ('database = { env = "DATABASE_URL" }', "DATABASE_URL is not set", "Set DATABASE_URL"),
        ('database = { file = "secrets/db" }', "there is no file", "Write the secret into it"),
        ('migrate = "never"', "'start' or 'manual'", "example"),
        ('databse = "postgresql://u@db/x"', "no such setting", "Did you mean database"),
    ],
)
def test_a_mistake_about_the_database_is_named(
    folder: Path, line: str, said: str, remedy: str
) -> None:
    path = with_storage(folder, line)
    found = edited(folder, lambda text: text)
    assert said in found
    assert remedy in found
    number = path.read_text().split("\n").index(line) + 1
    assert f"countersign.toml:{number}: storage." in found
    assert "hunter2" not in found


def test_the_database_is_a_file_unless_settings_name_a_server(folder: Path) -> None:
    found = load(folder / "countersign.toml", ENVIRON).storage
    assert found.where == folder / "var"
    assert found.migrate == "start"
    with_storage(folder, 'database = { env = "DATABASE_URL" }', 'migrate = "manual"')
    address = "postgresql://u:hunter2@db.example:5433/x?sslmode=verify-full&connect_timeout=3"
    settings = load(folder / "countersign.toml", {**ENVIRON, "DATABASE_URL": address})
    assert settings.storage.where == address
    assert settings.storage.migrate == "manual"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("address", "completed"),
    [
        ("postgresql://u@db.example/x", "?sslmode=require"),
        ("postgresql://u@10.0.0.7/x", "?sslmode=require"),
        ("postgresql://u@localhost.example:5433/x", "?sslmode=require"),
        ("postgresql://u@/x?host=db.example", "&sslmode=require"),
        ("postgresql://u@one,other/x", "?sslmode=require&target_session_attrs=read-write"),
        (
            "postgresql://u@one,other/x?port=5433&sslmode=disable",
            "&target_session_attrs=read-write",
        ),
        ("postgresql://u@db.example/x?sslmode=disable", ""),
        ("postgresql://u@localhost/x", ""),
        ("postgresql://u@127.0.0.1:5433/x", ""),
        ("postgresql://u@[::1]:5433/x", ""),
        ("postgresql://u@[::1]/x", ""),
        ("postgresql:///x", ""),
        ("postgresql://u@/x?host=/run/postgresql", ""),
        ("postgresql://u@%2Frun%2Fpostgresql/x", ""),
    ],
)
def test_the_address_of_a_server_is_completed(folder: Path, address: str, completed: str) -> None:
    with_storage(folder, f'database = "{address}"')
    found = load(folder / "countersign.toml", ENVIRON).storage.where
    assert found == address + completed
    assert isinstance(found, str)
    url = make_url(found.replace("postgresql:", "postgresql+psycopg:"))
    assert url.database == "x"


def test_the_short_name_of_the_scheme_is_understood(folder: Path) -> None:
    with_storage(folder, 'database = "postgres://u@localhost/x?connect_timeout=3"')
    found = load(folder / "countersign.toml", ENVIRON).storage.where
    assert found == "postgresql://u@localhost/x?connect_timeout=3"


# ---- the command line -------------------------------------------------------------------------


def test_init_and_check(tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["init", str(tmp_path)])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "secrets/key").stat().st_mode & 0o077 == 0
    again = runner.invoke(app, ["init", str(tmp_path)])
    assert again.exit_code == 1
    assert "Nothing was written" in again.output
    config = ["--config", str(tmp_path / "countersign.toml")]
    assert runner.invoke(app, ["check", *config], env=ENVIRON).exit_code == 0
    wrong = runner.invoke(
        app, ["check", *config], env={"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
    )
    assert wrong.exit_code == 1
    assert "2 mistakes" in wrong.output
    absent = runner.invoke(app, ["check", "--config", str(tmp_path / "none.toml")])
    assert absent.exit_code == 1
    assert "countersign init" in absent.output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('url = "https://api.bank.example/psd2"', 'url = "https://api.bank.exarnple/psd2"'),
        ("[connectors.hausbank]", "[connectors.hausbank]\nreplays_request_id = true"),
        ("[connectors.hausbank]", "[connectors.hausbank]\nconsent_id = 'C-1'"),
        ('api_url = "https://slack.com/api/"', 'api_url = "https://slack.exarnple/api/"'),
        ('roles = ["staff"]', 'roles = ["staff", "cfo"]'),
    ],
)
def test_where_money_and_words_go_is_in_the_charter(folder: Path, old: str, new: str) -> None:
    path = folder / "countersign.toml"
    before = load(path, ENVIRON)
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))
    after = load(path, ENVIRON)
    documents = [charter_of(each, company_of(each)) for each in (before, after)]
    assert hash_of(documents[0]) != hash_of(documents[1])
    assert difference(*documents)


def test_how_patient_it_is_and_its_secrets_are_not(folder: Path) -> None:
    path = folder / "countersign.toml"
    first = load(path, ENVIRON)
    text = path.read_text()
    path.write_text(
        text.replace("[connectors.hausbank]", "[connectors.hausbank]\nread_timeout_seconds = 12")
    )
    second = load(path, {**ENVIRON, "SLACK_BOT_TOKEN": "xoxb-another-value"})
    one, other = (charter_of(each, company_of(each)) for each in (first, second))
    assert one == other
    assert "secret" not in str(one)


def test_replicas_may_keep_their_files_in_different_places(folder: Path, tmp_path: Path) -> None:
    documents = []
    for name in ("one", "two"):
        there = tmp_path / name
        shutil.copytree(folder, there, ignore=shutil.ignore_patterns("one", "two"))
        (there / "bank.pem").write_text("-----BEGIN CERTIFICATE-----")
        file = there / "countersign.toml"
        file.write_text(
            file.read_text().replace(
                "[connectors.hausbank]", '[connectors.hausbank]\nca_file = "bank.pem"'
            )
        )
        found = load(file, ENVIRON)
        documents.append(charter_of(found, company_of(found)))
    assert documents[0] == documents[1]
    (tmp_path / "two" / "bank.pem").write_text("-----BEGIN ANOTHER-----")
    changed = load(tmp_path / "two" / "countersign.toml", ENVIRON)
    assert charter_of(changed, company_of(changed)) != documents[0]
