"""The daily digest as a card: money first, then what needs somebody."""

from __future__ import annotations

from bot.cards import Card, Fact, Tone
from bot.wording import Reader
from workflows.digest import AccountDigest, Digest
from workflows.reconciliation import Break


def digest_card(reader: Reader, digest: Digest) -> Card:
    """Return the digest as a card."""
    say = reader.say
    day = digest.at.astimezone(reader.company.timezone).date()
    return Card(
        title=say("digest.title", day=reader.messages.date(reader.language, day)),
        tone=_tone(digest),
        facts=(
            Fact(say("digest.total"), _total(reader, digest)),
            Fact(say("digest.matched"), _matched(reader, digest)),
            Fact(say("digest.waiting"), _waiting(reader, digest)),
            Fact(say("digest.breaks"), say("digest.breaks_count", count=digest.break_count)),
            *(Fact(each.name, _account(reader, each)) for each in digest.accounts),
        ),
        lines=(
            *(say("digest.undecided", order=order) for order in digest.undecided),
            *(_trouble(reader, each) for each in digest.troubled),
            *_unknown_days(reader, digest),
            *(_break(reader, each) for each in digest.breaks),
            *_left_out(reader, digest),
        ),
        notes=(
            say("digest.head", seq=digest.audit_seq, hash=digest.audit_root or digest.audit_hash),
            say("digest.as_of", at=reader.instant(digest.at)),
        ),
    )


def _tone(digest: Digest) -> Tone:
    if digest.undecided or any(each.is_alarm for each in digest.breaks):
        return Tone.ALARM
    is_uncertain = any(each.unknown_from is not None for each in digest.accounts)
    if digest.break_count or digest.waiting or digest.troubled or is_uncertain:
        return Tone.WAITING
    return Tone.GOOD


def _total(reader: Reader, digest: Digest) -> str:
    return reader.money(digest.total) if digest.total is not None else reader.say("nothing")


def _matched(reader: Reader, digest: Digest) -> str:
    matched = sum(each.matched.count for each in digest.accounts)
    debits = sum(each.outgoing.count for each in digest.accounts)
    if not debits:
        return reader.say("digest.no_debits")
    return reader.say(
        "digest.matched_share", matched=matched, debits=debits, percent=100 * matched // debits
    )


def _waiting(reader: Reader, digest: Digest) -> str:
    if digest.waiting_since is None:
        return reader.say("digest.none_waiting")
    since = reader.instant(digest.waiting_since)
    return reader.say("digest.waiting_since", count=digest.waiting, since=since)


def _account(reader: Reader, each: AccountDigest) -> str:
    booked = each.reading.booked
    lines = [reader.money(booked) if booked is not None else reader.say("balance.unknown")]
    if each.entries:
        lines.append(
            reader.say(
                "digest.movements",
                incoming=reader.money(each.incoming.amount),
                outgoing=reader.money(each.outgoing.amount),
                count=each.entries,
            )
        )
    else:
        lines.append(reader.say("digest.no_movements"))
    return "\n".join(lines)


def _trouble(reader: Reader, each: AccountDigest) -> str:
    assert each.trouble is not None
    return reader.say(
        "digest.trouble",
        account=each.name,
        since=reader.instant(each.trouble.since),
        reason=reader.messages.reason(reader.language, each.trouble.code),
    )


def _unknown_days(reader: Reader, digest: Digest) -> list[str]:
    return [
        reader.say(
            "digest.calendar_unknown",
            account=each.name,
            day=reader.messages.date(reader.language, each.unknown_from),
            calendar=each.calendar,
        )
        for each in digest.accounts
        if each.unknown_from is not None
    ]


def _break(reader: Reader, each: Break) -> str:
    key = f"break.{each.reason}"
    if not reader.messages.has(key):
        key = "break.booked_though"
    return reader.say(
        "digest.break",
        mark="🚨" if each.is_alarm else "•",
        what=reader.say(key),
        amount=reader.money(each.amount),
        on=reader.messages.date(reader.language, each.on),
        who=each.counterparty or each.order_id or each.entry_key or reader.say("nothing"),
    )


def _left_out(reader: Reader, digest: Digest) -> list[str]:
    names = [
        reader.company.accounts[account_id].name
        for account_id in dict.fromkeys((*digest.without_rate, *digest.without_balance))
    ]
    return [reader.say("balance.left_out", accounts=", ".join(names))] if names else []
