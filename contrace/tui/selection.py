"""The rows of one choice, by position: filled step by step, and again whenever the trace has grown.

What the index can answer is asked of it in stretches of many thousand records; words about the text are then asked of
what is left, decoded. Rows stand by time while they are found; another order is made when all are there.
"""

from array import array
from collections.abc import Callable, Sequence

from contrace.filters import Filter, Term, ids
from contrace.trace.order import Order, Stamped
from contrace.tui.choice import Choice, Sort
from contrace.tui.intake import EVERYBODY, Intake
from contrace.tui.turns import Turns

_STRETCH = 12_000  # records per step
_FIRST_STRETCH = 5000  # the first rows must be there at once
_TEXTS = 200  # records that are decoded per step
_PIECE = 5000
_ORDERS = {Sort.TOOK: "took", Sort.CALL: "call", Sort.PROCESS: "process"}

_MOST = 10_000  # ids that are looked for in each step; with more of them they are likely to be in most

TextTest = Callable[[Sequence[int], Sequence[Term]], set[int]]
"""Which of some records the words about the text are true of."""


class Selection:
    """The rows of a choice. Grows while it is filled and while the trace grows."""

    def __init__(self, choice: Choice, chosen: Filter, intake: Intake) -> None:
        self.choice = choice
        self._filter = chosen
        self._intake = intake
        self._all = not chosen.terms and choice.pids is None
        self._order = intake.order if self._all else Order()
        self._whose = _whose(chosen, choice)
        self._seen = 0
        """Steps of the intake that were looked at."""
        self._replaced = 0
        self._waiting: list[Stamped] = []
        """Rows whose text is still to be looked at, latest first."""
        self._arranged: array[int] | None = None
        self._arranged_of = (-1, -1)

    @property
    def count(self) -> int:
        """Rows known so far."""
        arranged = self._arranged
        return len(self._order if arranged is None else arranged)

    @property
    def complete(self) -> bool:
        """False while there is something to scan: of the file as far as it was taken in."""
        return self._found and (self.choice.sort is Sort.TIME or self._arranged_of == self._extent)

    @property
    def scanned(self) -> float:
        """How much of what is known was looked at, 0..1."""
        if self._all or not self._intake.marks:
            return 1.0
        # A step's last rows may still wait for their text.
        steps = self._seen - len(self._waiting) / _STRETCH
        return min(1.0, max(0.0, steps / len(self._intake.marks)))

    def ids(self, first: int, count: int) -> list[int]:
        """Ids of the rows from a position on, at most ``count``."""
        if first < 0:
            first, count = 0, max(0, count + first)
        arranged = self._arranged
        return self._order.ids(first, count) if arranged is None else arranged[first : first + count].tolist()

    def position_of(self, id: int) -> int | None:
        """Where a record stands, or the next shown one behind it by time; None: there is none."""
        known = self._intake.index.rows([id]).get(id)
        if known is None:
            return None
        at = self._order.position(known.time_ns, id)
        arranged = self._arranged
        if at is None or arranged is None:
            return at
        found = self._order.ids(at, 1)
        try:
            return arranged.index(found[0])
        except (ValueError, IndexError):
            return None

    def holds(self, time_ns: int, id: int) -> bool:
        """Whether the record is one of its rows."""
        return self._order.holds(time_ns, id)

    @property
    def by_time(self) -> Order | None:
        """Its rows, where they stand by time."""
        return self._order if self._arranged is None else None

    # --- filling ------------------------------------------------------------------------------------------

    @property
    def _found(self) -> bool:
        if self._all:
            return True
        intake = self._intake
        return self._seen == len(intake.marks) and self._replaced == len(intake.replaced) and not self._waiting

    @property
    def _extent(self) -> tuple[int, int]:
        return len(self._intake.marks), len(self._order)

    def fill(self, texts: TextTest) -> None:
        """One step of looking for rows, in the turn of whoever calls."""
        if self._found:
            return
        if self._waiting:
            self._read(texts)
            return
        intake = self._intake
        self._skip()
        seen, marks = self._seen, intake.marks
        until, after = seen, marks[seen - 1] if seen else 0
        limit = after + (_STRETCH if seen else _FIRST_STRETCH)
        while until < len(marks) and (until == seen or marks[until] <= limit) and self._may_be_in(until):
            until += 1
        condition = intake.index.condition(self._filter.terms, self.choice.pids)
        found = intake.index.matching(condition, after, marks[until - 1]) if until > seen else []
        if condition.rest:
            self._waiting = found[::-1]
        else:
            self._order.add(found)
        self._seen = until
        self._forget()

    def _skip(self) -> None:
        """Pass over steps in which nothing can be found."""
        while self._seen < len(self._intake.marks) and not self._may_be_in(self._seen):
            self._seen += 1

    def _may_be_in(self, step: int) -> bool:
        return self._whose is None or not self._whose.isdisjoint(self._intake.whose[step])

    def arrange(self, turns: Turns) -> None:
        """Make the order that is asked for, once all rows are found. Takes long where they are many; no turn is held
        while the index sorts."""
        if self.complete or not self._found:
            return
        with turns.later():
            extent = self._extent
        pieces = (self._order.ids(first, _PIECE) for first in range(0, extent[1], _PIECE))
        arranged = self._intake.index.arranged(pieces, _ORDERS[self.choice.sort])
        with turns.later():
            self._arranged, self._arranged_of = arranged, extent

    def _read(self, texts: TextTest) -> None:
        some, self._waiting = self._waiting[-_TEXTS:], self._waiting[:-_TEXTS]
        condition = self._intake.index.condition(self._filter.terms, self.choice.pids)
        true = texts([id for _, id in some], condition.rest)
        self._order.add([row for row in reversed(some) if row[1] in true])
        self._forget()

    def _forget(self) -> None:
        """Take out the Entered whose Syscall has come, when all before them was looked at."""
        if self._seen == len(self._intake.marks) and not self._waiting:
            replaced = self._intake.replaced
            self._order.remove(replaced[self._replaced :])
            self._replaced = len(replaced)


def _whose(chosen: Filter, choice: Choice) -> frozenset[int] | None:
    """Tids and pids of which one is in every step that has rows of the choice; None: they may be anybody's."""
    found = [frozenset(ids(term.value)) for term in chosen.terms if term.key == "pid" and not term.negated]
    found += [choice.pids] if choice.pids is not None else []
    fewest = min(found, key=len, default=None)
    return fewest | {EVERYBODY} if fewest is not None and len(fewest) <= _MOST else None
