"""A capture while it runs: the recorder writes the trace, this shows it, passes signals on, and ends as it ends.

What is shown is read from the trace file, like everything that is shown later; with ``--format none`` nothing is read
before the end, so that showing takes no time from what is traced.
"""

import os
import select
import shlex
import time
from contextlib import closing
from dataclasses import replace

from contrace.capture import procfs
from contrace.capture.messages import Ended, Lingers
from contrace.capture.recorder import Request
from contrace.capture.recording import Recording, start
from contrace.capture.targets import Target
from contrace.cli.signals import Caught, Signals, end_by
from contrace.cli.text import View, narrate
from contrace.decode import strings
from contrace.errors import ContraceError, ExitCode, TraceFileError
from contrace.output.escape import printable
from contrace.trace.reader import TraceReader

_PATIENCE_SECONDS = 1.0  # how long a command may take to end after Ctrl-C before it is explained
_TARGETS_NAMED = 4  # in the headline; the rest is counted


def capture(request: Request, view: View) -> int:
    """Record what is asked for and show it; returns the exit status, or ends by the command's signal."""
    with Signals() as signals, closing(start(request, signals.before)) as recording:
        signals.listen()
        narrate(headline(request, recording.mode))
        if recording.why and request.verb == "attach":
            narrate(f"this backend was chosen because {recording.why}")
        ended = _Live(request, recording, view, signals).follow()
        summarise(request, recording, ended)
    if ended.error is not None:
        error = ContraceError(ended.error)
        error.exit_code = ExitCode(ended.exit_code)
        raise error
    if view.failure is not None:
        if request.verb == "attach":
            raise view.failure
        narrate(str(view.failure))  # the exit status is the command's
    if ended.signal:
        return end_by(ended.signal)
    return ended.status or ExitCode.OK


class _Live:
    """The loop: waits for the recorder, for signals, and for the going of whoever reads the text."""

    def __init__(self, request: Request, recording: Recording, view: View, signals: Signals) -> None:
        self._attach = request.verb == "attach"
        self._recording = recording
        self._view = view
        self._signals = signals
        self._reader: TraceReader | None = None
        self._signalled = 0
        """How many signals came."""
        self._explain_at: float | None = None
        """run: when it is time to say why contrace has not ended."""

    def follow(self) -> Ended:
        """Until the recorder has ended; its last records are shown, too."""
        try:
            return self._follow()
        finally:
            if self._reader is not None:
                self._reader.close()

    def _follow(self) -> Ended:
        poller = select.poll()
        poller.register(self._recording.fileno(), select.POLLIN)
        poller.register(self._signals.fileno(), select.POLLIN)
        if watched := self._view.wanted:
            poller.register(self._view.fileno(), 0)  # POLLERR alone: a pipe without a reader
        while True:
            for event in self._recording.poll():
                self._show()
                if isinstance(event, Ended):
                    self._view.finish()
                    return event
                if isinstance(event, Lingers):
                    narrate(
                        "the command has ended, and contrace stays until what it started has; Ctrl-C twice kills it"
                    )
            if watched and not self._view.wanted:
                watched = False
                poller.unregister(self._view.fileno())
                if self._attach:
                    self._recording.stop()
            ready = dict(poller.poll(self._milliseconds_to_explain()))
            if watched and self._view.fileno() in ready:
                self._view.abandon()
            for caught in self._signals.take():
                self._answer(caught)
            if self._milliseconds_to_explain() == 0:
                self._explain_at = None
                narrate("contrace stays until the command and what it started have ended; once more kills them")

    def _milliseconds_to_explain(self) -> int | None:
        return None if self._explain_at is None else max(0, round((self._explain_at - time.monotonic()) * 1000))

    def _show(self) -> None:
        if not self._view.wanted:
            return
        if self._reader is None:
            self._reader = TraceReader(self._recording.path)
        self._view.catch_up(self._reader)

    def _answer(self, caught: Caught) -> None:
        """attach: let go. run: the command gets the signal, unless it has it already; the second one kills it and
        what it started."""
        self._signalled += 1
        if self._attach:
            self._recording.stop()
        elif self._signalled > 1:
            self._explain_at = None
            self._recording.kill()
        else:
            self._explain_at = time.monotonic() + _PATIENCE_SECONDS
            if not caught.from_terminal:
                self._recording.signal(caught.signo)


def headline(request: Request, mode: str) -> str:
    """One line: what is captured and how, harmless to a terminal."""
    if request.verb == "run":
        return f"running {printable(shlex.join(request.command))}: {mode}"
    if request.system_wide:
        return f"attached to every process: {mode}; Ctrl-C ends it"
    named = ", ".join(_describe(target) for target in request.targets[:_TARGETS_NAMED])
    more = len(request.targets) - _TARGETS_NAMED
    return f"attached to {named}{f' and {more} more' if more > 0 else ''}: {mode}; Ctrl-C ends it"


def _describe(target: Target) -> str:
    threads = len(procfs.threads(target.pid))
    return f"{target.why} (pid {target.pid}, {threads} thread{'s' if threads != 1 else ''})"


def summarise(request: Request, recording: Recording, ended: Ended) -> None:
    """Say what the finished trace holds, and where it is."""
    from contrace.output import summary as of_traces

    where = None if request.output is None else strings.escape(os.fsencode(request.output))
    try:
        with closing(TraceReader(recording.path)) as reader:
            summary = of_traces.summarise(reader)
        # What did not fit onto a full disk is known to the recorder only.
        text = replace(summary, lost=max(summary.lost, ended.lost)).text(where)
    except TraceFileError:
        if ended.error is None:
            raise
        text = "the trace file cannot be read"  # and the error, which is reported next, says why
    left = ", the command goes on" if request.verb == "run" and ended.status is None and ended.error is None else ""
    narrate(f"{ended.reason}{left}: {text}")
