"""Whose a chat identity is: what is linked, what settings fix, and what was taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.workflows.company import CIPHER, PEOPLE, Hands, Phones
from workflows import audit, linking, people, second_factor
from workflows.database import Database
from workflows.people import Directory, Person
from workflows.refusal import Refusal

AMARA, BEA, CARL = PEOPLE[:3]
CHATS = ("slack", "telegram")
OLD, NEW = "1008", "1007"


def fixed(person: Person, identity: str, chat: str = "telegram") -> Person:
    """Return a person as settings that give them an identity have them."""
    return replace(person, chat_ids={chat: identity})


async def linked(database: Database, hands: Hands, person: Person, identity: str) -> None:
    await database.write(
        lambda c: people.link(c, person, chat="telegram", external_id=identity, now=hands())
    )


async def unlinked(database: Database, hands: Hands, person: Person) -> None:
    await database.write(
        lambda c: people.unlink(c, person, chat="telegram", by="carl", now=hands())
    )


async def who(database: Database, directory: Directory, identity: str) -> str | None:
    """Return whose an identity is in Telegram; the refusal's code where it is refused."""
    try:
        found = await database.read(lambda c: people.identified(c, directory, "telegram", identity))
    except Refusal as refusal:
        return refusal.code
    return found.id if found is not None else None


async def reached(database: Database, directory: Directory, person: Person) -> str | None:
    return await database.read(lambda c: people.external_id(c, directory, person, "telegram"))


async def home(database: Database, directory: Directory, person: Person) -> str | None:
    found = await database.read(lambda c: people.home_chats(c, directory, [person], CHATS[::-1]))
    return found.get(person.id)


async def test_the_identity_that_settings_fix_is_the_only_one(
    database: Database, hands: Hands
) -> None:
    await linked(database, hands, BEA, OLD)
    bea = fixed(BEA, NEW)
    directory = Directory([AMARA, bea, CARL])
    assert await who(database, directory, NEW) == "bea"
    assert await who(database, directory, OLD) is None
    assert await reached(database, directory, bea) == NEW
    assert await home(database, directory, bea) == "telegram"


async def test_who_was_unlinked_is_barred_whatever_settings_fix(
    database: Database, hands: Hands
) -> None:
    await linked(database, hands, BEA, OLD)
    bea = fixed(BEA, NEW)
    await unlinked(database, hands, bea)
    for later in (bea, fixed(BEA, "1009"), BEA):
        directory = Directory([AMARA, later, CARL])
        for identity in {OLD, *(later.chat_ids or {}).values()}:
            assert await who(database, directory, identity) == "identity.unlinked"
        assert await reached(database, directory, later) is None
        assert await home(database, directory, later) == "slack"
        with pytest.raises(Refusal, match=r"identity\.none"):
            await unlinked(database, hands, later)
    entries = await database.read(lambda c: audit.of_subject(c, "bea"))
    assert entries[-1].facts == {"chat": "telegram", "external_id": OLD, "fixed": NEW}

    await database.write(
        lambda c: people.allow_link(c, bea, chat="telegram", by="carl", now=hands())
    )
    directory = Directory([AMARA, bea, CARL])
    assert await who(database, directory, NEW) == "bea"
    assert await who(database, directory, OLD) is None


async def test_whom_settings_alone_name_stays_barred_under_another_identity(
    database: Database, hands: Hands
) -> None:
    await unlinked(database, hands, fixed(BEA, OLD))
    directory = Directory([fixed(BEA, NEW)])
    assert await who(database, directory, OLD) == "identity.unlinked"
    assert await who(database, directory, NEW) == "identity.unlinked"
    assert await who(database, Directory([BEA]), NEW) is None


async def test_one_identity_never_stands_for_two_people(database: Database, hands: Hands) -> None:
    await linked(database, hands, BEA, OLD)
    amara = fixed(AMARA, OLD)
    directory = Directory([amara, BEA, CARL])
    assert await who(database, directory, OLD) == "amara"
    assert await reached(database, directory, amara) == OLD
    assert await reached(database, directory, BEA) is None
    assert await home(database, directory, amara) == "telegram"
    assert await home(database, directory, BEA) == "slack"

    # Unlinking the one does not bar the other, and bars the one.
    await unlinked(database, hands, amara)
    assert await who(database, directory, OLD) == "identity.unlinked"
    assert await reached(database, directory, amara) is None
    assert await who(database, Directory([AMARA, BEA]), OLD) == "bea"
    await database.write(
        lambda c: people.allow_link(c, amara, chat="telegram", by="carl", now=hands())
    )
    assert await who(database, directory, OLD) == "amara"


