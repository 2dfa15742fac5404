"""The rules of the house that the linter does not know, and the layering, so that a test run finds a breach, too."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "contrace"
LONGEST = 400
TABLES = PACKAGE / "syscalls"
"""Data, which may be as long as the kernel's interface is."""
VERBS = ("attach", "run", "show", "doctor", "runtime")
LOAD = """
import runpy, sys
sys.argv = ["contrace", *sys.argv[1:]]
try:
    runpy.run_module("contrace", run_name="__main__")
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_the_layers_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_has_one_job() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if TABLES not in path.parents]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}, "these seem to have two jobs"


def test_each_verb_has_a_file_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-m", "contrace", "--help"], capture_output=True, text=True, check=True)
    for verb in VERBS:
        assert verb in done.stdout
        assert (PACKAGE / f"cli/{verb}.py").exists()


@pytest.mark.parametrize("args", [["--version"], ["show", "--help"]], ids=" ".join)
def test_what_is_not_used_is_not_loaded(args: list[str]) -> None:
    """The command starts fast because it loads no view and no backend before it needs one."""
    done = subprocess.run([sys.executable, "-c", LOAD, *args], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "contrace" in loaded
    assert not loaded & {"textual", "sqlite3", "contrace.capture.recorder", "contrace.trace.reader"}
