"""The rules that hold for every test are kept: nothing is skipped without need, and nothing is left behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.managers.fixtures import need

ROOT = Path(__file__).parent.parent
SKIPPING = """
import pytest
def test_skipped():
    pytest.skip({reason!r})
@pytest.mark.skip(reason={reason!r})
def test_marked():
    pass
@pytest.fixture
def missing():
    pytest.skip({reason!r})
def test_fixture(missing):
    pass
"""
LEAVING = """
import os, subprocess
from tests.managers.host import stuck_tasks, wait_until
def test_leaves(base):
    {statement}
"""


def run_tests(folder: Path, text: str, **setting: str) -> str:
    """Run a module with these tests under the rules; what pytest said."""
    module = folder / "test_it.py"
    module.write_text(text)
    options = ["-p", "no:cacheprovider", "-p", "tests.conftest", f"--rootdir={ROOT}", "-c", ROOT / "pyproject.toml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, module],
        cwd=ROOT,
        env=os.environ | setting,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("setting", "reason", "outcome"),
    [
        ("1", "no time", "1 failed, 2 errors"),
        ("1", "needs the program runc (make packages)", "1 failed, 2 errors"),
        ("1", "kernel without x32", "3 skipped"),
        ("", "no time", "3 skipped"),
    ],
)
def test_a_skip_fails_where_it_must_not_be(tmp_path: Path, setting: str, reason: str, outcome: str) -> None:
    said = run_tests(tmp_path, SKIPPING.format(reason=reason), CONTRACE_NO_SKIP=setting)
    assert outcome in said, said


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ('os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1001")', r"process \d+: sleep 1001"),
        ('subprocess.run("mktemp", check=True)', r"file \S+/tmp/tmp\."),
        ('subprocess.run(["mount", "-t", "tmpfs", "contrace-test", base / "tmp"], check=True)', r"mount \S+/tmp\b"),
    ],
    ids=["process", "file", "mount"],
)
def test_the_run_fails_when_a_test_leaves_something(tmp_path: Path, statement: str, left: str) -> None:
    if "mount" in statement:
        need("mount", "umount")
    said = run_tests(tmp_path, LEAVING.format(statement=statement))
    assert "1 passed, 1 error" in said, said
    assert re.search(f"left behind by the tests:\nE +{left}", said), said


def test_a_test_fails_when_it_leaves_a_task_stopped(tmp_path: Path) -> None:
    statement = 'os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", "kill -STOP $$"); wait_until(stuck_tasks, "it stops")'
    said = run_tests(tmp_path, LEAVING.format(statement=statement))
    assert re.search(r"left stopped or traced:\n[E |]+tid \d+ of \d+ \(sh -c kill -STOP \$\$\): state T", said), said
