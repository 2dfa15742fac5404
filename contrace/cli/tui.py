"""``--tui``: a capture whose trace is browsed while it grows.

The recorder is a process of its own, as for every view. It ends with the app, unless the user leaves it recording; the
command of `run` gets a pseudo terminal, whose master's side this process holds.
"""

import fcntl
import math
import os
import select
import shlex
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from contrace import filters
from contrace.capture.messages import Ended, Lingers
from contrace.capture.recorder import Request
from contrace.capture.recording import Recording, start
from contrace.cli.live import headline, summarise
from contrace.cli.signals import Signals, end_by
from contrace.cli.text import narrate
from contrace.decode import strings
from contrace.errors import ContraceError, ExitCode, UsageError

_NICE = 10  # whoever is traced goes first: what is painted can wait a moment
_PATIENCE_S = 2.0  # how long a command may take to end after its terminal hung up, before it is killed
_FIRST_SIZE = (24, 80)  # of the command's terminal, until the pane has one


class Terminal:
    """A pseudo terminal for the command: this process keeps the master's side, the command gets the other."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *_FIRST_SIZE, 0, 0))
        self._open = {self.master, self.slave}

    def hand_over(self) -> None:
        """The command has its side now; it hangs up when nobody else has it open."""
        self._close(self.slave)

    def close(self) -> None:
        """Let go of both sides."""
        self._close(self.slave)
        self._close(self.master)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


def capture(request: Request, words: Sequence[str], begun: Callable[[], None] | None = None) -> int:
    """Record what is asked for while it is browsed; returns the exit status, or ends by the command's signal.

    ``begun`` is called when tracing has begun.
    """
    filters.parse(words)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # textual draws on standard error
        raise UsageError(f"--tui needs a terminal. Without it, {request.verb} prints what it sees")
    terminal = Terminal() if request.verb == "run" else None
    pair = (terminal.master, terminal.slave) if terminal is not None else None
    with Signals() as signals, closing(start(request, signals.before, pair)) as recording:
        if terminal is not None:
            terminal.hand_over()
        signals.listen()
        if begun is not None:
            begun()
        live = LiveCapture(request, recording, signals, terminal)
        try:
            status = _browse(live, recording, tuple(words))
        finally:
            ended = live.finish()
        if ended is None:
            narrate(_left(request, recording))
            narrate(f"to end it: kill {recording.pid}")
            return ExitCode.OK
        summarise(request, recording, ended)
    if ended.error is not None:
        error = ContraceError(ended.error)
        error.exit_code = ExitCode(ended.exit_code)
        raise error
    if status or live.stopped:
        return status
    if ended.signal:
        return end_by(ended.signal)
    return ended.status or ExitCode.OK


def _browse(live: "LiveCapture", recording: Recording, words: tuple[str, ...]) -> int:
    """Until the user quits; not 0 if the app failed, which it has told."""
    from contrace.tui.feed import Feed  # after the recorder was forked: it does not need them
    from contrace.tui.live import LiveApp

    os.nice(_NICE)
    app = LiveApp(Feed(recording.path), words, live)
    try:
        app.run()
    finally:
        app.close()
    return app.return_code or ExitCode.OK


class LiveCapture:
    """What the app asks of the capture; see ``tui.live.Capture``."""

    def __init__(self, request: Request, recording: Recording, signals: Signals, terminal: Terminal | None) -> None:
        self.headline = headline(request, recording.mode)
        self.title = shlex.join(request.command)
        self.terminal = terminal.master if terminal is not None else None
        self._terminal = terminal
        self.stopped = False
        """By the user, so how a command ended says nothing."""
        self.ways: Sequence[tuple[str, str]] = _ways(request, recording.pid)
        self._recording = recording
        self._signals = signals
        self._ended: Ended | None = None
        self._left = False
        self._over = False

    @property
    def recording(self) -> bool:
        return self._ended is None

    @property
    def over(self) -> bool:
        return self._over

    def filenos(self) -> Sequence[int]:
        if self.recording:
            return (self._recording.fileno(), self._signals.fileno())
        return (self._signals.fileno(),)  # the other one's pipe is at its end, and so readable for ever

    def news(self) -> list[str]:
        texts: list[str] = []
        if self._ended is None:
            for event in self._recording.poll():
                if isinstance(event, Ended):
                    self._ended = event
                    texts.append(event.error or _how(event))
                elif isinstance(event, Lingers):
                    texts.append("the command has ended; what it started still runs and is recorded")
        if self._signals.take():
            self._over = True
        return texts

    def stop(self) -> None:
        self.stopped = True

    def leave(self) -> None:
        self._left = True
        self._recording.leave()

    def finish(self) -> Ended | None:
        """The app has ended: so does the capture. None if it was left recording."""
        if self._left:
            return None
        if self._terminal is not None:
            self._terminal.close()
            self._recording.hang_up()
        else:
            self._recording.stop()
        poller = select.poll()
        poller.register(self._recording.fileno(), select.POLLIN)
        kill_at = math.inf if self._terminal is None else time.monotonic() + _PATIENCE_S
        while self._ended is None:
            if time.monotonic() >= kill_at:
                kill_at = math.inf
                self._recording.kill()  # the command ignores SIGHUP
            poller.poll(None if kill_at == math.inf else max(0.0, kill_at - time.monotonic()) * 1000)
            self.news()
        return self._ended


def _how(ended: Ended) -> str:
    if ended.signal:
        return f"{ended.reason}, by signal {ended.signal}"
    return f"{ended.reason}, with status {ended.status}" if ended.status is not None else ended.reason


def _ways(request: Request, recorder: int) -> list[tuple[str, str]]:
    if request.verb == "run":
        stop, leave = "stop it: hang up, which ends the command", "leave it, without a terminal"
    else:
        stop, leave = "stop it: let go of every process", "leave it recording"
    ways = [("s", stop)]
    if request.output is not None:  # a temporary trace is removed when the recorder ends
        ways.append(("l", f"{leave}; kill {recorder} ends it"))
    return ways


def _left(request: Request, recording: Recording) -> str:
    where = strings.escape(os.fsencode(recording.path))
    what = "the command and its recorder go on" if request.verb == "run" else "the recorder goes on"
    return f"{what}, into {where}"
