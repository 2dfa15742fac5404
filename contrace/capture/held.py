"""The recorder's hold on the terminal of a command that has one of its own.

A pseudo terminal hangs up, and its session gets SIGHUP, when the last holder of its master is gone (pty(7)). So while
the recorder holds it, the command outlives a command line that leaves it; and when the command line was killed, letting
go is what ends the session, as closing a terminal's window would.
"""

import os
import select
import threading
from contextlib import suppress


class Held:
    """The master's side of a pseudo terminal."""

    def __init__(self, master: int) -> None:
        self._master: int | None = master

    def close(self) -> None:
        """Let go. What was closed already stays so."""
        if self._master is not None:
            os.close(self._master)
            self._master = None

    def swallow(self) -> None:
        """Nobody reads what is printed from now on: throw it away, or the command would wait for a reader."""
        if self._master is not None:
            threading.Thread(target=_swallow, args=(self._master,), name="terminal", daemon=True).start()


def _swallow(master: int) -> None:
    poller = select.poll()
    poller.register(master, select.POLLIN)
    with suppress(OSError):  # EIO: every process has closed the terminal
        while True:
            poller.poll()
            with suppress(BlockingIOError):  # the command line, which may still read, made it non-blocking
                os.read(master, 65536)
