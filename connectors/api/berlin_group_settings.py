"""Settings of a Berlin Group NextGenPSD2 connection."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import Field, FilePath, SecretStr, StringConstraints, field_validator, model_validator

from connectors.http import HttpSettings

HeaderText = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,98}[!-~])?$")]
"""What may stand in an HTTP header: printable ASCII."""


class BerlinGroupSettings(HttpSettings):
    """A bank that offers the Berlin Group's NextGenPSD2 API, version 1.3."""

    type: Literal["berlin_group"] = Field(
        default="berlin_group", description="Berlin Group NextGenPSD2 1.3."
    )
    access_token: SecretStr | None = Field(
        default=None, description="OAuth 2 bearer token, where the bank asks for one."
    )
    psu_id: HeaderText | None = Field(
        default=None,
        description="User name, at the bank, of the person who confirms there (PSU-ID).",
    )
    psu_corporate_id: HeaderText | None = Field(
        default=None, description="The company's identifier at the bank (PSU-Corporate-ID)."
    )
    psu_ip_address: IPv4Address = Field(
        default=IPv4Address("127.0.0.1"),
        description="IPv4 address given to the bank when the person's own is not known: the one "
        "this service calls from.",
    )
    sca_approach: Literal["decoupled"] = Field(
        default="decoupled",
        description="How people confirm at the bank: in the bank's own app (decoupled).",
    )
    sign_requests: bool = Field(
        default=False, description="Sign every request (Digest, Signature), if the bank asks."
    )
    signing_certificate_file: FilePath | None = Field(
        default=None, description="PEM file with our certificate for signing (under PSD2 QSealC)."
    )
    signing_key_file: FilePath | None = Field(
        default=None, description="PEM file with its RSA key."
    )
    signing_key_password: SecretStr | None = Field(
        default=None, description="Password of the signing key, when it is encrypted."
    )
    verify_responses: bool = Field(
        default=False,
        description="Trust only signed answers. Not part of the standard: for banks that sign.",
    )
    trusted_certificate_file: FilePath | None = Field(
        default=None,
        description="PEM file with the certificates the bank signs with, agreed beforehand.",
    )
    instant: bool = Field(
        default=False, description="Send euro payments within SEPA as instant payments."
    )
    notifies: bool = Field(
        default=False,
        description="Ask the bank to call web.public_url when a payment's status changes, instead "
        "of waiting for our next question. For banks that offer notifications.",
    )
    charge_bearer: Literal["DEBT", "CRED", "SHAR", "SLEV"] = Field(
        default="SHAR", description="Who bears the charges of a cross-border payment."
    )
    replays_request_id: bool = Field(
        default=False,
        description="The bank has promised in writing to treat a repeated X-Request-ID as the "
        "same payment. Only then is a payment whose answer was lost sent again, to learn of it.",
    )
    replay_hours: float = Field(
        default=24, gt=0, le=720, description="For how long that promise holds after sending."
    )
    enquiry_window_hours: float = Field(
        default=24,
        gt=0,
        le=720,
        description="For how long a payment whose answer was lost is looked for in the account's "
        "transactions before a person decides.",
    )
    consent_id: HeaderText | None = Field(
        default=None,
        description="Consent agreed with the bank beforehand. Without it one is asked for.",
    )
    consent_days: int = Field(
        default=90, ge=1, le=180, description="How long a consent we ask for is to hold."
    )
    consent_frequency_per_day: int = Field(
        default=4, ge=1, le=10_000, description="How often a day we ask to read, unattended."
    )
    page_limit: int = Field(
        default=200, ge=1, le=10_000, description="Most pages of transactions read at once."
    )

    @field_validator("access_token")
    @classmethod
    def _token_fits_header(cls, value: SecretStr | None) -> SecretStr | None:
        token = "" if value is None else value.get_secret_value()
        if value is not None and not (token.isascii() and token.isprintable() and token.strip()):
            raise ValueError("must be printable ASCII, on one line")
        return value

    @model_validator(mode="after")
    def _files_belong_together(self) -> BerlinGroupSettings:
        if self.sign_requests and not (self.signing_certificate_file and self.signing_key_file):
            raise ValueError("sign_requests needs signing_certificate_file and signing_key_file")
        if self.verify_responses and not self.trusted_certificate_file:
            raise ValueError("verify_responses needs trusted_certificate_file")
        return self
