from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from connectors import registry
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.base import Capability, ConnectorSettings
from connectors.money import Money
from tests.connectors.test_berlin_group import ACCOUNT, INSTRUCTION, NOW, Memory

URL = "https://api.bank.example/psd2"


async def test_a_connection_is_made_from_its_settings() -> None:
    settings = registry.KINDS["berlin_group"].settings.model_validate(
        {"type": "berlin_group", "url": URL, "enquiry_window_hours": 48}
    )
    connector = registry.build("main-bank", settings, Memory(), lambda: NOW)
    assert connector.name == "main-bank"
    assert Capability.PAYMENTS in connector.capabilities
    assert connector.enquiry_window.total_seconds() == 48 * 3600
    assert connector.service(ACCOUNT, INSTRUCTION.creditor, Money(1, "EUR"))
    await connector.close()


def test_settings_of_no_known_kind() -> None:
    with pytest.raises(TypeError):
        registry.build("main-bank", ConnectorSettings(), Memory(), lambda: NOW)


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_setting_is_described_for_people(kind: str) -> None:
    model = registry.KINDS[kind].settings
    assert model.model_fields["type"].default == kind
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


@pytest.mark.parametrize(
    "mistake",
    [
        {"url": "http://api.bank.example"},
        {"unknown": 1},
        {"sign_requests": True},
        {"verify_responses": True},
        {"ca_file": "/nowhere/ca.pem"},
        {"sca_approach": "redirect"},
        {"psu_id": "two\r\nlines"},
        {"psu_id": " "},
        {"psu_id": ""},
        {"consent_id": "é"},
        {"access_token": ""},
        {"access_token": "two\nlines"},
        {"psu_ip_address": "::1"},
        {"page_limit": 0},
        {"consent_days": 181},
        {"enquiry_window_hours": 0},
        {"type": "other"},
    ],
)
def test_mistakes_are_named(mistake: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        BerlinGroupSettings.model_validate({"url": URL, **mistake})
    [error] = caught.value.errors()
    assert not error["loc"] or error["loc"][0] in mistake


def test_secrets_do_not_show() -> None:
    settings = BerlinGroupSettings(
        url=URL,
        access_token=SecretStr("s3cret"),
        proxy=SecretStr("http://user:s3cret@proxy.example:3128"),
        signing_key_password=SecretStr("s3cret"),
        client_key_password=SecretStr("s3cret"),
    )
    assert "s3cret" not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        BerlinGroupSettings.model_validate(
            {"url": URL, "access_token": "s3cret\n", "page_limit": "s3cret"}
        )
    assert "s3cret" not in str(caught.value)
