"""`strace -f -p containerd` and contrace's eBPF at the same time over one `docker run`: the same lines of each task."""

import signal
import subprocess
from collections import defaultdict
from difflib import unified_diff
from pathlib import Path

import pytest

from contrace.capture.select import ebpf_missing
from contrace.syscalls.specs import GROUPS
from tests.harness import attached, contrace
from tests.managers import host
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.parity import known, lines

GONE = "???("
"""What strace writes of a task that is killed while it looks at the task's call: nothing is left to be read."""
CUT = " <unfinished ...>) = ?"
"""What strace writes of a call whose task is killed before it can stop at the end of the call. The kernel has ended it,
and the probe at the end of calls has told how."""
CALLS = ",".join(GROUPS["%birth"])


@pytest.mark.parametrize("options", [(), ("-v", "-s", "200000")], ids=["short", "whole"])
def test_a_docker_run_reads_the_same_in_both(
    docker: Docker, containerd: Containerd, tmp_path: Path, options: tuple[str, ...]
) -> None:
    if reason := ebpf_missing():
        pytest.skip(reason)
    with attached(containerd.pid, "--scope", "all", backend="ebpf", trace=tmp_path / "docker.ctrace") as session:
        text = strace_of_a_run(containerd, docker, tmp_path / "strace.log", *options)
    shown = contrace("show", session.trace, "--format", "strace", *options)
    assert shown.returncode == 0, shown.stderr
    expected, found = by_tid(text), by_tid(shown.stdout)
    assert len(expected) > 20
    assert any("pivot_root(" in line for task in expected.values() for line in task)
    for tid in host.tasks_of(containerd.pid):
        # strace began later and ended earlier: what its threads did then is contrace's alone
        found[tid] = within(expected[tid], found[tid])
    assert {tid for tid in expected if expected[tid]} == {tid for tid in found if found[tid]}
    for tid, task in expected.items():
        whole = told_to_the_end(known.newest(task), found[tid])
        difference = "\n".join(unified_diff(whole, found[tid], "strace", "contrace", lineterm="", n=1))
        assert not difference, difference


def strace_of_a_run(containerd: Containerd, docker: Docker, log: Path, *options: str) -> str:
    before = host.our_processes().keys()
    command = ["strace", "-q", "-f", "-o", log, f"--trace={CALLS}", "--signal=all", *options, "-p", str(containerd.pid)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as strace:
        try:
            tids = host.tasks_of
            host.wait_until(lambda: all(map(host.tracer_of, tids(containerd.pid))), "strace is attached")
            assert docker.run("/bin/id").startswith("uid=0(root)")
            host.wait_until(lambda: host.our_processes().keys() <= {*before, strace.pid}, "the shim has ended")
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(20)
    return log.read_text("ascii")


def by_tid(text: str) -> dict[int, list[str]]:
    """Each task's lines, the halves of calls joined, results not padded."""
    tasks: dict[int, list[str]] = defaultdict(list)
    for line in lines.joined(text).splitlines():
        tid, body = lines.split(line)
        if not body.startswith(GONE):
            tasks[int(tid)].append(lines.unpadded(body))
    return tasks


def within(part: list[str], whole: list[str]) -> list[str]:
    """The stretch of ``whole`` that equals ``part``, or all of it if there is none."""
    starts = range(len(whole) - len(part) + 1)
    return next((part for start in starts if whole[start : start + len(part)] == part), whole)


def told_to_the_end(strace: list[str], contrace: list[str]) -> list[str]:
    """``strace`` with the end that ``contrace`` has of the call in which its task was killed, the last one."""
    last = slice(-2, -1)
    for cut, told in zip(strace[last], contrace[last], strict=False):
        if cut.endswith(CUT) and told.startswith(cut.removesuffix(CUT)):
            return [*strace[:-2], told, *strace[-1:]]
    return strace
