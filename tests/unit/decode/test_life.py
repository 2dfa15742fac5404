"""Signals, stops and ends. Expected texts are lines of strace 6.1, made by running tests/fixtures/signals.c."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.decode.life import exit_text, signal_text, stopped_text
from contrace.records import Signal, Stopped, TaskExit

WHERE = {"time_ns": 1, "tid": 7, "pid": 7}


def siginfo(signo: int, code: int, form: str = "", *values: int, error: int = 0) -> str:
    data = struct.pack("<iii4x", signo, error, code) + struct.pack(f"<{form}", *values)
    shown = signal_text(Signal(**WHERE, signo=signo, siginfo=data.ljust(128, b"\0")))
    name, _, fields = shown.removeprefix("--- ").removesuffix("} ---").partition(" {")
    assert fields.startswith(f"si_signo={name}, ")
    return fields.removeprefix(f"si_signo={name}, ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((10, 0, "iI", 32450, 0), "si_code=SI_USER, si_pid=32450, si_uid=0"),
        ((10, -6, "iI", 32450, 0), "si_code=SI_TKILL, si_pid=32450, si_uid=0"),
        ((10, -1, "iIq", 5, 0, -7), "si_code=SI_QUEUE, si_pid=5, si_uid=0, si_int=-7, si_ptr=0xfffffffffffffff9"),
        ((10, -1, "iI", -1, 2**32 - 1), "si_code=SI_QUEUE, si_pid=-1, si_uid=-1"),
        ((10, -100, "iI", 1, 2), "si_code=0xffffff9c, si_pid=1, si_uid=2"),
        (
            (10, -2, "IiQ", 0x123, 4, 0xFFFFFFFB),
            "si_code=SI_TIMER, si_timerid=0x123, si_overrun=4, si_int=-5, si_ptr=0xfffffffb",
        ),
        ((10, -5, "qi", 65, 9), "si_code=SI_SIGIO, si_band=65, si_fd=9"),
        ((10, 0x80), "si_code=SI_KERNEL"),
        ((12, 0x80, "iIQ", 5, 6, 9), "si_code=SI_KERNEL, si_pid=5, si_uid=6, si_int=9, si_ptr=0x9"),
        (
            (17, 1, "iIiiQQ", 5, 0, 3, 0, 0, 0),
            "si_code=CLD_EXITED, si_pid=5, si_uid=0, si_status=3, si_utime=0, si_stime=0",
        ),
        (
            (17, 2, "iIiiQQ", 5, 0, 9, 0, 123, 250),
            "si_code=CLD_KILLED, si_pid=5, si_uid=0, si_status=SIGKILL, "
            "si_utime=123 /* 1.23 s */, si_stime=250 /* 2.50 s */",
        ),
        (
            (17, 3, "iIiiQQ", 5, 0, 9, 0, 1, 2**64 - 1),
            "si_code=CLD_DUMPED, si_pid=5, si_uid=0, "
            "si_status=SIGKILL, si_utime=1 /* 0.01 s */, "
            "si_stime=18446744073709551615 /* 184467440737095516.15 s */",
        ),
        ((11, 1, "Q", 0x2BADC0DE), "si_code=SEGV_MAPERR, si_addr=0x2badc0de"),
        ((11, 3, "QQQQ", 0, 0, 0x1000, 0x2000), "si_code=SEGV_BNDERR, si_addr=NULL, si_lower=0x1000, si_upper=0x2000"),
        ((11, 4, "QQI", 1, 0, 3), "si_code=SEGV_PKUERR, si_addr=0x1, si_pkey=3"),
        ((11, 10, "Q", 1), "si_code=SEGV_CPERR, si_addr=0x1"),
        ((11, 0x80), "si_code=SI_KERNEL, si_addr=NULL"),
        ((7, 4, "QH", 0, 12), "si_code=BUS_MCEERR_AR, si_addr=NULL, si_addr_lsb=0xc"),
        ((8, 1, "Q", 5), "si_code=FPE_INTDIV, si_addr=0x5"),
        ((4, 9, "Q", 5), "si_code=ILL_BADIADDR, si_addr=0x5"),
        ((29, 4, "qi", 65, 9), "si_code=POLL_ERR, si_band=65, si_fd=9"),
        ((29, 7, "qi", 65, 9), "si_code=0x7"),
        ((27, 1, "iI", 5, 0), "si_code=0x1, si_pid=5, si_uid=0"),
        (
            (31, 1, "QII", 5, 59, 0xC000003E),
            "si_code=SYS_SECCOMP, si_call_addr=0x5, si_syscall=__NR_execve, si_arch=AUDIT_ARCH_X86_64",
        ),
        (
            (31, 2, "QII", 5, 11, 0x40000003),
            "si_code=SYS_USER_DISPATCH, si_call_addr=0x5, si_syscall=11 /* execve */, si_arch=AUDIT_ARCH_I386",
        ),
        (
            (31, 1, "QII", 5, 0x40000208, 0xC000003E),
            "si_code=SYS_SECCOMP, si_call_addr=0x5, si_syscall=1073742344 /* execve */, si_arch=AUDIT_ARCH_X86_64",
        ),
        (
            (31, 1, "QII", 5, 2**32 - 1, 0xC000003E),
            "si_code=SYS_SECCOMP, si_call_addr=0x5, si_syscall=4294967295, si_arch=AUDIT_ARCH_X86_64",
        ),
        (
            (31, 1, "QII", 5, 12345, 0xDEAD),
            "si_code=SYS_SECCOMP, si_call_addr=0x5, si_syscall=12345, si_arch=0xdead /* AUDIT_ARCH_??? */",
        ),
    ],
)
def test_a_signal_says_what_came_with_it(words, expected):
    assert siginfo(*words) == expected


@pytest.mark.parametrize(
    ("error", "expected"), [(2, "ENOENT"), (524, "ENOTSUPP"), (512, "ERESTARTSYS"), (4000, "4000"), (-1, "4294967295")]
)
def test_an_error_that_came_with_a_signal_has_its_name(error, expected):
    assert siginfo(10, 0, error=error) == f"si_code=SI_USER, si_errno={expected}, si_pid=0, si_uid=0"


def test_a_signal_of_which_nothing_could_be_read_is_its_name():
    assert signal_text(Signal(**WHERE, signo=9, siginfo=b"")) == "--- SIGKILL ---"
    assert signal_text(Signal(**WHERE, signo=34, siginfo=b"\0" * 127)) == "--- SIGRT_2 ---"


def test_an_end_says_how():
    assert exit_text(TaskExit(**WHERE, status=3, signal=0, core=False)) == "+++ exited with 3 +++"
    assert exit_text(TaskExit(**WHERE, status=0, signal=9, core=False)) == "+++ killed by SIGKILL +++"
    assert exit_text(TaskExit(**WHERE, status=0, signal=3, core=True)) == "+++ killed by SIGQUIT (core dumped) +++"
    superseded = TaskExit(**WHERE, status=0, signal=0, core=False, superseded_by=8)
    assert exit_text(superseded) == "+++ superseded by execve in pid 8 +++"


def test_a_stop_names_its_signal():
    assert stopped_text(Stopped(**WHERE, signo=19)) == "--- stopped by SIGSTOP ---"


@given(st.integers(-(2**31), 2**31), st.integers(-10, 20), st.integers(-10, 70), st.binary(min_size=0, max_size=140))
def test_nothing_that_a_process_does_makes_it_fail(signo, code, number, rest):
    for data in (rest, struct.pack("<iii4x", number, 0, code) + rest.ljust(112, b"\1")):
        shown = signal_text(Signal(**WHERE, signo=signo, siginfo=data))
        assert shown.isascii()
        assert shown.isprintable()
        assert shown.startswith("--- ")
