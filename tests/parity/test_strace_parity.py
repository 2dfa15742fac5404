"""contrace prints what strace prints, to the letter: the programs of tests/fixtures under both, line by line."""

import functools
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from contrace.syscalls.specs import GROUPS
from tests.managers import host
from tests.parity import known, lines

FIXTURES = Path(__file__).parent.parent / "fixtures"
RAW = "raw"
"""Made of calls without a row: strace decodes them, contrace does not."""
SIDE_BY_SIDE = {"storm", "group_exit"}
"""Made of tasks that run side by side: no two runs have one order."""
PROGRAMS = sorted({path.stem for path in FIXTURES.glob("*.c")} - {RAW, *SIDE_BY_SIDE})
BITS = (64, 32) if platform.machine() == "x86_64" else (64,)
NOT_32 = {"foreign"}
"""Made of 64-bit calls of the other tables."""
X86_ONLY = {"foreign"}
SEES_FILTER = {"prctl", "filtered"}
"""PR_GET_SECCOMP tells a program that it has a seccomp filter, and strace's does not see what a program's own filter
answers: both tracers run these without their own. (strace's spares it stops in calls that nobody asked for, where it is
sometimes caught by the end of a task.)"""
STRACE_UNFILTERED = {*SEES_FILTER, "thread_exec"}
"""With its filter, strace does not get the result of an execve in a thread, and prints ``= ?``."""
ONE_ORDER = {"thread_exec"}
"""More than one task, but each waits for the other: the order of all lines is compared, not that of each task."""
GAVE_UP = b"strace: ptrace(PTRACE_LISTEN,"
"""strace ends with the kernel's EIO when a SIGCONT comes between a group stop and its answer to it: it is run again."""


@dataclass(frozen=True)
class Variant:
    """One way to look: what strace is given, what contrace is given, how the lines are made comparable."""

    name: str
    strace: tuple[str, ...]
    contrace: tuple[str, ...]
    normal: Callable[[str], list[str]] = lines.by_task
    bits: tuple[int, ...] = BITS


LIVE = Variant("live", ("-f",), ())
NO_FOLLOW = Variant("no-follow", (), ("--no-follow",), lines.alone, (64,))
RUNS = (LIVE, NO_FOLLOW)
"""Captured and printed at once by `contrace run`."""
SHOWS = (
    Variant("verbose", ("-f", "-v"), ("-v",)),
    Variant("short strings", ("-f", "-s", "5"), ("-s", "5"), bits=(64,)),
    Variant("whole", ("-f", "-v", "-s", "200000"), ("-v", "-s", "200000"), bits=(64,)),
)
"""The trace file of the live run, printed by `contrace show`."""


@functools.cache
def workplace() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="contrace-parity-")


@functools.cache
def built(program: str, bits: int) -> Path:
    """The fixture's executable; the C compiler's message when it does not build."""
    path = Path(workplace().name) / f"{program}-{bits}"
    width = [f"-m{bits}"] if platform.machine() == "x86_64" else []
    source = FIXTURES / f"{program}.c"
    build = subprocess.run(
        ["gcc", *width, "-O1", "-pthread", "-o", path, source], capture_output=True, text=True, check=False
    )
    assert build.returncode == 0, build.stderr
    return path


def run(*command: str | Path) -> "subprocess.CompletedProcess[bytes]":
    """Run without address randomisation, in an environment of a fixed size."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(FIXTURES.parent.parent), "HOME": "/"}
    env |= dict([host.MARK.split("=")])
    return subprocess.run(
        ["setarch", "--addr-no-randomize", *command],
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@functools.cache
def strace_text(program: str, bits: int, *options: str) -> tuple[int, str]:
    """strace's exit status and what it wrote."""
    log = Path(workplace().name) / "strace.log"
    calls = ",".join(GROUPS["%birth"])
    if "-f" in options and program not in STRACE_UNFILTERED:
        options = (*options, "--seccomp-bpf")
    command = ("strace", "-q", "-o", log, f"--trace={calls}", "--signal=all", *options, built(program, bits))
    tries = (run(*command) for _ in range(20))
    done = next(done for done in tries if not done.stderr.startswith(GAVE_UP))
    return done.returncode, log.read_text("ascii")


