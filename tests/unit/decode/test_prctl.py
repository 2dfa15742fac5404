"""prctl's options: the expected texts are lines of strace, made by running tests/fixtures/prctl.c under it.

Results that this machine's kernel cannot give come from ``strace -e inject=prctl:retval=N``.
"""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.decode import prctl
from contrace.decode.notation import Notation
from contrace.records import Block, Entered, Memory, Text
from contrace.syscalls.abi import Abi
from contrace.syscalls.prctl import OPTIONS
from tests.unit.decode.making import AT
from tests.unit.decode.prctl_line import line

ODD = 0xDEADBEEF
WORD = 0xBBBBBBBBBBBBBBBB


def string(index: int, data: bytes, *, broken: bool = False) -> tuple[Memory, ...]:
    return (Text(arg=index, address=AT, data=data, broken=broken),)


def block(index: int, data: bytes, *, wanted: int | None = None, at: int = AT) -> tuple[Memory, ...]:
    return (Block(arg=index, address=at, data=data, wanted=len(data) if wanted is None else wanted, at_exit=True),)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (("PR_SET_PDEATHSIG", 9), "PR_SET_PDEATHSIG, SIGKILL"),
        (("PR_SET_PDEATHSIG", 0), "PR_SET_PDEATHSIG, 0"),
        (("PR_SET_PDEATHSIG", 34), "PR_SET_PDEATHSIG, SIGRT_2"),
        (("PR_SET_PDEATHSIG", 65), "PR_SET_PDEATHSIG, 65"),
        (("PR_SET_PDEATHSIG", 129), "PR_SET_PDEATHSIG, 129"),
        (("PR_SET_PDEATHSIG", WORD), "PR_SET_PDEATHSIG, 13527612320720337851"),
        (("PR_SET_DUMPABLE", 0), "PR_SET_DUMPABLE, SUID_DUMP_DISABLE"),
        (("PR_SET_DUMPABLE", WORD), "PR_SET_DUMPABLE, 0xbbbbbbbbbbbbbbbb /* SUID_DUMP_??? */"),
        (("PR_SET_UNALIGN", 0), "PR_SET_UNALIGN, 0"),
        (("PR_SET_UNALIGN", WORD), "PR_SET_UNALIGN, PR_UNALIGN_NOPRINT|PR_UNALIGN_SIGBUS|0xbbbbbbb8"),
        (("PR_SET_KEEPCAPS", 1), "PR_SET_KEEPCAPS, 1"),
        (("PR_GET_KEEPCAPS", ODD), "PR_GET_KEEPCAPS"),
        (("PR_SET_FPEMU", WORD), "PR_SET_FPEMU, 13527612320720337851"),
        (("PR_GET_FPEMU", 0), "PR_GET_FPEMU, NULL"),
        (("PR_SET_FPEXC", 0x10080), "PR_SET_FPEXC, 65664"),
        (("PR_SET_TIMING", 0), "PR_SET_TIMING, 0"),
        (("PR_GET_TIMING", ODD, ODD), "PR_GET_TIMING"),
        (("PR_GET_ENDIAN", 0x10), "PR_GET_ENDIAN, 0x10"),
        (("PR_SET_SECCOMP", 1, ODD, WORD, 5), "PR_SET_SECCOMP, SECCOMP_MODE_STRICT"),
        (("PR_SET_SECCOMP", 2, 0), "PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL"),
        (("PR_SET_SECCOMP", 2, 0x10), "PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0x10"),
        (
            ("PR_SET_SECCOMP", 0, ODD, WORD, 5),
            "PR_SET_SECCOMP, SECCOMP_MODE_DISABLED, 0xdeadbeef, 0xbbbbbbbbbbbbbbbb, 0x5",
        ),
        (
            ("PR_SET_SECCOMP", 3, ODD, WORD, 5),
            "PR_SET_SECCOMP, 0x3 /* SECCOMP_MODE_??? */, 0xdeadbeef, 0xbbbbbbbbbbbbbbbb, 0x5",
        ),
        (("PR_CAPBSET_READ", 0), "PR_CAPBSET_READ, CAP_CHOWN"),
        (("PR_CAPBSET_DROP", 40), "PR_CAPBSET_DROP, CAP_CHECKPOINT_RESTORE"),
        (("PR_CAPBSET_DROP", 41), "PR_CAPBSET_DROP, 0x29 /* CAP_??? */"),
        (("PR_SET_TSC", 2), "PR_SET_TSC, PR_TSC_SIGSEGV"),
        (("PR_SET_TSC", WORD), "PR_SET_TSC, 0xbbbbbbbb /* PR_TSC_??? */"),
        (
            ("PR_SET_SECUREBITS", 0x2F),
            "PR_SET_SECUREBITS, SECBIT_NOROOT|SECBIT_NOROOT_LOCKED|SECBIT_NO_SETUID_FIXUP"
            "|SECBIT_NO_SETUID_FIXUP_LOCKED|SECBIT_KEEP_CAPS_LOCKED",
        ),
        (("PR_SET_SECUREBITS", 0x1000), "PR_SET_SECUREBITS, 0x1000 /* SECBIT_??? */"),
        (("PR_SET_TIMERSLACK", 12345), "PR_SET_TIMERSLACK, 12345"),
        (("PR_SET_TIMERSLACK", 2**64 - 1), "PR_SET_TIMERSLACK, -1"),
        (("PR_TASK_PERF_EVENTS_DISABLE", ODD), "PR_TASK_PERF_EVENTS_DISABLE"),
        (("PR_MCE_KILL", 0, ODD), "PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0xdeadbeef, 0, 0"),
        (("PR_MCE_KILL", 1, 0), "PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0"),
        (("PR_MCE_KILL", 1, 3), "PR_MCE_KILL, PR_MCE_KILL_SET, 0x3 /* PR_MCE_KILL_??? */, 0, 0"),
        (("PR_SET_MM", 15, AT), "PR_SET_MM, PR_SET_MM_MAP_SIZE, 0x4b6000, 0, 0"),
        (("PR_SET_MM", WORD, 1), "PR_SET_MM, 0xbbbbbbbb /* PR_SET_MM_??? */, 0x1, 0, 0"),
        (("PR_SET_NO_NEW_PRIVS", 1), "PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0"),
        (("PR_GET_NO_NEW_PRIVS",), "PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0"),
        (("PR_SET_PTRACER", 0xFFFFFFFF), "PR_SET_PTRACER, PR_SET_PTRACER_ANY"),
        (("PR_SET_PTRACER", 2**64 - 1), "PR_SET_PTRACER, PR_SET_PTRACER_ANY"),
        (("PR_SET_PTRACER", 1), "PR_SET_PTRACER, 1"),
        (("PR_SET_PTRACER", WORD), "PR_SET_PTRACER, -1145324613"),
        (("PR_SET_THP_DISABLE", 1, 2), "PR_SET_THP_DISABLE, 1, 0x2, 0, 0"),
        (("PR_MPX_ENABLE_MANAGEMENT",), "PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0"),
        (("PR_SET_FP_MODE", 3), "PR_SET_FP_MODE, PR_FP_MODE_FR|PR_FP_MODE_FRE"),
        (("PR_CAP_AMBIENT", 2, 12), "PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0"),
        (("PR_CAP_AMBIENT", 4, 1), "PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0x1, 0, 0"),
        (
            ("PR_CAP_AMBIENT", 0, ODD, WORD, 5),
            "PR_CAP_AMBIENT, 0 /* PR_CAP_AMBIENT_??? */, 0xdeadbeef, 0xbbbbbbbbbbbbbbbb, 0x5",
        ),
        (("PR_SVE_SET_VL", 0), "PR_SVE_SET_VL, 0"),
        (("PR_SVE_SET_VL", 0x10000), "PR_SVE_SET_VL, 0x10000|0"),
        (("PR_SVE_SET_VL", 0x60010), "PR_SVE_SET_VL, PR_SVE_SET_VL_ONEXEC|PR_SVE_VL_INHERIT|0x10"),
        (("PR_SME_SET_VL", WORD), "PR_SME_SET_VL, PR_SME_VL_INHERIT|0xbbbbbbbbbbb90000|0xbbbb"),
        (("PR_SET_SPECULATION_CTRL", 0, 4), "PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE"),
        (("PR_SET_SPECULATION_CTRL", 2, 0), "PR_SET_SPECULATION_CTRL, PR_SPEC_L1D_FLUSH, 0 /* PR_SPEC_??? */"),
        (("PR_SET_SPECULATION_CTRL", 3, 4), "PR_SET_SPECULATION_CTRL, 0x3 /* PR_SPEC_??? */, 0x4"),
        (("PR_PAC_RESET_KEYS", 0x60010), "PR_PAC_RESET_KEYS, PR_PAC_APGAKEY|0x60000, 0, 0, 0"),
        (
            ("PR_SET_TAGGED_ADDR_CTRL", ODD),
            "PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE|PR_MTE_TCF_MASK|0xb7dd<<PR_MTE_TAG_SHIFT|0xdea80000"
            ", 0, 0, 0",
        ),
        (
            ("PR_SET_TAGGED_ADDR_CTRL", 0),
            "PR_SET_TAGGED_ADDR_CTRL, !PR_TAGGED_ADDR_ENABLE|PR_MTE_TCF_NONE, 0, 0, 0",
        ),
        (("PR_SET_IO_FLUSHER", 1), "PR_SET_IO_FLUSHER, 1, 0, 0, 0"),
        (
            ("PR_SET_SYSCALL_USER_DISPATCH", 0, ODD, 0, AT),
            "PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0xdeadbeef, 0, 0x4b6000",
        ),
        (
            ("PR_PAC_SET_ENABLED_KEYS", 0x10, 9, 1, 2),
            "PR_PAC_SET_ENABLED_KEYS, 0x10 /* PR_PAC_??? */, PR_PAC_APIAKEY|PR_PAC_APDBKEY, 0x1, 0x2",
        ),
        (
            ("PR_SCHED_CORE", 1, 0, 1, AT),
            "PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0x1 /* PIDTYPE_TGID */, 0x4b6000",
        ),
        (
            ("PR_SCHED_CORE", WORD, ODD, ODD, 0x10),
            "PR_SCHED_CORE, 0xbbbbbbbb /* PR_SCHED_CORE_??? */, -559038737, 0xdeadbeef /* PIDTYPE_??? */, 0x10",
        ),
        ((999, 1, 2, 3, 4), "0x3e7 /* PR_??? */, 0x1, 0x2, 0x3, 0x4"),
        ((0,), "0 /* PR_??? */, 0, 0, 0, 0"),
        ((WORD, 1), "0xbbbbbbbb /* PR_??? */, 0x1, 0, 0, 0"),
    ],
)
def test_arguments_are_shown_as_strace_shows_them(call, expected):
    assert line(*call) == f"prctl({expected}) = 0"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (("PR_SET_MDWE", 3), "PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN|PR_MDWE_NO_INHERIT, 0, 0, 0"),
        (("PR_SET_MEMORY_MERGE", 1), "PR_SET_MEMORY_MERGE, 0x1, 0, 0, 0"),
        (
            ("PR_RISCV_V_SET_CONTROL", 0x39),
            "PR_RISCV_V_SET_CONTROL, PR_RISCV_V_VSTATE_CTRL_OFF|PR_RISCV_V_VSTATE_CTRL_ON<<2"
            "|PR_RISCV_V_VSTATE_CTRL_INHERIT|0x20",
        ),
        (
            ("PR_RISCV_SET_ICACHE_FLUSH_CTX", 0, 2),
            "PR_RISCV_SET_ICACHE_FLUSH_CTX, PR_RISCV_CTX_SW_FENCEI_ON, 0x2 /* PR_RISCV_SCOPE_??? */",
        ),
        (
            ("PR_PPC_SET_DEXCR", 1, 0x12),
            "PR_PPC_SET_DEXCR, PR_PPC_DEXCR_IBRTPD, PR_PPC_DEXCR_CTRL_SET|PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC, 0, 0",
        ),
        (("PR_SET_SHADOW_STACK_STATUS", 1), "PR_SET_SHADOW_STACK_STATUS, 0x1, 0, 0, 0"),
        (("PR_TIMER_CREATE_RESTORE_IDS", 2), "PR_TIMER_CREATE_RESTORE_IDS, 0x2, 0, 0, 0"),
        (("PR_FUTEX_HASH", 1, 4), "PR_FUTEX_HASH, 0x1, 0x4, 0, 0"),
        (("PR_GET_AUXV", AT, 4096), "PR_GET_AUXV, 0x4b6000, 0x1000, 0, 0"),
        (("PR_SET_SECUREBITS", 0x300), "PR_SET_SECUREBITS, SECBIT_EXEC_RESTRICT_FILE|SECBIT_EXEC_RESTRICT_FILE_LOCKED"),
        (
            ("PR_SET_SYSCALL_USER_DISPATCH", 2),
            "PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_INCLUSIVE_ON, 0, 0, NULL",
        ),
    ],
)
def test_what_the_newest_strace_knows_is_shown_as_there(call, expected):
    assert line(*call) == f"prctl({expected}) = 0"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"contrace", '"contrace"'),
        (b"", '""'),
        (b"runc:[0:PARENT]", '"runc:[0:PARENT]"...'),
        (b"0123456789abcdef", '"0123456789abcde"...'),
        (b'\x1b[31m\n\t"\\\x017\xff\xc3\xa9', r'"\33[31m\n\t\"\\\0017\377\303\251"'),
    ],
)
def test_a_new_name_is_cut_where_the_kernel_cuts_it(data, expected):
    assert (
        line("PR_SET_NAME", AT, memory=string(1, data, broken=len(data) > 15)) == f"prctl(PR_SET_NAME, {expected}) = 0"
    )


