"""What the words on the command line mean, with programs that are called as managers are."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contrace.capture import procfs, targets
from contrace.capture.targets import resolve
from contrace.errors import TargetNotFound
from tests.managers import host

Start = Callable[[str], int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program of this name."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    processes = []

    def begin(name: str) -> int:
        program = tmp_path / name
        if not program.exists():
            shutil.copy(sleep, program)
        process = subprocess.Popen([program, "60"])
        processes.append(process)
        # execve lets the parent go on a moment before the new arguments can be read
        host.wait_until(lambda: bool(procfs.cmdline(process.pid)), f"{name} runs")
        return process.pid

    yield begin
    for process in processes:
        host.end(process)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("docker", ("dockerd", "containerd", "containerd-shim-runc-v2", "containerd-shim-kata-v2")),
        ("containerd", ("containerd", "containerd-shim-runc-v2", "containerd-shim-runc-v1")),
        ("podman", ("podman", "conmon")),
    ],
)
def test_a_stack_is_all_its_processes(word: str, names: tuple[str, ...], start: Start) -> None:
    pids = {start(name): name for name in (*names, *names)}
    other = start("contrace-test-other")
    found = {target.pid: target.why for target in resolve([word])}
    assert found.items() >= pids.items()
    assert other not in found


def test_containerd_does_not_mean_dockerd_and_nothing_is_found_twice(start: Start) -> None:
    dockerd, containerd, conmon = start("dockerd"), start("containerd"), start("conmon")
    found = [target.pid for target in resolve(["containerd"])]
    assert containerd in found
    assert not {dockerd, conmon} & set(found)
    both = [target.pid for target in resolve(["containerd", str(containerd), "docker"])]
    assert dockerd in both
    assert both.count(containerd) == 1


@pytest.mark.parametrize("word", targets.STACKS)
def test_a_stack_of_which_nothing_runs(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Managers of the machine, or of other tests, may run while this does.
    monkeypatch.setattr(targets, "running", list)
    with pytest.raises(TargetNotFound, match=f"^{word}: none of .* is running. No container manager is running"):
        resolve([word])


def test_any_other_name_means_one_process(start: Start) -> None:
    pids = [start("contrace-test-twin") for _ in range(2)]
    with pytest.raises(TargetNotFound, match=r"^2 processes are called 'contrace-test-twin'; name one") as caught:
        resolve(["contrace-test-twin"])
    assert all(f"{pid}  contrace-test-twin" in str(caught.value) for pid in pids)