@functools.cache
def contrace_run(program: str, bits: int, *options: str) -> tuple[int, str, Path]:
    """contrace's exit status, what it wrote live, and the trace file."""
    path = built(program, bits)
    log, trace = path.with_suffix(".log"), Path(f"{path}{''.join(options)}.ctrace")
    if program in SEES_FILTER:
        options = (*options, "--no-filter")
    log.unlink(missing_ok=True)
    contrace = (sys.executable, "-m", "contrace")
    done = run(*contrace, "run", "--format", "strace", "--log", log, "-o", trace, *options, "--", path)
    return done.returncode, log.read_text("ascii"), trace


def contrace_show(trace: Path, *options: str) -> str:
    shown = subprocess.run(
        [sys.executable, "-m", "contrace", "show", trace, "--format", "strace", *options],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr.decode()
    return shown.stdout.decode("ascii")


@functools.cache
def compared(program: str, bits: int, variant: Variant) -> tuple[list[str], list[str]]:
    """(what the newest strace would print, what contrace prints), comparable."""
    status, expected = strace_text(program, bits, *variant.strace)
    if variant in RUNS:
        own_status, text, _ = contrace_run(program, bits, *variant.contrace)
    else:
        own_status, _, trace = contrace_run(program, bits)
        text = contrace_show(trace, *variant.contrace)
    assert own_status == status, "contrace run hands on the program's end as strace does"
    normal = lines.ordered if program in ONE_ORDER and variant.normal is lines.by_task else variant.normal
    return known.newest(normal(expected)), normal(text)


def cases() -> list[tuple[str, int, Variant]]:
    return [
        (program, bits, variant)
        for program in PROGRAMS
        if program not in X86_ONLY or platform.machine() == "x86_64"
        for variant in (*RUNS, *SHOWS)
        for bits in variant.bits
        if bits == 64 or program not in NOT_32
    ]


OWN_TID = re.compile(r"(set_tid_address\(0x[0-9a-f]+\) = )0x[0-9a-f]+$")
"""The C library's start asks for its own id, whose number two runs cannot share."""


def name(value: object) -> str:
    return value.name if isinstance(value, Variant) else str(value)


@pytest.mark.parametrize(("program", "bits", "variant"), cases(), ids=name)
def test_same_lines(program: str, bits: int, variant: Variant) -> None:
    expected, text = compared(program, bits, variant)
    difference = "\n".join(
        line if len(line) <= 2000 else f"{line[:2000]} … {len(line)} characters"
        for line in unified_diff(expected, text, "strace", "contrace", lineterm="", n=1)
    )
    assert not difference, f"{program}, {bits} bits, {variant.name}:\n{difference}"
    assert len(expected) > 2


def test_calls_without_a_row_are_shown_raw() -> None:
    """Every call: those that contrace has a row for decoded, all others as strace shows them with ``-e raw=``."""
    path = built(RAW, 64)
    log, own_log = path.with_suffix(".all"), path.with_suffix(".own")
    decoded = ",".join(GROUPS["%birth"])
    assert run("strace", "-q", "-f", "-o", log, "--trace=all", f"--raw=!{decoded}", path).returncode == 0
    contrace = (sys.executable, "-m", "contrace", "run", "--calls", "all", "--format", "strace")
    assert run(*contrace, "--log", own_log, "-o", "none", "--", path).returncode == 0
    expected, text = (
        [OWN_TID.sub(r"\1<tid>", line) for line in lines.by_task(log.read_text())] for log in (log, own_log)
    )
    assert text == expected
    assert len(text) > 40


def test_every_known_difference_is_needed() -> None:
    for case in cases():
        compared(*case)
    unused = [f"{row.call}…: {row.why}" for row in known.KNOWN if not row.used]
    assert not unused, "differences from strace 6.1 that no program shows:\n" + "\n".join(unused)
