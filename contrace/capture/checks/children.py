"""Children in which the probes do what must not last, or which they do it to."""

import errno
import os
import signal
import time
from collections.abc import Callable

_NAP_SECONDS = 5.0  # a probe's child ends by itself if the probe dies first


def in_child(probe: Callable[[], int]) -> int:
    """Run the probe in a forked child, where nothing that it does lasts; its errno, 0 for success."""
    pid = os.fork()
    if pid == 0:
        code = errno.EIO
        try:
            code = probe()
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # A seccomp filter around this shell may answer with a signal (SIGSYS).
    return status if status >= 0 else errno.EPERM


def sleeper() -> int:
    """A child that sleeps; `end` ends it."""
    pid = os.fork()
    if pid == 0:
        try:
            time.sleep(_NAP_SECONDS)
        finally:
            os._exit(0)
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def describe(number: int) -> str:
    return f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"
