"""`make demo` in a fresh copy of the sources: the one command that a newcomer types, as root and as a normal user."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.users import user

ROOT = Path(__file__).parent.parent.parent
SECONDS = 300
"""It makes a virtual environment, with what it downloads."""


def copy_sources(folder: Path) -> Path:
    """What a clone would hold."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():  # not if it is to be removed with the next commit
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def check(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == 0, done.stderr
    assert "╰ The moment of the container" in done.stdout
    assert "  │ uid=0(root) gid=0(root)" in done.stdout.splitlines()
    assert "nothing lost; trace: contrace-" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(SECONDS)
def test_as_root(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    sources = copy_sources(tmp_path)
    command = ["make", "demo"]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True, timeout=SECONDS, check=False)
    check(done)


@pytest.mark.timeout(SECONDS)
def test_as_a_normal_user() -> None:
    with user() as somebody:
        sources = copy_sources(somebody.folder / "contrace")
        if os.geteuid() == 0:
            owner = somebody.folder.stat()
            for path in (sources, *sources.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid)
        home = ("env", f"HOME={somebody.folder}", "PATH=/usr/local/bin:/usr/bin:/bin")
        done = somebody.run(*home, "make", "-C", sources, "demo", seconds=SECONDS)
        check(done)
