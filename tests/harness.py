"""contrace as a user runs it, and a trace as a test reads it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from contrace.decode.call import Call, decode
from contrace.decode.notation import Notation
from contrace.records import Exec, Identity, Record, Syscall, TaskStart, Vector
from contrace.trace.reader import TraceReader
from tests.managers.host import wait_until

CONTRACE = (sys.executable, "-m", "contrace")
ATTACHED = "Ctrl-C ends it"
"""On stderr as soon as tracing has begun."""

T = TypeVar("T", bound=Record)


def contrace(*args: str | Path, seconds: float = 60, **options: object) -> "subprocess.CompletedProcess[str]":
    """Run contrace to its end."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True} | options
    return subprocess.run([*CONTRACE, *args], timeout=seconds, check=False, **options)


class Attached:
    """A `contrace attach` under way."""

    def __init__(self, process: "subprocess.Popen[bytes]", trace: Path, errors: Path) -> None:
        self.process = process
        self.trace = trace
        self._errors = errors

    @property
    def stderr(self) -> str:
        return self._errors.read_text(errors="replace")

    def has_begun(self) -> bool:
        assert self.process.poll() is None, f"contrace attach ended: {self.process.returncode}\n{self.stderr}"
        return ATTACHED in self.stderr

    def end(self, signo: int) -> int:
        """Send the signal, wait until contrace has ended, return its exit status (Popen.returncode)."""
        self.process.send_signal(signo)
        return self.process.wait(30)


def start_attach(*words: str | Path | int, trace: Path, backend: str = "auto") -> Attached:
    """Start `contrace attach`, and return at once."""
    errors = trace.with_suffix(".stderr")
    options = ["--backend", backend, "--format", "none", "-o", str(trace)]
    command = [*CONTRACE, "attach", *map(str, words), *options]
    with errors.open("wb") as stderr:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
    return Attached(process, trace, errors)


def attach(*words: str | Path | int, trace: Path, backend: str = "auto") -> Attached:
    """Start `contrace attach`, and return when it traces."""
    session = start_attach(*words, trace=trace, backend=backend)
    try:
        wait_until(session.has_begun, f"contrace attach {words} traces")
    except BaseException:
        session.process.kill()
        session.process.wait()
        raise
    return session


@contextmanager
def attached(*words: str | Path | int, trace: Path, backend: str = "auto") -> Iterator[Attached]:
    """While the body runs, contrace is attached; afterwards it is ended as by Ctrl-C, and `trace` is complete."""
    session = attach(*words, trace=trace, backend=backend)
    try:
        yield session
    except BaseException:
        session.process.kill()
        session.process.wait()
        raise
    status = session.end(signal.SIGINT)
    assert status == os.EX_OK, f"contrace attach ended with {status}\n{session.stderr}"


@dataclass(frozen=True)
class Seen:
    """A call that is over, raw and decoded."""

    record: Syscall
    call: Call

    @property
    def line(self) -> str:
        """strace's line, without padding."""
        return f"{self.call.head}{self.call.tail} = {self.call.result}"

    @property
    def argv(self) -> list[bytes]:
        """execve, execveat: the argument vector as it was copied."""
        index = {"execve": 1, "execveat": 2}[self.call.name]
        [vector] = [m for m in self.record.memory if isinstance(m, Vector) and m.arg == index]
        assert not vector.broken
        return list(vector.items)


class Trace:
    """A trace file as a whole."""

    def __init__(self, path: Path) -> None:
        with closing(TraceReader(path)) as reader:
            self.meta = reader.meta
            self.ended = reader.ended
            self.records: list[Record] = sorted((r for _, r in reader.records()), key=lambda r: r.time_ns)

    @cached_property
    def calls(self) -> list[Seen]:
        """Every call that is over, in the order in which they were entered."""
        return [Seen(r, decode(r, Notation(string_limit=4096))) for r in self.records if isinstance(r, Syscall)]

    def named(self, *names: str) -> list[Seen]:
        return [seen for seen in self.calls if seen.call.name in names]

    def one(self, line: str) -> Seen:
        """The only call whose line is, or begins with, this text."""
        found = [seen for seen in self.calls if seen.line.startswith(line)]
        assert len(found) == 1, f"{len(found)} calls like {line!r}; of that name:\n" + "\n".join(
            seen.line for seen in self.calls if seen.line.startswith(line.split("(", maxsplit=1)[0])
        )
        return found[0]

    def execs(self, *words: bytes) -> list[Seen]:
        """Successful execve and execveat calls whose argv has these words, in this order, possibly others between."""
        found = []
        for seen in self.named("execve", "execveat"):
            if seen.record.result == 0 and not seen.record.from_event:
                rest = iter(seen.argv)
                if all(word in rest for word in words):
                    found.append(seen)
        return found

    def of_kind(self, kind: type[T]) -> list[T]:
        return [record for record in self.records if isinstance(record, kind)]

    def start_of(self, tid: int) -> TaskStart:
        [start] = [r for r in self.of_kind(TaskStart) if r.tid == tid]
        return start

    def exec_of(self, tid: int, exe: bytes) -> Exec:
        [found] = [r for r in self.of_kind(Exec) if r.tid == tid and r.exe == exe]
        return found

    def before(self, seen: Seen) -> Identity:
        """Who the task was when it made the call."""
        return [r for r in self._identities(seen.record.tid) if r.time_ns <= seen.record.time_ns][-1]

    def after(self, seen: Seen) -> Identity:
        """Who the task was when the call had returned: taken because of this call."""
        later = [r for r in self._identities(seen.record.tid) if r.time_ns >= seen.record.time_ns]
        assert later[0].why == seen.call.name
        return later[0]

    def identity_at_start(self, tid: int) -> Identity:
        found = self._identities(tid)[0]
        assert found.why == "start"
        return found

    def _identities(self, tid: int) -> list[Identity]:
        return [r for r in self.of_kind(Identity) if r.tid == tid]
