"""Where the text of a capture goes: a format on a stream, which may go away under it.

Made before anything is traced, so that a wrong filter or an unwritable file is reported while nothing has happened.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from contrace.cli.options import Format
from contrace.errors import ContraceError, UsageError

if TYPE_CHECKING:
    from contrace.output import Output
    from contrace.trace.reader import TraceReader
    from contrace.trace.schema import Meta


@dataclass(frozen=True, slots=True)
class Look:
    """What to show and where, as the command line says it."""

    format: Format
    log: Path | None
    """Where the text goes; None: ``stream``."""
    stream: TextIO
    string_limit: int
    verbose: bool
    words: Sequence[str]
    """The FILTER words."""

    @property
    def is_usual(self) -> bool:
        """Nothing is asked for but, perhaps, FILTER words."""
        usual = Look(Format.timeline, None, self.stream, 32, False, self.words)
        return self == usual


class View:
    """A format that writes to a stream."""

    def __init__(self, look: Look) -> None:
        from contrace import filters

        self._look = look
        self._filter = filters.parse(look.words)
        self.wanted = look.format is not Format.none
        """Something is to be shown, and somebody still reads it."""
        self.failure: ContraceError | None = None
        """Why the text ended before the capture did, if that is an error."""
        if look.string_limit < 0:
            raise UsageError(f"-s {look.string_limit}: a string cannot be shorter than 0 bytes")
        if look.words and not self.wanted:
            raise UsageError("FILTER words choose what is shown, and --format none shows nothing")
        self._stream = _open(look.log) if look.log is not None and self.wanted else look.stream
        self._output: Output | None = None
        self._shown = 0

    def catch_up(self, reader: "TraceReader", progress: Callable[[int], None] | None = None) -> None:
        """Show what the trace holds beyond what was shown before; ``progress`` is told the id of the last record."""
        if not self.wanted:
            return
        if self._output is None:
            self._output = self._begin(reader.meta)
        for last, batch in reader.batches(after=self._shown):
            self._shown = last
            self._write(partial(self._output.feed, batch))
            if not self.wanted:
                return
            if progress is not None:
                progress(last)

    def finish(self) -> None:
        """Show what waited for more."""
        if self.wanted and self._output is not None:
            self._write(self._output.finish)

    def fileno(self) -> int:
        """The stream's, to be told when its reader has gone."""
        return self._stream.fileno()

    def abandon(self) -> None:
        """Write no more, nobody reads it; and what is buffered must not fail again when Python flushes it at exit."""
        self.wanted = False
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)

    def _begin(self, meta: "Meta") -> "Output":
        from contrace import output
        from contrace.decode.notation import Notation

        notation = Notation(self._look.string_limit, self._look.verbose)
        return output.make(self._look.format, self._stream, meta, notation, self._filter)

    def _write(self, step: Callable[[], None]) -> None:
        try:
            step()
            self._stream.flush()
        except BrokenPipeError:
            self.abandon()  # as with `| head`: the reader has seen enough
        except OSError as error:
            self.abandon()
            self.failure = ContraceError(f"cannot write to {self._look.log or 'the output'}: {error.strerror}")


def _open(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ContraceError(f"cannot write to {path}: {error.strerror}") from error


def narrate(text: str) -> None:
    """Say something on standard error, which is for people; data go elsewhere."""
    with suppress(OSError):  # nobody listens, which is no reason to end a capture
        print(f"contrace: {text}", file=sys.stderr, flush=True)