def test_a_new_name_that_cannot_be_read_is_an_address():
    assert line("PR_SET_NAME", AT, memory=string(1, b"no-end!", broken=True)) == "prctl(PR_SET_NAME, 0x4b6000) = 0"
    assert line("PR_SET_NAME", 0) == "prctl(PR_SET_NAME, NULL) = 0"


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, '""...'), (3, '"no-"...'), (7, "0x4b6000"), (15, "0x4b6000"), (100, "0x4b6000")]
)
def test_a_short_limit_hides_where_memory_ended(limit, expected):
    memory = string(1, b"no-end!", broken=True)
    assert line("PR_SET_NAME", AT, memory=memory, notation=Notation(limit)) == f"prctl(PR_SET_NAME, {expected}) = 0"


def test_an_own_name_ends_at_its_nul():
    memory = block(1, b"runc:[0:PARENT]\0")
    assert line("PR_GET_NAME", AT, memory=memory) == 'prctl(PR_GET_NAME, "runc:[0:PARENT]") = 0'
    assert line("PR_GET_NAME", AT, memory=memory, notation=Notation(3)) == 'prctl(PR_GET_NAME, "run"...) = 0'
    assert line("PR_GET_NAME", AT, memory=block(1, b"", wanted=16)) == "prctl(PR_GET_NAME, 0x4b6000) = 0"


