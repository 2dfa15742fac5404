"""Every backend, seen by its records: the same test bodies run over all of them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from contrace.capture.base import Command, Tracer, Wanted
from contrace.capture.ebpf.tracer import EbpfTracer
from contrace.capture.ptrace.tracer import PtraceTracer
from contrace.capture.replay import ReplayTracer
from contrace.capture.select import ebpf_missing
from contrace.records import Record
from contrace.syscalls.specs import GROUPS
from contrace.trace.schema import Meta
from contrace.trace.writer import TraceWriter

BIRTH = frozenset(GROUPS["%birth"])
FIXTURES = Path(__file__).parent.parent / "fixtures"

Capture = Callable[..., list[Record]]


def records_of(tracer: Tracer, command: Command) -> list[Record]:
    tracer.prepare()
    tracer.start((), command)
    return [record for batch in tracer.batches() for record in batch]


@pytest.fixture(params=["ptrace with a filter", "ptrace without a filter", "ebpf", "replay"])
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> Capture:
    """capture(*argv) -> the records of a command from its start to its end."""

    def run(*argv: str | Path, calls: frozenset[str] | None = BIRTH) -> list[Record]:
        command = Command(str(argv[0]), tuple(map(str, argv)))
        if request.param == "ebpf":
            if reason := ebpf_missing():
                pytest.skip(reason)
            return records_of(EbpfTracer(Wanted(scope="all", calls=calls)), command)
        wanted = Wanted(scope="all", calls=calls, use_filter=request.param != "ptrace without a filter")
        records = records_of(PtraceTracer(wanted, launches=True), command)
        if request.param != "replay":
            return records
        path = tmp_path / "saved.ctrace"
        writer = TraceWriter(path, Meta(version="test", started_ns=0, started_monotonic_ns=0))
        for start in range(0, len(records), 7):
            writer.write(records[start : start + 7])
        writer.finish({"reason": "test"})
        return records_of(ReplayTracer(path), command)

    return run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The executable of a program in tests/fixtures."""
    folder = tmp_path_factory.mktemp("programs")

    def build(name: str) -> Path:
        path = folder / name
        if not path.exists():
            subprocess.run(["gcc", "-O1", "-pthread", "-o", path, FIXTURES / f"{name}.c"], check=True)
        return path

    return build


@pytest.fixture
def root() -> None:
    """The test makes namespaces, which needs root."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
