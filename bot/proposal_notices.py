"""Keeps the cards of proposals true: with those who may decide, and with who proposed."""

from __future__ import annotations

from sqlalchemy import Connection

from bot import posted, proposal_cards
from bot.chat import Chat
from bot.placing import Placer
from bot.posted import Posted
from bot.proposal_cards import ProposalView
from bot.services import Services
from workflows import people, proposals
from workflows.people import Person
from workflows.proposals import Proposal

_HIDDEN = "card.hidden.proposal"


class ProposalNotices:
    """The cards of proposals in one chat."""

    def __init__(self, services: Services, chat: Chat, placer: Placer) -> None:
        self._services = services
        self._chat = chat
        self._placer = placer

    async def refresh(self, proposal_id: str) -> None:
        """Post what is missing of a proposal's cards and update those that show something old."""
        found = await self._services.database.read(
            lambda connection: self._cards_to_be(connection, proposal_id)
        )
        if found is None:
            return
        view, known, here, hidden = found
        for audience in hidden:
            await self._placer.withdraw(known.pop(audience), _HIDDEN)
        for audience in [*here, *(known.keys() - set(here))]:
            card = known.get(audience)
            is_news = view.proposal.is_open or audience == f"person:{view.proposal.proposer_id}"
            if card is not None or is_news:
                drawn = proposal_cards.proposal_card(self._placer.reader(audience), view)
                await self._placer.put(proposal_id, audience, card, drawn)

    def _cards_to_be(
        self, connection: Connection, proposal_id: str
    ) -> tuple[ProposalView, dict[str, Posted], list[str], list[str]] | None:
        """Return a proposal, its cards in this chat, who should have one, and who no longer."""
        proposal = proposals.find(connection, proposal_id)
        if proposal is None or not proposals.is_known(proposal):
            return None
        services = self._services
        concerned = self.concerned(proposal)
        known = posted.of_subject(connection, self._chat.name, proposal_id)
        hidden = [
            card.audience
            for card in known.values()
            if not self._may_see(connection, proposal, card)
        ]
        directory = services.company.directory
        homes = people.home_chats(connection, directory, concerned, services.chats)
        here = [f"person:{each.id}" for each in concerned if homes.get(each.id) == self._chat.name]
        return proposal_cards.view_of(connection, proposal), known, here, hidden

    def concerned(self, proposal: Proposal) -> list[Person]:
        """Return who proposed and who may decide, by id."""
        company = self._services.company
        found = [
            person for person in company.directory if proposals.may_see(company, person, proposal)
        ]
        return sorted(found, key=lambda person: person.id)

    async def concerning(self, person_id: str) -> list[str]:
        """Return the open proposals of which a person has, or should have, a card here."""

        def read(connection: Connection) -> list[str]:
            shown = posted.subjects_of(connection, self._chat.name, f"person:{person_id}")
            return [
                each.id
                for each in proposals.open_ones(connection)
                if each.id in shown or person_id in {one.id for one in self.concerned(each)}
            ]

        return await self._services.database.read(read)

    def _may_see(self, connection: Connection, proposal: Proposal, card: Posted) -> bool:
        """Whether who was once shown a proposal in this chat may be shown more of it there."""
        company = self._services.company
        person = company.directory.get(card.audience.removeprefix("person:"))
        if person is None or not proposals.may_see(company, person, proposal):
            return False
        return self._placer.stands_with(connection, person, card)
