"""What every capture backend offers to the recorder, and what it is told to capture."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from contrace.capture.targets import Target
from contrace.records import Record

DEFAULT_BUFFER = 16 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to capture."""

    scope: str
    """"birth" or "all"."""
    calls: frozenset[str] | None
    """Names of calls; None: every call."""
    follow: bool = True
    """Follow what the targets start."""
    use_filter: bool = True
    """run: install a seccomp filter where one can be used."""
    system_wide: bool = False
    """eBPF: every process of the machine."""
    cgroups: tuple[tuple[int, int], ...] = ()
    """eBPF: (hierarchy id, inode of the directory); processes that come into these cgroups are watched, too."""
    buffer: int = DEFAULT_BUFFER
    """eBPF: bytes of the buffer between kernel and contrace."""


@dataclass(frozen=True, slots=True)
class Command:
    """What `run` launches: ``path`` is what the kernel is asked to execute."""

    path: str
    argv: tuple[str, ...]
    ignored: frozenset[int] = frozenset()
    """Signals that contrace was started with as ignored (nohup(1), a shell's background job): so is the command."""
    terminal: int | None = None
    """A descriptor of the terminal that becomes the command's own, with a session of its own; None: contrace's."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How the command of `run` ended: an exit status, or the signal that ended it (status then 0)."""

    status: int
    signal: int


class Tracer(Protocol):
    """Kernel activity -> records. Nothing else: writing them down is the recorder's job."""

    mode: str
    """One line that says how and what is watched."""
    indispensable: bool
    """What is traced could not go on without the tracer (a command under a seccomp filter): `stop` is not for it."""
    finished: Finished | None
    """How the launched command ended, as soon as it did."""

    def prepare(self) -> None:
        """Do what takes time and does not concern the targets yet; ``mode`` is final then.

        Raises BackendUnavailable.
        """

    def start(self, targets: tuple[Target, ...], command: Command | None) -> None:
        """Begin, once prepared. Raises a ContraceError when a target cannot be traced; nothing is left traced then."""

    def batches(self) -> Iterator[list[Record]]:
        """Lists of records in the order in which things happened, possibly empty ones a few times a second; ends when
        nothing is left to trace, or after `stop`."""

    def stop(self) -> None:
        """Let go of everything, leaving it running as it was. May be called from the consumer of `batches`."""

    def signal(self, signo: int) -> None:
        """Send a signal to the launched command, if it still runs."""

    def kill(self) -> None:
        """Kill the launched command and what it started: what it left running would keep the tracer, too."""
