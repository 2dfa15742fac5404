"""A terminal's screen, kept by pyte: what a program printed becomes cells, which are all that anybody draws.

pyte (TERM=linux) does the emulation. What is printed may be hostile, so three things are added: characters that a
terminal might act on or show out of place become U+FFFD, a cell holds few combining marks, and a sequence with
parameters that it cannot have is ignored (pyte raises there: its handlers get the parameters as they came).
"""

import codecs
import unicodedata
from collections.abc import Callable

import pyte
from pyte import modes

_MARKS = 4  # in a cell; more of them cost quadratic time, and no script needs so many
_RESIZING = modes.DECCOLM >> 5  # the number in the sequence: 80 or 132 columns; the pane decides about its size
BRACKETED_PASTE = 2004 << 5  # xterm's DECSET 2004, as pyte keeps private modes


class Emulated(pyte.Screen):
    """The cells (``buffer[line][column]``), the cursor, and ``dirty``: the lines that changed since it was cleared."""

    def __init__(self, columns: int, lines: int, answer: Callable[[bytes], None]) -> None:
        """``answer``: takes what the terminal says by itself (where the cursor is, what it is)."""
        super().__init__(columns, lines)
        self._answer = answer
        for event in pyte.Stream.events:
            setattr(self, event, _tolerant(getattr(self, event)))
        self._stream = pyte.Stream(self)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> None:
        """What the program printed; characters may be cut anywhere."""
        self._stream.feed(self._decoder.decode(data))

    @property
    def text(self) -> str:
        """The lines, without trailing blanks."""
        lines = ("".join(self.buffer[y][x].data for x in range(self.columns)) for y in range(self.lines))
        return "\n".join(map(str.rstrip, lines))

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Another size. Lines go at the top as far as the cursor needs it, else at the bottom; pyte would leave the
        cursor below the last line, and new columns without tab stops."""
        lines, columns = lines or self.lines, columns or self.columns
        if lines < self.lines:
            x, y = self.cursor.x, self.cursor.y
            gone = max(0, y + 1 - lines)
            self.set_margins()
            self.cursor.y = 0
            if gone:
                self.delete_lines(gone)
            self.cursor.x, self.cursor.y = x, y - gone
            for below in [line for line in self.buffer if line >= lines]:
                del self.buffer[below]
            self.lines = lines
        super().resize(lines, columns)
        self.cursor.x = min(self.cursor.x, columns)
        self.tabstops.update(range(8, columns, 8))
        self.dirty.update(range(lines))

    # --- what pyte calls ----------------------------------------------------------------------------------

    def draw(self, data: str) -> None:
        """Printable text."""
        if not data.isascii():
            data = self._harmless(data)
        super().draw(data)

    def delete_lines(self, count: int | None = None) -> None:
        """DL. pyte moves up only lines that exist in its sparse buffer, and would leave others as they were."""
        for line in range(self.lines):
            self.buffer[line]  # makes it
        super().delete_lines(count)

    def set_mode(self, *modes: int, **private: bool) -> None:
        """SM, DECSET."""
        super().set_mode(*(mode for mode in modes if mode != _RESIZING), **private)

    def reset_mode(self, *modes: int, **private: bool) -> None:
        """RM, DECRST."""
        super().reset_mode(*(mode for mode in modes if mode != _RESIZING), **private)

    def set_title(self, param: str) -> None:
        """OSC 2: the pane has a title of its own."""

    def set_icon_name(self, param: str) -> None:
        """OSC 1: there is no icon."""

    def write_process_input(self, data: str) -> None:
        """The terminal's answer to a question."""
        self._answer(data.encode())

    def _harmless(self, data: str) -> str:
        before = self.buffer[self.cursor.y][self.cursor.x - 1].data if self.cursor.x else " "
        marks = len(before) - 1
        kept = []
        for letter in data:
            marks = marks + 1 if unicodedata.combining(letter) else 0
            if marks <= _MARKS:
                kept.append(letter if letter.isprintable() else "\ufffd")
        return "".join(kept)


def _tolerant(handler: Callable[..., None]) -> Callable[..., None]:
    def handle(*parameters: object, **private: bool) -> None:
        try:
            handler(*parameters, **private)
        except (TypeError, UnboundLocalError):  # too many parameters, a "?" that it cannot have, an unknown choice
            return

    return handle
