"""The settings of one company, section by section."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.settings.values import (
    ApiAddress,
    AppToken,
    Bic,
    BotToken,
    CalendarName,
    ChannelId,
    Country,
    Cron,
    Currency,
    DatabaseAddress,
    Day,
    Days,
    Duration,
    Email,
    Iban,
    Language,
    Line,
    MemberId,
    OpeningHours,
    PayeeName,
    RecordPublicKey,
    Roles,
    Secret,
    Slug,
    StorageKey,
    TelegramChat,
    TelegramToken,
    TelegramUser,
    TimeOfDay,
    WebAddress,
    Zone,
)
from connectors.base import ConnectorSettings
from workflows.company import BUSINESS_HOURS
from workflows.policy import Policy, Rates


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )


class CompanySettings(_Section):
    """The company itself."""

    name: Line = Field(description="As the bank has it.")
    base_currency: Currency = Field(description="In which policy counts amounts.")
    timezone: Zone = Field(description="IANA name; whose days and hours the digest follows.")
    language: Language = Field(
        default="en", description="Of channels, and of people who name none."
    )
    business_hours: OpeningHours = Field(
        default=BUSINESS_HOURS,
        description="When people are at work; rules with time: outside_hours follow it.",
    )


class StorageSettings(_Section):
    """Where everything is kept."""

    folder: str = Field(
        default="var", description="Data folder, relative to this file; on a local disk."
    )
    key: StorageKey = Field(
        description="Encrypts second factors: 32 bytes in base64. Keep a copy elsewhere."
    )
    database: DatabaseAddress | None = Field(
        default=None, description="PostgreSQL, for replicas; a file in folder when not given."
    )
    migrate: Literal["start", "manual"] = Field(
        default="start",
        description="Whether a new version brings older tables up to date by itself.",
    )
    postgresql_programs: str | None = Field(
        default=None,
        description="Folder of pg_dump and pg_restore, for backups; PATH's when not given.",
    )

    record_key: StorageKey | None = Field(
        default=None,
        description="Signs the record's checkpoints: 32 bytes in base64. Not in the database.",
    )
    record_former_keys: tuple[RecordPublicKey, ...] = Field(
        default=(), description="Public keys that signed earlier checkpoints."
    )
    witness: str = Field(
        default="record.witness",
        description="File that remembers checkpoints, relative to this one; not in the folder.",
    )

    @property
    def where(self) -> Path | str:
        """Where `workflows.database.database_at` finds the database."""
        return self.database.get_secret_value() if self.database else Path(self.folder)


class WebSettings(_Section):
    """The bot's own pages: health, setting up a second factor, and what chats call."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="0 takes any free one.")
    public_url: WebAddress | None = Field(
        default=None, description="How browsers reach it, when that is not host and port."
    )


class SlackSettings(_Section):
    """The Slack workspace."""

    mode: Literal["socket", "http"] = Field(
        default="socket", description="socket needs no address of yours; http is for replicas."
    )
    bot_token: BotToken = Field(description="OAuth & Permissions.")
    app_token: AppToken | None = Field(
        default=None, description="For socket mode: Basic Information, App-Level Tokens."
    )
    signing_secret: Secret | None = Field(
        default=None, description="For http mode: Basic Information."
    )
    api_url: ApiAddress = Field(
        default="https://slack.com/api/", description="Another for GovSlack."
    )


class TelegramSettings(_Section):
    """The Telegram bot."""

    bot_token: TelegramToken = Field(description="From @BotFather.")
    mode: Literal["polling", "webhook"] = Field(
        default="polling",
        description="polling needs no address of yours; webhook is for replicas.",
    )
    api_url: ApiAddress = Field(
        default="https://api.telegram.org/", description="Of a Bot API server you host yourself."
    )
    protect_content: bool = Field(
        default=True, description="Whether cards cannot be forwarded or saved."
    )
    dialogue_expires_after: Duration = Field(
        default=timedelta(hours=1), description="When a form left half filled in is dropped."
    )


class PolicySettings(_Section):
    """Who must approve what."""

    file: str = Field(default="policy.yml", description="Relative to this file.")
    near_cut_off: Duration = Field(
        default=timedelta(hours=1),
        description="How long before a bank closes (takes_payments) it is time: near_cut_off.",
    )
    rates_good_for: Duration | None = Field(
        default=None,
        description="How long a dated rate is used; after it the strictest rules apply.",
    )


class PermissionSettings(_Section):
    """Which roles may do what. Approving is a matter of policy."""

    request: Roles = Field(description="Ask for payments.")
    digest: Roles = Field(description="See the digest with /digest.")
    resolve: Roles = Field(description="Say what became of a payment when the bank cannot.")
    freeze: tuple[Slug, ...] = Field(
        default=(), description="Stop everything that leaves, with /freeze."
    )
    unfreeze: tuple[Slug, ...] = Field(
        default=(), description="Let payments leave again, several together, with their codes."
    )
    unfreeze_quorum: int = Field(default=2, ge=1, le=9, description="How many of them it takes.")
    payees: tuple[Slug, ...] = Field(
        default=(), description="Propose and approve changes of the payee register: /payees."
    )
    payees_quorum: int = Field(
        default=1, ge=1, le=5, description="How many approve one, besides who proposes it."
    )
    charter: tuple[Slug, ...] = Field(
        default=(),
        description="Decide whether another settings file or policy is in force. With nobody, a "
        "new file is in force at once.",
    )
    charter_quorum: int = Field(
        default=2, ge=1, le=9, description="How many of them agree before it is."
    )
    delegations: tuple[Slug, ...] = Field(
        default=(),
        description="Agree that somebody acts for a person on leave, and revoke it: /away. With "
        "nobody, people can be away, and nobody acts for them.",
    )
    delegations_quorum: int = Field(
        default=1, ge=1, le=5, description="How many approve one, besides who is away."
    )
    admin: tuple[Slug, ...] = Field(
        default=(), description="Take chat identities back with /treasury unlink."
    )


