"""Seccomp programs as prctl shows them. Expected texts are lines of strace, made by running tests/fixtures/prctl.c."""

import struct

import pytest

from contrace.decode.notation import Notation
from contrace.records import Block, Memory
from contrace.syscalls.abi import Abi
from tests.unit.decode.making import AT
from tests.unit.decode.prctl_line import line


def program(*code: tuple[int, int, int, int], length: int | None = None, at: int = 0x4A9260) -> tuple[Memory, ...]:
    raw = b"".join(struct.pack("<HBBI", *one) for one in code)
    fprog = struct.pack("<HxxxxxxQ", len(code) if length is None else length, at)
    return (
        Block(arg=2, address=AT, data=fprog, wanted=16),
        Block(arg=2, address=at, data=raw, wanted=(length or len(code)) * 8),
    )


def listing(memory: tuple[Memory, ...]) -> str:
    text = line("PR_SET_SECCOMP", 2, AT, memory=memory, notation=Notation(verbose=True))
    return text.removeprefix("prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ").removesuffix(") = 0")


def test_a_program_is_an_address_unless_verbose():
    memory = program((0x06, 0, 0, 0x7FFF0000))
    assert line("PR_SET_SECCOMP", 2, AT, memory=memory) == (
        "prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, {len=1, filter=0x4a9260}) = 0"
    )
    assert listing(memory) == "{len=1, filter=[BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ALLOW)]}"


def test_a_32_bit_program_has_a_pointer_of_4_bytes():
    memory = (Block(arg=2, address=AT, data=struct.pack("<HxxI", 5, 0x8049000), wanted=8),)
    assert line("PR_SET_SECCOMP", 2, AT, memory=memory, abi=Abi.I386) == (
        "prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, {len=5, filter=0x8049000}) = 0"
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ((0x20, 0, 0, 4), "BPF_STMT(BPF_LD|BPF_W|BPF_ABS, 0x4)"),
        ((0x15, 0, 1, 0xC000003E), "BPF_JUMP(BPF_JMP|BPF_K|BPF_JEQ, 0xc000003e, 0, 0x1)"),
        ((0x05, 0, 0, 0), "BPF_STMT(BPF_JMP|BPF_K|BPF_JA, 0)"),
        ((0x4D, 1, 0, 0x40000000), "BPF_JUMP(BPF_JMP|BPF_X|BPF_JSET, 0x40000000, 0x1, 0)"),
        ((0xF5, 0, 255, 1), "BPF_JUMP(BPF_JMP|BPF_K|0xf0 /* BPF_??? */, 0x1, 0, 0xff)"),
        ((0x06, 0, 0, 0x80000000), "BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_KILL_PROCESS)"),
        ((0x06, 0, 0, 0x00050026), "BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ERRNO|0x26)"),
        ((0x06, 0, 0, 0x7FC00000), "BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_USER_NOTIF)"),
        ((0x16, 0, 0, 0x12345678), "BPF_STMT(BPF_RET|BPF_A, 0x12340000 /* SECCOMP_RET_??? */|0x5678)"),
        ((0x1E, 0, 0, 0), "BPF_STMT(BPF_RET|0x18 /* BPF_??? */, SECCOMP_RET_KILL_THREAD)"),
        ((0xFF4E, 0, 0, 3), "BPF_STMT(BPF_RET|BPF_X|0xff40 /* BPF_??? */, SECCOMP_RET_KILL_THREAD|0x3)"),
        ((0x06, 1, 1, 0x7FFF0000), "BPF_JUMP(BPF_RET|BPF_K, 0x7fff0000, 0x1, 0x1)"),
        ((0xB1, 0, 0, 1), "BPF_STMT(BPF_LDX|BPF_B|BPF_MSH, 0x1)"),
        ((0xF8, 0, 0, 0), "BPF_STMT(BPF_LD|BPF_DW|0xe0 /* BPF_??? */, 0)"),
        ((0xFF00, 0, 0, 0), "BPF_STMT(BPF_LD|BPF_W|BPF_IMM, 0)"),
        ((0x02, 0, 0, 15), "BPF_STMT(BPF_ST, 0xf)"),
        ((0xFF03, 0, 0, 15), "BPF_STMT(BPF_STX|0xff00 /* BPF_??? */, 0xf)"),
        ((0x84, 0, 0, 0), "BPF_STMT(BPF_ALU|BPF_K|BPF_NEG, 0)"),
        ((0xF4, 0, 0, 2), "BPF_STMT(BPF_ALU|BPF_K|0xf0 /* BPF_??? */, 0x2)"),
        ((0x87, 0, 0, 0), "BPF_STMT(BPF_MISC|BPF_TXA, 0)"),
        ((0xFFFF, 0, 0, 0xFFFFFFFF), "BPF_STMT(BPF_MISC|0xf8 /* BPF_??? */|0xff00 /* BPF_??? */, 0xffffffff)"),
    ],
)
def test_an_instruction_is_a_macro_call(code, expected):
    assert listing(program(code)) == f"{{len=1, filter=[{expected}]}}"


def test_a_program_that_cannot_be_read_to_its_end_says_where():
    load = (0x20, 0, 0, 4)
    assert listing(program(load, length=5, at=0x7000)) == (
        "{len=5, filter=[BPF_STMT(BPF_LD|BPF_W|BPF_ABS, 0x4), ... /* 0x7008 */]}"
    )
    assert listing(program(length=2, at=0x10)) == "{len=2, filter=0x10}"
    assert listing(program(length=3, at=0)) == "{len=3, filter=NULL}"
    assert listing(program()) == "{len=0, filter=[]}"


def test_a_program_is_shown_up_to_the_kernel_s_limit():
    text = listing(program(*[(0, 0, 0, 0)] * 4096, length=4200))
    assert text.startswith("{len=4200, filter=[BPF_STMT(")
    assert text.endswith("BPF_STMT(BPF_LD|BPF_W|BPF_IMM, 0), ...]}")
    assert text.count("BPF_STMT") == 4096
