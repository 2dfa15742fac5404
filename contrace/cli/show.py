"""``contrace show``: read a trace file again, or while it grows."""

import os
import sys
import time
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from typer import Argument, Option

from contrace.cli import complete, options
from contrace.cli.options import Format
from contrace.cli.words import Verb
from contrace.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from contrace.cli.text import View
    from contrace.trace.reader import TraceReader

EXAMPLES = """\
Examples:

\b
  contrace show demo.ctrace
  contrace show demo.ctrace failed
  contrace show demo.ctrace call:execve -v
  contrace show demo.ctrace --format jsonl > demo.jsonl
  contrace show demo.ctrace --follow        while it is being recorded
"""

_GLANCE_SECONDS = 0.2  # how often --follow looks for new records


class ShowCommand(Verb):
    """How the line of ``show`` is read."""

    usage: ClassVar = "FILE [OPTIONS] [FILTER]..."


def show(
    *,
    file: Annotated[Path | None, Argument(hidden=True, readable=False, autocompletion=complete.traces)] = None,
    words: Annotated[list[str] | None, Argument(hidden=True)] = None,
    format: options.FormatOption = Format.timeline,
    follow: Annotated[
        bool, Option("--follow", help="Go on while the file grows, until its recorder ends.", show_default=False)
    ] = False,
    normalise: Annotated[
        bool,
        Option(
            "--normalise",
            help="The same as --format normalised: without times, pids, inodes and what else differs from run to run.",
            show_default=False,
        ),
    ] = False,
    string_limit: options.StringsOption = 32,
    verbose: options.VerboseOption = False,
    filter: options.FilterOption = None,
) -> int:
    """Show a trace file.

    FILTER words choose what is shown. A word that is no key is looked for in the text.
    """
    from contrace.cli.progress import Progress
    from contrace.cli.text import Look, View, narrate
    from contrace.decode import strings
    from contrace.output.summary import summarise
    from contrace.trace.reader import TraceReader

    if file is None:
        raise UsageError("show what? Give a trace file, such as demo.ctrace")
    if normalise:
        format = Format.normalised
    view = View(Look(format, None, sys.stdout, string_limit, verbose, (*(filter or ()), *(words or ()))))
    with closing(TraceReader(file)) as reader:
        # Ctrl-C is how following ends.
        with suppress(KeyboardInterrupt) if follow else nullcontext():
            with closing(Progress(reader.last_id())) as progress:
                view.catch_up(reader, progress)
            if follow:
                _follow(reader, view)
        view.finish()
        if view.failure is not None:
            raise view.failure
        if view.wanted or format is Format.none:  # not when the reader of the text has gone
            narrate(summarise(reader).text(strings.escape(os.fsencode(file))))
    return ExitCode.OK


def _follow(reader: "TraceReader", view: "View") -> None:
    """Until nobody writes or nobody reads any more."""
    goes_on = True
    while goes_on and view.wanted:
        time.sleep(_GLANCE_SECONDS)
        # Asked before the last look, so that what was written while ending is shown.
        goes_on = reader.writer_alive()
        view.catch_up(reader)
