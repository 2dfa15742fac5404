"""`crun run` on an OCI bundle, started by `contrace run`."""

from pathlib import Path

from tests.harness import Trace, contrace
from tests.integration.births import MOVED, NAMESPACES, check_payload, check_whole
from tests.managers.fixtures import need
from tests.managers.runtimes import Runtimes


def test_crun_makes_the_namespaces_with_clone(runtimes: Runtimes, tmp_path: Path, backend: str) -> None:
    need("crun")
    path = tmp_path / "crun.ctrace"
    command = runtimes.crun("/bin/id")
    done = contrace("run", "--backend", backend, "--format", "none", "-o", path, "--", *command)
    assert (done.returncode, done.stdout) == (0, "uid=0(root) gid=0(root)\n"), done.stderr
    trace = Trace(path)
    check_whole(trace)
    assert trace.execs(b"crun", b"run")

    clone = trace.one(f"clone(child_stack=NULL, flags={NAMESPACES}|SIGCHLD)")
    child = clone.call.value
    assert child is not None
    before, born = trace.before(clone), trace.identity_at_start(child)
    for name in (*MOVED, "pid"):
        assert born.namespaces[name] != before.namespaces[name]
    assert born.namespaces["user"] == before.namespaces["user"]

    pivot, sethostname = trace.one('pivot_root(".", ".") = 0'), trace.one('sethostname("runc", 4) = 0')
    execve = trace.one('execve("/bin/id", ["/bin/id"]')
    steps = (clone, pivot, sethostname, execve)
    assert {seen.record.tid for seen in steps[1:]} == {child}
    times = [seen.record.time_ns for seen in steps]
    assert times == sorted(times)
    check_payload(trace, execve, (b"/bin/id",))
