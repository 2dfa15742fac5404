"""`contrace demo`: what a newcomer sees, as root and as a normal user, and that it is the same every time.

The golden files hold the normalised trace of every demo, per privilege and backend. To write them anew after a change
that is meant: CONTRACE_WRITE_GOLDEN=1 python -m pytest tests/integration/test_demo.py; then read the difference.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path

import msgspec
import pytest

import contrace as package
from contrace.capture.select import ebpf_missing
from contrace.runtime.demos import DEMOS, acts
from tests.harness import contrace
from tests.users import user

GOLDEN = Path(__file__).parent.parent / "golden/demos"
WRITE = os.environ.get("CONTRACE_WRITE_GOLDEN") == "1"

Played = Callable[..., "subprocess.CompletedProcess[str]"]


def play_as_root(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return contrace("demo", *words)


def normalised(trace: Path) -> str:
    """The trace without what differs from run to run, and without what differs from machine to machine."""
    shown = contrace("show", "--normalise", trace)
    assert shown.returncode == 0, shown.stderr
    text = shown.stdout
    for path, word in (
        (Path(package.__file__).parent, "<contrace>"),
        (Path(msgspec.__file__).parent, "<msgspec>"),
        (sys.base_prefix, "<python>"),
    ):
        text = text.replace(f'"{path}"', f'"{word}"')
    return text.replace(f"python{sys.version_info.major}.{sys.version_info.minor}", "python3")


def check_golden(found: str, name: str) -> None:
    path = GOLDEN / name
    if WRITE:
        path.write_text(found)
    difference = "\n".join(
        unified_diff(path.read_text().splitlines(), found.splitlines(), name, "now", lineterm="", n=2)
    )
    assert not difference, difference


def skip_if_the_machine_differs() -> None:
    if not Path("/sys/fs/cgroup/unified/cgroup.procs").exists():
        pytest.skip("needs cgroup v1 and v2 side by side")


@pytest.mark.parametrize("backend", ["ptrace", "ebpf"])
@pytest.mark.parametrize("name", DEMOS)
def test_every_demo_is_the_same_every_time(name: str, backend: str, tmp_path: Path) -> None:
    if backend == "ebpf" and (reason := ebpf_missing()):
        pytest.skip(reason)
    done = play_as_root(name, "--backend", backend, "-o", tmp_path / "demo.ctrace")
    assert done.returncode == 0, done.stderr
    for act in acts(name):
        assert act.title in done.stdout
    assert "nothing lost; trace: " in done.stderr
    skip_if_the_machine_differs()
    check_golden(normalised(tmp_path / "demo.ctrace"), f"{name}.root.{backend}.txt")


@pytest.mark.parametrize("name", DEMOS)
def test_every_demo_is_the_same_every_time_as_a_normal_user(name: str) -> None:
    with user() as somebody:
        done = somebody.contrace("demo", name, "-o", somebody.folder / "demo.ctrace")
        assert done.returncode == 0, done.stderr
        assert "nothing lost; trace: " in done.stderr
        skip_if_the_machine_differs()
        check_golden(normalised(somebody.folder / "demo.ctrace"), f"{name}.user.ptrace.txt")


def check_birth(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    stages = [next(n for n, line in enumerate(lines) if name in line) for name in ("0:PARENT", "1:CHILD", "2:INIT")]
    assert stages == sorted(stages)
    assert "Python" not in "".join(lines[: stages[0]])
    assert any("╰ The payload: stage 2 becomes the program that was asked for." in line for line in lines)
    printed = lines[lines.index("It printed:") :]
    assert "  │ uid=0(root) gid=0(root)" in printed
    assert "  │ contrace" in printed
    assert any(line.split()[1:3] == ["1", "root"] for line in printed)


def test_a_birth_is_explained_step_by_step(tmp_path: Path) -> None:
    check_birth(play_as_root("-o", tmp_path / "demo.ctrace"))
    assert contrace("show", tmp_path / "demo.ctrace", "call:pivot_root").stdout.count("pivot_root(") == 1


def test_a_normal_user_sees_a_birth_too() -> None:
    with user() as somebody:
        check_birth(somebody.contrace("demo"))
        assert len(list(somebody.folder.glob("contrace-*.ctrace"))) == 1


def test_quiet_shows_what_the_containers_print_only(tmp_path: Path) -> None:
    done = play_as_root("namespaces", "--quiet", "-o", "none")
    assert done.returncode == 0, done.stderr
    assert "  │ I am 1" in done.stdout.splitlines()
    assert "unshare(" not in done.stdout


def test_the_list_has_every_demo() -> None:
    listed = contrace("demo", "--list")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(DEMOS)


def test_a_demo_that_is_not_there() -> None:
    done = contrace("demo", "brith")
    assert done.returncode == 2
    assert done.stderr == (
        "contrace: there is no demo 'brith' (did you mean birth?); contrace demo --list lists them\n"
    )


def test_nothing_is_left(tmp_path: Path) -> None:
    before = {path: path.read_text() for path in (Path("/proc/self/mountinfo"),)}
    play_as_root("cgroups", "--quiet", "-o", "none")
    assert {path: path.read_text() for path in before} == before
    assert not list(Path("/sys/fs/cgroup").glob("*/contrace-demo-*"))
    assert not list(Path("/run/contrace").glob("demo-*"))
