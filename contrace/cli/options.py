"""The options that several commands share, and what their values mean."""

import os
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from time import localtime, strftime
from typing import Annotated

from typer import Option

from contrace.cli import complete
from contrace.errors import UsageError


class Backend(StrEnum):
    """The capture backends, and the choice between them."""

    auto = "auto"
    ebpf = "ebpf"
    ptrace = "ptrace"


class Scope(StrEnum):
    """Which calls of which tasks are watched."""

    birth = "birth"
    all = "all"


class Format(StrEnum):
    """The formats of ``contrace.output``, and none."""

    timeline = "timeline"
    explained = "explained"
    strace = "strace"
    jsonl = "jsonl"
    normalised = "normalised"
    none = "none"


BackendOption = Annotated[
    Backend,
    Option(
        "--backend",
        metavar="NAME",
        help="How to capture. ebpf: probes in the kernel, nothing is stopped. ptrace: what strace does. auto: to "
        "attach, ebpf where it works, else ptrace; to run a command, ptrace.",
    ),
]
ScopeOption = Annotated[
    Scope,
    Option(
        "--scope",
        metavar="NAME",
        help="birth: the started processes, call by call until the container's payload runs, then only their "
        "start, exec and end. all: every wanted call of every process, for as long as contrace is attached.",
    ),
]
CallsOption = Annotated[
    str,
    Option(
        "--calls",
        metavar="LIST",
        help="System calls to watch: names and groups with commas between them, or all. %birth: what makes containers.",
        autocompletion=complete.calls,
    ),
]
BufferOption = Annotated[
    str,
    Option(
        "--buffer",
        metavar="SIZE",
        help="eBPF: the buffer between kernel and contrace. What does not fit into it is lost, and counted.",
    ),
]
OutputOption = Annotated[
    str | None,
    Option(
        "-o",
        "--output",
        metavar="FILE",
        help="The trace file; none for no file. [default: contrace-DATE-TIME.ctrace in the working directory]",
        show_default=False,
    ),
]
ForOption = Annotated[
    str | None,
    Option(
        "--for",
        metavar="TIME",
        help="Stop watching after this time: 30s, 500ms, 2m. What is watched goes on.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    Format,
    Option("--format", metavar="NAME", help="How to show it: timeline, explained, strace, jsonl, normalised, or none."),
]
StringsOption = Annotated[
    int,
    Option("-s", "--string-limit", metavar="N", help="Show this many bytes of a string."),
]
VerboseOption = Annotated[
    bool,
    Option("-v", "--verbose", help="Show argument lists, environments and structures whole.", show_default=False),
]
TuiOption = Annotated[
    bool,
    Option("--tui", help="Browse the trace while it grows, as `contrace view` does.", show_default=False),
]
FilterOption = Annotated[
    list[str] | None,
    Option(
        "--filter",
        metavar="WORD",
        help="The same as a FILTER word, for plain text that would be taken for something else.",
        show_default=False,
    ),
]


def log_option(default: str) -> object:
    """``--log``: where the text goes, with the command's own default."""
    return Option(
        "--log", metavar="FILE", readable=False, help=f"Write the text there. [default: {default}]", show_default=False
    )


_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(text: str | None) -> float | None:
    """``--for``: 10s, 500ms, 2m, 1h, or plain seconds. Raises UsageError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)([a-z]*)", text, re.ASCII)
    if match is None or match[2] not in _UNITS or float(match[1]) == 0:
        raise UsageError(f"--for {text!r}: not a time; write 30s, 500ms, 2m or 1h")
    return float(match[1]) * _UNITS[match[2]]


_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LEAST_BUFFER, _LARGEST_BUFFER = 64 << 10, 1 << 30


def size(text: str) -> int:
    """``--buffer``: 16M, 512K, or plain bytes. Raises UsageError."""
    match = re.fullmatch(r"(\d+)([kmg]?)(i?b)?", text.lower(), re.ASCII)
    if match is None:
        raise UsageError(f"--buffer {text!r}: not a size; write 16M or 512K")
    number = int(match[1]) * _SIZES[match[2]]
    if not _LEAST_BUFFER <= number <= _LARGEST_BUFFER:
        raise UsageError(f"--buffer {text!r}: must be between 64K and 1G")
    return number


def calls(text: str) -> tuple[str, ...] | None:
    """``--calls``: names and groups; None means every call. Raises UsageError with what comes close."""
    from contrace.syscalls.abi import abis_of, names
    from contrace.syscalls.specs import GROUPS

    known = {name for abi in abis_of(os.uname().machine) for name in names(abi)}
    wanted: dict[str, None] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        if word == "all":
            return None
        if word in GROUPS:
            wanted.update(dict.fromkeys(GROUPS[word]))
        elif word in known:
            wanted[word] = None
        else:
            close = did_you_mean(word, [*known, *GROUPS, "all"])
            raise UsageError(f"--calls: no call or group is named {word!r}{close}")
    if not wanted:
        raise UsageError("--calls: name at least one call, %birth, or all")
    return tuple(wanted)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean a or b?)``, or nothing when nothing comes close."""
    close = get_close_matches(word, sorted(known), n=3)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def output_path(text: str | None, exists: Callable[[Path], bool] = os.path.lexists) -> Path | None:
    """``-o``: the trace file, None for none. The default is a dated name that does not exist yet."""
    if text == "none":
        return None
    if text is not None:
        return Path(text)
    stem = strftime("contrace-%Y%m%d-%H%M%S", localtime())
    path, number = Path(f"{stem}.ctrace"), 1
    while exists(path):
        number += 1
        path = Path(f"{stem}-{number}.ctrace")
    return path
