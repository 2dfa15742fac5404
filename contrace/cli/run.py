"""``contrace run``: start a command and watch it."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar

from typer import Argument, Option

from contrace.cli import options
from contrace.cli.options import Backend, Format, Scope
from contrace.cli.words import Verb

EXAMPLES = """\
Examples:

\b
  A process in namespaces of its own:
    contrace run unshare --user --map-root-user --pid --fork true

\b
  A container, from its OCI bundle:
    contrace run -- runc run --bundle ./bundle demo

\b
  The two lines that strace would write for it:
    contrace run --format strace --calls execve --no-follow -- true

\b
  Nothing on the screen, everything in a file of this name:
    contrace run --format none -o demo.ctrace -- true
"""


class RunCommand(Verb):
    """How the line of ``run`` is read: a command follows."""

    usage: ClassVar = "[OPTIONS] [FILTER]... [--] COMMAND [ARGUMENT]..."
    command_follows: ClassVar = True


def run(
    *,
    command: Annotated[list[str] | None, Argument(hidden=True)] = None,
    backend: options.BackendOption = Backend.auto,
    scope: options.ScopeOption = Scope.all,
    calls: options.CallsOption = "%birth",
    no_follow: Annotated[
        bool, Option("--no-follow", help="Do not watch the processes that the command starts.", show_default=False)
    ] = False,
    no_filter: Annotated[
        bool,
        Option(
            "--no-filter",
            help="Do without the seccomp filter that lets unwatched calls run at full speed. The command can see it, "
            "and without root it comes with no_new_privs: sudo does not work in it.",
            show_default=False,
        ),
    ] = False,
    output: options.OutputOption = None,
    duration: options.ForOption = None,
    buffer: options.BufferOption = "16M",
    format: options.FormatOption = Format.timeline,
    log: Annotated[Path | None, options.log_option("standard error")] = None,
    string_limit: options.StringsOption = 32,
    verbose: options.VerboseOption = False,
    tui: options.TuiOption = False,
    filter: options.FilterOption = None,
) -> int:
    """Start a command, watch it and what it starts, end as it ends.

    The exit status is the command's own, or the signal that ended it. Ctrl-C goes to the command; contrace
    stays until it and what it started have ended, and a second Ctrl-C kills them.

    FILTER words choose what is shown; the trace file always holds everything. The first word that is neither
    an option nor a FILTER begins the command.
    """
    from contrace.capture.recorder import Request
    from contrace.cli.live import capture
    from contrace.cli.text import Look, View
    from contrace.errors import UsageError

    if not command:
        raise UsageError("run what? Give a command, such as: contrace run -- unshare --user true")
    look = Look(format, log, sys.stderr, string_limit, verbose, filter or ())
    if tui and not look.is_usual:
        raise UsageError("--tui shows the trace in its own way: leave out --format, --log, -s and -v")
    view = None if tui else View(look)
    request = Request(
        verb="run",
        targets=(),
        command=tuple(command),
        backend=backend,
        scope=scope,
        calls=options.calls(calls),
        follow=not no_follow,
        use_filter=not no_filter,
        seconds=options.seconds(duration),
        buffer=options.size(buffer),
        output=options.output_path(output),
    )
    if view is None:
        from contrace.cli.tui import capture as browse

        return browse(request, filter or ())
    return capture(request, view)
