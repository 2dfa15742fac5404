"""What the kernel refuses becomes one error that says what was tried, in whichever process it happened."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from contrace.errors import ContraceError


@contextmanager
def attempt(what: str, advice: str = "") -> Iterator[None]:
    """Within it, an OSError becomes ``cannot WHAT: ANSWER``, and the advice follows on a line of its own."""
    try:
        yield
    except OSError as error:
        answer = os.strerror(error.errno) if error.errno else str(error)
        raise ContraceError(f"cannot {what}: {answer}" + (f"\n{advice}" if advice else "")) from error
