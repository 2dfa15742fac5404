"""``contrace show --normalise``: a trace without what differs from run to run, so that two of the same can be compared.

One block per process, in the order of their places in the tree, since no two runs interleave side by side processes
alike. Times are left out, and SIGCHLD: whether one that nobody waits for is seen depends on the moment. Pids become
places in the tree (``<1.2>``: the second child of the first process), namespace inodes the place of who made them,
addresses and random names a word; of a cgroup only its last name is kept. Numbers that the traced processes see
themselves, such as pids in a PID namespace, stay: they are part of it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from contrace.decode.notation import Notation
from contrace.filters import Filter
from contrace.output.escape import name, printable
from contrace.output.lines import Lines, Piece, Step, line
from contrace.records import Identity, Loss, Note, Record, Signal, Syscall, TaskStart
from contrace.story.changes import changes
from contrace.trace.schema import Meta

_SIGCHLD = 17  # include/uapi/asm-generic/signal.h
_STARTING = ("clone", "clone3", "fork", "vfork")
_PID = re.compile(r"(si_pid=|started by |/proc/|[a-z]-|tid=\[|pid changed to )([0-9]{1,10})(?![0-9])")
"""No pid has more than ten digits, and a text of the traced processes may have thousands."""
_ADDRESS = re.compile(r"\b0x[0-9a-f]{5,}\b")
_TEMPORARY = re.compile(r"\b(contrace-(?:[a-z]+-)?)[a-z0-9_]{8}\b")
"""Names of Python's tempfile, as contrace makes them."""
_FOR_CHILDREN = "_for_children"
_CPU_TIMES = re.compile(r", si_utime=\d+(?: /\*.*?\*/)?, si_stime=\d+(?: /\*.*?\*/)?")


@dataclass(slots=True)
class _Block:
    """What one task did."""

    label: str
    start: str
    lines: list[str] = field(default_factory=list)
    children: "list[_Block]" = field(default_factory=list)


