"""``--format timeline``: what happened when and in which process, for people.

Columns: seconds since the capture began, seconds since the line before, the process as ``comm[pid]`` (``comm[pid/tid]``
for a thread that is not the first) indented by its place in the process tree, then the call as strace writes it, its
result and, where it took long, how long. On a terminal lines go on under the call's column where they are too long;
elsewhere they are left whole, and plain. Starts and ends of threads are left out unless everything is asked for (-v).
Colour never says anything that the text does not say.
"""

import re
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from contrace.decode.notation import Notation
from contrace.filters import Filter
from contrace.output.describe import refusals
from contrace.output.escape import name
from contrace.output.lines import Lines, Piece, Step
from contrace.records import Identity, Loss, Note, Record, Syscall, TaskExit, TaskStart
from contrace.story.processes import Task
from contrace.trace.schema import Meta

_NS_PER_S = 1_000_000_000
_LONG_NS = 1_000_000
_VERY_LONG_NS = 100_000_000
_TIME_WIDTH = 11
_LABEL_WIDTH, _NARROW_LABEL_WIDTH = 34, 22
_NARROW = 120  # columns: on a terminal with less, the call needs the room more than the process
_INDENT, _DEEPEST = 2, 8  # columns per level of the tree, and the level at which it goes on no more
_LEAST_ROOM = 20  # columns: on a terminal where the call's column leaves less, lines go on at the left
_WORD = re.compile(r"[^ |]*[ |]|[^ |]+")

_DIM = Style(dim=True)
_ERROR = Style(color="red", bold=True)
_LONG = Style(color="yellow")
_VERY_LONG = Style(color="yellow", bold=True, reverse=True)
_LOSS = Style(color="white", bgcolor="red", bold=True)
_WARNING = Style(color="yellow", bold=True)
_CHANGE = Style(color="cyan")
_END = Style(dim=True)
_PROCESS = tuple(
    Style(color=f"color({number})")  # of the 256 those that can be read on black and on white
    for number in (26, 29, 62, 64, 97, 100, 125, 130, 133, 136, 166, 167, 31, 70, 99, 172)
)


class Timeline:
    """See ``contrace.output.Output``."""

    def __init__(self, stream: TextIO, meta: Meta, notation: Notation, chosen: Filter) -> None:
        self._pen = _Pen(stream)
        self._started_ns = meta.started_monotonic_ns
        self._before_ns: int | None = None
        self._label_width = _NARROW_LABEL_WIDTH if self._pen.is_narrow else _LABEL_WIDTH
        self._call_column = 2 * (_TIME_WIDTH + 1) + self._label_width
        shows = _everything if notation.verbose else _tells
        self._lines = Lines(notation, chosen, shows, meta.started_monotonic_ns)

    def feed(self, batch: Sequence[Record]) -> None:
        """Write the lines of one or more complete batches; the last one may have no end yet."""
        for piece in self._lines.feed(batch):
            self._write(piece)

    def finish(self) -> None:
        """End the open line."""
        for piece in self._lines.finish():
            self._write(piece)

    def _write(self, piece: Piece) -> None:
        pen = self._pen
        match piece.step:
            case Step.BREAK:
                pen.end(f" {piece.text}", _DIM)
            case Step.LINE:
                self._prefix(piece)
                pen.end(piece.text, _style(piece.record))
            case Step.BEGIN:
                assert piece.call is not None
                self._prefix(piece)
                pen.write(piece.call.head)
            case Step.RESUME:
                assert piece.call is not None
                self._prefix(piece)
                pen.write(f"<... {piece.call.name} resumed>", _DIM)
                self._returned(piece)
            case Step.END:
                self._returned(piece)

    def _prefix(self, piece: Piece) -> None:
        pen, task = self._pen, piece.task
        pen.write(f"{(piece.time_ns - self._started_ns) / _NS_PER_S:{_TIME_WIDTH}.6f} ")
        gap = piece.time_ns - self._before_ns if self._before_ns is not None else -1
        # A call that is only shown when it is over, and what it brought about, may be older than the line before.
        pen.write(f"{'+' + format(gap / _NS_PER_S, '.6f') if gap >= 0 else '':>{_TIME_WIDTH}} ", _DIM)
        self._before_ns = piece.time_ns
        if task.tid:
            indent = " " * (_INDENT * min(task.depth, _DEEPEST))
            label = _label(task)
            pen.write(indent)
            pen.write(label, _colour(task.pid))
            pen.write(" " * max(1, self._label_width - len(indent) - cell_len(label)))
        pen.hang()

    def _returned(self, piece: Piece) -> None:
        call, record, pen = piece.call, piece.record, self._pen
        assert call is not None
        pen.write(call.tail)
        pen.write(" = ")
        pen.write(call.result, _ERROR if call.errno else None)
        if isinstance(record, Syscall) and record.result is not None:
            took_ns = record.end_ns - record.time_ns
            if took_ns > _LONG_NS:
                pen.write("  ")
                pen.write(_duration(took_ns), _VERY_LONG if took_ns > _VERY_LONG_NS else _LONG)
            if needed := refusals(record):
                pen.write(f"  {needed}", _WARNING)
        pen.end()


