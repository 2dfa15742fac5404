"""The same processes under ptrace and eBPF at the same time: record by record, both tell the same.

A shell runs every case while both are attached to it. Each task's records are compared in the order in which each
backend wrote them, with all their fields but the clock's; what may differ is a row of ``differences.py``.
"""

import shlex
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import pytest

from contrace.capture.select import ebpf_missing
from contrace.decode.call import decode
from contrace.decode.notation import Notation
from contrace.records import Entered, Identity, Loss, Note, Record, Signal, Syscall, TaskStart
from contrace.syscalls.abi import name_of
from contrace.trace.reader import TraceReader
from tests.harness import attached
from tests.managers.runtimes import Runtimes
from tests.parity.differences import ALONE, FIELDS, is_narrow
from tests.parity.test_strace_parity import BITS, NOT_32, PROGRAMS, X86_ONLY, built

CLOCKS = {"time_ns", "end_ns", "cpu_enter_ns", "cpu_exit_ns"}
SHOWN = {"result", "memory"}
"""What a row forgives here can be seen in the call's line."""
SHELL = 'while read -r line; do eval "$line"; echo done; done'
STEP = "sh -c 'echo $$; exec \"$@\"' sh"
"""Tells its pid and becomes the command that follows."""

COMMANDS = {
    "pipeline": "sh -c 'echo a b | tr a-z A-Z | { read x y; cat; /bin/true; }'",
    "namespaces of unshare": "unshare --mount --uts --ipc --pid --fork sh -c 'hostname x; id'",
    "user namespace": "unshare --user --map-root-user --mount sh -c 'id; true'",
    "another root": "unshare --mount --root / --wd /tmp true",
    "other ids": "setpriv --reuid 1234 --regid 77 --groups 5,6,7 sh -c '/bin/true; /bin/true'",
    "fewer capabilities": "setpriv --bounding-set=-net_raw,-mknod --inh-caps=-all --no-new-privs sh -c 'id; true'",
    "no capabilities": "setpriv --reuid 1234 --clear-groups --bounding-set=-all sh -c 'unshare --user true'",
    "a thread's child": "python3 -c 'import os, threading; threading.Thread(target=os.system, args=[\"id\"]).start()'",
    "not found": "sh -c '/nonexistent; /etc/passwd; exit 3'",
}
LONG = {"storm"}
"""Thousands of processes: under ptrace that is 10 s, and they tell nothing that the others do not."""
CONTAINERS = {"runc": ("/bin/id",), "container with a pipeline": ("/bin/sh", "-c", "ls / | wc -l; unshare -m true")}
PROGRAMS_BUILT = {
    f"{program}-{bits}": (program, bits)
    for program in PROGRAMS
    for bits in BITS
    if program not in LONG
    if (bits == 64 or program not in NOT_32) and (program not in X86_ONLY or len(BITS) > 1)
}
CASES = [*PROGRAMS_BUILT, *COMMANDS, *CONTAINERS]


@dataclass
class Session:
    """What both backends wrote, and which process was which case."""

    ptrace: list[Record]
    ebpf: list[Record]
    cases: dict[int, str]

    def tasks(self, records: list[Record], case: str) -> dict[int, list[Record]]:
        """The records of each task that the case's process, or a descendant of it, was."""
        parents = {r.tid: r.parent_pid for r in self.ptrace if isinstance(r, TaskStart)}
        leaders = {r.tid: r.pid for r in self.ptrace if isinstance(r, TaskStart)}

        def origin(tid: int) -> str | None:
            while tid in parents and leaders[tid] not in self.cases:
                tid = parents[tid]
            return self.cases.get(leaders.get(tid, 0))

        found: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            if origin(record.tid) == case and not isinstance(record, Entered | Note):
                found[record.tid].append(record)
        return found


