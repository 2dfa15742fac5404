"""CI's rule: a test that this machine could run may not be skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OPTIONS = ("-p", "no:cacheprovider", "-p", "tests.conftest", "-c", ROOT / "pyproject.toml")
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
    module = tmp_path / "test_it.py"
    module.write_text(SKIPPING.format(reason=reason))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "tests.conftest",
            f"--rootdir={ROOT}",
            "-c",
            ROOT / "pyproject.toml",
            module,
        ],
        cwd=ROOT,
        env=os.environ | {"CONTRACE_NO_SKIP": setting},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in done.stdout, done.stdout
