"""``--format strace``: what ``strace -f -o FILE`` would write, or ``strace -o FILE`` for a capture that did not follow.

strace has no word for what it did not see. Losses and warnings, which must not go unseen, are lines that begin with
``#``, as in no line of strace's.
"""

from collections.abc import Sequence
from typing import TextIO

from contrace.decode.notation import Notation
from contrace.filters import Filter
from contrace.output.lines import Lines, Piece, Step, padding
from contrace.records import Entered, Loss, Note, Record, Signal, Stopped, Syscall, TaskExit
from contrace.trace.schema import Meta


class Strace:
    """See ``contrace.output.Output``."""

    def __init__(self, stream: TextIO, meta: Meta, notation: Notation, chosen: Filter) -> None:
        self._write = stream.write
        self._pids = meta.follow
        self._lines = Lines(notation, chosen, _shows, meta.started_monotonic_ns)
        self._column = 0

    def feed(self, batch: Sequence[Record]) -> None:
        """Write the lines of one or more complete batches; the last one may have no end yet."""
        for piece in self._lines.feed(batch):
            self._write(self._text(piece))

    def finish(self) -> None:
        """End the open line."""
        for piece in self._lines.finish():
            self._write(self._text(piece))

    def _text(self, piece: Piece) -> str:
        call = piece.call
        match piece.step:
            case Step.BREAK:
                return f" {piece.text}\n"
            case Step.LINE:
                comment = isinstance(piece.record, (Loss, Note))
                return f"# {piece.text}\n" if comment else f"{self._pid(piece)}{piece.text}\n"
            case Step.BEGIN:
                assert call is not None
                text = f"{self._pid(piece)}{call.head}"
                self._column = len(text)
                return text
            case Step.END:
                assert call is not None
                return f"{call.tail}{padding(self._column + len(call.tail))}= {call.result}\n"
            case Step.RESUME:
                assert call is not None
                text = f"{self._pid(piece)}<... {call.name} resumed>{call.tail}"
                return f"{text}{padding(len(text))}= {call.result}\n"

    def _pid(self, piece: Piece) -> str:
        """The column that ``-f -o FILE`` puts first."""
        return f"{piece.task.tid:<5d} " if self._pids else ""


def _shows(record: Record) -> bool:
    if isinstance(record, Note):
        return record.topic == "warning"
    return isinstance(record, (Syscall, Entered, Signal, Stopped, TaskExit, Loss))
