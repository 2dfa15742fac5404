"""``--format explained``: the timeline, with a note in plain words at each step that needs one (``story/notes.py``)."""

import textwrap
from typing import TextIO

from rich.style import Style

from contrace.decode.notation import Notation
from contrace.filters import Filter
from contrace.output.lines import Piece, Step
from contrace.output.timeline import Timeline
from contrace.story.notes import Notes
from contrace.trace.schema import Meta

_NOTE = Style(italic=True, color="green")
_MARK = "  ╰ "
_WIDEST = 100  # columns: longer lines are hard to read
_NARROWEST = 30


class Explained(Timeline):
    """See ``contrace.output.Output``."""

    def __init__(self, stream: TextIO, meta: Meta, notation: Notation, chosen: Filter) -> None:
        super().__init__(stream, meta, notation, chosen)
        self._notes = Notes()

    def _write(self, piece: Piece) -> None:
        super()._write(piece)
        note = ""
        if piece.step in (Step.END, Step.RESUME) and piece.call is not None:
            note = self._notes.of_call(piece.task.tid, piece.call)
        elif piece.step is Step.LINE and piece.record is not None:
            note = self._notes.of_record(piece.record)
        if note:
            self._margin(note)

    def _margin(self, note: str) -> None:
        pen, left = self._pen, self._call_column
        room = min(_WIDEST, max(_NARROWEST, (pen.width or left + _WIDEST) - left - len(_MARK)))
        for number, line in enumerate(textwrap.wrap(note, room)):
            pen.write(" " * left + (_MARK if number == 0 else " " * len(_MARK)))
            pen.end(line, _NOTE)
