"""A process that has imported everything and becomes the service when told to, in milliseconds.

It reads orders from standard input, one a line, forks for each, and says on standard output who
was born and who died of what. It has one thread: forking copies no lock that another one holds.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import selectors
import signal
import sys
import threading
import traceback

from tests.faults import service_main
from tests.faults.service_main import Order


def main() -> None:
    """Serve until standard input ends."""
    assert threading.active_count() == 1
    inspect.stack()  # python-telegram-bot does; what it looks up is kept for those born later
    gc.freeze()
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    waiting = b""
    while True:
        for key, _ in selector.select():
            if key.fd == wake:
                os.read(wake, 1024)
                _bury()
                continue
            given = os.read(0, 65536)
            if not given:
                return
            *orders, waiting = (waiting + given).split(b"\n")
            for order in orders:
                _bear(order.decode(), selector, wake, woken)


def _bear(order: str, selector: selectors.BaseSelector, wake: int, woken: int) -> None:
    child = os.fork()
    if child:
        _say(born=child)
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    selector.close()
    os.close(wake)
    os.close(woken)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    code = 1
    try:
        service_main.main(Order.from_json(order))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _bury() -> None:
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not child:
            return
        _say(died=child, status=os.waitstatus_to_exitcode(status))


def _say(**news: int) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    main()