@pytest.mark.parametrize(
    ("option", "data", "expected"),
    [
        ("PR_GET_PDEATHSIG", 9, "[SIGKILL]"),
        ("PR_GET_PDEATHSIG", 0, "[0]"),
        ("PR_GET_TSC", 1, "[PR_TSC_ENABLE]"),
        ("PR_GET_TSC", 0, "[0 /* PR_TSC_??? */]"),
        ("PR_GET_UNALIGN", 0, "[0]"),
        ("PR_GET_UNALIGN", 3, "[PR_UNALIGN_NOPRINT|PR_UNALIGN_SIGBUS]"),
        ("PR_GET_FPEMU", 0xFFFFFFFF, "[4294967295]"),
        ("PR_GET_CHILD_SUBREAPER", 1, "[1]"),
    ],
)
def test_what_the_kernel_put_behind_a_pointer_is_in_brackets(option, data, expected):
    assert line(option, AT, memory=block(1, struct.pack("<I", data))) == f"prctl({option}, {expected}) = 0"
    assert line(option, AT, memory=block(1, b"\0", wanted=4)) == f"prctl({option}, 0x4b6000) = 0"


def test_the_tid_address_has_the_task_s_own_width():
    memory = block(1, struct.pack("<Q", 0x5_0000_0010))
    assert line("PR_GET_TID_ADDRESS", AT, memory=memory) == "prctl(PR_GET_TID_ADDRESS, [0x500000010]) = 0"
    assert line("PR_GET_TID_ADDRESS", AT, memory=memory, abi=Abi.I386) == "prctl(PR_GET_TID_ADDRESS, [0x10]) = 0"
    assert line("PR_GET_TID_ADDRESS", AT, memory=block(1, bytes(8))) == "prctl(PR_GET_TID_ADDRESS, [NULL]) = 0"


