"""`podman run`, started by `contrace run`: a manager without a daemon; conmon is the shim."""

from pathlib import Path

from tests.harness import Trace, contrace
from tests.integration.births import check_runc_birth, check_whole
from tests.managers.podman import Podman


def test_podman_run_is_seen_from_conmon_to_the_payload(podman: Podman, tmp_path: Path, backend: str) -> None:
    path = tmp_path / "podman.ctrace"
    command = podman.run_command("/bin/id")
    done = contrace("run", "--backend", backend, "--format", "none", "-o", path, "--", *command, env=podman.environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("uid=0(root)")
    trace = Trace(path)
    check_whole(trace)
    [conmon] = trace.execs(b"/usr/bin/conmon", b"-c")
    name = conmon.argv[conmon.argv.index(b"-c") + 1].decode()
    assert [seen.argv[-1].decode() for seen in trace.execs(b"create", b"--bundle")] == [name]
    check_runc_birth(trace, hostname=name[:12])
