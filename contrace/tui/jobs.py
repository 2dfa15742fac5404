"""Long work of the timeline, in bounded steps: searching, and writing what is shown to a file.

Each is a generator that yields how far it is (0..1), so that whoever runs it can say so, and can stop it between two
steps by closing it.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from contrace import filters, output
from contrace.decode.notation import Notation
from contrace.errors import ContraceError
from contrace.output.escape import name
from contrace.records import Syscall
from contrace.story.changes import changes
from contrace.trace.reader import TraceReader
from contrace.tui.choice import Choice, Row
from contrace.tui.feed import Feed, Selection

NAMESPACE_CALLS = ("call:unshare,setns,clone,clone3",)
"""The calls that can change namespaces, as filter words."""
_NEW = re.compile(r"\bCLONE_NEW[A-Z]+")


def search(
    feed: Feed,
    selection: Selection,
    words: Sequence[str],
    start: int,
    step: int,
    *,
    wanted: Callable[[Feed, Row], bool] | None = None,
) -> Iterator[float | int]:
    """As ``Feed.find``, but only what is ``wanted`` is found. Raises UsageError, TraceFileError."""
    if wanted is None:
        yield from feed.find(selection, words, start, step)
        return
    count, at, gone = selection.count, start, 0
    while gone < count:
        found = None
        for each in feed.find(selection, words, at, step):
            if isinstance(each, int):
                found = each
            else:
                yield gone / count
        if found is None:
            return
        # How far from the start, going round: once round is enough.
        distance = ((found - start) * step - 1) % count + 1
        if distance <= gone:
            return
        gone, at = distance, found
        rows = feed.rows(selection, found, 1)
        if rows and wanted(feed, rows[0]):
            yield found
            return
        yield gone / count


def changed_namespaces(feed: Feed, row: Row) -> bool:
    """Whether a call put its task, or the one that it made, into other namespaces. Raises TraceFileError."""
    record, call = row.record, row.call
    if not isinstance(record, Syscall) or call is None or record.result is None or record.result < 0:
        return False
    if call.name not in ("clone", "clone3"):
        before, after = feed.before(record.tid, row.id), feed.after(record.tid, row.id)
        if before is not None and after is not None:
            return any(change.area == "namespaces" for change in changes(before, after))
    # Who it was before or after is not known, or it is the new task that is in them: the flags tell. They stand in the
    # call's text, in which there is nothing that the process wrote.
    return call.name == "setns" or bool(_NEW.search(row.text))


def default_name(feed: Feed, format: str) -> str:
    """A file that does not exist yet, in the working directory, named after the trace."""
    ending = {"jsonl": "jsonl"}.get(format, f"{format}.txt")
    path, number = Path(f"{feed.path.stem}.{ending}"), 1
    while os.path.lexists(path):
        number += 1
        path = Path(f"{feed.path.stem}-{number}.{ending}")
    return str(path)


def problem(text: str) -> str:
    """Why nothing can be written to a file of that name; "" if it can."""
    path = Path(text).expanduser()
    if not text.strip():
        return "a name is missing"
    if os.path.lexists(path):
        return "there is such a file already: choose another name"
    if not path.parent.is_dir():
        return f"there is no directory {name(os.fsencode(path.parent))}"
    return ""


def export(feed: Feed, choice: Choice, format: str, path: Path) -> Iterator[float | int]:
    """Write what is chosen, in the order of time, to a new file; yields its size (an int) at last. One that is not
    finished is taken away. Raises ContraceError: a file of that name exists or cannot be written, or the trace cannot
    be read."""
    words = choice.words
    if choice.pids is not None:
        words = (*words, f"pid:{','.join(map(str, sorted(choice.pids)))}")
    try:
        # "x": a link or file that somebody put there meanwhile is not written through.
        with path.open("x", encoding="utf-8", errors="backslashreplace") as stream:
            try:
                with closing(TraceReader(feed.path)) as reader:
                    written = output.make(format, stream, reader.meta, Notation(), filters.parse(words))
                    last_id = max(reader.last_id(), 1)
                    for last, batch in reader.batches():
                        written.feed(batch)
                        yield min(1.0, last / last_id)
                    written.finish()
            except BaseException:
                with suppress(OSError):
                    path.unlink()
                raise
        yield path.stat().st_size
    except OSError as error:
        raise ContraceError(f"cannot write to {name(os.fsencode(path))}: {error.strerror}") from error
