"""``views.*``: modals and Home tabs."""

from __future__ import annotations

from sandbox.slack.modals import Modals
from sandbox.slack.model import ApiError, Json, View
from sandbox.slack.store import Store
from sandbox.slack.tickets import Tickets
from sandbox.slack.web_api import Args, Method


class ViewMethods:
    """The methods by which the app shows forms and pages."""

    def __init__(self, store: Store, modals: Modals, tickets: Tickets) -> None:
        self._store = store
        self._modals = modals
        self._tickets = tickets

    def table(self) -> dict[str, Method]:
        """Return the methods by name."""
        return {
            "views.open": Method(self._open, 4),
            "views.push": Method(self._push, 4),
            "views.update": Method(self._update, 4),
            "views.publish": Method(self._publish, 4),
        }

    def _open(self, args: Args) -> Json:
        body = self._modals.checked(args.value("view"))
        trigger = self._tickets.exchange(args.needed("trigger_id"))
        return self._shown(self._modals.open(trigger.user, body, is_root=True))

    def _push(self, args: Args) -> Json:
        body = self._modals.checked(args.value("view"))
        trigger = self._tickets.exchange(args.needed("trigger_id"))
        if not trigger.in_view or not self._store.stack(trigger.user):
            raise ApiError("not_found")
        return self._shown(self._modals.open(trigger.user, body, is_root=False))

    def _update(self, args: Args) -> Json:
        view = self._modals.find(args.text("view_id"), args.text("external_id"))
        body = self._modals.checked(args.value("view"), is_home=view.type == "home")
        return self._shown(self._modals.update(view, body, seen=args.text("hash")))

    def _publish(self, args: Args) -> Json:
        user = self._store.user(args.needed("user_id"))
        if not self._store.app.has_home("home_tab_enabled"):
            raise ApiError("not_enabled")
        body = self._modals.checked(args.value("view"), is_home=True)
        return self._shown(self._modals.publish(user.id, body, seen=args.text("hash")))

    def _shown(self, view: View) -> Json:
        return {"view": self._modals.wire(view)}
