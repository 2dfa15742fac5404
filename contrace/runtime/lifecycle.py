"""What a user does with a container: run, create, start, state, kill, delete (runtime.md, Operations)."""

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

import msgspec

from contrace.errors import CommandNotStarted, ContraceError, ExitCode
from contrace.runtime import cgroups, device_rules
from contrace.runtime.bundle import Bundle
from contrace.runtime.cgroups import Groups
from contrace.runtime.roots import RootSource
from contrace.runtime.runtime import Birth, Plan
from contrace.runtime.state import Entry, Identity, State, Status, send

if TYPE_CHECKING:
    from contrace.runtime.gate import Gate
    from contrace.runtime.seccomp import Filter
    from contrace.runtime.terminal import Console, Sender

Say = Callable[[str], None]
"""Tells the user something that is not an error."""

_END_SECONDS = 10.0
_NOT_FORWARDED = {
    *(signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP, signal.SIGWINCH, signal.SIGPIPE),
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS),
    # stop and go are between the shell and contrace
    *(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT, signal.SIGXFSZ),
}


class Container:
    """A container that is being made: its entry in the state directory, its groups, its birth."""

    def __init__(self, entry: Entry, bundle: Bundle, root: RootSource, say: Say) -> None:
        self._entry = entry
        self._bundle = bundle
        self._root = root
        self._say = say
        spec = bundle.spec
        self._groups = Groups(spec.linux.cgroups_path or f"contrace-{entry.id}")
        self._state = State(
            oci_version=spec.oci_version,
            id=entry.id,
            bundle=bundle.directory,
            creator=Identity.of(os.getpid()),
            annotations=spec.annotations,
        )

    def make(self, gate: "Gate | None", console: "Sender | None") -> Birth:
        """Everything up to the payload's execve."""
        for path in self._bundle.ignored:
            self._say(f"config.json: {path} is not of the specification and has no effect")
        plan = Plan(self._bundle, self._root, self._entry.path, self._groups, self._filter(), gate, console)
        birth = Birth(plan)
        try:
            parent = birth.begin()
            self._make_groups(parent)
            self._update(init=Identity.of(birth.unshare()))
            birth.set_up()
            self._update(is_ready=True)
        except BaseException:
            birth.abandon()
            raise
        return birth

    def reserve(self) -> None:
        """Take the ID."""
        self._entry.reserve()
        self._entry.save(self._state)

    def undo(self) -> None:
        """Remove what is left of it on the host."""
        cgroups.kill_all(self._state.groups)
        cgroups.remove(self._state.made)
        self._entry.remove()

    def _filter(self) -> "Filter | None":
        profile = self._bundle.spec.linux.seccomp
        if profile is None:
            return None
        from contrace.runtime.seccomp import Filter

        return Filter(profile)

    def _make_groups(self, parent: int) -> None:
        self._update(made=tuple(self._groups.missing()))
        self._groups.make()
        self._update(groups=tuple(self._groups.made(self._state.made)))
        if self._bundle.spec.linux.resources is not None:
            self._groups.limit(self._bundle.spec.linux.resources)
        self._groups.restrict_devices(device_rules.of(self._bundle.spec))
        self._groups.enter(parent)
        if self._groups.refused:
            limits = "; its linux.resources may have no effect" if self._bundle.spec.linux.resources else ""
            self._say(f"no cgroup of its own for the container: {self._groups.refused[0]}{limits}")

    def _update(self, **changes: object) -> None:
        self._state = msgspec.structs.replace(self._state, **changes)
        self._entry.save(self._state)


# --- run ------------------------------------------------------------------------------------------------


def run(entry: Entry, bundle: Bundle, root: RootSource, say: Say) -> int:
    """Make the container, wait for its end, remove it; returns the payload's status as a shell would say it."""
    container = Container(entry, bundle, root, say)
    container.reserve()
    with ExitStack() as stack:
        stack.callback(container.undo)
        signals = stack.enter_context(_Signals())
        console = None
        if bundle.spec.process.terminal:
            from contrace.runtime import terminal

            ours, sender = terminal.pair()
            with ours, closing(sender):
                birth = container.make(None, sender)
                console = stack.enter_context(terminal.Console(terminal.receive_descriptor(ours)))
        else:
            birth = container.make(None, None)
        try:
            birth.start()
            birth.close()
            return _attend(birth.init, signals, console)
        except BaseException:
            birth.abandon()
            raise


class _Signals:
    """While entered, signals come as bytes through ``fileno()`` instead of interrupting."""

    def __enter__(self) -> "_Signals":
        self._read, self._write = os.pipe()
        for descriptor in (self._read, self._write):
            os.set_blocking(descriptor, False)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        wanted = signal.valid_signals() - (_NOT_FORWARDED - {signal.SIGCHLD, signal.SIGWINCH})
        # what is ignored, such as SIGHUP under nohup(1), stays so
        self._before = {n: signal.getsignal(n) for n in wanted if signal.getsignal(n) is not signal.SIG_IGN}
        for number in self._before:
            signal.signal(number, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)

    def fileno(self) -> int:
        return self._read

    def take(self) -> bytes:
        """The numbers of those that came."""
        with suppress(BlockingIOError):
            return os.read(self._read, 4096)
        return b""


