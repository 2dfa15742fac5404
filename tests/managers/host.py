"""What the host has of ours: processes, mounts, cgroups. Waiting for states, and ending what was started.

Whatever a test run starts inherits MARK in its environment, lives in a cgroup whose name has the run's NAME, or has
its files below the run's base directory; that is how it is recognised, never by the name of a program.
"""

import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

NAME = f"contrace-test-{uuid.uuid4().hex[:8]}"
"""Name of this test run: cgroup parent, containerd namespace, prefix of directories."""

MARK = f"CONTRACE_TEST_RUN={NAME}"
"""In the environment of every process that the run starts (what a container's payload gets is its own affair)."""

CGROUPS = Path("/sys/fs/cgroup")


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail with `what` when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.01)


def state_of(pid: int) -> str | None:
    """The task's state letter, proc_pid_stat(5); None when it is gone. So is a zombie: pid 1 may be slow to reap."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state = chr(stat[stat.rindex(b")") + 2])
    return None if state in "ZX" else state


def tasks_of(pid: int) -> list[int]:
    """The tids of a process; [] when it is gone."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(pid: int) -> bool:
    """Whether any task of the process lives: its leader, and /proc/PID/stat, may be a zombie while others go on."""
    return any(map(state_of, tasks_of(pid)))


def tracer_of(tid: int) -> int:
    """TracerPid of a task: 0 when nobody traces it, or it is gone."""
    try:
        status = Path(f"/proc/{tid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^TracerPid:\t(\d+)$", status, re.M)
    return int(found[1]) if found else 0


def recorder_of(command_line: int) -> int:
    """The recorder process of a contrace that captures: its only child."""
    [child] = Path(f"/proc/{command_line}/task/{command_line}/children").read_text().split()
    return int(child)


def our_processes() -> dict[int, str]:
    """Processes of this test run (pytest itself excepted) that are alive: pid -> command line."""
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        try:
            ours = MARK.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            # The path only: a hierarchy's own name stands in every process's lines (cgroups(7), id:controllers:path).
            places = [line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
            ours = ours or any(NAME in place for place in places)
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if ours and is_alive(pid):
            found[pid] = words.strip()
    return found


def stuck_tasks() -> list[str]:
    """Tasks of this test run that are stopped, or held by a tracer."""
    stuck = []
    for pid, words in our_processes().items():
        for tid in tasks_of(pid):
            state, tracer = state_of(tid), tracer_of(tid)
            if tracer or state in ("t", "T"):
                stuck.append(f"tid {tid} of {pid} ({words}): state {state}, TracerPid {tracer}")
    return stuck


def our_mounts(base: Path) -> list[str]:
    """Mount points at or below `base` in this mount namespace, deepest first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((p for p in points if p == str(base) or p.startswith(f"{base}/")), reverse=True)


def our_cgroups() -> list[Path]:
    """cgroup directories named after this test run, in every hierarchy."""
    return [path for path in _directories(CGROUPS, 4) if NAME in path.name]


def _directories(top: Path, depth: int) -> Iterator[Path]:
    try:
        children = [Path(entry.path) for entry in os.scandir(top) if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, PermissionError):
        return
    for child in children:
        yield child
        if depth:
            yield from _directories(child, depth - 1)


def end(process: "subprocess.Popen[bytes]", seconds: float = 20.0) -> None:
    """End a process that was started here: SIGTERM, SIGKILL when that is not enough, and reap it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(seconds)


def end_leftovers() -> list[str]:
    """Kill what is still there of this test run's processes; returns what it was."""
    left = our_processes()
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_until(lambda: not our_processes(), "killed processes are gone")
    return [f"process {pid}: {words}" for pid, words in left.items()]


def remove_cgroups() -> None:
    """Remove the run's cgroups, once the kernel has let go of the tasks that were in them."""

    def gone() -> bool:
        for group in our_cgroups():
            for path in sorted([group, *_directories(group, 8)], reverse=True):
                try:
                    path.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:  # EBUSY: a task that has just ended is still being taken out
                    return False
        return not our_cgroups()

    wait_until(gone, f"cgroups {our_cgroups()} can be removed")


def unmount_below(base: Path) -> list[str]:
    """Detach every mount below `base`; returns what there was."""
    left = our_mounts(base)
    for point in left:
        subprocess.run(["umount", "--lazy", point], check=False)
    return [f"mount {point}" for point in left]
