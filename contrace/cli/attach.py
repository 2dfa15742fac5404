"""``contrace attach``: watch running processes and what they start."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar

from typer import Argument

from contrace.cli import complete, options
from contrace.cli.options import Backend, Format, Scope
from contrace.cli.words import Verb

EXAMPLES = """\
Examples:

\b
  Everything that happens when Docker starts a container:
    contrace attach docker

\b
  The same for containerd alone, for a minute, as strace would print it:
    contrace attach containerd --for 1m --format strace

\b
  Only what failed, and which namespaces were made:
    contrace attach containerd failed
    contrace attach containerd call:unshare,setns,clone

\b
  Every call of one process and its children, without a trace file:
    contrace attach 1234 --scope all --calls all -o none
"""


class AttachCommand(Verb):
    """How the line of ``attach`` is read."""

    usage: ClassVar = "TARGET... [OPTIONS] [FILTER]..."


def attach(
    *,
    targets: Annotated[list[str] | None, Argument(hidden=True, autocompletion=complete.targets)] = None,
    backend: options.BackendOption = Backend.ptrace,
    scope: options.ScopeOption = Scope.birth,
    calls: options.CallsOption = "%birth",
    output: options.OutputOption = None,
    duration: options.ForOption = None,
    format: options.FormatOption = Format.timeline,
    log: Annotated[Path | None, options.log_option("standard output")] = None,
    string_limit: options.StringsOption = 32,
    verbose: options.VerboseOption = False,
    filter: options.FilterOption = None,
) -> int:
    """Watch running processes, and whatever they start from now on.

    TARGET is a pid, the name of a process (containerd), a file that holds a pid, or docker: dockerd, containerd
    and the shims that run already. Several can be given. Nothing is stopped or changed for good: Ctrl-C lets
    every process go on as it was.

    FILTER words choose what is shown; the trace file always holds everything.
    """
    from contrace.capture import targets as capture_targets
    from contrace.capture.recorder import Request
    from contrace.cli.live import capture
    from contrace.cli.view import Look, View
    from contrace.errors import UsageError

    if not targets:
        raise UsageError("attach to what? Give a pid, a process name such as containerd, a pid file, or docker")
    view = View(Look(format, log, sys.stdout, string_limit, verbose, filter or ()))
    request = Request(
        verb="attach",
        targets=capture_targets.resolve(targets),
        command=(),
        scope=scope,
        calls=options.calls(calls),
        follow=True,
        use_filter=False,
        seconds=options.seconds(duration),
        output=options.output_path(output),
    )
    return capture(request, view)
