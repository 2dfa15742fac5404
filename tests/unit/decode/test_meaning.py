"""What a user reads beside a call."""

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from contrace.decode.arguments import render_choice, render_flags
from contrace.decode.call import decode
from contrace.decode.meaning import Explanation, explain
from contrace.decode.named import choice, flags_in
from contrace.decode.notation import Notation
from contrace.records import Entered, Syscall
from contrace.syscalls.abi import Abi
from contrace.syscalls.flags import FAMILIES, meanings
from contrace.syscalls.flags.clone import CLONE_INTO_CGROUP, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER
from contrace.syscalls.prctl import OPTIONS
from contrace.syscalls.specs import SPECS
from tests.unit.decode.making import AT, EINVAL, block, syscall, text, vector
from tests.unit.decode.prctl_line import NUMBERS
from tests.unit.strategies import RECORDS

EPERM, ENOENT, ENOSPC, ERESTARTSYS = -1, -2, -28, -512
SIGCHLD = 17
UNKNOWN = meanings.UNKNOWN


def explained(*words, **more) -> Explanation:
    return explain(syscall(*words, **more))


def names(explanation: Explanation, argument: str) -> list[str]:
    return [name for name, _ in _argument(explanation, argument).meanings]


def raw(explanation: Explanation, argument: str) -> str:
    return _argument(explanation, argument).raw


def _argument(explanation: Explanation, name: str):
    return next(arg for arg in explanation.args if arg.name == name)


# --- calls ----------------------------------------------------------------------------------------------------


def test_unshare_says_what_each_of_its_namespaces_is():
    shown = explained("unshare", CLONE_NEWNS | CLONE_NEWPID)
    (flags,) = shown.args
    assert flags.text == "CLONE_NEWNS|CLONE_NEWPID"
    assert flags.raw == "0x20020000 (537001984)"
    assert flags.meanings == (
        ("CLONE_NEWNS", meanings.FLAGS["unshare"]["CLONE_NEWNS"]),
        ("CLONE_NEWPID", meanings.FLAGS["unshare"]["CLONE_NEWPID"]),
    )
    assert shown.sentence == meanings.CALLS["unshare"]
    assert shown.birth == meanings.BIRTH["unshare"]
    assert (shown.result, shown.outcome, shown.reasons) == ("0", "It succeeded.", ())


def test_a_bit_without_a_name_is_not_known():
    assert explained("unshare", 0x1).args[0].meanings == (("0x1 /* CLONE_??? */", UNKNOWN),)
    assert explained("unshare", CLONE_NEWNS | 0x3).args[0].meanings[1] == ("0x3", UNKNOWN)


def test_clone_s_flags_and_signal_are_in_one_register():
    shown = explained("clone", CLONE_NEWNET | SIGCHLD, AT)
    assert names(shown, "flags") == ["CLONE_NEWNET", "SIGCHLD"]
    assert _argument(shown, "flags").meanings[1][1] == "The parent gets this signal when the child ends."
    assert names(explained("clone", CLONE_NEWNET | 99, AT), "flags") == ["CLONE_NEWNET", "99"]
    assert raw(shown, "child_stack") == "0x4b6000"


def test_clone_s_registers_are_in_the_order_of_its_abi():
    settls = 0x80000
    assert raw(explained("clone", settls, 0, 0, 0x111111, 0x222222), "tls") == "0x222222"
    assert raw(explained("clone", settls, 0, 0, 0x111111, 0x222222, abi=Abi.AARCH64), "tls") == "0x111111"


def test_clone3_s_flags_are_in_its_structure():
    data = struct.pack("<11Q", CLONE_NEWPID | CLONE_INTO_CGROUP, 0, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, 7)
    shown = explained("clone3", AT, 88, memory=(block(0, data),), returns=42)
    assert names(shown, "cl_args") == ["CLONE_NEWPID", "CLONE_INTO_CGROUP", "SIGCHLD"]
    assert raw(shown, "cl_args") == "0x4b6000"
    assert raw(shown, "size") == "0x58 (88)"
    assert shown.outcome == meanings.RETURNS["clone3"]


@pytest.mark.parametrize("memory", [(), (block(0, bytes(63)),)])
def test_clone3_s_flags_are_unknown_where_the_structure_was_not_read(memory):
    assert names(explained("clone3", AT, 88, memory=memory), "cl_args") == []