class RequestSettings(_Section):
    """What a request is checked for."""

    duplicate_window: Duration = Field(
        default=timedelta(days=7), description="An equal payment within it is asked about."
    )


class PayeeRegisterSettings(_Section):
    """The payee register."""

    cool_off: Duration = Field(
        default=timedelta(hours=24),
        description="How long new bank details are not trusted, whatever is paid to them.",
    )


class ReminderSettings(_Section):
    """Reminding approvers, each in their own working hours."""

    after: Duration = Field(
        default=timedelta(hours=4),
        description="How long somebody is waited for before the first, and each further one.",
    )
    times: int = Field(default=3, ge=0, le=20, description="How many each gets; 0 for none.")
    escalate_to: tuple[Slug, ...] = Field(
        default=(), description="Roles that are told when the last one was of no use."
    )


class DigestSettings(_Section):
    """The daily digest."""

    channel: ChannelId | None = Field(
        default=None, description="Id of the Slack channel; it shows every account."
    )
    telegram_chat: TelegramChat | None = Field(
        default=None, description="Id of the Telegram group; it shows every account."
    )
    at: TimeOfDay = Field(
        default="08:30", description="In the company's time zone, Monday to Friday."
    )


class DispatchSettings(_Section):
    """How often banks are asked what became of a payment."""

    first_poll_seconds: float = Field(default=5, gt=0, le=3600, description="The first time.")
    max_poll_seconds: float = Field(default=900, gt=0, le=86400, description="At the longest.")


class PersonSettings(_Section):
    """Somebody of the company."""

    id: Slug = Field(description="Short, stable, never reused.")
    name: Line = Field(description="As colleagues read it.")
    email: Email = Field(description="By which Slack's directory knows the person.")
    roles: Roles = Field(description="Such as staff, controller, cfo.")
    language: Language | None = Field(default=None, description="The company's when not given.")
    timezone: Zone | None = Field(default=None, description="The company's when not given.")
    slack: MemberId | None = Field(
        default=None, description="Slack member id, when the e-mail addresses differ."
    )
    telegram: TelegramUser | None = Field(
        default=None, description="Telegram user id; better linked by the person with a code."
    )


class AccountSettings(_Section):
    """One of the company's accounts."""

    id: Slug = Field(description="Short and stable.")
    name: Line = Field(description="As people call it.")
    iban: Iban = Field(description="ISO 13616.")
    currency: Currency = Field(description="Of the account.")
    connector: Slug = Field(description="Name of one of [connectors].")
    holder: Line | None = Field(default=None, description="The company's name when not given.")
    viewers: Roles = Field(description="Roles that see balances and movements.")
    channel: ChannelId | None = Field(
        default=None, description="Id of a Slack channel where its payments may be shown."
    )
    telegram_chat: TelegramChat | None = Field(
        default=None, description="Id of a Telegram group where its payments may be shown."
    )
    timezone: Zone | None = Field(default=None, description="Whose days are booking dates.")
    calendar: CalendarName | None = Field(
        default=None,
        description="Whose business days it has: TARGET, US-FED, or an ISO 3166 code such as CN.",
    )
    collect: Cron = Field(
        default="0 7,11,15,19 * * *",
        description="When statements are collected (cron). PSD2 allows four unattended a day.",
    )


class CalendarSettings(_Section):
    """What is stated of a calendar, besides what is known of it anyway."""

    closed: Days = Field(default=(), description="Days that are no business days.")
    open: Days = Field(default=(), description="Days that are, such as weekends that are worked.")
    known_until: Day | None = Field(
        default=None,
        description="Up to this day closed and open hold all that was decreed; so a year is known "
        "that no version of the program knows yet.",
    )


class PayeeSettings(_Section):
    """Somebody the company pays."""

    id: Slug = Field(description="Short and stable.")
    name: PayeeName = Field(description="Account holder.")
    iban: Iban = Field(description="ISO 13616.")
    bic: Bic | None = Field(default=None, description="Where the payment needs one.")
    country: Country | None = Field(
        default=None, description="ISO 3166 code of the payee's address."
    )
    trusted: bool = Field(default=False, description="Whether you vouch for these bank details.")
    tags: Annotated[tuple[Slug, ...], Field(max_length=5)] = Field(
        default=(), description="Words that policy can match: payee_tag."
    )


class Settings(_Section):
    """All settings of one company. Get them with `load`.

    Attributes:
        policy_document: The policy file, parsed.
        rates: Rates to the base currency.
    """

    company: CompanySettings
    storage: StorageSettings
    web: WebSettings = WebSettings()
    slack: SlackSettings | None = None
    telegram: TelegramSettings | None = None
    policy: PolicySettings = PolicySettings()
    rates: Rates
    permissions: PermissionSettings
    requests: RequestSettings = RequestSettings()
    payee_register: PayeeRegisterSettings = PayeeRegisterSettings()
    reminders: ReminderSettings = ReminderSettings()
    digest: DigestSettings | None = None
    dispatch: DispatchSettings = DispatchSettings()
    people: Annotated[tuple[PersonSettings, ...], Field(min_length=1)]
    accounts: Annotated[tuple[AccountSettings, ...], Field(min_length=1)]
    calendars: dict[str, CalendarSettings] = Field(default={}, description="By their names.")
    payees: tuple[PayeeSettings, ...] = ()
    connectors: dict[str, ConnectorSettings]
    policy_document: Policy
