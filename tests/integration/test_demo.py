"""`make demo` on any machine: the main job without a container manager, for root and for a normal user."""

import re
import sys
from pathlib import Path

import pytest

from tests.harness import Trace
from tests.integration.births import MOVED, check_whole
from tests.managers.fixtures import need
from tests.users import user

DEMO = Path(__file__).parent.parent / "setup/demo.sh"
CONTRACE = Path(sys.executable).with_name("contrace")


def check_demo(stdout: str, stderr: str, flags: str) -> None:
    """The process in the new namespaces ran, the timeline shows how they were made, the trace can be looked at again."""
    assert stdout.startswith("I am pid 1 on box, and I see these processes:\n")
    assert f"unshare({flags}) = 0" in stderr
    assert 'sethostname("box", 3) = 0' in stderr
    file = re.search(r"The trace is in (\S+)\.", stderr)
    assert file, stderr
    path = Path(file[1])
    trace = Trace(path)
    path.unlink()
    check_whole(trace)
    unshare = trace.one(f"unshare({flags}) = 0")
    before, after = trace.before(unshare), trace.after(unshare)
    for name in MOVED:
        assert after.namespaces[name] != before.namespaces[name]


def test_the_demo_works_as_root() -> None:
    need("unshare")
    done = subprocess_demo()
    assert done.returncode == 0, done.stderr
    check_demo(done.stdout, done.stderr, "CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET")


def test_the_demo_works_as_a_normal_user() -> None:
    with user() as somebody:
        done = somebody.run("bash", DEMO, CONTRACE)
    print(done)
    assert done.returncode == 0, done.stderr
