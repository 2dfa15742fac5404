"""The recorded traces are what contrace records today: the same programs make the same calls.

A trace has the whole environment and the working directory of whoever took it. So they are recorded anew with little of
an environment, in a clone below /tmp, on a host named "demo":

    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CONTRACE_WRITE_TRACES=1 \\
        unshare --uts sh -c 'hostname demo && .venv/bin/python -m pytest tests/tui/test_recorded.py'

Then what is drawn of them is drawn anew:

    python -m pytest tests/tui/test_snapshots.py --snapshot-update && python -m tests.tui.tour
"""

import os
import shutil
from pathlib import Path

import pytest

from contrace.capture.select import ebpf_missing
from contrace.records import Exec
from tests.harness import Trace, attached, contrace
from tests.managers import host
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.managers.images import SHORT
from tests.tui.conftest import TRACES

WRITE = os.environ.get("CONTRACE_WRITE_TRACES") == "1"


def same(recorded: Path, fresh: Path) -> None:
    if WRITE:
        shutil.copy(fresh, TRACES / recorded.name)
    assert told(fresh) == told(TRACES / recorded.name if WRITE else recorded)


def told(path: Path) -> dict[str, object]:
    """What does not depend on the day and the machine: how it was taken, what ran, and which calls were made."""
    trace = Trace(path)
    return {
        "backend": trace.meta.backend,
        "mode": trace.meta.mode,
        "calls": trace.meta.calls,
        "ran": {(Path(os.fsdecode(run.exe)).name, run.watched) for run in trace.of_kind(Exec)},
        "made": {seen.call.name for seen in trace.calls},
    }


def test_a_docker_run(docker: Docker, containerd: Containerd, docker_trace: Path, tmp_path: Path) -> None:
    if reason := ebpf_missing():
        pytest.skip(reason)
    fresh = tmp_path / "fresh.ctrace"
    with attached(docker.pid, containerd.pid, backend="ebpf", trace=fresh):
        before = host.our_processes().keys()
        options = ("--rm", "--network", "none", "--hostname", "web")
        done = docker.client("run", *options, SHORT, "sh", "-c", "echo hello; sleep 0.05")
        assert done.stdout == "hello\n", done.stderr
        host.wait_until(lambda: host.our_processes().keys() <= before, "the shim has ended")
    same(docker_trace, fresh)


def test_unshare_and_a_shell(unshare_trace: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.ctrace"
    spaces = ("--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--uts")
    script = "hostname inside; cat /nowhere; true"
    done = contrace(
        "run", "--backend", "ptrace", "--format", "none", "-o", fresh, "--", "unshare", *spaces, "sh", "-c", script
    )
    assert done.returncode == 0, done.stderr
    same(unshare_trace, fresh)
