"""Which traces there are: what lies where contrace writes by default, newest first.

Listing is cheap and opens nothing; ``look`` opens one trace. A file that is no trace, or cannot be read, is in the
list, too, with the reason: whoever looks for a trace must not wonder where it is.
"""

import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from contrace.errors import TraceFileError
from contrace.trace.reader import TraceReader
from contrace.trace.schema import End, Meta

SUFFIX = ".ctrace"


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is called like a trace."""

    path: Path
    size: int
    """Bytes."""
    modified_ns: int
    """Wall clock."""


@dataclass(frozen=True, slots=True)
class Recent:
    """What can be said of a trace without reading its records."""

    found: Found
    meta: Meta | None
    """None: it cannot be read."""
    length_ns: int | None
    """From the beginning of the capture to its end, or to the last record where it has none; None: unknown."""
    growing: bool
    """A recorder still writes it."""
    ended: bool
    """The recorder said that it ended."""
    problem: str
    """Why it cannot be read; empty: it can. May quote text of the file."""


def directories() -> tuple[Path, ...]:
    """Where contrace writes by default: the working directory, and what has no file of its own meanwhile."""
    here, temporary = Path.cwd(), Path(tempfile.gettempdir())
    return (here,) if here == temporary else (here, temporary)


def traces(where: Iterable[Path]) -> list[Found]:
    """The files called ``*.ctrace`` in these directories, newest first; of a directory that others write to as well,
    as /tmp, only this user's. A directory that cannot be read holds none."""
    found = {}
    for directory in where:
        try:
            shared = directory.stat().st_mode & stat.S_ISVTX
            paths = [directory / name for name in os.listdir(directory) if name.endswith(SUFFIX)]
        except OSError:
            continue
        for path in paths:
            try:
                facts = path.stat()
            except OSError:
                continue  # it went away meanwhile, or is a link to nothing
            # An empty one there is only the name that a capture without a file of its own has taken.
            foreign = shared and (facts.st_uid != os.geteuid() or not facts.st_size)
            if stat.S_ISREG(facts.st_mode) and not foreign:
                found[path] = Found(path, facts.st_size, facts.st_mtime_ns)
    return sorted(found.values(), key=lambda each: (-each.modified_ns, each.path))


def look(found: Found) -> Recent:
    """Open a trace and see what it is of. Never raises for what is wrong with the file."""
    try:
        reader = TraceReader(found.path)
    except TraceFileError as error:
        return Recent(found, None, None, False, False, str(error))
    try:
        growing = reader.writer_alive()  # asked first: what ends meanwhile is then seen as ended
        end = reader.ended
        return Recent(found, reader.meta, _length(reader, end), growing, end is not None, "")
    except TraceFileError as error:
        return Recent(found, reader.meta, None, False, False, str(error))
    finally:
        reader.close()


def _length(reader: TraceReader, end: End | None) -> int | None:
    if end is not None:
        return end.ended_monotonic_ns - reader.meta.started_monotonic_ns
    for _, record in reader.records(after=max(reader.last_id() - 1, 0)):
        return max(record.time_ns - reader.meta.started_monotonic_ns, 0)
    return None
