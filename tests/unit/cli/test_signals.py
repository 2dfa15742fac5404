import os
import select
import signal
import subprocess
import sys

import pytest

from contrace.cli.signals import ENDING, Caught, Signals


def test_signals_are_taken_one_by_one() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        signals.listen()
        assert select.select([signals], [], [], 10)[0]
        assert signals.take() == [Caught(signal.SIGHUP, from_terminal=False)]
        for signo in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), signo)
            assert select.select([signals], [], [], 10)[0]
            assert signals.take() == [Caught(signo, from_terminal=False)]
        assert signals.take() == []


def test_afterwards_they_are_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with Signals():
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= ENDING
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize(
    "signo", [signal.SIGTERM, signal.SIGINT, signal.SIGSEGV, signal.SIGKILL, signal.SIGPIPE, signal.SIGRTMIN]
)
def test_ending_by_a_signal(signo: int) -> None:
    code = f"from contrace.cli.signals import Signals, end_by\nwith Signals(): pass\nend_by({int(signo)})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signo
