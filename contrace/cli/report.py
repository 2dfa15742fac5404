"""The only place that prints errors.

An error that a user can meet is a ContraceError: one message on standard error. Anything else is a bug and shows its
traceback.
"""

import errno
import os
import sys
from collections.abc import Callable

from contrace.errors import ContraceError, ExitCode

_OUTPUT_REFUSED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Only writing to standard output is answered like this: everything else that is written has errors of its own."""


def reported(command: Callable[[], object]) -> int:
    """Do the command and return its exit status; print what it raises."""
    try:
        status = command()
        sys.stdout.flush()
    except ContraceError as error:
        return _report(str(error), error.exit_code)
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


def _report(message: str, code: int) -> int:
    print(f"contrace: {message}", file=sys.stderr)
    return code


def _mute() -> None:
    """What is still buffered must not fail again when Python flushes it at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