def test_a_core_scheduling_cookie_is_64_bits_everywhere():
    memory = block(4, struct.pack("<Q", 0x1234567890))
    for abi in (Abi.X86_64, Abi.I386):
        text = line("PR_SCHED_CORE", 0, 1, 0, AT, memory=memory, abi=abi)
        assert text == "prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 1, 0 /* PIDTYPE_PID */, [0x1234567890]) = 0"


def test_a_memory_area_s_name_is_a_string():
    memory = string(4, b"a name of more than thirty-two characters")
    assert line("PR_SET_VMA", 0, 0x7FF000, 4096, AT, memory=memory) == (
        'prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7ff000, 4096, "a name of more than thirty-two c"...) = 0'
    )
    assert line("PR_SET_VMA", 0) == "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, NULL, 0, NULL) = 0"
    assert line("PR_SET_VMA", 1, ODD) == "prctl(PR_SET_VMA, 0x1 /* PR_SET_VMA_??? */, 0xdeadbeef, 0, 0) = 0"


def test_a_32_bit_task_s_negative_number_is_a_large_one():
    assert line("PR_SET_TIMERSLACK", 0xFFFFFFFF, abi=Abi.I386) == "prctl(PR_SET_TIMERSLACK, 4294967295) = 0"
    assert line("PR_SET_PDEATHSIG", 0xFFFFFFFF, abi=Abi.I386) == "prctl(PR_SET_PDEATHSIG, 4294967295) = 0"


