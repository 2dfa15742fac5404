"""A saved trace as a backend: what is done with a capture can be done again, with every record as it was."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from contrace.capture.base import Command, Finished
from contrace.capture.targets import Target
from contrace.records import Record
from contrace.trace.reader import TraceReader


class ReplayTracer:
    """See ``capture.base.Tracer``. Targets and command are those of the trace."""

    indispensable = False
    finished: Finished | None = None

    def __init__(self, path: Path) -> None:
        """Raises TraceFileError."""
        self._path = path
        self._stopping = False
        with closing(TraceReader(path)) as reader:
            self.mode = f"replay of: {reader.meta.mode}"

    def prepare(self) -> None:
        """Nothing takes time."""

    def start(self, targets: tuple[Target, ...], command: Command | None) -> None:
        """Nothing has to be prepared."""

    def batches(self) -> Iterator[list[Record]]:
        with closing(TraceReader(self._path)) as reader:
            for _, batch in reader.batches():
                if self._stopping:
                    return
                yield batch

    def stop(self) -> None:
        self._stopping = True

    def signal(self, signo: int) -> None:
        """There is no command that could get it."""

    def kill(self) -> None:
        """Nothing runs."""