def test_setns_without_a_type_takes_any():
    assert explained("setns", 3, 0).args[1].meanings == (("0", meanings.SETNS_ANY),)
    assert names(explained("setns", 3, CLONE_NEWNET), "nstype") == ["CLONE_NEWNET"]
    assert raw(explained("setns", 3, CLONE_NEWNET), "fd") == "3"


def test_mount_says_which_of_its_operations_it_is():
    rec, bind, private, remount = 1 << 14, 1 << 12, 1 << 18, 1 << 5
    shown = {flags: explained("mount", AT, AT, 0, flags, 0) for flags in (bind | rec, private | rec, bind | remount, 6)}
    assert names(shown[bind | rec], "mountflags") == ["MS_BIND", "MS_REC"]
    assert shown[bind | rec].sentence == "Makes a file or directory visible at the target as well."
    assert shown[private | rec].sentence.startswith("Changes how mounts and unmounts")
    assert shown[bind | remount].sentence.startswith("Changes the flags or options")
    assert shown[6].sentence == meanings.CALLS["mount"]
    assert raw(shown[6], "source") == "0x4b6000"


def test_mount_s_magic_number_is_no_flag():
    assert names(explained("mount", 0, 0, 0, 0xC0ED0001, 0), "mountflags") == ["MS_MGC_VAL", "MS_RDONLY"]


def test_execve_has_texts_and_pointers():
    memory = (text(0, b"/bin/\x1b[31msh"), vector(1, b"sh"))
    shown = explained("execve", AT, AT, 0x7FFE, memory=memory)
    assert [(arg.name, arg.text, arg.raw) for arg in shown.args] == [
        ("pathname", r'"/bin/\33[31msh"', "0x4b6000"),
        ("argv", '["sh"]', "0x4b6000"),
        ("envp", "0x7ffe", "0x7ffe"),
    ]
    assert shown.outcome == meanings.RETURNS["execve"]


def test_execveat_explains_its_flags_and_its_directory():
    shown = explained("execveat", 2**64 - 100, AT, 0, 0, 0x1000, memory=(text(1, b""),))
    assert names(shown, "dirfd") == ["AT_FDCWD"]
    assert raw(shown, "dirfd") == "0xffffffffffffff9c (-100)"
    assert names(shown, "flags") == ["AT_EMPTY_PATH"]


def test_an_execve_seen_through_its_event_has_no_arguments():
    assert explained("execve", from_event=True).args == ()


def test_a_call_outside_of_births_has_its_registers_and_its_result():
    shown = explained("read", 3, AT, 4096, returns=EINVAL)
    assert (shown.sentence, shown.birth) == ("", "")
    assert [arg.raw for arg in shown.args] == ["3", "0x4b6000 (4939776)", "0x1000 (4096)"]
    assert shown.outcome == meanings.ERRNOS["EINVAL"]


# --- prctl ----------------------------------------------------------------------------------------------------


def prctl(option: str, *args, **more) -> Explanation:
    return explained("prctl", NUMBERS[option], *args, **more)


def test_prctl_says_what_the_option_does():
    shown = prctl("PR_SET_NAME", AT, memory=(text(1, b"runc:[2:INIT]"),))
    assert shown.sentence == meanings.OPTIONS["PR_SET_NAME"]
    assert shown.args[0].meanings == (("PR_SET_NAME", meanings.OPTIONS["PR_SET_NAME"]),)
    assert (shown.args[1].text, shown.args[1].raw) == ('"runc:[2:INIT]"', "0x4b6000")


def test_an_unknown_option_is_shown_as_strace_does():
    shown = explained("prctl", 999, 1)
    assert shown.sentence == meanings.CALLS["prctl"]
    assert shown.args[0].meanings == (("0x3e7 /* PR_??? */", UNKNOWN),)