@pytest.mark.parametrize(
    ("call", "value", "expected"),
    [
        (("PR_GET_DUMPABLE",), 0, "0 (SUID_DUMP_DISABLE)"),
        (("PR_GET_DUMPABLE",), 1, "1 (SUID_DUMP_USER)"),
        (("PR_GET_DUMPABLE",), 3, "3"),
        (("PR_GET_SECCOMP",), 2, "2"),
        (("PR_GET_SECUREBITS",), 0, "0"),
        (("PR_GET_SECUREBITS",), 3, "0x3 (SECBIT_NOROOT|SECBIT_NOROOT_LOCKED)"),
        (("PR_GET_SECUREBITS",), 0x60010, "0x60010 (SECBIT_KEEP_CAPS|0x60000)"),
        (("PR_GET_SECUREBITS",), 0x10000, "0x10000"),
        (("PR_GET_FP_MODE",), 7, "0x7 (PR_FP_MODE_FR|PR_FP_MODE_FRE|0x4)"),
        (("PR_MCE_KILL_GET",), 2, "2 (PR_MCE_KILL_DEFAULT)"),
        (("PR_MCE_KILL_GET",), 3, "3"),
        (("PR_CAPBSET_READ", 1), 1, "1"),
        (("PR_GET_TIMERSLACK",), 50000, "50000"),
        (("PR_SVE_SET_VL", 0x10), 0, "0"),
        (("PR_SVE_GET_VL",), 0xFF, "0xff"),
        (("PR_SVE_GET_VL",), 0x60010, "0x60010 (PR_SVE_SET_VL_ONEXEC|PR_SVE_VL_INHERIT|0x10)"),
        (("PR_SME_GET_VL",), 0x10000, "0x10000 (0x10000|0)"),
        (("PR_GET_SPECULATION_CTRL", 0), 0, "0 (PR_SPEC_NOT_AFFECTED)"),
        (("PR_GET_SPECULATION_CTRL", 1), 3, "0x3 (PR_SPEC_PRCTL|PR_SPEC_ENABLE)"),
        (("PR_GET_SPECULATION_CTRL", 2), 0x10000, "0x10000"),
        (("PR_GET_SPECULATION_CTRL", 3), 10, "10"),
        (("PR_GET_TAGGED_ADDR_CTRL",), 0, "0 (!PR_TAGGED_ADDR_ENABLE|PR_MTE_TCF_NONE)"),
        (("PR_GET_TAGGED_ADDR_CTRL",), 7, "0x7 (PR_TAGGED_ADDR_ENABLE|PR_MTE_TCF_MASK)"),
        (("PR_PAC_GET_ENABLED_KEYS",), 0xFF, "0xff (PR_PAC_APIAKEY|PR_PAC_APIBKEY|PR_PAC_APDAKEY|PR_PAC_APDBKEY|0xf0)"),
        (("PR_GET_MDWE",), 0, "0"),
        (("PR_GET_MDWE",), 1, "0x1 (PR_MDWE_REFUSE_EXEC_GAIN)"),
        (("PR_PPC_GET_DEXCR", 0), 5, "0x5 (PR_PPC_DEXCR_CTRL_EDITABLE|PR_PPC_DEXCR_CTRL_CLEAR)"),
        (
            ("PR_RISCV_V_GET_CONTROL",),
            0x12,
            "0x12 (PR_RISCV_V_VSTATE_CTRL_ON|PR_RISCV_V_VSTATE_CTRL_DEFAULT<<2|PR_RISCV_V_VSTATE_CTRL_INHERIT)",
        ),
        (("PR_FUTEX_HASH", 2), 16, "16"),
    ],
)
def test_results_are_explained_where_strace_explains_them(call, value, expected):
    assert line(*call, returns=value).partition(" = ")[2] == expected


