"""clone and clone3. Expected texts are lines of strace 6.1, made by running tests/fixtures/clone.c and clone3.c."""

import struct

import pytest

from contrace.decode.notation import Notation
from contrace.syscalls.abi import Abi
from tests.unit.decode.making import AT, EINVAL, block, call, line

FIELDS = (
    *("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls"),
    *("set_tid", "set_tid_size", "cgroup"),
)
"""struct clone_args, include/uapi/linux/sched.h"""
ID = struct.pack("<i", 7)
USER_DESC = struct.pack("<iIII", 12, 0xF7D35B40, 0xFFFFF, 0x51)
SHOWN_DESC = (
    "{entry_number=12, base_addr=0xf7d35b40, limit=0x0fffff, seg_32bit=1, contents=0, read_exec_only=0"
    ", limit_in_pages=1, seg_not_present=0, useable=1}"
)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (17, "flags=SIGCHLD"),
        (0, "flags=0"),
        (35, "flags=SIGRT_3"),
        (70, "flags=70"),
        (0x4111, "flags=CLONE_VM|CLONE_VFORK|SIGCHLD"),
        (0x100, "flags=CLONE_VM"),
        (0x40010000 | 255, "flags=CLONE_THREAD|CLONE_NEWNET|255"),
        (0x1234567800010011, "flags=CLONE_THREAD|0x1234567800000000|SIGCHLD"),
    ],
)
def test_clone_s_flags_hold_the_exit_signal(flags, expected):
    assert line("clone", flags, 0x10, returns=9) == f"clone(child_stack=0x10, {expected}) = 9"


@pytest.mark.parametrize(
    ("abi", "tls", "child_tid"), [(Abi.X86_64, 4, 3), (Abi.X32, 4, 3), (Abi.I386, 3, 4), (Abi.AARCH64, 3, 4)]
)
def test_the_order_of_the_last_two_arguments_is_the_abi_s(abi, tls, child_tid):
    registers = [0x80000 | 0x1000000, 0, 0, 0, 0]
    registers[tls], registers[child_tid] = 0x111, 0x222
    shown = line("clone", *registers, abi=abi, returns=EINVAL)
    assert "tls=0x111, child_tidptr=0x222)" in shown


def test_the_parent_s_word_is_shown_when_the_kernel_wrote_it():
    there = (block(2, ID, at_exit=True),)
    start = "clone(child_stack=NULL, flags=CLONE_PARENT_SETTID|SIGCHLD, parent_tid="
    assert line("clone", 0x100011, 0, AT, memory=there, returns=7) == f"{start}[7]) = 7"
    assert line("clone", 0x100011, 0, AT, returns=7) == f"{start}0x4b6000) = 7"
    assert line("clone", 0x100011, 0, 0, returns=7) == f"{start}NULL) = 7"
    assert line("clone", 0x1011, 0, AT, memory=there, returns=7).endswith(
        "flags=CLONE_PIDFD|SIGCHLD, parent_tid=[7]) = 7"
    )


def test_tls_of_i386_is_a_descriptor():
    there = (block(3, USER_DESC, at_exit=True),)
    assert line("clone", 0x80000, 0, 0, AT, abi=Abi.I386, memory=there).endswith(f"tls={SHOWN_DESC}) = 0")
    assert line("clone", 0x80000, 0, 0, AT, abi=Abi.AARCH64, memory=there).endswith("tls=0x4b6000) = 0")


# --- clone3 -----------------------------------------------------------------------------------------------


def args(size: int = 88, **fields: int) -> bytes:
    return struct.pack("<11Q", *(fields.get(name, 0) for name in FIELDS)).ljust(size, b"\0")[:size]


def clone3(data: bytes, *more, size: int | None = None, returns: int = EINVAL, **options) -> str:
    size = len(data) if size is None else size
    done = call("clone3", AT, size, memory=(block(0, data, wanted=size), *more), returns=returns, **options)
    return (done.head + done.tail).removeprefix("clone3(").removesuffix(")")


@pytest.mark.parametrize("size", [64, 65, 80, 88, 96, 4096])
def test_every_known_size_is_a_structure(size):
    assert clone3(args(size, exit_signal=17)) == f"{{flags=0, exit_signal=SIGCHLD, stack=NULL, stack_size=0}}, {size}"


@pytest.mark.parametrize("size", [0, 8, 63])
def test_a_structure_that_is_too_small_is_an_address(size):
    assert clone3(args()[:size], size=size) == f"0x4b6000, {size}"


def test_a_structure_that_cannot_be_read_is_an_address():
    assert clone3(args(64), size=80) == "0x4b6000, 80"
    assert line("clone3", 0, 88, returns=-14) == "clone3(NULL, 88) = -1 EFAULT (Bad address)"


