"""Records -> what is written, piece by piece, in the order of time: the interleaving of ``strace -f -o FILE``.

A call is written in two pieces, at its entry and at its return. When something else is to be written in between, its
line is closed with ``<unfinished ...>`` and the rest follows later on a line of its own (``resumed``). So the text
depends only on the records, not on how they were split into batches: one that is read while it grows and one that is
read later are the same, byte by byte.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from contrace.decode.call import Call, decode
from contrace.decode.notation import Notation
from contrace.filters import Facts, Filter
from contrace.output.describe import describe
from contrace.output.escape import name
from contrace.records import Entered, Exec, Identity, Loss, Note, Record, Syscall, TaskExit, TaskStart, Text
from contrace.story.moments import Key, Moments, key
from contrace.story.processes import Processes, Task

_UNFINISHED = "<unfinished ...>"


class Step(Enum):
    """What a piece is, and what is written for it."""

    BEGIN = auto()  # the start of a line: the call's head
    END = auto()  # the rest of the line that is open: the call's tail and result
    BREAK = auto()  # the open line ends here, its call goes on elsewhere: `text`, such as <unfinished ...>
    RESUME = auto()  # a line: <... name resumed>, the call's tail and result
    LINE = auto()  # a line: a record that is not a call


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to write."""

    step: Step
    task: Task
    """Whose line it is, as it was then."""
    time_ns: int
    text: str = ""
    """LINE: the record as text; BREAK: why the line ends."""
    record: Record | None = None
    """LINE: the record; BEGIN, END, RESUME: the call's."""
    call: Call | None = None
    """BEGIN, END, RESUME: the decoded call, at BEGIN perhaps without its result."""
    before: Identity | None = None
    """LINE of an Identity: what was known of the task until then."""


@dataclass(slots=True)
class _Open:
    """A call that was entered and is not over."""

    record: Syscall | Entered
    task: Task
    call: Call
    shown: bool