# --- whatever comes ---------------------------------------------------------------------------------------

registers = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(0, 90), st.sampled_from([*OPTIONS, AT, 2**64 - 1, 2**63, 2**31])
)
copied = st.lists(
    st.one_of(
        st.builds(Text, arg=st.integers(0, 5), address=registers, data=st.binary(max_size=40), broken=st.booleans()),
        st.builds(
            Block,
            arg=st.integers(1, 4),
            address=st.sampled_from([AT, 0]),
            data=st.binary(max_size=64),
            wanted=st.integers(0, 64),
            at_exit=st.booleans(),
        ),
    ),
    max_size=4,
).map(tuple)


@given(
    option=st.sampled_from([*OPTIONS, 0, 999, 2**64 - 1]),
    args=st.tuples(registers, registers, registers, registers, registers),
    memory=copied,
    returns=st.integers(-(2**63), 2**63 - 1),
    abi=st.sampled_from(Abi),
    notation=st.builds(Notation, string_limit=st.integers(0, 50), verbose=st.booleans()),
)
def test_nothing_that_a_process_does_makes_it_fail(option, args, memory, returns, abi, notation):
    values = (option, *args)
    entered = Entered(time_ns=1, tid=7, pid=7, comm=b"x", abi=abi, nr=157, args=values, memory=memory)
    texts = [argument.text for argument in prctl.arguments(entered, notation)]
    assert all(text.isascii() and text.isprintable() for text in texts)
    assert prctl.result(entered, returns).isprintable()


def test_every_option_of_the_kernel_header_has_a_row():
    assert set(range(1, 82)) - set(OPTIONS) == {17, 18, 48, 49}
    assert {0x41555856, 0x53564D41, 0x59616D61} <= set(OPTIONS)
