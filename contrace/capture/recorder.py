"""The recorder process: a tracer's batches go into the trace file; views read that file and nothing else.

It ends cleanly when the orders' pipe closes because the command line's process died, so a kill -9 of that lets go of
everything that was attached to. Only after a `Leave` it goes on alone, and SIGTERM ends it. It shares the process
group, but ignores the signals that a terminal sends to the group: what they mean is decided on the other side.
"""

import gc
import math
import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path

import msgspec

from contrace import __version__
from contrace.capture.base import DEFAULT_BUFFER, Command, Tracer, Wanted
from contrace.capture.held import Held
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
from contrace.capture.ptrace.tracer import PtraceTracer
from contrace.capture.select import Choice, choose
from contrace.capture.targets import Target
from contrace.errors import BackendUnavailable, ContraceError, ExitCode, PermissionRefused, TraceFileError
from contrace.records import Loss, Record
from contrace.trace.schema import Meta
from contrace.trace.writer import TraceWriter

_SWITCH_INTERVAL_S = 0.0002
"""How long writing may keep the tracing thread from the GIL while a stopped task waits; Python's default is 5 ms."""
_PATIENCE_S = 1.0
"""How long what the command of `run` started may outlive it before that is said."""
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked to capture."""

    verb: str
    """"attach" or "run"."""
    targets: tuple[Target, ...] = ()
    command: tuple[str, ...] = ()
    scope: str
    """"birth" or "all"."""
    calls: tuple[str, ...] | None
    """Names; None: every call."""
    backend: str = "auto"
    """"auto", "ebpf" or "ptrace"."""
    follow: bool = True
    use_filter: bool = True
    seconds: float | None = None
    system_wide: bool = False
    cgroups: tuple[tuple[int, int], ...] = ()
    """Watch what comes into these: (hierarchy id, inode of the directory)."""
    buffer: int = DEFAULT_BUFFER
    """eBPF: bytes of the buffer between kernel and contrace."""
    output: Path | None
    """None: a temporary trace file, removed at the end."""


class Recorder:
    """One capture, from its beginning to its end, in a process of its own."""

    def __init__(
        self,
        request: Request,
        command: Command | None,
        path: Path,
        events: int,
        orders: int,
        *,
        master: int | None = None,
    ) -> None:
        """``master``: the other side of the command's own terminal, which lives as long as somebody holds this."""
        self._request = request
        self._command = command
        self._path = path
        self._events = events
        self._orders = Frames(orders)
        self._records = 0
        self._lost = 0
        self._held = None if master is None else Held(master)
        self._left = False
        self._error: ContraceError | None = None
        self._reason = ""
        self._why = ""

    def run(self, mask: Collection[int]) -> None:
        for signo in IGNORED:
            signal.signal(signo, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        gc.freeze()
        request = self._request
        # A filter cannot be taken out of the command again: with a time limit, contrace has to do without.
        use_filter = request.use_filter and request.seconds is None
        self._wanted = Wanted(
            scope=request.scope,
            calls=None if request.calls is None else frozenset(request.calls),
            follow=request.follow,
            use_filter=use_filter,
            system_wide=request.system_wide,
            cgroups=request.cgroups,
            buffer=request.buffer,
        )
        try:
            tracer, writer = self._begin()
        except ContraceError as error:
            self._tell(Failed(type(error).__name__, str(error), error.exit_code))
            return
        if self._command is not None and self._command.terminal is not None:
            os.close(self._command.terminal)  # it hangs up when the command and what it started have closed it
        self._tell(Began(tracer.mode, self._why))
        self._record(tracer, writer)
        self._finish(tracer, writer)

    def _begin(self) -> tuple[Tracer, TraceWriter]:
        """The first backend that can be used has begun. Raises what keeps the last one from it."""
        request = self._request
        launches = self._command is not None
        ebpf_only = request.system_wide or bool(request.cgroups)
        choices = choose(request.backend, launches=launches, ebpf_only=ebpf_only)
        refusal = ""
        for last, choice in zip([*[False] * (len(choices) - 1), True], choices, strict=True):
            writer: TraceWriter | None = None
            try:
                tracer = self._tracer(choice)
                tracer.prepare()
                writer = TraceWriter(self._path, self._meta(tracer.mode, choice.backend))
                tracer.start(request.targets, self._command)
                writer.place()
            except ContraceError as error:
                if writer is not None:
                    writer.discard()
                if last or not isinstance(error, (BackendUnavailable, PermissionRefused)):
                    raise
                refusal = f": {error}"
            else:
                self._why = choice.why + refusal
                return tracer, writer
        raise AssertionError("there is a backend to try")

    def _tracer(self, choice: Choice) -> Tracer:
        if choice.backend == "ptrace":
            return PtraceTracer(self._wanted, launches=self._command is not None)
        from contrace.capture.ebpf.tracer import EbpfTracer  # takes a while

        return EbpfTracer(self._wanted)

    def _meta(self, mode: str, backend: str) -> Meta:
        request, uname = self._request, os.uname()
        return Meta(
            version=__version__,
            started_ns=time.time_ns(),
            started_monotonic_ns=time.monotonic_ns(),
            host=uname.nodename,
            kernel=uname.release,
            machine=uname.machine,
            backend=backend,
            scope=request.scope,
            mode=mode,
            calls=request.calls,
            follow=request.follow,
            command=request.command or tuple(f"{target.why}[{target.pid}]" for target in request.targets),
            recorder_pid=os.getpid(),
        )

    def _record(self, tracer: Tracer, writer: TraceWriter) -> None:
        seconds = self._request.seconds
        deadline = None if seconds is None else time.monotonic() + seconds
        viewed = True
        patient_until: float | None = None
        for batch in tracer.batches():
            if batch:
                self._write(tracer, writer, batch)
                viewed = viewed and self._tell(Progress())
            for order in self._orders.read(Order):  # type: ignore[arg-type] # a union is a type for msgspec
                if isinstance(order, Stop):
                    self._stop(tracer, "stopped")
                elif isinstance(order, Pass):
                    tracer.signal(order.signo)
                elif isinstance(order, Kill):
                    tracer.kill()
                elif isinstance(order, Leave):
                    self._leave(tracer)
                elif isinstance(order, HangUp):
                    self._hang_up()
            if tracer.finished and patient_until is None:
                patient_until = time.monotonic() + _PATIENCE_S
            elif patient_until is not None and time.monotonic() > patient_until:
                patient_until = math.inf
                self._tell(Lingers())
            if self._orders.closed and not self._left:
                if self._command is None:
                    self._stop(tracer, "the command line was killed")
                else:
                    self._hang_up()
            if deadline is not None and time.monotonic() >= deadline:
                deadline = None
                self._stop(tracer, f"{seconds:g} s are over")

    def _hang_up(self) -> None:
        if self._held is not None:
            self._held.close()

    def _leave(self, tracer: Tracer) -> None:
        """The command line is about to end: nobody reads the terminal, and kill(1) is the only way to stop."""
        self._left = True
        if self._held is not None:
            self._held.swallow()

        def end(_signo: int, _frame: object) -> None:
            if self._command is None:
                self._stop(tracer, "stopped")
            else:
                tracer.kill()  # it may depend on its tracer

        signal.signal(signal.SIGTERM, end)

    def _stop(self, tracer: Tracer, reason: str) -> None:
        self._reason = self._reason or reason
        tracer.stop()

    def _write(self, tracer: Tracer, writer: TraceWriter, batch: list[Record]) -> None:
        """A trace file that cannot grow ends an attach; a command under a filter needs its tracer to the end, so its
        further records are counted as lost instead."""
        if self._error is None:
            try:
                writer.write(batch)
            except TraceFileError as error:
                self._error = error
                if not tracer.indispensable:
                    self._stop(tracer, "the trace file cannot be written")
            else:
                self._records += len(batch)
                self._lost += sum(record.count for record in batch if isinstance(record, Loss))
                return
        self._lost += len(batch)

    def _finish(self, tracer: Tracer, writer: TraceWriter) -> None:
        finished = tracer.finished
        reason = "the command ended" if finished else self._reason or "every traced process ended"
        try:
            writer.finish({"reason": reason, "records": self._records, "lost": self._lost})
        except TraceFileError as error:
            self._error = self._error or error
        ended = Ended(
            reason=reason,
            status=finished.status if finished else None,
            signal=finished.signal or None if finished else None,
            records=self._records,
            lost=self._lost,
            error=str(self._error) if self._error else None,
            exit_code=self._error.exit_code if self._error else ExitCode.OK,
        )
        os.set_blocking(self._events, True)
        told = self._tell(ended)
        if self._request.output is None and (self._orders.closed or not told):
            remove(self._path)  # the command line, which would have done it, was killed

    def _tell(self, event: Event) -> bool:
        """False when nobody listens any more. Progress that does not fit into the pipe is not needed: there is some
        in it already."""
        try:
            os.set_blocking(self._events, not isinstance(event, Progress))
            os.write(self._events, frame(event))
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return True


def remove(trace: Path) -> None:
    """A trace file and what SQLite keeps beside it, which a killed recorder leaves."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{trace}{suffix}").unlink(missing_ok=True)
