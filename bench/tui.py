"""`contrace view` of a trace with 1,000,000 calls in a terminal: how long it takes from a key to what it paints.

A key is written to a pseudo terminal; the clock stops when the last byte of what the key is for has come back: the
cursor's line and the position in the line above. Keys are pressed one after the other, as soon as that is painted.
"""

import random
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from statistics import median
from typing import NamedTuple

from bench import million
from bench.plan import Plan
from bench.terminal import LINES, Terminal
from bench.tracers import CONTRACE

_STATUS = 0  # the line that tells what is shown and where the cursor is
_TYPED = 1  # the line in which is typed
_PROMPTS = {"f": "filter", "/": "search"}
_DEEPEST_TOP = 4  # lines above the panes, at most: the status, what is typed, what is wrong with it
_MEDIAN_S, _WORST_S, _START_S, _MEMORY_MIB = 0.050, 0.150, 1.0, 250
_FILTERS = (("call:unshare", "unshare("), ("pid:31000", "[31000]"), ("failed", "!"), ("errno:EEXIST", "!"))
"""Words, and what is in each row that they let pass."""
_ALWAYS = "LOST"
_SEARCHED = ("call:unshare", "unshare(")
Took = dict[str, list[float]]


class _At(NamedTuple):
    """What can be told from the screen."""

    position: int
    count: int
    row: str
    """The one under the cursor."""


class Timeline:
    """The screen, as somebody reads it who presses keys."""

    def __init__(self, terminal: Terminal, took: Took) -> None:
        self._terminal = terminal
        self._took = took

    def status(self) -> str:
        return self._terminal.line(_STATUS)

    def reading(self) -> bool:
        """The trace is still being taken in."""
        return "reading" in self.status()

    def rows(self) -> list[str]:
        """The lines of the list that are in sight, with the mark of the cursor."""
        top = next((y for y in range(_DEEPEST_TOP) if " calls " in self._terminal.line(y)), _DEEPEST_TOP)
        border = self._terminal.line(top)
        left = max(border.rfind("┏"), border.rfind("╭")) + 1
        rows = []
        for y in range(top + 2, LINES):  # below the titles
            line = self._terminal.line(y)
            if line[left - 1] not in "┃│":
                break
            rows.append(line[left:-1])
        return rows

    def at(self) -> _At | None:
        """Where the cursor is; None: there are no rows (yet)."""
        words = self.status().replace(",", "").split()
        marked = [row for row in self.rows() if row.startswith(">")]
        with suppress(ValueError, IndexError):
            of = words.index("of")
            if marked:
                return _At(int(words[of - 1]), int(words[of + 1]), marked[0])
        return None

    def until_rows(self, count: int) -> None:
        """Wait until the list has so many rows."""
        self._terminal.until(lambda: (at := self.at()) is not None and at.count >= count)

    def press(self, key: str, expected: Callable[[_At, _At], bool], name: str = "") -> bool:
        """Press a key and measure until what is expected of (before, now) is there; False: it never came."""
        self._terminal.until(lambda: self.at() is not None)
        before = self.at()
        assert before is not None

        def painted() -> bool:
            now = self.at()
            return now is not None and expected(before, now)

        return self._timed(key, painted, name or key)

    def _timed(self, key: str, painted: Callable[[], bool], name: str) -> bool:
        pressed = self._terminal.press(key)
        try:
            self._took[name].append(self._terminal.until(painted, 5) - pressed)
        except TimeoutError as error:
            lines = str(error).split("\n")
            marked = "\n    ".join([lines[_STATUS], *(row for row in lines if ">" in row)])
            print(f"  {name}: nothing for 5 s on\n    {marked}", flush=True)
            return False
        return True

    def type(self, key: str, words: str) -> None:
        """Open the line for a filter or a search, and type."""
        prompt = f"{_PROMPTS[key]:<8}"
        self._timed(key, lambda: self._terminal.line(_TYPED).startswith(prompt), "open the line")
        for end in range(1, len(words) + 1):
            typed = prompt + words[:end]
            # What is offered stands there, too, in grey: that it was typed shows where the cursor is.
            self._timed(words[end - 1], partial(self._is_typed, typed), "type a letter")

    def _is_typed(self, text: str) -> bool:
        return self._terminal.line(_TYPED).startswith(text) and self._terminal.is_cursor(len(text), _TYPED)

    def filter(self, words: str, shows: str) -> None:
        """Filter by words, and take the filter away again."""
        self.type("f", words)

        def filtered() -> bool:
            rows = [row for row in self.rows() if row.strip()]
            return f"filter: {words}" in self.status() and bool(rows) and all(shows in r or _ALWAYS in r for r in rows)

        self._timed("Enter", filtered, f"filter {words}")
        for _ in range(5):
            if (at := self.at()) is not None and at.position < at.count:
                self.press("j", down)
        self._timed("Escape", lambda: "filter:" not in self.status() and self.at() is not None, "filter off")

    def search(self, words: str, shows: str, again: int) -> None:
        """Search, and go on to the next ones."""
        self.type("/", words)
        self.press("Enter", lambda b, n: n.position != b.position and shows in n.row, f"search {words}")
        for _ in range(again):
            self.press("n", lambda b, n: n.position != b.position and shows in n.row, "next found")


