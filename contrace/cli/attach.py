"""``contrace attach``: watch running processes and what they start."""

import sys
from pathlib import Path
from typing import Annotated, ClassVar

from typer import Argument, Option

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
  A container that runs already, and whatever is started in it:
    contrace attach --container web

\b
  What fails anywhere on this machine:
    contrace attach --system-wide failed

\b
  Every call of one process and its children, without a trace file:
    contrace attach 1234 --scope all --calls all -o none
"""


class AttachCommand(Verb):
    """How the line of ``attach`` is read."""

    usage: ClassVar = "[TARGET]... [OPTIONS] [FILTER]..."


def attach(
    *,
    targets: Annotated[list[str] | None, Argument(hidden=True, autocompletion=complete.targets)] = None,
    backend: options.BackendOption = Backend.auto,
    scope: options.ScopeOption = Scope.birth,
    calls: options.CallsOption = "%birth",
    output: options.OutputOption = None,
    duration: options.ForOption = None,
    system_wide: Annotated[
        bool, Option("--system-wide", help="Watch every process of the machine (eBPF).", show_default=False)
    ] = False,
    container: Annotated[
        str | None,
        Option(
            "--container",
            metavar="NAME",
            help="Watch a running container and whatever comes into it (eBPF): its name, its id, or how one begins.",
            show_default=False,
            autocompletion=complete.containers,
        ),
    ] = None,
    buffer: options.BufferOption = "16M",
    format: options.FormatOption = Format.timeline,
    log: Annotated[Path | None, options.log_option("standard output")] = None,
    string_limit: options.StringsOption = 32,
    verbose: options.VerboseOption = False,
    tui: options.TuiOption = False,
    filter: options.FilterOption = None,
) -> int:
    """Watch running processes, and whatever they start from now on.

    TARGET is a pid, the name of a process, a file that holds a pid, or a whole stack: docker (dockerd, containerd
    and the shims that run already), containerd, podman. Several can be given. With eBPF nothing is even stopped for
    a moment; in any case, Ctrl-C lets every process go on as it was.

    FILTER words choose what is shown; the trace file always holds everything.
    """
    from contrace.capture import targets as capture_targets
    from contrace.capture.recorder import Request
    from contrace.cli.live import capture
    from contrace.cli.text import Look, View
    from contrace.errors import UsageError

    if bool(targets) + (container is not None) + system_wide != 1:
        raise UsageError(
            "attach to what? Give a pid, a process name such as containerd, a pid file, docker, containerd or podman; "
            "or --container NAME; or --system-wide"
        )
    if backend is Backend.ptrace and (system_wide or container is not None):
        raise UsageError("--container and --system-wide need eBPF: leave out --backend ptrace")
    look = Look(format, log, sys.stdout, string_limit, verbose, filter or ())
    if tui and not look.is_usual:
        raise UsageError("--tui shows the trace in its own way: leave out --format, --log, -s and -v")
    view = None if tui else View(look)
    inside = capture_targets.resolve_container(container) if container is not None else None
    request = Request(
        verb="attach",
        targets=inside.processes if inside else capture_targets.resolve(targets or ()),
        command=(),
        backend=backend,
        system_wide=system_wide,
        cgroups=inside.cgroups if inside else (),
        scope=Scope.all if inside else scope,  # it is born already
        calls=options.calls(calls),
        follow=True,
        use_filter=False,
        seconds=options.seconds(duration),
        buffer=options.size(buffer),
        output=options.output_path(output),
    )
    if view is None:
        from contrace.cli.tui import capture as browse

        return browse(request, filter or ())
    return capture(request, view)