class Normalised:
    """See ``contrace.output.Output``. Everything is written at the end."""

    def __init__(self, stream: TextIO, meta: Meta, notation: Notation, chosen: Filter) -> None:
        self._stream = stream
        self._lines = Lines(notation, chosen, _tells, meta.started_monotonic_ns)
        self._roots: list[_Block] = []
        self._blocks: dict[int, _Block] = {}
        """The tasks that have a tid now, by it."""
        self._open: dict[int, str] = {}
        """tid -> head of the call that it is in."""
        self._awaited: dict[int, tuple[_Block, int]] = {}
        """Result of a call that started a task -> where its line is, until the task is told of."""
        self._early: dict[int, _Block] = {}
        """Tasks that were told of before the call that started them had returned, by tid."""
        self._capture: list[str] = []
        self._namespaces: dict[tuple[str, str], str] = {}
        """Kind and inode of each namespace -> what it is called. An inode is used again when its namespace is gone."""

    def feed(self, batch: Sequence[Record]) -> None:
        """Take in one or more complete batches."""
        for piece in self._lines.feed(batch):
            self._take(piece)

    def finish(self) -> None:
        """Write the blocks."""
        for piece in self._lines.finish():
            self._take(piece)
        for tid, head in self._open.items():
            self._blocks[tid].lines.append(self._stable(head) + " <unfinished ...>")
        write = self._stream.write
        for text in self._capture:
            write(f"{text}\n")
        for block in self._in_order():
            write(f"\n{block.label} {block.start}\n")
            for text in block.lines:
                write(f"    {text}\n")

    def _in_order(self) -> Iterator[_Block]:
        """Parents before their children. Without recursion, since a tree may be as deep as there are pids."""
        rest = self._roots[::-1]
        while rest:
            block = rest.pop()
            yield block
            rest += reversed(block.children)

    # --- what is told -------------------------------------------------------------------------------------

    def _take(self, piece: Piece) -> None:
        record, call = piece.record, piece.call
        match piece.step:
            case Step.BEGIN:
                assert call is not None
                self._open[piece.task.tid] = call.head
                self._block(piece)
            case Step.END | Step.RESUME:
                assert call is not None
                assert isinstance(record, Syscall)
                self._open.pop(record.tid, None)  # of an execve in a thread, the piece's tid is the leader's
                text = line(call)
                block = self._block(piece)
                block.lines.append(self._stable(text))
                if call.name in _STARTING and call.value is not None and call.value > 0:
                    child = self._early.pop(call.value, None)
                    if child is not None and child in block.children:  # of vfork, the child is told of first
                        block.lines[-1] = block.lines[-1].removesuffix(call.result) + f"<{child.label}>"
                    else:
                        self._awaited[call.value] = block, len(block.lines) - 1
            case Step.LINE if isinstance(record, TaskStart):
                self._start(record, piece)
            case Step.LINE if isinstance(record, Identity):
                block = self._block(piece)
                block.lines += self._changes(block, piece.before, record)
            case Step.LINE if piece.task.tid:
                self._block(piece).lines.append(self._stable(piece.text))
            case Step.LINE if isinstance(record, Loss) or (isinstance(record, Note) and record.topic == "warning"):
                self._capture.append(piece.text)
            case _:
                pass

    def _start(self, record: TaskStart, piece: Piece) -> None:
        above = self._blocks.get(record.parent_tid)
        siblings = self._roots if above is None else above.children
        label = f"{above.label}.{len(siblings) + 1}" if above else str(len(siblings) + 1)
        block = _Block(label, "")
        siblings.append(block)
        self._blocks[record.tid] = block
        if record.tid in self._awaited:  # not where the caller has another number for it
            caller, index = self._awaited.pop(record.tid)
            # The call may have the number in its arguments, too, where clone3 stores it (CLONE_PARENT_SETTID).
            text = self._stable(caller.lines[index])
            caller.lines[index] = text.removesuffix(str(record.tid)) + f"<{label}>"
        else:
            self._early[record.tid] = block
        block.start = f"{name(piece.task.comm)}: {self._stable(piece.text)}"

    def _block(self, piece: Piece) -> _Block:
        tid = piece.task.tid
        if tid not in self._blocks:
            self._blocks[tid] = _Block(str(len(self._roots) + 1), f"{name(piece.task.comm)}: not seen to start")
            self._roots.append(self._blocks[tid])
        return self._blocks[tid]

    def _changes(self, block: _Block, before: Identity | None, record: Identity) -> list[str]:
        """One line per change; of cgroups the last names only: above them every machine has its own."""
        texts: dict[str, None] = {}
        for change in changes(before, record):
            if change.area == "cgroup":
                texts[f"cgroup: {self._stable(_text(change.after).rsplit('/', 1)[-1])}"] = None
            elif change.area == "namespaces":
                was, now = _text(change.before), _text(change.after)
                # An unshare for the children is seen before the child whose namespace it will be.
                later = change.name.endswith(_FOR_CHILDREN) and record.why != "unshare"
                maker = "" if later or record.why == "setns" else block.label
                shown = f"{self._namespace(change.name, was)} → {self._namespace(change.name, now, maker)}"
                texts[f"namespaces: {change.name} {shown}"] = None
            else:
                shown = f"{_text(change.before)} → {_text(change.after)}"
                texts[f"{change.area}: {change.name} {self._stable(shown)}".replace(":  ", ": ")] = None
        return list(texts)

    # --- what is stable -----------------------------------------------------------------------------------

    def _label(self, pid: str) -> str:
        block = self._blocks.get(int(pid))
        return f"<{block.label}>" if block else pid

    def _stable(self, text: str) -> str:
        text = _PID.sub(lambda found: found[1] + self._label(found[2]), _CPU_TIMES.sub("", text))
        return _TEMPORARY.sub(r"\1<name>", _ADDRESS.sub("<address>", text))

    def _namespace(self, kind: str, inode: str, maker: str = "") -> str:
        """What a namespace is called; with ``maker``, one that has just been made there."""
        key = kind.removesuffix(_FOR_CHILDREN), inode
        if maker:
            whose = maker if kind == key[0] else f"the children of {maker}"
            self._namespaces[key] = f"<{key[0]} of {whose}>"
        return self._namespaces.get(key, inode if not inode.isdecimal() else f"<first {key[0]}>")


def _text(value: str | bytes) -> str:
    return name(value) if isinstance(value, bytes) else printable(value)


def _tells(record: Record) -> bool:
    return not isinstance(record, Signal) or record.signo != _SIGCHLD