def down(before: _At, now: _At) -> bool:
    """It is one line below."""
    return now.position == before.position + 1


def up(before: _At, now: _At) -> bool:
    """It is one line above."""
    return now.position == before.position - 1


def _further(before: _At, now: _At) -> bool:
    return now.position > before.position


def nearer(before: _At, now: _At) -> bool:
    """It is nearer to the first line."""
    return now.position < before.position


def _first(_: _At, now: _At) -> bool:
    return now.position == 1


def _last(before: _At, now: _At) -> bool:
    return now.position >= before.count


def _failed(before: _At, now: _At) -> bool:
    return now.position != before.position and "!" in now.row[:4]


def main(plan: Plan) -> None:
    """Measure and print."""
    path = million.trace()
    subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    command = [*CONTRACE, "view", str(path)]
    starts = [_start(command) for _ in range(plan.rounds + 1)][1:]  # the first one only warms up
    print(f"\ncontrace view of {million.CALLS:,} calls, from exec to its rows  ({len(starts)} rounds, {_load()})")
    print(f"  median {median(starts):.3f} s, max {max(starts):.3f} s  (target: <= {_START_S} s)", flush=True)

    terminal = Terminal(command)
    try:
        early: Took = defaultdict(list)
        timeline = Timeline(terminal, early)
        terminal.until(lambda: timeline.at() is not None)
        while timeline.reading():
            _round(timeline)
        filled_s = time.perf_counter() - terminal.began
        report_keys(f"while it is read, which takes {filled_s:.1f} s with all these keys", early)
        terminal.calm(1.0)
        late: Took = defaultdict(list)
        timeline = Timeline(terminal, late)
        for _ in range(plan.rounds):
            _round(timeline)
        report_keys("when all is read", late)
        now, most = terminal.memory()
        print(f"  memory: {now:.0f} MiB resident, {most:.0f} MiB at most  (target: <= {_MEMORY_MIB})")
        terminal.press("q")
        terminal.process.wait(10)
    finally:
        terminal.close()


def _start(command: Sequence[str]) -> float:
    terminal = Terminal(command)
    try:
        timeline = Timeline(terminal, {})
        return terminal.until(lambda: timeline.at() is not None) - terminal.began
    finally:
        terminal.close()


def _round(timeline: Timeline) -> None:
    """Everything once; the wanted share of it is scrolling."""
    for _ in range(15):
        timeline.press("j", down)
    for _ in range(10):
        timeline.press("k", up)
    for _ in range(10):
        timeline.press("PageDown", _further)
    timeline.press("End", _last)
    for _ in range(3):
        timeline.press("PageUp", nearer)
    timeline.press("Home", _first)
    for words, shows in _FILTERS:
        timeline.filter(words, shows)
    timeline.press("G", _last)
    timeline.press("g", _first)
    for _ in range(random.Random(0).randint(8, 12)):
        timeline.press("e", _failed)
    for _ in range(5):
        timeline.press("E", _failed)
    timeline.search(*_SEARCHED, again=10)
    timeline.press("Home", _first)


def report_keys(title: str, took: Took) -> None:
    """Print a table: how long each key took."""
    limits = f"median <= {1000 * _MEDIAN_S:.0f} ms, 99th <= {1000 * _WORST_S:.0f} ms"
    print(f"\nfrom a key to what it paints, {title}  ({_load()}; target: {limits})")
    print(f"  {'':24} {'keys':>6} {'median':>9} {'99th':>9} {'max':>9}")
    everything = [each for times in took.values() for each in times]
    for name, times in [*took.items(), ("all", everything)]:
        ordered = sorted(1000 * each for each in times)
        most = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        print(
            f"  {name:24} {len(ordered):6} {median(ordered):6.1f} ms {most:6.1f} ms {ordered[-1]:6.1f} ms", flush=True
        )


def _load() -> str:
    with open("/proc/loadavg") as file:
        return f"load {file.read().split()[0]}"
