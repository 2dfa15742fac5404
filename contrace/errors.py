"""Everything that contrace reports as an error, and the exit code of each.

::

    ContraceError                 1   something failed that has no code of its own
    ├── UsageError                2   an option, filter or argument makes no sense
    ├── PermissionRefused         3   the kernel does not let this user trace that process
    ├── TargetNotFound            4   no such process, name, pid file or container
    ├── AlreadyTraced             5   another tracer holds the process
    ├── TraceFileError            6   the trace file is missing, foreign, broken, too new or cannot be written
    ├── BackendUnavailable        7   this kernel or machine lacks what the capture backend needs
    └── CommandNotStarted       126   `run`: the command was found but cannot be executed (127: not found)

``run`` otherwise ends with the command's own exit status, or by the signal that ended it. A message says
what was tried, what the kernel answered, and what to do. Messages may quote text of traced processes only
after escaping it. ``cli/main.py`` is the only place that prints errors.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes; part of the interface."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    PERMISSION = 3
    NO_TARGET = 4
    ALREADY_TRACED = 5
    TRACE_FILE = 6
    NO_BACKEND = 7
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127


class ContraceError(Exception):
    """An error with a message for the user: what was tried, what was answered, what to do."""

    exit_code: ExitCode = ExitCode.FAILURE


class UsageError(ContraceError):
    exit_code = ExitCode.USAGE


class PermissionRefused(ContraceError):
    exit_code = ExitCode.PERMISSION


class TargetNotFound(ContraceError):
    exit_code = ExitCode.NO_TARGET


class AlreadyTraced(ContraceError):
    exit_code = ExitCode.ALREADY_TRACED


class TraceFileError(ContraceError):
    exit_code = ExitCode.TRACE_FILE


class BackendUnavailable(ContraceError):
    exit_code = ExitCode.NO_BACKEND


class CommandNotStarted(ContraceError):
    """The command of ``run`` could not be executed; the code follows the shell's 126/127 convention."""

    def __init__(self, message: str, *, found: bool) -> None:
        super().__init__(message)
        self.exit_code = ExitCode.NOT_EXECUTABLE if found else ExitCode.NOT_FOUND
