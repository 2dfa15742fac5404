"""The state directory: what is known of each container, for the commands that come later (runtime.md, State).

One directory per container, ``ID/state.json`` in it. Everything that outlives the runtime's processes is written there
before it is made, so that `delete` can undo it whenever the runtime was killed.
"""

import os
import re
import signal
import stat
from contextlib import suppress
from enum import StrEnum

import msgspec

from contrace.errors import ContraceError, UsageError
from contrace.runtime.attempt import attempt

_FILE = "state.json"
START = "start"
"""Name of the socket on which a created container waits for `start`; it is gone once that has come."""


class Status(StrEnum):
    """runtime.md: the values of ``status``."""

    CREATING = "creating"
    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"


class Identity(msgspec.Struct, frozen=True):
    """A process, told from a later one with the same number by when it started."""

    pid: int
    start_time: int
    """Clock ticks after boot: field 22 of /proc/PID/stat (proc_pid_stat(5))."""

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Of a process that exists; start time 0 if it does not."""
        return cls(pid, _start_time(pid))

    def is_alive(self) -> bool:
        """False also for a zombie: nothing of it runs any more."""
        return self.pid != 0 and self.start_time != 0 and _start_time(self.pid) == self.start_time


def _start_time(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


class State(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """state.json."""

    oci_version: str
    id: str
    bundle: str
    creator: Identity
    """The process that runs `create` or `run`."""
    init: Identity | None = None
    """The container's first process, as the host numbers it."""
    is_ready: bool = False
    """False: its creator has not finished."""
    groups: tuple[str, ...] = ()
    """Its cgroups: what is in them belongs to the container."""
    made: tuple[str, ...] = ()
    """Directories of cgroups to remove, outermost first."""
    annotations: dict[str, str] = {}


class Entry:
    """A container's place in the state directory."""

    def __init__(self, directory: str, container_id: str) -> None:
        if not re.fullmatch(r"[\w+.-]+", container_id, re.ASCII) or container_id in (".", ".."):
            raise UsageError(f"{container_id!r} cannot be a container's ID: use letters, digits and _ + - .")
        self.path = os.path.join(directory, container_id)
        self.id = container_id

    @property
    def start_socket(self) -> str:
        """Path of the socket named `START`."""
        return os.path.join(self.path, START)

    def reserve(self) -> None:
        """Make the directory, and with it the ID taken."""
        try:
            os.mkdir(self.path, 0o711)  # with a user namespace INIT is another user, who mounts on it
        except FileExistsError as error:
            raise ContraceError(
                f"there is a container {self.id!r} already\n"
                "see contrace runtime state, and end it with contrace runtime delete"
            ) from error

    def save(self, state: State) -> None:
        """Write state.json whole or not at all."""
        path = os.path.join(self.path, _FILE)
        with attempt(f"write {path}"):
            file = os.open(path + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            os.write(file, msgspec.json.encode(state))
            os.close(file)
            os.rename(path + ".new", path)

    def load(self) -> State:
        """Read state.json."""
        path = os.path.join(self.path, _FILE)
        if not os.path.isdir(self.path):
            raise ContraceError(f"there is no container {self.id!r} in {os.path.dirname(self.path)}")
        try:
            with attempt(f"read {path}"), open(path, "rb") as file:
                return msgspec.json.decode(file.read(), type=State)
        except msgspec.MsgspecError as error:
            raise ContraceError(f"cannot read {path}: {error}") from error

    def status(self, state: State) -> Status:
        """What the container does now."""
        if not state.is_ready:
            return Status.CREATING if state.creator.is_alive() else Status.STOPPED
        if state.init is None or not state.init.is_alive():
            return Status.STOPPED
        return Status.CREATED if os.path.exists(self.start_socket) else Status.RUNNING

    def remove(self) -> None:
        """Forget the container."""
        # delete --force and the run that it ended both come here
        with attempt(f"remove {self.path}"), suppress(FileNotFoundError):
            for entry in os.scandir(self.path):
                os.unlink(entry)
            os.rmdir(self.path)


def default_directory() -> str:
    """/run/contrace for root; for others below XDG_RUNTIME_DIR, else a directory in /tmp that nobody else may enter."""
    uid = os.geteuid()
    if uid == 0:
        return "/run/contrace"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return os.path.join(runtime, "contrace") if runtime else f"/tmp/contrace-{uid}"


def open_directory(path: str | None) -> str:
    """The state directory, made where it is not there. One that somebody else could write to is refused."""
    path = os.path.abspath(path or default_directory())
    with attempt(f"use the state directory {path}", "choose another one with --state-dir"):
        os.makedirs(path, 0o711, exist_ok=True)
        status = os.stat(path, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ContraceError(f"cannot use {path} as state directory: it has to be a directory of yours alone (0711)")
    return path


def send(process: Identity, number: int) -> bool:
    """Send a signal to that process and no other (pidfd_open(2)); False when it is gone."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not process.is_alive():
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True