class _Pen:
    """Writes styled text to a stream piece by piece, and goes on below the hanging column where a terminal ends."""

    def __init__(self, stream: TextIO) -> None:
        console = Console(file=stream)
        self._stream = stream
        self._width = console.width if console.is_terminal and not console.is_dumb_terminal else None
        self._colours = _colour_system(console)
        self._plain = console.no_color
        self._column = 0
        self._hang = 0

    @property
    def width(self) -> int | None:
        """Columns of the terminal that it writes to; None: no terminal."""
        return self._width

    @property
    def is_narrow(self) -> bool:
        """It writes to a terminal that is not wide."""
        return self._width is not None and self._width < _NARROW

    def write(self, text: str, style: Style | None = None) -> None:
        """Append to the line."""
        if self._width is not None:
            text = self._wrapped(text, self._width)
        if style is not None and self._colours is not None and text:
            style = style.without_color if self._plain else style
            # Each line by itself, so that no style reaches over the indentation of the next.
            text = "\n".join(style.render(line, color_system=self._colours) for line in text.split("\n"))
        self._stream.write(text)

    def hang(self) -> None:
        """Here is the column at which a long line goes on."""
        self._hang = self._column

    def end(self, text: str = "", style: Style | None = None) -> None:
        """Append to the line and end it."""
        self.write(text, style)
        self._stream.write("\n")
        self._column = 0
        self._hang = 0

    def _wrapped(self, text: str, width: int) -> str:
        """Broken between words, or within one that is longer than a line."""
        hang = self._hang if width - self._hang >= _LEAST_ROOM else 0
        margin = "\n" + " " * hang
        parts: list[str] = []
        for word in _WORD.findall(text):
            cells = cell_len(word.rstrip(" "))
            if self._column > hang and self._column + cells > width >= hang + cells:
                if parts and parts[-1] == " ":
                    parts.pop()  # the end of the line takes its place
                parts.append(margin)
                self._column = hang
            for letter in word:
                cells = cell_len(letter)
                if self._column + cells > width:
                    if letter == " ":
                        continue
                    parts.append(margin)
                    self._column = hang
                parts.append(letter)
                self._column += cells
        return "".join(parts)


def _colour_system(console: Console) -> ColorSystem | None:
    names = {
        "standard": ColorSystem.STANDARD,
        "256": ColorSystem.EIGHT_BIT,
        "truecolor": ColorSystem.TRUECOLOR,
        "windows": ColorSystem.WINDOWS,
    }
    return names.get(console.color_system or "")


def _everything(record: Record) -> bool:
    return True


def _tells(record: Record) -> bool:
    """Whether it is worth a line where not everything is asked for: a thread's start is told by the call that started
    it, and its end by that of its process; but not an execve that took a process over."""
    return not isinstance(record, (TaskStart, TaskExit)) or record.tid == record.pid


def _label(task: Task) -> str:
    """``comm[pid]``; with the thread's own id where it is not the first of its process."""
    ids = f"{task.pid}" if task.tid == task.pid else f"{task.pid}/{task.tid}"
    return f"{name(task.comm)}[{ids}]"


def _colour(pid: int) -> Style:
    """Always the same for a process, and different for neighbours."""
    return _PROCESS[pid * 7 % len(_PROCESS)]


def _style(record: Record | None) -> Style | None:
    match record:
        case Loss():
            return _LOSS
        case Note(topic="warning"):
            return _WARNING
        case Identity():
            return _CHANGE
        case TaskExit(signal=signal) if signal:
            return _ERROR
        case TaskExit():
            return _END
    return None


def _duration(took_ns: int) -> str:
    return f"+{took_ns / _NS_PER_S:.2f}s" if took_ns >= _NS_PER_S else f"+{took_ns / 1e6:.1f}ms"
