"""The signals that end a capture, as something to wait for beside the recording.

They are blocked and taken by a thread with sigwaitinfo(2), because only si_code tells a terminal's Ctrl-C, which the
command of `run` got as well, from a kill(1) that reached contrace alone; Python's own handlers do not see it.
"""

import os
import resource
import signal
import threading
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

ENDING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})

_SI_KERNEL = 0x80  # include/uapi/asm-generic/siginfo.h: sent by the kernel, here by the terminal


@dataclass(frozen=True, slots=True)
class Caught:
    """A signal that came."""

    signo: int
    from_terminal: bool
    """The whole foreground process group got it, the command of `run` included."""


class Signals:
    """While entered, `ENDING` signals no longer interrupt: they wait, and make ``fileno()`` readable after `listen`.

    Enter it before the recorder is forked, so that no signal is lost in between, and give that the mask ``before``;
    listen after the last fork, since a child would inherit the thread's locks, but not the thread.
    """

    before: set[int]
    """The signal mask outside."""

    def __enter__(self) -> Self:
        # A blocked signal comes even where it is ignored; under nohup(1), SIGHUP is to have no effect.
        hangup = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
        self._awaited = ENDING - hangup
        self.before = set(signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited))
        self._caught: deque[Caught] = deque()
        self._over = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self._thread: threading.Thread | None = None
        return self

    def listen(self) -> None:
        """From now on ``fileno()`` and `take` tell of what came, also before."""
        self._thread = threading.Thread(target=self._wait, name="signals", daemon=True)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        if self._thread is not None and self._thread.ident is not None:
            signal.pthread_kill(self._thread.ident, signal.SIGTERM)
            self._thread.join()
        os.close(self._read)
        os.close(self._write)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._read

    def take(self) -> list[Caught]:
        """The signals that came; never blocks."""
        try:
            count = len(os.read(self._read, 4096))
        except BlockingIOError:
            return []
        return [self._caught.popleft() for _ in range(count)]

    def _wait(self) -> None:
        while True:
            info = signal.sigwaitinfo(self._awaited)
            if self._over:
                return
            self._caught.append(Caught(info.si_signo, info.si_code == _SI_KERNEL))
            os.write(self._write, b"!")


def end_by(signo: int) -> int:
    """End this process by the signal that ended the command, so that the shell sees the same (without a second core).

    Returns the shell's 128 + N only if the signal did not end it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if signo != signal.SIGKILL:
        signal.signal(signo, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signo})
    signal.raise_signal(signo)
    return 128 + signo
