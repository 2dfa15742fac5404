"""bubblewrap under `contrace run`, for root and for a normal user: a sandbox whose pid 1 is not the payload."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contrace.records import Exec
from tests.harness import Trace
from tests.integration.births import MOVED, check_whole
from tests.managers.fixtures import need
from tests.users import User, user

NAMESPACES = "CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET"


@pytest.fixture(params=["root", "normal user"])
def who(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    need("bwrap")
    if request.param == "root":
        yield User((), tmp_path)
        return
    with user() as somebody:
        yield somebody


@pytest.mark.parametrize("scope", ["all", "birth"])
def test_bwrap_makes_a_sandbox(who: User, rootfs: Path, scope: str) -> None:
    path = who.folder / "bwrap.ctrace"
    sandbox = ["--ro-bind", rootfs, "/", "--unshare-all", "--hostname", "box"]
    done = who.contrace("run", "--scope", scope, "--format", "none", "-o", path, "--", "bwrap", *sandbox, "/bin/id")
    assert done.returncode == 0, done.stderr
    trace = Trace(path)
    check_whole(trace)

    clone = trace.one(f"clone(child_stack=NULL, flags={NAMESPACES}|SIGCHLD) = ")
    init = clone.call.value
    assert init is not None
    assert trace.start_of(init).nspids == (init, 1)
    before, born = trace.before(clone), trace.identity_at_start(init)
    for name in (*MOVED, "pid", "user", "cgroup"):
        assert born.namespaces[name] != before.namespaces[name]

    execve = trace.one('execve("/bin/id", ["/bin/id"]')
    payload = execve.record.tid
    assert trace.start_of(payload).nspids == (payload, 2)
    steps = [trace.one(line) for line in ('sethostname("box", 3) = 0', 'pivot_root(".", ".") = 0')]
    assert {seen.record.tid for seen in steps} == {init}
    times = [seen.record.time_ns for seen in (clone, *steps, execve)]
    assert times == sorted(times)
    [ran] = [record for record in trace.of_kind(Exec) if record.tid == payload]
    assert (ran.comm, ran.argv) == (b"id", (b"/bin/id",))