def _attend(init: int, signals: _Signals, console: "Console | None") -> int:
    """Forward signals and the terminal, reap, until the container's first process has ended; returns its status."""
    waited = [signals.fileno()]
    if console is not None:
        waited += [console.master, 0]
    while True:
        status = _reap(init)
        if status is not None:
            if console is not None:
                while select.select([console.master], [], [], 0)[0] and console.from_container():
                    pass
            return status
        ready = select.select(waited, [], [])[0]
        if console is not None:
            if console.master in ready and not console.from_container():
                waited.remove(console.master)
            if 0 in ready and not console.to_container():
                waited.remove(0)
        for number in signals.take() if signals.fileno() in ready else b"":
            if number == signal.SIGWINCH and console is not None:
                console.resize()
            elif number not in _NOT_FORWARDED:
                with suppress(ProcessLookupError):
                    os.kill(init, number)  # our child that was not reaped yet: its pid cannot mean another


def _reap(init: int) -> int | None:
    """Reap what has ended, also orphans without a PID namespace; the status of INIT if it is among them."""
    found = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid == init:
                code = os.waitstatus_to_exitcode(status)
                found = code if code >= 0 else 128 - code
    return found


# --- create, start --------------------------------------------------------------------------------------


def create(entry: Entry, bundle: Bundle, root: RootSource, console_path: str | None, say: Say) -> int:
    """Make the container up to the payload's execve, for which `start` is needed; returns the pid of its INIT."""
    from contrace.runtime.gate import Gate

    terminal_wanted = bundle.spec.process.terminal
    if terminal_wanted != (console_path is not None):
        raise ContraceError(
            "config.json wants a terminal: say with --console-socket where it is to be sent"
            if terminal_wanted
            else "--console-socket: config.json has no process.terminal"
        )
    container = Container(entry, bundle, root, say)
    container.reserve()
    with ExitStack() as undo:
        undo.callback(container.undo)
        with ExitStack() as inherited:
            sender = None
            if console_path is not None:
                from contrace.runtime import terminal

                sender = terminal.sender(console_path)
                inherited.callback(sender.close)
            gate = Gate(entry.start_socket)
            inherited.callback(gate.close)
            birth = container.make(gate, sender)
            birth.close()
        undo.pop_all()
    return birth.init


def start(entry: Entry) -> None:
    """Let a created container's payload begin. Raises CommandNotStarted if it could not."""
    from contrace.runtime.gate import pass_through

    status = entry.status(entry.load())
    if status is not Status.CREATED:
        raise ContraceError(f"cannot start the container {entry.id!r}: it is {status}, not created")
    code, message = pass_through(entry.start_socket, entry.id)
    if code:
        raise CommandNotStarted(message, found=code != ExitCode.NOT_FOUND)


# --- state, kill, delete --------------------------------------------------------------------------------


def state(entry: Entry) -> bytes:
    """The state as the specification wants it, in JSON."""
    known = entry.load()
    status = entry.status(known)
    shown: dict[str, object] = {"ociVersion": known.oci_version, "id": known.id, "status": status}
    if known.init is not None and status is not Status.STOPPED:
        shown["pid"] = known.init.pid
    shown["bundle"] = known.bundle
    if known.annotations:
        shown["annotations"] = known.annotations
    return msgspec.json.format(msgspec.json.encode(shown), indent=2)


def kill(entry: Entry, number: int) -> None:
    """Send a signal to the container's first process."""
    known = entry.load()
    status = entry.status(known)
    running = status in (Status.CREATED, Status.RUNNING) and known.init is not None
    if not running or known.init is None or not send(known.init, number):
        raise ContraceError(f"cannot send a signal to the container {entry.id!r}: it is {status}")


def delete(entry: Entry, *, force: bool) -> None:
    """Remove a container that has stopped, or with ``force`` any, and all that was made for it."""
    known = entry.load()
    status = entry.status(known)
    if status is not Status.STOPPED and not force:
        raise ContraceError(
            f"cannot delete the container {entry.id!r}: it is {status}\n"
            "stop it with contrace runtime kill, or use --force"
        )
    for process in (known.creator if status is Status.CREATING else None, known.init):
        if process is not None:
            send(process, signal.SIGKILL)
            _wait_for_end(process)
    cgroups.kill_all(known.groups)
    cgroups.remove(known.made)
    entry.remove()


def _wait_for_end(process: Identity) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while process.is_alive():
        if time.monotonic() > deadline:
            raise ContraceError(f"the process {process.pid} of the container does not react to SIGKILL")
        time.sleep(0.001)
