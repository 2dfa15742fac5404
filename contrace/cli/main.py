"""The command list. One verb per file; each returns the exit status.

An error that a user can meet is a ContraceError, which ``cli/report.py`` prints, or click's own about the command line,
which is put into our words here.
"""

import sys
from typing import Annotated

import typer

from contrace import __version__
from contrace.cli.attach import EXAMPLES as ATTACH_EXAMPLES
from contrace.cli.attach import AttachCommand, attach
from contrace.cli.demo import EXAMPLES as DEMO_EXAMPLES
from contrace.cli.demo import DemoCommand, demo
from contrace.cli.doctor import EXAMPLES as DOCTOR_EXAMPLES
from contrace.cli.doctor import DoctorCommand, doctor
from contrace.cli.report import reported
from contrace.cli.run import EXAMPLES as RUN_EXAMPLES
from contrace.cli.run import RunCommand, run
from contrace.cli.runtime import EXAMPLES as RUNTIME_EXAMPLES
from contrace.cli.runtime import RuntimeCommand, runtime
from contrace.cli.show import EXAMPLES as SHOW_EXAMPLES
from contrace.cli.show import ShowCommand, show
from contrace.cli.view import EXAMPLES as VIEW_EXAMPLES
from contrace.cli.view import ViewCommand, view
from contrace.errors import ExitCode, UsageError

COMMANDS = (
    (attach, AttachCommand, ATTACH_EXAMPLES),
    (run, RunCommand, RUN_EXAMPLES),
    (show, ShowCommand, SHOW_EXAMPLES),
    (view, ViewCommand, VIEW_EXAMPLES),
    (demo, DemoCommand, DEMO_EXAMPLES),
    (doctor, DoctorCommand, DOCTOR_EXAMPLES),
    (runtime, RuntimeCommand, RUNTIME_EXAMPLES),
)
"""Every command: its function, how its line is parsed, and the end of its help."""

EPILOG = """\
Examples:

\b
  contrace demo                         see a container being born, explained
  contrace doctor                       can I trace here?
  contrace attach docker                then start a container elsewhere
  contrace run unshare --user true      start a command and watch it
  contrace show FILE failed             read a trace again
  contrace view FILE                    browse it

Exit status:

\b
  0    all went well
  1    something failed that has no code of its own
  2    an option, filter or argument makes no sense
  3    the kernel does not let you trace that process
  4    no such process, name or pid file
  5    another tracer holds the process
  6    the trace file is missing, foreign, broken, or cannot be written
  7    this machine lacks what the capture needs
  126  run: the command cannot be executed (127: there is none)

`contrace run` otherwise ends with the command's own status, or by the signal that ended it.
"""


_REPHRASED = (("is not a valid int.", "is not a whole number"),)
"""What click says, and how it is said to somebody at a shell."""


def _version(wanted: bool) -> None:
    if wanted:
        print(f"contrace {__version__}")
        raise typer.Exit


def _no_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> int:
    """Show how a container is born: every execve, clone, unshare, setns, prctl, mount … of a container manager and its
    runtime, live and again later.
    """
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        return ExitCode.USAGE
    return ExitCode.OK


def application() -> typer.Typer:
    """The whole command line, as typer sees it."""
    app = typer.Typer(
        name="contrace",
        rich_markup_mode=None,  # rich would take longer to import than the rest of the start
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True, epilog=EPILOG)(_no_command)
    for function, command, examples in COMMANDS:
        app.command(cls=command, epilog=examples)(function)
    return app


def main(args: list[str]) -> int:
    """Run one command line; returns the exit status."""
    return reported(lambda: _do(args))


def _do(args: list[str]) -> object:
    try:
        return application()(args, prog_name="contrace", standalone_mode=False)
    except typer.TyperException as error:
        raise UsageError(_in_our_words(error)) from error


def _in_our_words(error: typer.TyperException) -> str:
    """Click's message, begun in lower case, with the place to look."""
    message = error.format_message()
    for theirs, ours in _REPHRASED:
        message = message.replace(theirs, ours)
    context = getattr(error, "ctx", None)
    hint = f"\nSee {context.command_path} --help" if context is not None else ""
    return f"{message[:1].lower()}{message[1:]}{hint}"
