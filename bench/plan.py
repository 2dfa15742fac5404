"""What `python -m bench` was asked for, and the C programs that the measurements use."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """How to measure."""

    rounds: int
    backend: str
    """Of contrace, where a measurement has one column for it."""
    without: frozenset[str] = frozenset()
    """Columns to leave out."""


def compiled(name: str, into: Path, *flags: str) -> Path:
    """The program of ``bench/NAME.c``; raises CalledProcessError, after gcc has said why."""
    program = into / name
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", program, source], check=True)
    return program
