"""A command with a terminal of its own, under every backend: it leads a session there, and that is not in the trace."""

import errno
import os
import pty
from collections.abc import Iterator
from io import FileIO

import pytest

from contrace.capture.base import Command, Tracer, Wanted
from contrace.capture.ebpf.tracer import EbpfTracer
from contrace.capture.ptrace.tracer import PtraceTracer
from contrace.capture.select import ebpf_missing
from contrace.records import Syscall
from contrace.syscalls.abi import name_of
from tests.backends.conftest import BIRTH, records_of

FILTERED = "with a filter"
SCRIPT = "tty <&1; ps -o sid=,tpgid= -p $$; echo pid $$; echo $TERM ${COLUMNS-none}"


@pytest.fixture(params=["ptrace with a filter", "ptrace without a filter", "ebpf"])
def tracer(request: pytest.FixtureRequest) -> Tracer:
    wanted = Wanted(
        scope="all", calls=BIRTH if FILTERED in request.param else None, use_filter=FILTERED in request.param
    )
    if request.param == "ebpf":
        if reason := ebpf_missing():
            pytest.skip(reason)
        return EbpfTracer(wanted)
    return PtraceTracer(wanted, launches=True)


def test_the_command_leads_a_session_on_its_terminal(tracer: Tracer, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "17")
    master, slave = pty.openpty()
    try:
        name = os.ttyname(slave)
        records = records_of(tracer, Command("/bin/sh", ("sh", "-c", SCRIPT), terminal=slave))
    finally:
        os.close(slave)
    with open(master, "rb", 0) as terminal:
        printed = b"".join(whatever_comes(terminal)).decode().split()
    pid = printed[4]
    assert printed == [name, pid, pid, "pid", pid, "linux", "none"]
    calls = [name_of(record.abi, record.nr) for record in records if isinstance(record, Syscall)]
    assert calls[0] == "execve"
    assert "setsid" not in calls


def whatever_comes(terminal: FileIO) -> Iterator[bytes]:
    """A terminal hands on what was written to it piece by piece, a little later; EIO is its end (pty(7))."""
    while True:
        try:
            yield terminal.read(65536) or b""
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return