@pytest.mark.parametrize(
    ("option", "args", "argument", "expected"),
    [
        ("PR_CAPBSET_DROP", (21,), "cap", ["CAP_SYS_ADMIN"]),
        ("PR_CAPBSET_READ", (41,), "cap", ["0x29 /* CAP_??? */"]),
        ("PR_CAP_AMBIENT", (2, 0), "operation", ["PR_CAP_AMBIENT_RAISE"]),
        ("PR_CAP_AMBIENT", (2, 0), "cap", ["CAP_CHOWN"]),
        ("PR_SET_PDEATHSIG", (9,), "sig", ["SIGKILL"]),
        ("PR_SET_PDEATHSIG", (0,), "sig", []),
        ("PR_SET_PDEATHSIG", (200,), "sig", ["200"]),
        ("PR_SET_DUMPABLE", (0,), "dumpable", ["SUID_DUMP_DISABLE"]),
        ("PR_SET_SECCOMP", (2, AT), "mode", ["SECCOMP_MODE_FILTER"]),
        ("PR_SET_SECUREBITS", (0x30,), "bits", ["SECBIT_KEEP_CAPS", "SECBIT_KEEP_CAPS_LOCKED"]),
        ("PR_SET_PTRACER", (2**64 - 1,), "pid", ["PR_SET_PTRACER_ANY"]),
        ("PR_SET_PTRACER", (7,), "pid", []),
        ("PR_SCHED_CORE", (1, 7, 1), "pidtype", ["PIDTYPE_TGID"]),
        ("PR_SET_TAGGED_ADDR_CTRL", (7,), "mode", ["PR_TAGGED_ADDR_ENABLE", "PR_MTE_TCF_MASK"]),
        ("PR_SVE_SET_VL", (0x60010,), "arg", ["PR_SVE_SET_VL_ONEXEC", "PR_SVE_VL_INHERIT"]),
        (
            "PR_RISCV_V_SET_CONTROL",
            (6,),
            "arg",
            [
                "PR_RISCV_V_VSTATE_CTRL_ON",
                "PR_RISCV_V_VSTATE_CTRL_OFF<<2",
                "!PR_RISCV_V_VSTATE_CTRL_INHERIT",
            ],
        ),
        ("PR_SET_VMA", (0, AT, 4096, 0), "attr", ["PR_SET_VMA_ANON_NAME"]),
    ],
)
def test_an_option_s_arguments_are_explained(option, args, argument, expected):
    assert names(prctl(option, *args), argument) == expected


def test_a_value_that_the_kernel_writes_is_explained_once_it_is_there():
    memory = (block(1, struct.pack("<I", 9), at_exit=True),)
    shown = prctl("PR_GET_PDEATHSIG", AT, memory=memory)
    assert (shown.args[1].text, shown.args[1].raw) == ("[SIGKILL]", "0x4b6000")
    assert names(shown, "sig") == ["SIGKILL"]
    assert names(prctl("PR_GET_PDEATHSIG", AT), "sig") == []


def test_a_seccomp_program_says_what_it_can_answer():
    code = b"".join(
        struct.pack("<HBBI", *one)
        for one in ((0x20, 0, 0, 4), (6, 0, 0, 0x7FFF0000), (6, 0, 0, 0x50001), (6, 0, 0, 0x50026), (0x16, 0, 0, 0))
    )
    memory = (block(2, struct.pack("<HxxxxxxQ", 5, 0x7000)), block(2, code, at=0x7000))
    shown = prctl("PR_SET_SECCOMP", 2, AT, memory=memory)
    assert names(shown, "filter") == ["SECCOMP_RET_ALLOW", "SECCOMP_RET_ERRNO"]


def test_a_result_that_consists_of_flags_is_explained():
    shown = prctl("PR_GET_SECUREBITS", returns=0x10)
    assert shown.result_meanings == (("SECBIT_KEEP_CAPS", meanings.FLAGS["securebits"]["SECBIT_KEEP_CAPS"]),)
    assert prctl("PR_GET_DUMPABLE", returns=1).result_meanings[0][0] == "SUID_DUMP_USER"
    assert prctl("PR_GET_SECUREBITS", returns=EPERM).result_meanings == ()


# --- results --------------------------------------------------------------------------------------------------


def test_an_error_has_its_general_meaning_and_what_the_call_makes_of_it():
    shown = explained("unshare", CLONE_NEWUSER, returns=EINVAL)
    assert shown.outcome == meanings.ERRNOS["EINVAL"]
    assert shown.reasons[0] == "A process with several threads cannot enter a user namespace."
    assert explained("unshare", CLONE_NEWNS, returns=ENOSPC).reasons == (
        "A limit in /proc/sys/user, such as max_mnt_namespaces, is reached.",
    )