class Lines:
    """Turns batches into pieces. ``shows`` says which records the format writes at all."""

    def __init__(
        self, notation: Notation, chosen: Filter, shows: Callable[[Record], bool], started_ns: int = 0
    ) -> None:
        self._notation = notation
        self._filter = chosen
        self._shows = shows
        self._started_ns = started_ns
        self._processes = Processes()
        self._moments = Moments()
        self._open: dict[Key, _Open] = {}
        self._line: Key | None = None
        """The call whose line is the last one and has no end yet."""
        self._held: list[Piece] = []
        """What the call of that line brought about: it is written when the line has ended, and does not break it."""
        self._moved: dict[int, int] = {}
        """Tid of a thread that executes -> the leader's tid, which it has got (ptrace(2), execve in a thread)."""
        self._executed: dict[int, bytes] = {}
        """Tid -> path of a successful execve whose line says which file its Exec will name."""
        self._detached = False

    def feed(self, batch: Sequence[Record]) -> Iterator[Piece]:
        """The pieces of one or more complete batches."""
        for time_ns, is_entry, record in self._moments.of(batch):
            if isinstance(record, Entered):
                yield from self._enter(record)
            elif isinstance(record, Syscall):
                yield from self._enter(record) if is_entry else self._leave(record)
            else:
                yield from self._other(record, time_ns)

    def finish(self) -> Iterator[Piece]:
        """The end of the records: closes the open line."""
        if self._filter.needs_result:
            for call_key, call in self._open.items():
                if not call.shown and self._filter.matches(facts(call.record, call.task, call.call)):
                    yield from self._begin(call_key, call)
        if self._line is not None:
            yield from self._break("<detached ...>" if self._detached else _UNFINISHED)

    # --- calls --------------------------------------------------------------------------------------------

    def _enter(self, record: Syscall | Entered) -> Iterator[Piece]:
        call_key = key(record)
        self._processes.apply(record)
        call = decode(record, self._notation)
        task = self._processes.of(record)
        late = self._filter.needs_result
        shown = not late and self._filter.matches(facts(record, task, call))
        self._open[call_key] = entered = _Open(record, task, call, shown)
        if shown:
            yield from self._begin(call_key, entered)

    def _begin(self, call_key: Key, entered: _Open) -> Iterator[Piece]:
        yield from self._break()
        self._line = call_key
        yield Piece(Step.BEGIN, entered.task, entered.record.time_ns, record=entered.record, call=entered.call)

    def _leave(self, record: Syscall) -> Iterator[Piece]:
        call_key = key(record)
        entered = self._open.pop(call_key)
        call = entered.call if entered.record is record else decode(record, self._notation)
        shown = entered.shown
        if self._filter.needs_result and self._filter.matches(facts(record, entered.task, call)):
            yield from self._begin(call_key, entered)
            shown = True
        if shown and call.name in ("execve", "execveat") and call.value == 0:
            self._executed[record.tid] = b"".join(part.data for part in record.memory if isinstance(part, Text))
        if self._line == call_key:
            self._line = None
            yield Piece(Step.END, entered.task, record.end_ns, record=record, call=call)
            yield from self._release()
        elif shown:
            yield from self._break()
            task = replace(entered.task, tid=self._moved.get(record.tid, record.tid))
            yield Piece(Step.RESUME, task, record.end_ns, record=record, call=call)

    # --- everything else ----------------------------------------------------------------------------------

    def _other(self, record: Record, time_ns: int) -> Iterator[Piece]:
        task, before = self._processes.tell(record)
        if isinstance(record, TaskExit) and record.superseded_by:
            self._moved[record.superseded_by] = record.tid
            if self._line is not None and self._line[0] == record.superseded_by:
                yield from self._break(f"<pid changed to {record.tid} ...>")
        elif isinstance(record, Exec):
            self._moved.pop(record.former_tid, None)
            if self._executed.pop(record.former_tid, None) == record.exe:
                return
        elif isinstance(record, Note) and record.topic == "detach":
            self._detached = True
        if not self._shows(record):
            return
        text = describe(record, self._notation, before, self._started_ns)
        if not text or not self._filter.matches(facts(record, task, None, text)):
            return
        piece = Piece(Step.LINE, task, time_ns, text, record, before=before)
        if self._line is not None and self._belongs(record):
            self._held.append(piece)
            return
        yield from self._break()
        yield piece

    def _belongs(self, record: Record) -> bool:
        """Whether the call of the open line brought this about, and it is better told behind that call."""
        assert self._line is not None
        tid = self._line[0]
        if isinstance(record, TaskStart):
            return record.parent_tid == tid
        if isinstance(record, Identity):
            return record.tid == tid or any(piece.task.tid == record.tid for piece in self._held)
        return isinstance(record, Exec) and record.former_tid == tid

    def _break(self, text: str = _UNFINISHED) -> Iterator[Piece]:
        if self._line is not None:
            entered = self._open[self._line]
            self._line = None
            yield Piece(Step.BREAK, entered.task, entered.record.time_ns, text)
            yield from self._release()

    def _release(self) -> Iterator[Piece]:
        held, self._held = self._held, []
        yield from held


def line(call: Call) -> str:
    """A whole call in one line, without the process id, and without the space that strace aligns results with."""
    return f"{call.head}{call.tail} = {call.result}"


def padding(column: int) -> str:
    """What strace puts before the ``=`` of a result: it stands in column 40, or one behind the call."""
    return " " * max(1, 40 - column)


def facts(record: Record, task: Task, call: Call | None, text: str = "") -> Facts:
    """What a filter may ask about a record. ``text``: of a record that is not a call."""
    always = isinstance(record, Loss) or (isinstance(record, Note) and record.topic == "warning")
    if call is None:
        return Facts(text, record.tid, record.pid, name(task.comm), always=always)
    over = isinstance(record, Syscall)
    returned = isinstance(record, Syscall) and record.result is not None and not record.from_event
    return Facts(
        line(call) if over else call.head,
        record.tid,
        record.pid,
        name(task.comm),
        call.name,
        call.errno if over else None,
        record.end_ns - record.time_ns if isinstance(record, Syscall) and returned else None,
    )
