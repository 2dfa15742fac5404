"""Fork the command of `run`, hold it until it is traced, and learn whether its execve worked.

Between fork and execve the child only restores what contrace and Python changed for themselves (signals, LC_CTYPE),
waits for the word to go, and installs the seccomp filter: the command sees the environment, files and terminal that
contrace was started with. Only where it is given a terminal of its own, it leads a session on that one.
"""

import errno
import fcntl
import os
import signal
import termios
from types import TracebackType

from contrace.capture.base import Command
from contrace.capture.ptrace.seccomp import Installer
from contrace.errors import CommandNotStarted

_CHANGED = (
    # the recorder's own
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1),
    # Python's own
    *(signal.SIGPIPE, signal.SIGXFSZ),
)

TERMINAL_TYPE = "linux"
"""TERM of a command with a terminal of its own: what the emulator of its pane speaks (tui/emulated.py)."""


class Launched:
    """A forked child that waits to become the command."""

    def __init__(self, command: Command, installer: Installer | None) -> None:
        go_read, self._go = os.pipe()
        self._answer, answer_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            os.close(self._answer)
            _become(command, installer, go_read, answer_write)
        os.close(go_read)
        os.close(answer_write)
        self._command = command

    def __enter__(self) -> "Launched":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._go)  # a child that was never told to go ends at this
        os.close(self._answer)

    def go(self) -> None:
        os.write(self._go, b"x")

    def check_executed(self) -> None:
        """After the child's execve or its end: raise CommandNotStarted if the execve failed."""
        answer = os.read(self._answer, 16)
        if answer:
            number, path = int(answer), self._command.path
            there = os.path.exists(path)
            missing = ": the interpreter that it names is missing" if there and number == errno.ENOENT else ""
            raise CommandNotStarted(f"cannot execute {path!r}: {os.strerror(number)}{missing}", found=there)


def _restore_locale() -> None:
    """Python adds LC_CTYPE to its own environment where the locale would be C (PEP 538)."""
    with open("/proc/self/environ", "rb") as started_with:
        if not any(entry.startswith(b"LC_CTYPE=") for entry in started_with.read().split(b"\0")):
            os.unsetenv("LC_CTYPE")


def _take_terminal(descriptor: int) -> None:
    """Become the leader of a session whose controlling terminal this is (setsid(2), TIOCSCTTY in ioctl_tty(2))."""
    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
    for standard in (0, 1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    os.putenv("TERM", TERMINAL_TYPE)
    for outer in ("LINES", "COLUMNS", "TERMCAP", "COLORTERM", "TMUX", "STY"):
        os.unsetenv(outer)


def _become(command: Command, installer: Installer | None, go: int, answer: int) -> None:
    """In the child; never returns."""
    error = 0
    try:
        for number in _CHANGED:
            signal.signal(number, signal.SIG_IGN if number in command.ignored else signal.SIG_DFL)
        _restore_locale()
        if command.terminal is not None:
            _take_terminal(command.terminal)  # before the word to go: nothing of it belongs into the trace
        if os.read(go, 1):
            if installer is not None:
                error = installer.install()
            if not error:
                os.execv(command.path, command.argv)
    except OSError as failure:
        error = failure.errno or 1
    os.write(answer, str(error).encode())
    os._exit(127)
