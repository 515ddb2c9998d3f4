"""The daily digest and a payee's history as pictures.

They are laid out in bot/digest_picture.py and bot/history_picture.py, and drawn by bot/drawing.py.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from bot.messages import ENGLISH
from bot.reader import Reader
from bot.told import Told
from workflows.digest import Digest
from workflows.history import History
from workflows.orders import Order
from workflows.payee_history import PayeeHistory

_one_at_a_time = threading.Lock()


def digest_chart(reader: Reader, digest: Digest, history: History) -> bytes:
    """Return the digest as a PNG; the same facts always give the same bytes.

    It takes some tenths of a second of computing: call it outside the event loop. Without a font
    for the reader's language the picture is in English.
    """
    with _one_at_a_time:
        # Half a second that only a picture shall wait for, and not the start of the bot.
        from bot import digest_picture, drawing  # noqa: PLC0415

        if not drawing.can_draw(reader.say("digest.total")):
            reader = replace(reader, language=ENGLISH)
        return digest_picture.draw(Told(reader, digest), history)


def history_chart(reader: Reader, order: Order, history: PayeeHistory) -> bytes:
    """Return what was paid to an order's account before as a PNG; as `digest_chart`."""
    with _one_at_a_time:
        from bot import drawing, history_picture  # noqa: PLC0415

        if not drawing.can_draw(reader.say("history.title")):
            reader = replace(reader, language=ENGLISH)
        return history_picture.draw(reader, order, history)
