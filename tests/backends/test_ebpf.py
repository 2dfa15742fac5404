"""What only the eBPF backend tells: missing capabilities, CPU time, and exactly what was lost."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from contrace.capture.base import Command, Wanted
from contrace.capture.ebpf.tracer import EbpfTracer
from contrace.capture.select import ebpf_missing
from contrace.records import Entered, Exec, Loss, Record, Syscall, TaskExit, TaskStart, Text, Vector
from contrace.syscalls.abi import name_of
from tests.backends.conftest import BIRTH, records_of
from tests.backends.test_arguments import ARGV, check_text, check_vector
from tests.backends.test_life import SH, named, of_kind

CAP_SYS_ADMIN = 21  # capabilities(7)
WORKERS, CHILDREN = 4, 600
"""Of tests/fixtures/storm.c."""

Run = Callable[..., list[Record]]


@pytest.fixture
def ebpf() -> Run:
    """ebpf(*argv, …) -> the records of a command."""
    if reason := ebpf_missing():
        pytest.skip(reason)

    def run(*argv: str | Path, calls: frozenset[str] | None = BIRTH, buffer: int = 16 << 20) -> list[Record]:
        wanted = Wanted(scope="all", calls=calls, buffer=buffer)
        return records_of(EbpfTracer(wanted), Command(str(argv[0]), tuple(map(str, argv))))

    return run


@pytest.mark.usefixtures("root")
def test_a_refused_call_names_the_capability(ebpf: Run, built: Callable[[str], Path]) -> None:
    if not Path("/sys/kernel/btf/vmlinux").read_bytes().count(b"\0btf_trace_cap_capable\0"):
        pytest.skip("needs root on a kernel that tells of capabilities (Linux 6.14)")
    user_ns = Path("/proc/self/ns/user").stat().st_ino
    missing, refused = named(ebpf(built("refused")), "mount")
    assert (missing.result, missing.refused) == (-2, ())  # ENOENT comes before the question
    assert (refused.result, refused.refused) == (-1, ((CAP_SYS_ADMIN, user_ns),))


def test_waiting_for_a_vforked_child_takes_no_cpu_time(ebpf: Run, built: Callable[[str], Path]) -> None:
    [call] = named(ebpf(built("vfork_waits")), "vfork")
    assert call.end_ns - call.time_ns >= 200_000_000
    assert call.cpu_enter_ns is not None
    assert call.cpu_exit_ns is not None
    assert 0 < call.cpu_exit_ns - call.cpu_enter_ns < 20_000_000


def test_cpu_time_never_decreases_and_is_what_was_used(ebpf: Run) -> None:
    records = ebpf(SH, "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; /bin/true; cd /", calls=None)
    times: dict[int, list[int]] = {}
    for call in of_kind(records, Syscall):
        assert call.cpu_enter_ns is not None
        times.setdefault(call.tid, []).append(call.cpu_enter_ns)
        if call.cpu_exit_ns is not None:
            times[call.tid].append(call.cpu_exit_ns)
    for values in times.values():
        assert values == sorted(values)
        assert values[0] >= 0
    spans = [(call.end_ns - call.time_ns, call) for call in of_kind(records, Syscall)]
    for wall, call in spans:
        if call.cpu_exit_ns is not None and call.cpu_enter_ns is not None:
            assert call.cpu_exit_ns - call.cpu_enter_ns <= wall + 2_000_000


def test_what_a_full_buffer_loses_is_counted_exactly(ebpf: Run, built: Callable[[str], Path]) -> None:
    program = built("storm")
    records = ebpf(program, buffer=65536)
    lost: Counter[str] = Counter()
    for loss in of_kind(records, Loss):
        assert loss.count == sum(loss.kinds.values())
        assert loss.since_ns < loss.time_ns
        lost.update(loss.kinds)
    assert lost["start"], "the buffer was large enough: this tests nothing"
    processes, executed = WORKERS * (1 + CHILDREN), WORKERS * CHILDREN // 3
    # … and the command itself
    assert len(of_kind(records, TaskStart)) + lost["start"] == processes + 1
    assert len(of_kind(records, Exec)) + lost["exec"] == executed + 1
    assert len(of_kind(records, TaskExit)) + lost["exit"] == processes + 1
    [command] = [start.tid for start in of_kind(records, TaskStart) if start.call == "run"]
    calls = named(records, "execve", "fork", "clone")
    unfinished = {(call.tid, call.time_ns) for call in of_kind(records, Entered)} - {
        (call.tid, call.time_ns) for call in of_kind(records, Syscall)
    }
    # A call is over, or only its return was lost, or all of it.
    assert len(calls) + len(unfinished) + lost["call"] == 1 + executed + processes
    # Nothing pushes the times of what came after a loss.
    assert not [call for call in calls if call.end_ns - call.time_ns == 1]
    for call in calls:
        if name_of(call.abi, call.nr) == "execve":
            check_execve(call, program, () if call.tid == command else (b"executed",))
        else:
            assert call.result is None or (call.result > 0 and call.result != call.tid)


def check_execve(call: Syscall, program: Path, words: tuple[bytes, ...]) -> None:
    name = str(program).encode()
    assert call.result in (0, None)
    for memory in call.memory:
        if isinstance(memory, Text):
            check_text(memory, name)
        if isinstance(memory, Vector) and memory.arg == ARGV:
            check_vector(memory, (name, *words))
