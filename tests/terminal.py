"""A command on a terminal of its own, as a user sits before it: keys go in, a screen comes out."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.managers import host

CTRL_C = b"\x03"
CTRL_BACKSLASH = b"\x1c"


class Terminal:
    """The terminal and the command on it, which is the leader of a session of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process = process
        self._master = master
        self._screen = b""

    @property
    def screen(self) -> str:
        """Everything that was shown so far."""
        try:
            while part := os.read(self._master, 65536):
                self._screen += part
        except BlockingIOError:
            pass
        except OSError:  # EIO: every process has let go of the terminal
            pass
        return self._screen.decode(errors="replace").replace("\r\n", "\n")

    def awaits(self, text: str, times: int = 1) -> None:
        """Wait until the text was shown, so many times."""
        host.wait_until(lambda: self.screen.count(text) >= times, f"{text!r} on the screen:\n{self.screen}")

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self) -> int:
        """Wait until the command has ended; its exit status (Popen.returncode)."""
        host.wait_until(
            lambda: bool(self.screen) and self.process.poll() is not None, "the command on the terminal ends"
        )
        return int(self.process.returncode)


@contextmanager
def terminal(
    *command: str | Path, cwd: Path, columns: int = 200, environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Start the command on a terminal; afterwards it is gone."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    os.set_blocking(master, False)
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        cwd=cwd,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=kept | {"TERM": "xterm-256color"} | dict(environment or {}),
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        host.end(process)
        os.close(master)