async def test_nobody_links_what_settings_give_to_somebody_else(
    database: Database, hands: Hands, phones: Phones
) -> None:
    directory = Directory([fixed(AMARA, OLD), BEA])
    token = await database.write(lambda c: linking.begin(c, BEA, "telegram", by="bea", now=hands()))
    with pytest.raises(Refusal, match=r"identity\.taken"):
        await database.write(
            lambda c: linking.claim(
                c, directory, token, chat="telegram", external_id=OLD, now=hands()
            )
        )
    with pytest.raises(Refusal, match=r"identity\.taken"):
        await database.write(
            lambda c: linking.confirm(
                c,
                directory,
                CIPHER,
                token,
                phones.code("bea"),
                chat="telegram",
                external_id=OLD,
                now=hands(),
            )
        )


async def test_unreachable_by_settings_alone_is_noted_and_links_nobody(
    database: Database, hands: Hands
) -> None:
    bea = fixed(BEA, NEW)
    directory = Directory([bea])

    async def noted(is_reachable: bool) -> None:
        await database.write(
            lambda c: people.set_reachable(c, bea, "telegram", is_reachable, now=hands())
        )

    for is_reachable in (True, False, False):
        await noted(is_reachable)
    assert await home(database, directory, bea) == "slack"
    # Taken out of settings, the account is nobody's.
    assert await who(database, Directory([BEA]), NEW) is None
    await noted(True)
    assert await home(database, directory, bea) == "telegram"
    entries = await database.read(lambda c: audit.of_subject(c, "bea"))
    kinds = [each.kind for each in entries if each.kind.startswith("person.")]
    assert kinds == ["person.unreachable", "person.reachable"]


async def test_a_new_identity_in_settings_is_reachable_though_the_old_one_was_not(
    database: Database, hands: Hands
) -> None:
    await linked(database, hands, BEA, OLD)
    await database.write(lambda c: people.set_reachable(c, BEA, "telegram", False, now=hands()))
    assert await home(database, Directory([BEA]), BEA) == "slack"
    bea = fixed(BEA, NEW)
    assert await home(database, Directory([bea]), bea) == "telegram"


async def test_unlinking_ends_what_was_begun(
    database: Database, hands: Hands, phones: Phones
) -> None:
    await linked(database, hands, BEA, OLD)
    enrolment = await database.write(
        lambda c: second_factor.begin_enrolment(c, CIPHER, "bea", now=hands())
    )
    token = await database.write(lambda c: linking.begin(c, BEA, "slack", by="bea", now=hands()))
    await unlinked(database, hands, BEA)
    with pytest.raises(Refusal, match=r"enrolment\.unknown"):
        await database.read(
            lambda c: second_factor.open_enrolment(c, CIPHER, enrolment, now=hands())
        )
    with pytest.raises(Refusal, match=r"link\.unknown"):
        await database.write(
            lambda c: linking.claim(
                c, Directory([BEA]), token, chat="slack", external_id="U1", now=hands()
            )
        )


async def test_wrong_codes_end_the_link_and_leave_the_factor_alone(
    database: Database, hands: Hands, phones: Phones
) -> None:
    directory = Directory([BEA])
    token = await database.write(lambda c: linking.begin(c, BEA, "telegram", by="bea", now=hands()))

    async def tried(code: str) -> Person | Refusal:
        return await database.write(
            lambda c: linking.confirm(
                c, directory, CIPHER, token, code, chat="telegram", external_id=OLD, now=hands()
            )
        )

    right = phones.code("bea")
    wrong = str((int(right) + 1) % 10**6).zfill(6)
    for left in (4, 3, 2, 1):
        refused = await tried(wrong)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts["left"]) == ("link.wrong", left)
    last = await tried(wrong)
    assert isinstance(last, Refusal)
    assert last.code == "link.void"
    with pytest.raises(Refusal, match=r"link\.void"):
        await tried(right)
    verdict = await database.write(
        lambda c: second_factor.verify(c, CIPHER, "bea", right, now=hands())
    )
    assert isinstance(verdict, second_factor.Passed)
    entries = await database.read(lambda c: audit.of_subject(c, "bea"))
    failed = [each.facts for each in entries if each.kind == "person.link_failed"]
    assert [each["failures"] for each in failed] == [1, 2, 3, 4, 5]
    assert [each["void"] for each in failed] == [False] * 4 + [True]
