"""``contrace demo``: a container of contrace's own, made and watched."""

import shlex
import sys
from typing import Annotated, ClassVar

from typer import Argument, Option

from contrace.cli import complete, options
from contrace.cli.options import Backend, Format, Scope, did_you_mean
from contrace.cli.words import Verb

EXAMPLES = """\
Examples:

\b
  contrace demo                         a container is born, step by step
  contrace demo --list                  which demos there are
  contrace demo broken                  what goes wrong, seen from the kernel
  contrace demo twins --quiet           only what is seen inside and outside
  contrace demo birth --tui             browse the trace while it is made
  contrace demo birth -o birth.ctrace   keep the trace there
"""


class DemoCommand(Verb):
    """How the line of ``demo`` is read."""

    usage: ClassVar = "[NAME] [OPTIONS]"
    filters: ClassVar = False


def demo(
    *,
    name: Annotated[str, Argument(hidden=True, autocompletion=complete.demos)] = "birth",
    list_them: Annotated[bool, Option("--list", help="List the demos.", show_default=False)] = False,
    quiet: Annotated[
        bool, Option("--quiet", help="Show only what the containers print, no calls.", show_default=False)
    ] = False,
    tui: options.TuiOption = False,
    backend: options.BackendOption = Backend.auto,
    output: options.OutputOption = None,
) -> int:
    """Make a small container and explain, call by call, how it is born.

    It needs no container manager and no image: the file system is busybox, or this machine's own programs. The trace
    is kept, for contrace show.
    """
    from contrace.capture.recorder import Request
    from contrace.capture.targets import Target
    from contrace.cli import live
    from contrace.cli.play import ActsView, Play
    from contrace.cli.text import Look, narrate
    from contrace.errors import ExitCode, UsageError
    from contrace.runtime.demos import DEMOS

    if list_them:
        width = max(map(len, DEMOS))
        for known, text in DEMOS.items():
            print(f"{known:{width}}  {text}")
        return ExitCode.OK
    if name not in DEMOS:
        raise UsageError(f"there is no demo {name!r}{did_you_mean(name, DEMOS)}; contrace demo --list lists them")
    play = Play(name)
    try:
        look = Look(Format.none if quiet else Format.explained, None, sys.stdout, 64, False, ())
        request = Request(
            verb="attach",
            targets=(Target(play.pid, f"the demo {name}"),),
            backend=backend,
            scope=Scope.all,
            calls=options.calls("%birth"),
            use_filter=False,
            output=options.output_path(output),
        )
        if tui:
            from contrace.cli.tui import capture

            status = capture(request, (), begun=play.go_on)
            print(play.said())
        else:
            status = live.capture(request, ActsView(look, play))
        if request.output is not None:
            narrate(f"look at it again: contrace show {shlex.quote(str(request.output))}")
    finally:
        played = play.close()
    return status or played