def test_a_missing_interpreter_is_one_reason_for_enoent():
    assert "interpreter" in explained("execve", AT, 0, 0, returns=ENOENT).reasons[0]


def test_reasons_of_clone3_follow_the_flags_in_its_structure():
    data = struct.pack("<11Q", CLONE_INTO_CGROUP, *(0,) * 10)
    assert "cgroup" in explained("clone3", AT, 88, memory=(block(0, data),), returns=-13).reasons[0]
    assert explained("clone3", AT, 88, returns=-13).reasons == ()


def test_a_call_that_is_to_be_made_again_says_so():
    assert "signal" in explained("setns", 3, 0, returns=ERESTARTSYS).outcome


def test_an_error_without_a_name_is_not_known():
    assert explained("setns", 3, 0, returns=-600).outcome == UNKNOWN


def test_a_call_that_is_not_over_is_not_a_failure():
    done = syscall("unshare", CLONE_NEWNS)
    still = Entered(time_ns=1, tid=7, pid=7, comm=b"x", abi=done.abi, nr=done.nr, args=done.args)
    assert explain(still).outcome == "The call has not returned yet."
    assert explain(structs.replace(done, result=None)).outcome.startswith("The call did not return")


def test_capabilities_that_were_missing_are_named_once():
    record = structs.replace(
        syscall("sethostname", AT, 3, returns=EPERM), refused=((21, 4026531837), (21, 4026531837), (63, 1))
    )
    shown = explain(record)
    assert shown.refused == (
        ("CAP_SYS_ADMIN", meanings.FLAGS["capability"]["CAP_SYS_ADMIN"]),
        ("0x3f /* CAP_??? */", UNKNOWN),
    )
    assert shown.reasons == ("CAP_SYS_ADMIN is needed in the user namespace that owns the UTS namespace.",)


# --- whatever comes -------------------------------------------------------------------------------------------

VALUES = st.integers(0, 2**64 - 1) | st.builds(lambda a, b: 1 << a | 1 << b, st.integers(0, 63), st.integers(0, 63))
COMMENTED = [family for family in FAMILIES.values() if family.unknown]


@given(st.sampled_from(COMMENTED), VALUES)
def test_the_names_are_those_of_the_decoded_call(family, value):
    assert ("|".join(name for name, _ in flags_in(value, family)) or "0") == render_flags(value, family)
    assert choice(value, family)[0][0] == render_choice(value, family)


def _check(record: Syscall | Entered, notation: Notation) -> None:
    shown, call = explain(record, notation), decode(record, notation)
    assert [(arg.name, arg.text) for arg in shown.args] == [(arg.name, arg.text) for arg in call.args]
    assert shown.result == call.result
    sentences = [shown.outcome, *shown.reasons]
    if shown.name in ("unshare", "umount2", "execveat") and shown.args:
        assert "|".join(names(shown, "flags")) in (call.args[-1].text, "")
    for named in (shown.result_meanings, shown.refused, *(arg.meanings for arg in shown.args)):
        assert all(name.isascii() and name.isprintable() for name, _ in named)
        sentences += [sentence for _, sentence in named]
    assert all(sentence.endswith(".") for sentence in sentences)
    assert all(re.fullmatch(r"\d|(0|0x[0-9a-f]+)( \(-?\d+\))?", arg.raw) for arg in shown.args)


NOTATIONS = st.builds(Notation, string_limit=st.integers(0, 50), verbose=st.booleans())


@given(RECORDS[Syscall] | RECORDS[Entered], NOTATIONS)
def test_nothing_that_a_record_holds_makes_it_fail(record, notation):
    _check(record, notation)


@given(
    name=st.sampled_from([*SPECS]),
    args=st.tuples(*[VALUES | st.integers(0, 90) | st.sampled_from([*OPTIONS, AT])] * 6),
    other=RECORDS[Syscall],
    abi=st.sampled_from(Abi),
    notation=NOTATIONS,
)
def test_nothing_that_a_call_of_a_birth_holds_makes_it_fail(name, args, other, abi, notation):
    nr = syscall(name, abi=abi).nr if not (abi is Abi.AARCH64 and name in ("fork", "vfork")) else 220
    _check(structs.replace(other, abi=abi, nr=nr, args=args), notation)
