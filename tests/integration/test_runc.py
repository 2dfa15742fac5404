"""`runc run` on an OCI bundle, started by `contrace run`."""

from pathlib import Path

import pytest

from tests.harness import Trace, contrace
from tests.integration.births import check_runc_birth, check_whole
from tests.managers.runtimes import Runtimes


@pytest.mark.parametrize(
    "way", [("ptrace",), ("ptrace", "--no-filter"), ("ebpf",)], ids=["ptrace with a filter", "ptrace without", "ebpf"]
)
@pytest.mark.parametrize("scope", ["all", "birth"])
def test_runc_run_is_seen_whole(runtimes: Runtimes, tmp_path: Path, scope: str, way: tuple[str, ...]) -> None:
    path = tmp_path / "runc.ctrace"
    command = runtimes.runc("/bin/id")
    done = contrace("run", "--scope", scope, "--backend", *way, "--format", "none", "-o", path, "--", *command)
    assert (done.returncode, done.stdout) == (0, "uid=0(root) gid=0(root)\n"), done.stderr
    trace = Trace(path)
    check_whole(trace)
    [run] = trace.execs(b"runc", b"run")
    assert run.argv == [word.encode() for word in command]
    # runc re-executes itself as init, and that one again from a sealed copy of its binary (CVE-2019-5736)
    assert [seen.call.name for seen in trace.execs(b"runc", b"init")] == ["execve", "execveat"]
    check_runc_birth(trace, hostname="runc")


def test_the_containers_own_exit_status_is_handed_on(runtimes: Runtimes, tmp_path: Path) -> None:
    command = runtimes.runc("/bin/sh", "-c", "exit 42")
    done = contrace("run", "--format", "none", "-o", tmp_path / "runc.ctrace", "--", *command)
    assert done.returncode == 42, done.stderr
