"""Views: modals on a person's stack, and Home tabs.

Source: Slack, "Modals" and the reference of ``views.*``: a stack of three, a hash against races,
what is filled in stays where block id and action id stay.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from sandbox.slack.blocks import check_view, is_too_large
from sandbox.slack.chat import decoded
from sandbox.slack.forms import interactive, state_of, with_ids
from sandbox.slack.model import ApiError, Json, View
from sandbox.slack.store import MOST_VIEWS, Change, Store
from sandbox.slack.web_api import missing_scope


class Modals:
    """Opens, stacks, updates and closes views."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def checked(self, body: Any, *, is_home: bool = False) -> Json:
        """Return a checked view.

        Raises:
            ApiError: ``invalid_arguments``, ``view_too_large`` or ``missing_scope``.
        """
        body = decoded(body)
        findings = check_view(body, is_home=is_home)
        if findings:
            raise ApiError("invalid_arguments", *(f"[ERROR] {found}" for found in findings))
        view: Json = body
        if is_too_large(view):
            raise ApiError("view_too_large")
        app = self._store.app
        kinds = {element["type"] for _, element in interactive(view["blocks"])}
        if "file_input" in kinds and "files:read" not in app.scopes:
            # That it needs the scope is documented, how Slack refuses it is not.
            raise missing_scope(app, "files:read")
        return view

    def open(self, user_id: str, body: Json, *, is_root: bool) -> View:
        """Open a checked modal, in place of what is open or on top of it.

        Raises:
            ApiError: ``push_limit_reached`` or ``duplicate_external_id``.
        """
        if not is_root and len(self._store.stack(user_id)) >= MOST_VIEWS:
            raise ApiError("push_limit_reached")
        self._check_external_id(body, None)
        view = self._new(user_id, body)
        self._store.push_view(view, is_root=is_root)
        return view

    def update(self, view: View, body: Json, *, seen: str | None = None) -> View:
        """Put a checked body in place of a view's.

        Args:
            seen: The hash the app last saw, if it cares.

        Raises:
            ApiError: ``hash_conflict`` or ``duplicate_external_id``.
        """
        if seen and seen != view.hash:
            raise ApiError("hash_conflict")
        self._check_external_id(body, view)
        view.body = self._stored(body)
        view.hash = self._store.new_hash()
        view.state = state_of(view.blocks, view.state)
        self._store.view_changed(view)
        return view

    def publish(self, user_id: str, body: Json, *, seen: str | None = None) -> View:
        """Show a checked view as somebody's Home tab.

        Raises:
            ApiError: ``hash_conflict`` or ``duplicate_external_id``.
        """
        home = self._store.homes.get(user_id)
        if home is not None:
            return self.update(home, body, seen=seen)
        self._check_external_id(body, None)
        home = self._store.homes[user_id] = self._new(user_id, body)
        home.root_view_id = home.id
        self._store.announce(Change("home", users=frozenset({user_id})))
        return home

    def find(self, view_id: str | None, external_id: str | None) -> View:
        """Return an open view by its id or the app's own.

        Raises:
            ApiError: ``not_found``.
        """
        for view in self._store.open_views():
            if view.id == view_id or (external_id and view.body.get("external_id") == external_id):
                return view
        raise ApiError("not_found")

    def wire(self, view: View) -> Json:
        """Return a view as the Web API and the payloads show it."""
        store = self._store
        body = view.body
        return {
            "id": view.id,
            "team_id": store.team_id,
            "type": view.type,
            "blocks": deepcopy(view.blocks),
            "private_metadata": view.private_metadata,
            "callback_id": view.callback_id,
            "state": {"values": deepcopy(view.state)},
            "hash": view.hash,
            "title": body.get("title"),
            "clear_on_close": bool(body.get("clear_on_close")),
            "notify_on_close": bool(body.get("notify_on_close")),
            "close": body.get("close"),
            "submit": body.get("submit"),
            "previous_view_id": view.previous_view_id,
            "root_view_id": view.root_view_id,
            "app_id": store.app.app_id,
            "external_id": body.get("external_id", ""),
            "app_installed_team_id": store.team_id,
            "bot_id": store.app.bot_id,
        }

    def _new(self, user_id: str, body: Json) -> View:
        stored = self._stored(body)
        view_id = self._store.new_id("V")
        state = state_of(stored["blocks"], {})
        return View(view_id, user_id, self._store.new_hash(), stored, state)

    def _stored(self, body: Json) -> Json:
        return {**deepcopy(body), "blocks": with_ids(body["blocks"])}

    def _check_external_id(self, body: Json, own: View | None) -> None:
        external_id = body.get("external_id")
        for view in self._store.open_views() if external_id else ():
            if view is not own and view.body.get("external_id") == external_id:
                raise ApiError("duplicate_external_id")
