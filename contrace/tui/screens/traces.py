"""The list of traces: what lies where contrace writes by default, newest first; where a demo can be started.

The files are listed at once and opened by a worker, one after the other, so that many or large ones keep nobody
waiting.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from contrace.output.escape import name, printable
from contrace.output.summary import counted
from contrace.trace.recent import Found, Recent, directories, look, traces
from contrace.tui.widgets.table import Column, Table

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_STEP = 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A file, and what it is once it was opened."""

    found: Found
    recent: Recent | None = None
    """None: not looked at yet."""


class OpenTrace(Message):
    """Somebody wants to see this trace; the app opens it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class RunDemo(Message):
    """Somebody wants to see a demo; the app runs one."""


class TracesScreen(Screen[None]):
    """See the module."""

    DEFAULT_CSS = """
    TracesScreen #head { height: auto; max-height: 4; padding: 0 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "demo", "Run a demo"),
        Binding("r", "look_again", "Look again"),
    ]

    class Listed(Message):
        """The files that there are."""

        def __init__(self, found: list[Found]) -> None:
            super().__init__()
            self.found = found

    class Looked(Message):
        """A file was opened."""

        def __init__(self, recent: Recent) -> None:
            super().__init__()
            self.recent = recent

    def __init__(self, where: tuple[Path, ...] | None = None) -> None:
        """``where``: the directories to look into; None: where contrace writes by default."""
        super().__init__()
        self._where = where
        self._lines: list[Line] = []

    def compose(self) -> ComposeResult:
        yield Static("", id="head", markup=False)
        yield Table(_COLUMNS, special=_is_bad, id="traces")
        yield Footer()

    def on_screen_resume(self) -> None:
        """There may be others by now."""
        self.action_look_again()

    def action_look_again(self) -> None:
        """List the files anew."""
        self._look(directories() if self._where is None else self._where)

    def action_demo(self) -> None:
        """``d``."""
        self.post_message(RunDemo())

    # --- what is shown ------------------------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="traces")
    def _look(self, where: tuple[Path, ...]) -> None:
        worker = get_current_worker()
        found = traces(where)
        self.post_message(self.Listed(found))
        for each in found:
            if worker.is_cancelled:
                return
            self.post_message(self.Looked(look(each)))

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        known = {line.found: line.recent for line in self._lines if line.recent is not None and not line.recent.growing}
        under = self._table.current
        self._lines = [Line(found, known.get(found)) for found in message.found]
        paths = [line.found.path for line in self._lines]
        self._table.show(self._lines, paths.index(under.found.path) if under and under.found.path in paths else None)
        where = " and ".join(
            name(os.fsencode(each)) for each in (directories() if self._where is None else self._where)
        )
        if self._lines:
            head = f"{counted(len(self._lines), 'trace')} in {where}. Enter opens one, d runs a demo."
        else:
            head = (
                f"There is no trace in {where}. d runs a demo; `contrace run -- COMMAND` and `contrace attach TARGET` "
                "write traces."
            )
        self.query_one("#head", Static).update(head)

    @on(Looked)
    def _looked(self, message: Looked) -> None:
        found = message.recent.found
        for index, line in enumerate(self._lines):
            if line.found == found:
                self._lines[index] = Line(found, message.recent)
        self._table.refresh()

    @on(Table.Chosen)
    def _chosen(self, message: Table.Chosen) -> None:
        line = message.table.current
        if not isinstance(line, Line):
            return
        if line.recent is not None and line.recent.problem:
            self.notify(printable(line.recent.problem), severity="error", markup=False)
        else:
            self.post_message(OpenTrace(line.found.path))

    @property
    def _table(self) -> Table[Line]:
        table: Table[Line] = self.query_one("#traces", Table)
        return table


def size(count: int) -> str:
    """``512 B``, ``1.2 MB``: as ls -h counts."""
    if count < _STEP:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= _STEP
        if amount < _STEP or unit == "GB":
            break
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"


def length(nanoseconds: int | None) -> str:
    """``12 ms``, ``3.4 s``, ``2:05 min``; ``?`` where it is unknown."""
    if nanoseconds is None:
        return "?"
    if nanoseconds < _NS_PER_S:
        return f"{nanoseconds // _NS_PER_MS} ms"
    seconds = nanoseconds / _NS_PER_S
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def _when(line: Line) -> str:
    return datetime.fromtimestamp(line.found.modified_ns // _NS_PER_S).strftime("%Y-%m-%d %H:%M")


def _target(line: Line) -> str:
    recent = line.recent
    if recent is None:
        return "…"
    if recent.problem:
        return "CANNOT BE READ"
    words = recent.meta.command if recent.meta is not None else ()
    state = " (still recording)" if recent.growing else "" if recent.ended else " (without an end)"
    return f"{printable(' '.join(words)) or '?'}{state}"


def _file(line: Line) -> str:
    problem = line.recent.problem if line.recent is not None else ""
    return printable(problem) if problem else name(os.fsencode(line.found.path.name))


def _is_bad(line: Line) -> bool:
    return line.recent is not None and bool(line.recent.problem)


def _of(read: Callable[[Recent], str]) -> Callable[[Line], str]:
    return lambda line: "…" if line.recent is None else read(line.recent)


_COLUMNS: tuple[Column[Line], ...] = (
    Column("CHANGED", 16, _when),
    Column("LENGTH", 9, _of(lambda recent: length(recent.length_ns)), right=True),
    Column("SIZE", 7, lambda line: size(line.found.size), right=True),
    Column("TARGET", 28, _target),
    Column("FILE", 30, _file),
)
