"""The command line's side of a capture: what was asked for, and the recorder process that does it.

`start` forks the recorder and keeps two pipes to it: orders one way (stop, go on alone, pass on a signal), events the
other (progress, the end).
"""

import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Collection
from pathlib import Path

from contrace import errors
from contrace.capture.base import Command
from contrace.capture.messages import (
    Began,
    Ended,
    Event,
    Failed,
    Frames,
    HangUp,
    Kill,
    Leave,
    Lingers,
    Order,
    Pass,
    Progress,
    Stop,
    frame,
)
from contrace.capture.recorder import IGNORED, Recorder, Request, remove
from contrace.errors import CommandNotStarted, ContraceError, ExitCode


class Recording:
    """A capture that runs in the recorder process. Made by `start`."""

    def __init__(self, pid: int, path: Path, events: int, orders: int, *, temporary: bool) -> None:
        self.path = path
        self.mode = ""
        self.why = ""
        """Why this backend, where contrace chose it."""
        self.pid = pid
        """The recorder process."""
        self._events = Frames(events)
        self._orders = orders
        self._temporary = temporary
        self._left = False

    def fileno(self) -> int:
        """Readable when `poll` has something."""
        return self._events.fd

    def poll(self) -> list[Progress | Lingers | Ended]:
        """What happened since the last call; never blocks. The last event is an Ended, also when the recorder was
        killed."""
        events = [
            event
            for event in self._events.read(Event)  # type: ignore[arg-type] # a union is a type for msgspec
            if isinstance(event, Progress | Lingers | Ended)
        ]
        if self._events.closed and not any(isinstance(event, Ended) for event in events):
            events.append(
                Ended(
                    reason="the recorder process was killed",
                    status=None,
                    signal=None,
                    records=0,
                    lost=0,
                    error="the recorder process was killed; the trace holds everything but its last moments",
                    exit_code=ExitCode.FAILURE,
                )
            )
        return events

    def stop(self) -> None:
        """Let go of everything and complete the file; an Ended follows."""
        self._order(Stop())

    def leave(self) -> None:
        """Have the recorder go on when this process has ended, until nothing is left to trace or SIGTERM comes."""
        self._order(Leave())
        self._left = True

    def hang_up(self) -> None:
        """run: let go of the command's own terminal. Once the caller has, too, it is as if its window was closed: the
        kernel sends the session SIGHUP."""
        self._order(HangUp())

    def signal(self, signo: int) -> None:
        """run: pass a signal on to the command."""
        self._order(Pass(signo))

    def kill(self) -> None:
        """run: end the command and what it started at once."""
        self._order(Kill())

    def close(self) -> None:
        """Wait for the recorder process to be gone, unless it was left; remove a temporary trace file."""
        os.close(self._orders)
        if not self._left:
            os.waitpid(self.pid, 0)
        os.close(self._events.fd)
        if self._temporary and not self._left:
            remove(self.path)

    def _order(self, order: Order) -> None:
        try:
            os.write(self._orders, frame(order))
        except BrokenPipeError:
            # It has ended meanwhile; poll() says how.
            return

    def _await_begin(self) -> None:
        os.set_blocking(self._events.fd, True)
        while not (events := self._events.read(Event)) and not self._events.closed:  # type: ignore[arg-type]
            continue
        os.set_blocking(self._events.fd, False)
        first = events[0] if events else None
        if isinstance(first, Began):
            self.mode, self.why = first.mode, first.why
            self._events.unread(events[1:])
            return
        self.close()
        if isinstance(first, Failed):
            raise _rebuilt(first)
        raise ContraceError("the recorder process ended before tracing began; see the messages above")


def start(request: Request, mask: Collection[int], terminal: tuple[int, int] | None = None) -> Recording:
    """Fork the recorder and return when tracing has begun. ``mask``: the signals that recorder and command block.
    ``terminal``: master and slave of a pseudo terminal that becomes the command's own; both stay the caller's to close.

    Raises the ContraceError of what went wrong: TraceFileError, CommandNotStarted, PermissionRefused, AlreadyTraced,
    TargetNotFound, BackendUnavailable. Nothing is traced and no process is left then.
    """
    master, slave = terminal or (None, None)
    command = _command(request.command, slave) if request.verb == "run" else None
    temporary = request.output is None
    path = request.output or _temporary_path()
    events_read, events_write = os.pipe()
    orders_read, orders_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = ExitCode.FAILURE
        try:
            os.close(events_read)
            os.close(orders_write)
            Recorder(request, command, path, events_write, orders_read, master=master).run(mask)
            status = ExitCode.OK
        except BaseException:  # noqa: BLE001 - a bug: shown here, since the other side only sees the pipe close
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(events_write)
    os.close(orders_read)
    recording = Recording(pid, path, events_read, orders_write, temporary=temporary)
    recording._await_begin()
    return recording


def _command(words: tuple[str, ...], terminal: int | None) -> Command:
    """Find the program as a shell would, so that one execve is made and a failure is told before anything starts."""
    name = words[0]
    path = name if "/" in name else shutil.which(name)
    if path is None:
        raise CommandNotStarted(f"cannot run {name!r}: there is no such command in PATH", found=False)
    ignored = frozenset(number for number in IGNORED if signal.getsignal(number) is signal.SIG_IGN)
    return Command(path, words, ignored, terminal)


def _temporary_path() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="contrace-", suffix=".ctrace")
    os.close(descriptor)
    return Path(name)


def _rebuilt(failed: Failed) -> ContraceError:
    """The recorder's error, as the exception it was."""
    if failed.kind == "CommandNotStarted":
        return CommandNotStarted(failed.message, found=failed.exit_code == ExitCode.NOT_EXECUTABLE)
    kind = getattr(errors, failed.kind, ContraceError)
    return kind(failed.message) if issubclass(kind, ContraceError) else ContraceError(failed.message)
