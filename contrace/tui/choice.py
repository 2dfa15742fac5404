"""What is asked of the feed and what it answers: the vocabulary that screens, widgets and the feed share. Data only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from contrace.decode.call import Call
from contrace.records import Record
from contrace.story.processes import Task


class Sort(StrEnum):
    """In which order a list of calls stands; within equals, time decides."""

    TIME = "time"
    TOOK = "duration"
    """Longest first; what has no duration comes last."""
    CALL = "call"
    """By the call's name; what is no call comes last."""
    PROCESS = "process"
    """By process id."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a list of calls shows. Losses and warnings are in it whatever it says."""

    words: tuple[str, ...] = ()
    """In the filter language (``filters.parse``)."""
    pids: frozenset[int] | None = None
    """Only what these processes did; None: all."""
    sort: Sort = Sort.TIME


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list of calls."""

    position: int
    """From 0, in its selection; -1 of one that was asked for by id."""
    id: int
    """Of the record in the trace file."""
    record: Record
    """A call (Syscall, Entered), or TaskStart, Exec, TaskExit, Signal, Stopped, Loss, Note."""
    task: Task
    """Whose it is, as it was then; ``identity`` is None: ask ``Feed.before``."""
    call: Call | None
    """Decoded, where the record is a call."""
    text: str
    """One line, harmless to a terminal: the call as strace writes it, or what happened in words."""
    delta_ns: int | None
    """Since the row above; None in the first row, and where the row above is not earlier."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Calls of one name, or of one process."""

    key: str
    """The call's name, or the process's last name, escaped."""
    pid: int
    """0 in a figure of a call's name."""
    count: int
    errors: int
    time_ns: int
    """From entry to return, all together; of what returned."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of what is chosen; ``lost`` and ``uncounted`` are always those of the whole trace."""

    calls: int
    """That are over, whether they returned or not."""
    errors: int
    """Of these, how many returned an error."""
    processes: int
    """That started or were found."""
    threads: int
    """The same of threads, without the first one of each process."""
    lost: int
    """Records that could not be delivered or written, as far as they were counted."""
    uncounted: bool
    """More was lost, and it is not known how much."""
    truncated: int
    """Calls of which some memory (a string, an array, a struct) could only be copied in part."""
    by_call: Sequence[Figure]
    """Most frequent first."""
    by_process: Sequence[Figure]
    """Busiest first."""
