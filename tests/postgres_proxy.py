"""A wire to PostgreSQL that can be cut at the moments that matter."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from enum import Enum
from pathlib import Path

_READY = b"Z\x00\x00\x00\x05I"
_BEFORE_START = (b"\x04\xd2\x16/", b"\x04\xd2\x160")


class Cut(Enum):
    """When a connection is cut, at the next COMMIT."""

    BEFORE = "the server never hears of it, and sees that the client is gone"
    UNHEARD = "the server never hears of it, and believes that the client is there"
    AFTER = "the server has committed, the client never hears"


class Proxy:
    """Listens on loopback and passes on to a server's socket.

    Attributes:
        server: That socket; another from the next connection on.
    """

    def __init__(self, server: Path) -> None:
        self.server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._armed: Cut | None = None
        self._is_down = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._held: list[socket.socket] = []
        self.cuts = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def arm(self, cut: Cut) -> None:
        """Cut the next connection that commits, once."""
        self._armed = cut

    def refuse_new(self) -> None:
        """Take no new connection."""
        self._is_down = True

    def go_down(self) -> None:
        """Cut every connection, and take no new one."""
        self.refuse_new()
        with self._lock:
            for each in self._open:
                _close(each)

    def come_up(self) -> None:
        """Take connections again."""
        self._is_down = False

    def close(self) -> None:
        """Stop."""
        self.go_down()
        _close(self._listener)
        for each in self._held:
            _close(each)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_down:
                _close(client)
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.server))
            except OSError:
                _close(server)
                _close(client)
                continue
            with self._lock:
                self._open |= {client, server}
            wire = _Wire(self, client, server)
            threading.Thread(target=wire.upward, daemon=True).start()
            threading.Thread(target=wire.downward, daemon=True).start()

    def take_cut(self) -> Cut | None:
        """Return how to cut now; None when nothing is armed."""
        with self._lock:
            cut, self._armed = self._armed, None
            self.cuts += cut is not None
        return cut

    def forget(self, *sockets: socket.socket) -> None:
        """Let go of sockets that are closed."""
        with self._lock:
            self._open -= set(sockets)

    def hold(self, server: socket.socket) -> None:
        """Keep a connection to the server that no client is behind any more."""
        self._held.append(server)


class _Wire:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._is_mute = threading.Event()
        self._answered = threading.Event()

    def upward(self) -> None:
        """Pass on what the client says, message by message, and look for COMMIT."""
        with suppress(OSError):
            is_first = True
            while True:
                message = self._message(has_kind=not is_first)
                # What asks for TLS or GSS is no start-up message yet.
                is_first = is_first and message[4:8] in _BEFORE_START
                if message[:1] in (b"Q", b"P") and b"COMMIT" in message and self._was_cut(message):
                    return
                self._server.sendall(message)
        self._end(self._client, self._server)

    def _message(self, *, has_kind: bool = True) -> bytes:
        kind = _exactly(self._client, 1) if has_kind else b""
        length = _exactly(self._client, 4)
        return kind + length + _exactly(self._client, int.from_bytes(length) - 4)

    def _was_cut(self, message: bytes) -> bool:
        cut = self._proxy.take_cut()
        if cut is None:
            return False
        self._is_mute.set()
        if cut is Cut.AFTER:
            self._server.sendall(message)
            while message[:1] not in (b"Q", b"S"):  # a statement of several messages
                message = self._message()
                self._server.sendall(message)
            assert self._answered.wait(10)
        if cut is Cut.UNHEARD:
            self._proxy.hold(self._server)
            self._end(self._client)
        else:
            self._end(self._client, self._server)
        return True

    def downward(self) -> None:
        """Pass on what the server says, until the wire is mute."""
        with suppress(OSError):
            while data := self._server.recv(65536):
                if not self._is_mute.is_set():
                    self._client.sendall(data)
                elif _READY in data:
                    self._answered.set()
        self._end(self._client)

    def _end(self, *sockets: socket.socket) -> None:
        for each in sockets:
            _close(each)
        self._proxy.forget(*sockets)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def _close(it: socket.socket) -> None:
    with suppress(OSError):
        it.shutdown(socket.SHUT_RDWR)
    it.close()
