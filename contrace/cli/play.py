"""A demo while it is played: the stage process, and a view that lets it play one act after the other.

The stage is a process of its own, with an environment that is the same everywhere. What its containers print is kept
until the act is over, so that it stands behind the act's calls and not somewhere between them.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import contrace
from contrace.cli.text import Look, View
from contrace.errors import ContraceError
from contrace.output.escape import printable
from contrace.records import Block, Record, Syscall, Text
from contrace.runtime.demos import END_MARK, acts

if TYPE_CHECKING:
    from contrace.output import Output
    from contrace.trace.schema import Meta

_END_SECONDS = 10.0
"""How long the stage may take to end by itself; a container in it gets a signal that it may not heed."""
_MOST_SAID = 1 << 20
_KEPT = ("HOME", "XDG_RUNTIME_DIR")
"""Of our environment: where the state of a normal user's containers is kept."""


class Play:
    """The stage process; made, it waits for the first act. Raises ContraceError if it does not get so far."""

    def __init__(self, name: str) -> None:
        self.acts = acts(name)
        self._read = 0
        self._output: BinaryIO = tempfile.TemporaryFile(prefix="contrace-")  # noqa: SIM115 - closed by close
        ready, says_ready = os.pipe()
        heeds, self._gate = os.pipe()
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
        environment |= {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = str(Path(contrace.__file__).parent.parent)
        command = [sys.executable, "-m", "contrace.runtime.demos.stage", name, str(says_ready), str(heeds)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(says_ready, heeds),
        )
        os.close(says_ready)
        os.close(heeds)
        is_ready = os.read(ready, 1)
        os.close(ready)
        if not is_ready:
            said = self.said()
            self.close()
            raise ContraceError(f"the demo could not be prepared:\n{said}")

    @property
    def pid(self) -> int:
        """Of the stage process."""
        return self._process.pid

    def go(self) -> None:
        """Let the next act begin."""
        try:
            os.write(self._gate, b"!")
        except BrokenPipeError:
            return  # it has ended, which the trace tells

    def go_on(self) -> None:
        """Let all acts be played, without waiting in between."""
        for _ in self.acts:
            self.go()

    def said(self) -> str:
        """What was printed since the last time, harmless to a terminal."""
        data = os.pread(self._output.fileno(), _MOST_SAID, self._read)  # its offset is the stage's
        self._read += len(data)
        text = data.decode("utf-8", "backslashreplace")
        return "\n".join(printable(line.replace("\t", "    ")) for line in text.splitlines())

    def close(self) -> int:
        """Wait for its end, or bring it about; returns its exit status."""
        os.close(self._gate)
        try:
            status = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._output.close()
        return status


class ActsView(View):
    """Shows an act's calls, then what was printed in it, and lets the next one begin."""

    def __init__(self, look: Look, play: Play) -> None:
        super().__init__(look)
        self.wanted = True  # also of a quiet demo: the stage waits for us
        self._play = play

    def _begin(self, meta: "Meta") -> "Output":
        return _Acts(super()._begin(meta), self._look.stream, self._play)


class _Acts:
    """A format around the one that shows the calls."""

    def __init__(self, inner: "Output", stream: TextIO, play: Play) -> None:
        from rich.console import Console

        self._inner = inner
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
        self._play = play
        self._over = 0
        """How many acts are."""
        self._next()

    def feed(self, batch: Sequence[Record]) -> None:
        self._inner.feed(batch)
        for _ in range(sum(_is_end(record, self._play.pid) for record in batch)):
            self._over += 1
            self._print_said()
            self._next()

    def finish(self) -> None:
        self._inner.finish()
        self._print_said()

    def _next(self) -> None:
        if self._over < len(self._play.acts):
            act = self._play.acts[self._over]
            self._console.print(f"\n── {self._over + 1}. {act.title} ", style="bold")
            self._console.print(f"{act.text}\n")
            self._play.go()

    def _print_said(self) -> None:
        said = self._play.said()
        if said:
            self._console.print("\nIt printed:", style="bold")
            for line in said.splitlines():
                self._console.print(f"  │ {line}")


def _is_end(record: Record, stage: int) -> bool:
    """Whether it is the call with which the stage marks the end of an act."""
    return (
        isinstance(record, Syscall)
        and record.tid == stage
        and any(part.data.startswith(END_MARK.encode()) for part in record.memory if isinstance(part, Text | Block))
    )
