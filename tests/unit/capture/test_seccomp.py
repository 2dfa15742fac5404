"""The filter lets everything run but the wanted calls: tried out by interpreting it as the kernel does."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.capture.ptrace.seccomp import MAX_INSTRUCTIONS, SECCOMP_RET_ALLOW, SECCOMP_RET_TRACE, program
from contrace.syscalls.abi import AUDIT_ARCH_I386, AUDIT_ARCH_X86_64

ARCHES = (AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, 0xC00000B7)


def verdict(code: bytes, arch: int, number: int) -> int:
    """Run classic BPF: only what the filter uses (include/uapi/linux/bpf_common.h)."""
    instructions = list(struct.iter_unpack("=HBBI", code))
    accumulator, at = 0, 0
    while True:
        operation, jump_true, jump_false, k = instructions[at]
        at += 1
        if operation == 0x20:  # BPF_LD|BPF_W|BPF_ABS on struct seccomp_data
            accumulator = {0: number, 4: arch}[k]
        elif operation == 0x15:  # BPF_JMP|BPF_JEQ|BPF_K
            at += jump_true if accumulator == k else jump_false
        elif operation == 0x05:  # BPF_JMP|BPF_JA
            at += k
        else:
            assert operation == 0x06  # BPF_RET|BPF_K
            return k


@given(
    st.dictionaries(st.sampled_from(ARCHES[:2]), st.lists(st.integers(0, 500), max_size=300), max_size=2),
    st.sampled_from(ARCHES),
    st.integers(0, 600),
)
def test_only_wanted_calls_stop(wanted: dict[int, list[int]], arch: int, number: int) -> None:
    expected = SECCOMP_RET_TRACE if number in wanted.get(arch, []) else SECCOMP_RET_ALLOW
    assert verdict(program(wanted), arch, number) == expected


def test_a_filter_that_the_kernel_would_refuse_is_not_made() -> None:
    with pytest.raises(ValueError, match="instructions"):
        program({AUDIT_ARCH_X86_64: range(MAX_INSTRUCTIONS)})
