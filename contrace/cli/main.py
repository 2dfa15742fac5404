"""The command list, and the only place that prints errors.

One verb per file; each returns the exit status. An error that a user can meet is a ContraceError, or click's own about
the command line: one message on standard error. Anything else is a bug and shows its traceback.
"""

import errno
import os
import sys
from typing import Annotated

import typer

from contrace import __version__
from contrace.cli.attach import EXAMPLES as ATTACH_EXAMPLES
from contrace.cli.attach import AttachCommand, attach
from contrace.cli.doctor import EXAMPLES as DOCTOR_EXAMPLES
from contrace.cli.doctor import DoctorCommand, doctor
from contrace.cli.run import EXAMPLES as RUN_EXAMPLES
from contrace.cli.run import RunCommand, run
from contrace.cli.show import EXAMPLES as SHOW_EXAMPLES
from contrace.cli.show import ShowCommand, show
from contrace.errors import ContraceError, ExitCode

COMMANDS = (
    (attach, AttachCommand, ATTACH_EXAMPLES),
    (run, RunCommand, RUN_EXAMPLES),
    (show, ShowCommand, SHOW_EXAMPLES),
    (doctor, DoctorCommand, DOCTOR_EXAMPLES),
)
"""Every command: its function, how its line is parsed, and the end of its help."""

EPILOG = """\
Examples:

\b
  contrace doctor                       can I trace here?
  contrace attach docker                then start a container elsewhere
  contrace run unshare --user true      start a command and watch it
  contrace show FILE failed             read a trace again

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


_OUTPUT_REFUSED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Only writing to standard output is answered like this: everything else that is written has errors of its own."""
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
    """Run one command line; returns the exit status. Prints every error, and only here."""
    try:
        status = application()(args, prog_name="contrace", standalone_mode=False)
        sys.stdout.flush()
    except ContraceError as error:
        return _report(str(error), error.exit_code)
    except typer.TyperException as error:
        return _report(_in_our_words(error), ExitCode.USAGE)
    except BrokenPipeError:
        _mute()  # whoever read our output has seen enough
        return ExitCode.OK
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OUTPUT_REFUSED:
            _mute()
            return _report(f"cannot write to the output: {error.strerror}", ExitCode.FAILURE)
        print("contrace: this is a bug in contrace; please report it with the lines below", file=sys.stderr)
        raise
    return status if isinstance(status, int) else ExitCode.OK


def _mute() -> None:
    """What is still buffered must not fail again when Python flushes it at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _report(message: str, code: int) -> int:
    print(f"contrace: {message}", file=sys.stderr)
    return code


def _in_our_words(error: typer.TyperException) -> str:
    """Click's message, begun in lower case, with the place to look."""
    message = error.format_message()
    for theirs, ours in _REPHRASED:
        message = message.replace(theirs, ours)
    context = getattr(error, "ctx", None)
    hint = f"\nSee {context.command_path} --help" if context is not None else ""
    return f"{message[:1].lower()}{message[1:]}{hint}"
