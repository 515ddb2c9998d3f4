"""The web side over real HTTP: health, enrolment pages, the guard, the server."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pyotp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.messages import Messages
from bot.web.app import LARGEST_BODY, create_app
from bot.web.health import Delivery
from bot.web.server import WebServer, WebServerError
from workflows import second_factor
from workflows.company import Company, Permissions
from workflows.database import Database, SqliteDatabase
from workflows.people import Directory, Person
from workflows.policy import Policy, Rates
from workflows.second_factor import Cipher

MESSAGES = Messages.load(is_strict=True)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

AMARA = Person("amara", "Amara Okafor", "amara@kestrel.example", frozenset({"cfo"}), language="en")
WEI = Person("wei", "王伟", "wei@kestrel.example", frozenset({"cfo"}), timezone="Asia/Shanghai")
SLY = Person("sly", "<b>Sly</b> & {name}", "sly@kestrel.example", frozenset(), language="en")
GONE = Person("gone", "Gone", "gone@kestrel.example", frozenset())


@dataclass
class House:
    """A running web side and the ways to act on it."""

    server: WebServer
    database: Database
    cipher: Cipher
    browser: httpx.AsyncClient
    now: datetime = NOON
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    async def link(self, person: Person) -> str:
        token = await self.database.write(
            lambda connection: second_factor.begin_enrolment(
                connection, self.cipher, person.id, now=self.now
            )
        )
        return f"/enrol/{token}"

    async def secret(self, link: str) -> str:
        found = await self.database.read(
            lambda connection: second_factor.open_enrolment(
                connection, self.cipher, link.removeprefix("/enrol/"), now=self.now
            )
        )
        return found.secret

    def code(self, secret: str) -> str:
        return pyotp.TOTP(secret).at(self.now)

    async def is_enrolled(self, person: Person) -> bool:
        return await self.database.read(
            lambda connection: second_factor.is_enrolled(connection, person.id)
        )


def company() -> Company:
    everybody = frozenset({"cfo"})
    return Company(
        name="Kestrel: Instruments",
        base_currency="EUR",
        timezone=ZoneInfo("Europe/Berlin"),
        language="zh_CN",
        directory=Directory([AMARA, WEI, SLY]),
        accounts={},
        policy=Policy("EUR", ()),
        rates=Rates("EUR", {}),
        permissions=Permissions(everybody, everybody, everybody),
    )


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = SqliteDatabase(tmp_path / "records.sqlite")
    await database.open()
    cipher = Cipher(bytes(range(32)))
    found: House
    app = create_app(
        company=company(),
        database=database,
        cipher=cipher,
        messages=MESSAGES,
        clock=lambda: found.now,
        version="1.2.3",
        deliveries=lambda: found.deliveries,
        routes=[Route("/slack/events", _echo, methods=["POST"])],
    )
    server = WebServer(app)
    await server.start()
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as browser:
        found = House(server, database, cipher, browser)
        yield found
    await server.stop()
    await database.close()


def text_of(response: httpx.Response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text)))


# ---- setting up a factor -----------------------------------------------------------------------


async def test_a_person_sets_up_a_factor(house: House) -> None:
    link = await house.link(AMARA)
    secret = await house.secret(link)
    page = await house.browser.get(link)
    assert page.status_code == 200
    assert '<html lang="en">' in page.text
    assert "Hello Amara Okafor." in text_of(page)
    assert " ".join(re.findall("....", secret)) in re.sub(r"\s+", " ", text_of(page))
    assert "<svg" in page.text
    assert "present_code" not in page.text
    uri = unescape(re.findall(r'href="(otpauth:[^"]*)"', page.text)[0])
    app = pyotp.parse_uri(uri)
    assert isinstance(app, pyotp.TOTP)
    assert (app.secret, app.issuer, app.name) == (
        secret,
        "Kestrel Instruments",
        "amara@kestrel.example",
    )
    done = await house.browser.post(link, data={"code": app.at(house.now)})
    assert done.status_code == 200
    assert "You are all set" in text_of(done)
    assert secret not in done.text
    assert await house.is_enrolled(AMARA)


async def test_looking_does_not_use_the_link_up(house: House) -> None:
    link = await house.link(AMARA)
    for _ in range(3):
        assert (await house.browser.get(link)).status_code == 200
    assert not await house.is_enrolled(AMARA)


async def test_a_code_typed_by_an_input_method_or_with_a_space_is_a_code(house: House) -> None:
    link = await house.link(WEI)
    code = house.code(await house.secret(link))
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in code)
    done = await house.browser.post(link, data={"code": f"{wide[:3]} {wide[3:]}"})
    assert done.status_code == 200
    assert "设置完成" in text_of(done)


async def test_the_page_speaks_the_persons_language_else_the_companys(house: House) -> None:
    page = await house.browser.get(await house.link(WEI))
    assert '<html lang="zh-CN">' in page.text
    assert "王伟，您好。" in text_of(page)
    assert "2026年11月23日 20:15" in text_of(page)
    english = await house.browser.get(await house.link(AMARA))
    assert "23 Nov 2026, 13:15" in text_of(english)


async def test_a_wrong_code_is_told_and_can_be_put_right(house: House) -> None:
    link = await house.link(AMARA)
    secret = await house.secret(link)
    wrong = str((int(house.code(secret)) + 1) % 10**6).zfill(6)
    answer = await house.browser.post(link, data={"code": wrong})
    assert answer.status_code == 422
    assert "not the code your app shows" in text_of(answer)
    assert 'aria-invalid="true"' in answer.text
    assert wrong not in answer.text
    answer = await house.browser.post(link, data={"code": house.code(secret)})
    assert answer.status_code == 200


async def test_what_is_no_code_costs_no_attempt(house: House) -> None:
    link = await house.link(AMARA)
    no_codes = ("", "12345", "1234567", "12345a", "１２３", "¹²³⁴⁵⁶x", "\x00", "é" * 6)
    assert len(no_codes) > second_factor.FREE_FAILURES
    for code in no_codes:
        answer = await house.browser.post(link, data={"code": code})
        assert answer.status_code == 422
        assert "A code is 6 digits." in text_of(answer)
    done = await house.browser.post(link, data={"code": house.code(await house.secret(link))})
    assert done.status_code == 200


async def test_too_many_wrong_codes_end_the_link(house: House) -> None:
    link = await house.link(AMARA)
    wrong = str((int(house.code(await house.secret(link))) + 1) % 10**6).zfill(6)
    for _ in range(second_factor.FREE_FAILURES):
        assert (await house.browser.post(link, data={"code": wrong})).status_code == 422
    assert (await house.browser.post(link, data={"code": wrong})).status_code == 410
    assert (await house.browser.get(link)).status_code == 410


async def test_replacing_a_factor_takes_a_code_of_the_present_one(house: House) -> None:
    first = await house.link(AMARA)
    old = await house.secret(first)
    await house.browser.post(first, data={"code": house.code(old)})
    house.now += timedelta(minutes=2)
    link = await house.link(AMARA)
    new = await house.secret(link)
    page = await house.browser.get(link)
    assert 'name="present_code"' in page.text
    without = await house.browser.post(link, data={"code": house.code(new)})
    assert without.status_code == 422
    assert 'id="present_code-error"' in without.text
    wrong = str((int(house.code(old)) + 1) % 10**6).zfill(6)
    refused = await house.browser.post(link, data={"present_code": wrong, "code": house.code(new)})
    assert refused.status_code == 422
    assert "4 more tries" in text_of(refused)
    done = await house.browser.post(
        link, data={"present_code": house.code(old), "code": house.code(new)}
    )
    assert done.status_code == 200


async def test_a_used_link_an_old_one_and_no_link_say_so(house: House) -> None:
    used = await house.link(AMARA)
    secret = await house.secret(used)
    await house.browser.post(used, data={"code": house.code(secret)})
    again = await house.browser.get(used)
    assert again.status_code == 410
    assert MESSAGES.text("zh_CN", "refusal.enrolment.used") in text_of(again)
    old = await house.link(WEI)
    house.now += second_factor.ENROLMENT_LIFE
    late = await house.browser.post(old, data={"code": "123456"})
    assert late.status_code == 410
    assert MESSAGES.text("zh_CN", "refusal.enrolment.expired") in text_of(late)
    for path in ("/enrol/nonsense", "/enrol/%00", "/enrol/" + "x" * 5000):
        unknown = await house.browser.get(path)
        assert unknown.status_code == 404
        assert MESSAGES.text("zh_CN", "refusal.enrolment.unknown") in text_of(unknown)


async def test_somebody_the_directory_no_longer_has_cannot_enrol(house: House) -> None:
    link = await house.link(GONE)
    assert (await house.browser.get(link)).status_code == 404
    code = house.code(await house.secret(link))
    assert (await house.browser.post(link, data={"code": code})).status_code == 404
    assert not await house.is_enrolled(GONE)


async def test_two_posts_at_once_enrol_once(house: House) -> None:
    link = await house.link(AMARA)
    code = house.code(await house.secret(link))
    answers = await asyncio.gather(
        *(house.browser.post(link, data={"code": code}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410, 410]


# ---- safety ------------------------------------------------------------------------------------


async def test_names_are_escaped(house: House) -> None:
    page = await house.browser.get(await house.link(SLY))
    assert "<b>Sly" not in page.text
    assert "Hello <b>Sly</b> & {name}." in unescape(page.text)


async def test_the_headers_protect_every_answer(house: House) -> None:
    link = await house.link(AMARA)
    answers = [
        await house.browser.get(link),
        await house.browser.post(link, data={"code": "x"}),
        await house.browser.get("/enrol/nonsense"),
        await house.browser.get("/nothing"),
        await house.browser.put(link),
        await house.browser.get("/health"),
    ]
    assert [answer.status_code for answer in answers] == [200, 422, 404, 404, 405, 200]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "script" not in policy
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers


async def test_the_pages_need_nothing_that_the_policy_forbids(house: House) -> None:
    page = await house.browser.get(await house.link(AMARA))
    assert not re.search(
        r"<script|<style|\sstyle=|\son[a-z]+=|https?://(?!www\.w3\.org)", page.text
    )
    for path in re.findall(r'href="\.\.(/assets/[^"]+)"', page.text):
        asset = await house.browser.get(path)
        assert asset.status_code == 200
        assert asset.headers["content-type"].startswith(("text/css", "image/svg+xml"))


async def test_neither_link_nor_key_nor_code_is_logged_or_titled(
    house: House,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the browser's side
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    link = await house.link(AMARA)
    secret = await house.secret(link)
    page = await house.browser.get(link)
    token = link.removeprefix("/enrol/")
    assert token not in page.text
    code = house.code(secret)
    await house.browser.post(link, data={"code": code}, headers={"Content-Type": "text/plain"})
    await house.browser.post(link, data={"code": code})
    await house.browser.get(link)
    out, err = capfd.readouterr()
    logged = caplog.text + out + err
    assert token not in logged
    assert secret not in logged
    assert code not in logged


async def test_only_the_pages_own_form_is_read(house: House) -> None:
    link = await house.link(AMARA)
    form = "application/x-www-form-urlencoded"
    for content, media_type, status in (
        (b'{"code": "123456"}', "application/json", 415),
        (b"code=123456", "", 415),
        (b"--x", "multipart/form-data; boundary=x", 415),
        (b"code=" + b"1" * 20_000, form, 413),
        (b"code=%FF%FF", form, 400),
        (b"code=\xff", form, 400),
        (b"&".join(b"f%d=1" % n for n in range(99)), form, 400),
    ):
        headers = {"Content-Type": media_type}
        answer = await house.browser.post(link, content=content, headers=headers)
        assert answer.status_code == status
        assert MESSAGES.text("zh_CN", "web.bad_request") in text_of(answer)


async def test_no_body_is_read_without_end(house: House) -> None:
    fits = await house.browser.post("/slack/events", content=b"x" * LARGEST_BODY)
    assert (fits.status_code, fits.text) == (200, str(LARGEST_BODY))
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\n"
    announced = b"Content-Length: %d\r\n\r\n" % (LARGEST_BODY + 1)
    assert await _status(house, head + announced) == 413
    chunk = b"%x\r\n" % 50_000 + b"x" * 50_000 + b"\r\n"
    streamed = b"Transfer-Encoding: chunked\r\n\r\n" + chunk * (LARGEST_BODY // 50_000)
    assert await _status(house, head + streamed + b"1\r\nx\r\n") == 413


async def _status(house: House, request: bytes) -> int:
    """Send a request whose end never comes and return the status of its answer."""
    url = httpx.URL(house.server.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


# ---- health ------------------------------------------------------------------------------------


async def test_health_is_ok_while_everything_works(house: House) -> None:
    house.deliveries = {"slack": Delivery(True, NOON - timedelta(seconds=3))}
    answer = await house.browser.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "version": "1.2.3",
        "at": "2026-11-23T12:00:00+00:00",
        "database": {"writable": True},
        "chats": {"slack": {"connected": True, "last_delivery": "2026-11-23T11:59:57+00:00"}},
    }


async def test_health_is_degraded_when_a_chat_is_away(house: House) -> None:
    house.deliveries = {"slack": Delivery(False), "telegram": Delivery(True, NOON)}
    answer = await house.browser.get("/health")
    assert answer.status_code == 503
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["chats"]["slack"] == {"connected": False, "last_delivery": None}


@pytest.mark.parametrize(("minutes", "status"), [(4, 200), (6, 503)])
async def test_health_is_degraded_while_news_cannot_be_told(
    house: House, minutes: int, status: int
) -> None:
    since = NOON - timedelta(minutes=minutes)
    house.deliveries = {"slack": Delivery(True, NOON, behind_since=since)}
    answer = await house.browser.get("/health")
    assert answer.status_code == status
    assert answer.json()["chats"]["slack"]["behind_since"] == since.isoformat(timespec="seconds")


async def test_health_is_degraded_when_the_database_takes_no_writes(house: House) -> None:
    await house.database.close()
    answer = await house.browser.get("/health")
    assert answer.status_code == 503
    assert answer.json()["database"] == {"writable": False}


async def test_health_really_writes(house: House, tmp_path: Path) -> None:
    log = tmp_path / "records.sqlite-wal"
    before = log.read_bytes()
    assert (await house.browser.get("/health")).status_code == 200
    assert log.read_bytes() != before


# ---- the server --------------------------------------------------------------------------------


async def test_the_server_leaves_signals_alone_and_frees_its_port(house: House) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    other = WebServer(PlainTextResponse("here"), port=0)
    await other.start()
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    port = httpx.URL(other.url).port
    assert port
    assert (await house.browser.get(other.url)).text == "here"
    await other.stop()
    await other.stop()
    again = WebServer(PlainTextResponse("again"), port=port)
    await again.start()
    assert again.url == other.url
    await again.stop()


async def test_a_port_in_use_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = WebServer(PlainTextResponse(""), port=port)
        with pytest.raises(WebServerError, match=rf"127\.0\.0\.1:{port} .* choose another"):
            await server.start()
        await server.stop()