@pytest.fixture(scope="module")
def session(runtimes: Runtimes, tmp_path_factory: pytest.TempPathFactory) -> Session:
    if reason := ebpf_missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("two")
    folder.chmod(0o755)
    commands = COMMANDS | {
        **{case: str(built(*program)) for case, program in PROGRAMS_BUILT.items()},
        **{case: shlex.join(runtimes.runc(*payload)) for case, payload in CONTAINERS.items()},
    }
    cases: dict[int, str] = {}
    with subprocess.Popen(
        ["setarch", "--addr-no-randomize", "sh", "-c", SHELL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        text=True,
    ) as shell:
        assert shell.stdin
        assert shell.stdout
        with (
            attached(shell.pid, "--scope", "all", backend="ptrace", trace=folder / "ptrace.ctrace"),
            attached(shell.pid, "--scope", "all", backend="ebpf", trace=folder / "ebpf.ctrace"),
        ):
            for case, command in commands.items():
                shell.stdin.write(f"{STEP} {command} </dev/null\n")
                shell.stdin.flush()
                said = list(iter(shell.stdout.readline, "done\n"))
                cases[int(said[0])] = case
        shell.stdin.close()
        shell.wait(20)
    return Session(_records(folder / "ptrace.ctrace"), _records(folder / "ebpf.ctrace"), cases)


def _records(path: Path) -> list[Record]:
    with closing(TraceReader(path)) as reader:
        assert reader.ended is not None
        return [record for _, record in reader.records()]


def _what(record: Record) -> str:
    """Which record it is, without its values."""
    about = type(record).__name__
    if isinstance(record, Syscall):
        return f"{about} {name_of(record.abi, record.nr)}"
    if isinstance(record, Identity):
        return f"{about} {record.why}"
    return f"{about} {record.signo}" if isinstance(record, Signal) else about


def _without_known(records: list[Record]) -> Iterator[Record]:
    last: Syscall | None = None
    for record in records:
        row = next((row for row in ALONE if row.forgives(record, last)), None)
        last = record if isinstance(record, Syscall) else last
        if row is None:
            yield record
        else:
            row.used += 1


def _unforgiven(ours: Record, theirs: Record, narrow: set[int]) -> Iterator[str]:
    origin = getattr(ours, "parent_tid", 0) or getattr(ours, "former_tid", 0)
    for name in ours.__struct_fields__:
        if name in CLOCKS or getattr(ours, name) == getattr(theirs, name):
            continue
        rows = (row for row in FIELDS if row.name == name and (origin in narrow or not row.narrow))
        row = next((row for row in rows if row.forgives(ours, theirs)), None)
        if row is None:
            yield f"{_what(ours)}, {name}:\n- {getattr(ours, name)!r:.2000}\n+ {getattr(theirs, name)!r:.2000}"
        else:
            row.used += 1
        if name in SHOWN:
            return
    if isinstance(ours, Syscall) and isinstance(theirs, Syscall) and _line(ours) != _line(theirs):
        yield f"the lines differ:\n- {_line(ours):.2000}\n+ {_line(theirs):.2000}"


def _line(record: Syscall) -> str:
    call = decode(record, Notation(string_limit=200_000, verbose=True))
    return f"{call.head}{call.tail} = {call.result}"


def compared(session: Session, case: str) -> list[str]:
    """Every difference that no row explains; - is ptrace's, + eBPF's."""
    found: list[str] = []
    ours, theirs = session.tasks(session.ptrace, case), session.tasks(session.ebpf, case)
    assert ours
    narrow = {record.tid for records in ours.values() for record in records if is_narrow(record)}
    for tid in ours.keys() | theirs.keys():
        left, right = list(_without_known(ours[tid])), theirs[tid]
        order = list(unified_diff([*map(_what, left)], [*map(_what, right)], "ptrace", "ebpf", lineterm=""))
        if order:
            found.append("\n".join(order))
            continue
        for pair in zip(left, right, strict=True):
            found += _unforgiven(*pair, narrow)
    return found


@pytest.mark.parametrize("case", CASES)
def test_both_tell_the_same(session: Session, case: str) -> None:
    found = compared(session, case)
    assert not found, "\n".join(found)


def test_every_known_difference_is_needed(session: Session) -> None:
    for case in CASES:
        compared(session, case)
    unused = [row.why for row in ALONE if not row.used]
    unused += [row.why for row in FIELDS if not (row.used or row.rare)]
    assert not unused, "differences that no process shows:\n" + "\n".join(unused)


def test_nothing_was_lost_and_entries_have_their_own_time(session: Session) -> None:
    assert not [r for r in session.ebpf if isinstance(r, Loss)]
    times = {(r.tid, r.time_ns) for r in session.ebpf if isinstance(r, Syscall)}
    assert len(times) == sum(isinstance(r, Syscall) for r in session.ebpf)