def test_fields_are_shown_where_flags_ask_for_them():
    fields = {"pidfd": 0x10, "child_tid": 0x20, "parent_tid": 0x30, "tls": 0x40, "stack": 0x50, "stack_size": 0x60}
    assert (
        clone3(args(flags=0x10000, **fields)) == "{flags=CLONE_THREAD, exit_signal=0, stack=0x50, stack_size=0x60}, 88"
    )
    assert clone3(args(flags=0x1190000 | 0x1000, **fields)) == (
        "{flags=CLONE_PIDFD|CLONE_THREAD|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_SETTID, pidfd=0x10"
        ", child_tid=0x20, parent_tid=0x30, exit_signal=0, stack=0x50, stack_size=0x60, tls=0x40}, 88"
    )


@pytest.mark.parametrize(
    ("signal", "expected"),
    [(0, "0"), (65, "65"), (0x7FFFFFFE, "2147483646"), (0xFFFFFFFF, "4294967295"), (0x10000000011, "1099511627793")],
)
def test_an_exit_signal_without_a_name_is_a_number(signal, expected):
    assert f"exit_signal={expected}, " in clone3(args(exit_signal=signal))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0xFF, "CLONE_NEWTIME|0x7f"),
        (0x400000, "0x400000 /* CLONE_??? */"),
        (0x300000000, "CLONE_CLEAR_SIGHAND|CLONE_INTO_CGROUP"),
        (0x3C00000000, "CLONE_AUTOREAP|CLONE_NNP|CLONE_PIDFD_AUTOKILL|CLONE_EMPTY_MNTNS"),
        (1 << 40 | 0x20000, "CLONE_NEWNS|0x10000000000"),
    ],
)
def test_clone3_has_flags_of_its_own(flags, expected):
    assert clone3(args(80, flags=flags)).startswith(f"{{flags={expected}, ")


def test_a_cgroup_is_shown_if_the_size_covers_it():
    assert clone3(args(flags=0x200000000)).endswith("stack_size=0, cgroup=0}, 88")
    assert clone3(args(80, flags=0x200000000)).endswith("stack_size=0}, 80")
    assert clone3(args(cgroup=2**64 - 1)).endswith("cgroup=18446744073709551615}, 88")


def test_set_tid_is_an_array():
    three = block(0, struct.pack("<3i", 1, 2, 3), at=0x99)
    two = block(0, struct.pack("<2i", 1, 2), at=0x99, wanted=12)
    data = args(set_tid=0x99, set_tid_size=3)
    assert clone3(data, three).endswith("set_tid=[1, 2, 3], set_tid_size=3}, 88")
    assert clone3(data, two).endswith("set_tid=[1, 2, ... /* 0xa1 */], set_tid_size=3}, 88")
    assert clone3(data, three, notation=Notation(string_limit=2)).endswith("set_tid=[1, 2, ...], set_tid_size=3}, 88")
    assert clone3(data).endswith("set_tid=0x99, set_tid_size=3}, 88")
    assert clone3(args(set_tid=0x99, set_tid_size=33)).endswith("set_tid=0x99, set_tid_size=33}, 88")
    assert clone3(args(set_tid_size=1)).endswith("set_tid=NULL, set_tid_size=1}, 88")


def test_what_lies_behind_the_known_fields_is_shown_as_bytes():
    tail = args() + bytes((8, 7, 0))
    assert clone3(tail).endswith(r', /* bytes 88..90 */ "\x08\x07\x00"}, 91')
    assert clone3(tail, notation=Notation(string_limit=1)).endswith(r', /* bytes 88..90 */ "\x08"...}, 91')
    assert clone3(args(), size=96).endswith("stack_size=0, ???}, 96")


def test_what_the_kernel_wrote_is_told_behind_an_arrow():
    data = args(flags=0x101000, pidfd=0x10, parent_tid=0x20)
    written = (
        block(0, data, at_exit=True),
        block(0, ID, at=0x10, at_exit=True),
        block(0, b"\3\0\0\0", at=0x20, at_exit=True),
    )
    shown = call("clone3", AT, 88, memory=(block(0, data), *written), returns=3)
    assert shown.head.endswith("pidfd=0x10, parent_tid=0x20, exit_signal=0, stack=NULL, stack_size=0}")
    assert shown.tail == " => {pidfd=[7], parent_tid=[3]}, 88)"
    assert clone3(data, *written[:1], returns=3).endswith(" => {pidfd=0x10, parent_tid=0x20}, 88")
    assert clone3(data, returns=3).endswith(" => 0x4b6000, 88")
    assert clone3(data, returns=EINVAL).endswith("stack_size=0}, 88")


def test_tls_of_i386_is_a_descriptor_in_clone3_too():
    data = args(flags=0x80000, tls=0x99)
    shown = clone3(data, block(0, USER_DESC, at=0x99), abi=Abi.I386)
    assert shown.endswith(f"tls={SHOWN_DESC}}}, 88")
