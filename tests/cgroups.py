"""Cgroups for tests: real ones, gone afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contrace.capture.cgroups import Hierarchy
from tests.managers import host


@contextmanager
def cgroup(hierarchy: Hierarchy, *names: str) -> Iterator[Path]:
    """The directory of a new cgroup, below new ones of the other names; it must be empty in the end."""
    assert hierarchy.mount is not None
    directory = Path(os.fsdecode(hierarchy.mount.point))
    made = []
    try:
        for name in names:
            directory /= name
            if directory.exists():
                continue
            directory.mkdir()
            made.append(directory)
            for needed in ("cpuset.cpus", "cpuset.mems"):  # a v1 cpuset without them takes no task
                if hierarchy.id and (directory / needed).exists():
                    (directory / needed).write_text((directory.parent / needed).read_text())
        yield directory
    finally:
        for directory in reversed(made):
            remove(directory)


def remove(directory: Path) -> None:
    """Remove a cgroup as soon as the kernel has let go of the tasks that were in it."""

    def gone() -> bool:
        try:
            directory.rmdir()
        except OSError:  # EBUSY
            return not directory.exists()
        return True

    host.wait_until(gone, f"{directory} can be removed")


def enter(directory: Path, pid: int) -> None:
    """Move a process into a cgroup."""
    (directory / "cgroup.procs").write_text(str(pid))
