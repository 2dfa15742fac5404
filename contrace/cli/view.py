"""``contrace view``: browse a trace file in the terminal, or while it grows."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar

from typer import Argument

from contrace.cli import complete, options
from contrace.cli.words import Verb
from contrace.errors import ExitCode, UsageError

EXAMPLES = """\
Examples:

\b
  contrace view                         choose a trace, or run a demo
  contrace view demo.ctrace             browse one; ? shows the keys
  contrace view demo.ctrace failed      begin with what failed
"""


class ViewCommand(Verb):
    """How the line of ``view`` is read."""

    usage: ClassVar = "[TRACE] [FILTER]..."


def view(
    *,
    file: Annotated[Path | None, Argument(hidden=True, readable=False, autocompletion=complete.traces)] = None,
    words: Annotated[list[str] | None, Argument(hidden=True)] = None,
    filter: options.FilterOption = None,
) -> int:
    """Browse a trace: processes, calls, and what each call changed.

    Without TRACE it lists the traces that there are. FILTER words choose what is shown at first.
    """
    from contrace import filters

    chosen = (*(filter or ()), *(words or ()))
    filters.parse(chosen)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # textual draws on standard error
        raise UsageError("view needs a terminal. To print a trace: contrace show FILE")

    from contrace.cli.demos import DemoRuns
    from contrace.tui.app import ContraceApp
    from contrace.tui.feed import Feed

    app = ContraceApp(Feed(file) if file is not None else None, chosen, demos=DemoRuns())
    try:
        app.run()
    finally:
        app.close()
    return app.return_code or ExitCode.OK
