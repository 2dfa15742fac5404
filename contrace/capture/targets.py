"""What the user names as a target, and the processes that it means."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contrace.capture import procfs
from contrace.errors import TargetNotFound

MANAGERS = ("containerd", "dockerd", "podman", "crio", "containerd-shim-runc-v2", "conmon")
"""Names of container managers and shims: what is listed when a target is missing."""
_GROUPS = {"docker": ("dockerd", "containerd", "containerd-shim", "containerd-shim-runc-v2")}
"""Target words that stand for every process of several names."""
_BEFORE_SCRIPT = 3  # words: interpreter, its option, script (execve(2), interpreter scripts)


@dataclass(frozen=True, slots=True)
class Target:
    pid: int
    why: str
    """What it is called in messages: its name, printable."""


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
    """The processes that ``words`` name: pids, names, pid files, or `docker`.

    Raises TargetNotFound for a word that names none or, as a process name, several; the message lists what there is.
    """
    found: dict[int, Target] = {}
    for word in words:
        for process in _of_word(word):
            found[process.pid] = Target(process.pid, process.name)
    return tuple(found.values())


def running() -> list[Process]:
    """Every process but kernel threads and contrace itself, by pid."""
    own = {os.getpid(), os.getppid()}
    return [process for pid in procfs.processes() if pid not in own and (process := _process(pid)) is not None]


def _of_word(word: str) -> list[Process]:
    if word.isdigit():
        return [_of_pid(int(word), word)]
    if "/" in word or word.endswith(".pid"):
        return [_of_pid_file(Path(word))]
    processes = running()
    if word in _GROUPS:
        members = [process for process in processes if process.names & set(_GROUPS[word])]
        if not members:
            raise TargetNotFound(f"{word}: none of {', '.join(_GROUPS[word])} is running. {_what_there_is(processes)}")
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
    names = {_printable(word) for word in (*bases[:2], name, status.comm)} - {""}
    return Process(
        pid=pid,
        name=_printable(name),
        command=" ".join(_printable(word) for word in argv),
        names=frozenset(names),
    )


def _printable(text: bytes) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text.decode("utf-8", "backslashreplace")
    )


def _what_there_is(processes: Iterable[Process]) -> str:
    managers = [process for process in processes if process.names & set(MANAGERS)]
    if not managers:
        return "No container manager is running that contrace knows by name; `ps -e` shows every process."
    return f"Container managers that run here:\n{_table(managers)}"


def _table(processes: Iterable[Process]) -> str:
    return "\n".join(f"  {process.pid:>7}  {process.name:<24} {process.command[:80]}" for process in processes)
