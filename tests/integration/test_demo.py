"""`make demo`: the main job without a container manager, for root and for a normal user."""

import re
import sys
from pathlib import Path

import pytest

from tests.harness import Trace
from tests.integration.births import MOVED, check_whole
from tests.managers.fixtures import need
from tests.users import User, user

DEMO = Path(__file__).parent.parent / "setup/demo.sh"
CONTRACE = Path(sys.executable).with_name("contrace")
"""As `make demo` installs it."""


@pytest.fixture
def root(tmp_path: Path) -> User:
    need("unshare")
    return User((), tmp_path)


def play(who: User, flags: str) -> None:
    """The process in the new namespaces runs, the timeline shows how they were made, and the trace can be looked at."""
    done = who.run("env", f"TMPDIR={who.folder}", "bash", DEMO, CONTRACE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("I am pid 1 on box, and I see these processes:\n")
    unshared = f"unshare({flags}) = 0"
    for line in (unshared, "namespaces: ipc ", 'execve("/bin/sh", ["/bin/sh", "-c"', 'sethostname("box", 3) = 0'):
        assert line in done.stderr

    advice = re.findall(rf"^    {re.escape(str(CONTRACE))} (.+)$", done.stderr, re.M)
    assert [words.split()[0] for words in advice] == ["show", "show", "show", "doctor"]
    for words in advice:
        again = who.run(CONTRACE, *words.split())
        assert again.returncode == 0, again.stderr
        assert "doctor" in words or "unshare(" in again.stdout

    trace = Trace(Path(advice[0].split()[1]))
    check_whole(trace)
    unshare = trace.one(unshared)
    before, after = trace.before(unshare), trace.after(unshare)
    for name in MOVED:
        assert after.namespaces[name] != before.namespaces[name]


def test_the_demo_works_for_root(root: User) -> None:
    play(root, "CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET")


def test_the_demo_works_for_a_normal_user() -> None:
    with user() as somebody:
        play(somebody, "CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET")
