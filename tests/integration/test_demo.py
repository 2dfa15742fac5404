"""`make demo`, once the environment is there: what a newcomer sees, as root and as a normal user."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.users import user

DEMO = Path(__file__).parent.parent / "setup/demo.sh"
CONTRACE = Path(sys.executable).with_name("contrace")


def check(done: "subprocess.CompletedProcess[str]", namespaces: str) -> None:
    assert done.returncode == 0, done.stderr
    assert "I am pid 1 on box" in done.stdout
    assert f"unshare({namespaces}) = 0" in done.stderr
    assert 'sethostname("box", 3) = 0' in done.stderr
    assert "pid 1 inside" in done.stderr
    assert "nothing lost; trace: " in done.stderr
    assert "contrace show " in done.stderr


def test_as_root(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    done = subprocess.run(
        ["bash", DEMO, CONTRACE],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    check(done, "CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET")
    assert len(list(tmp_path.glob("contrace-demo-*.ctrace"))) == 1


def test_as_a_normal_user() -> None:
    with user() as somebody:
        # An installed script names its Python by path; as a module contrace runs wherever that is.
        script = somebody.folder / "contrace"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m contrace "$@"\n')
        script.chmod(0o755)
        done = somebody.run("env", f"TMPDIR={somebody.folder}", "bash", DEMO, script)
        check(done, "CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET")
        assert len(list(somebody.folder.glob("contrace-demo-*.ctrace"))) == 1
