"""What the user names as a target, and the processes that it means."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contrace.capture import procfs
from contrace.capture.printable import printable
from contrace.errors import TargetNotFound

if TYPE_CHECKING:
    from contrace.capture.containers import Container

MANAGERS = ("containerd", "dockerd", "podman", "crio", "containerd-shim-runc-v2", "conmon")
"""Names of container managers and shims: what is listed when a target is missing."""
STACKS = {
    "docker": ("dockerd", "containerd", "containerd-shim"),
    "containerd": ("containerd", "containerd-shim"),
    "podman": ("podman", "conmon"),
}
"""Target words that stand for every process of several names, by the names that the kernel has of them (15 bytes)."""
_BEFORE_SCRIPT = 3  # words: interpreter, its option, script (execve(2), interpreter scripts)


@dataclass(frozen=True, slots=True)
class Target:
    pid: int
    why: str
    """What it is called in messages: its name, printable."""


@dataclass(frozen=True, slots=True)
class ContainerTargets:
    """A container as a target."""

    container: "Container"
    processes: tuple[Target, ...]
    """What runs in it, at least one."""
    cgroups: tuple[tuple[int, int], ...]
    """(hierarchy id, kernfs id) of its cgroup in each hierarchy where it has one of its own."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running process as far as choosing a target needs it; texts are printable."""

    pid: int
    name: str
    """What it is called in messages."""
    command: str
    names: frozenset[str]
    """Every name that it answers to."""


def resolve(words: Sequence[str]) -> tuple[Target, ...]:
    """The processes that ``words`` name: pids, names, pid files, or a stack: `docker`, `containerd`, `podman`.

    Raises TargetNotFound for a word that names none or, as a process name, several; the message lists what there is.
    """
    found: dict[int, Target] = {}
    for word in words:
        for process in _of_word(word):
            found[process.pid] = Target(process.pid, process.name)
    return tuple(found.values())


def resolve_container(word: str) -> ContainerTargets:
    """The running container that ``word`` names: by name, id, or the beginning of either.

    Raises TargetNotFound when none or several are called so; the message lists what there is.
    """
    from contrace.capture.containers import find

    container = find(word)
    pids = set(container.pids) - _own()
    processes = [process for pid in sorted(pids) if (process := _process(pid)) is not None]
    if not processes:
        raise TargetNotFound(f"nothing is left in the container {word!r} that could be traced")
    return ContainerTargets(
        container=container,
        processes=tuple(Target(process.pid, process.name) for process in processes),
        cgroups=tuple((cgroup.hierarchy, cgroup.id) for cgroup in container.cgroups),
    )


def running() -> list[Process]:
    """Every process but kernel threads and contrace itself, by pid."""
    own = _own()
    return [process for pid in procfs.processes() if pid not in own and (process := _process(pid)) is not None]


def _own() -> set[int]:
    return {os.getpid(), os.getppid()}


def _of_word(word: str) -> list[Process]:
    if word.isdigit():
        return [_of_pid(int(word), word)]
    if "/" in word or word.endswith(".pid"):
        return [_of_pid_file(Path(word))]
    processes = running()
    if word in STACKS:
        members = [process for process in processes if process.names & set(STACKS[word])]
        if not members:
            raise TargetNotFound(f"{word}: none of {', '.join(STACKS[word])} is running. {_what_there_is(processes)}")
        return members
    named = [process for process in processes if word in process.names]
    if not named:
        raise TargetNotFound(f"no process is called {word!r}. {_what_there_is(processes)}")
    if len(named) > 1:
        raise TargetNotFound(
            f"{len(named)} processes are called {word!r}; name one (or several) by pid:\n{_table(named)}"
        )
    return named


def _of_pid(pid: int, word: str) -> Process:
    process = _process(pid)
    if process is None:
        status = procfs.status(pid)
        if status is None:
            raise TargetNotFound(f"no process has pid {word}. {_what_there_is(running())}")
        if status.tgid != pid:
            raise TargetNotFound(f"{word} is a thread of process {status.tgid}: name the process")
        raise TargetNotFound(f"process {word} is a zombie or a kernel thread: there is nothing to trace")
    return process


def _of_pid_file(path: Path) -> Process:
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise TargetNotFound(f"cannot read the pid file {str(path)!r}: {error.strerror}") from error
    if not text.isdigit():
        raise TargetNotFound(f"{str(path)!r} is not a pid file: it does not hold a process id")
    return _of_pid(int(text), text)


def _process(pid: int) -> Process | None:
    """None for kernel threads, zombies, threads and what is gone."""
    argv = procfs.cmdline(pid)
    if not argv:
        return None
    status = procfs.status(pid)
    if status is None or status.tgid != pid or status.state in "ZX":
        return None
    exe = procfs.exe(pid)
    # The kernel cuts comm at 15 bytes. It is whole in the program's name or, for a script, behind its interpreter's.
    bases = [os.path.basename(word) for word in (exe or b"", *argv[:_BEFORE_SCRIPT])]
    name = next((base for base in bases if base.startswith(status.comm)), status.comm)
    names = {printable(word) for word in (*bases[:2], name, status.comm)} - {""}
    return Process(
        pid=pid,
        name=printable(name),
        command=" ".join(printable(word) for word in argv),
        names=frozenset(names),
    )


def _what_there_is(processes: Iterable[Process]) -> str:
    managers = [process for process in processes if process.names & set(MANAGERS)]
    if not managers:
        return "No container manager is running that contrace knows by name; `ps -e` shows every process."
    return f"Container managers that run here:\n{_table(managers)}"


def _table(processes: Iterable[Process]) -> str:
    return "\n".join(f"  {process.pid:>7}  {process.name:<24} {process.command[:80]}" for process in processes)
