"""``countersign init``: the files a new installation begins with."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from bot import shipped

_IGNORED = "secrets/\nvar/\n"


def write(folder: Path) -> list[Path]:
    """Write settings, policy, keys, manifest and .gitignore into ``folder``.

    Raises:
        FileExistsError: one of them is there already; then nothing is written.
    """
    contents = {
        folder / "countersign.toml": shipped.text(shipped.SETTINGS),
        folder / "policy.yml": shipped.text(shipped.POLICY),
        folder / "manifest.yml": shipped.text(shipped.MANIFEST),
        folder / ".gitignore": _IGNORED,
        folder / "secrets" / "key": _new_key(),
        folder / "secrets" / "record_key": _new_key(),
    }
    for path in contents:
        if path.exists():
            raise FileExistsError(17, "exists", str(path))
    (folder / "secrets").mkdir(parents=True, exist_ok=True, mode=0o700)
    for path, content in contents.items():
        is_secret = path.parent.name == "secrets"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_secret else 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
    return list(contents)


def _new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode() + "\n"


def next_steps(folder: Path) -> str:
    """Return what to do next, for the terminal."""
    config = folder / "countersign.toml"
    return f"""
Next:
 1. Create the Slack app from {folder / "manifest.yml"} (api.slack.com/apps, "From a manifest"),
    install it, and put its two tokens into SLACK_BOT_TOKEN and SLACK_APP_TOKEN.
 2. Fill in {config} and {folder / "policy.yml"}: your people, accounts, payees and bank.
    Keep a copy of {folder / "secrets"} somewhere else: without its key every second factor has
    to be set up anew, and without its record_key nobody can go on signing the record.
 3. countersign check --config {config}   names every mistake with its line.
    countersign run   --config {config}   starts the service."""
