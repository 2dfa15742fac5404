"""A record of a system call -> what it means, in plain sentences. Pure; nothing raises, whatever the record holds.

    explain(record) -> Explanation

It stands beside the decoded call, for people who do not know the flags. The sentences come from
``syscalls.flags.meanings``; which of them apply is read from the registers, and from the memory that was copied behind
them, by the same families that decoding uses: never from the decoded text, which holds what a traced process wrote.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from contrace.decode.arguments import (
    AT_FDCWD,
    CallRecord,
    block_at,
    hexadecimal,
    register,
    signed,
)
from contrace.decode.call import Call, decode
from contrace.decode.named import COMPOUNDS, Named, choice, each_once, flags_in, signal
from contrace.decode.notation import Argument, Notation
from contrace.records import Syscall
from contrace.syscalls import prctl
from contrace.syscalls.flags import FAMILIES, meanings
from contrace.syscalls.flags.clone import CSIGNAL
from contrace.syscalls.flags.mount import MS_MGC_MSK, MS_MGC_VAL
from contrace.syscalls.flags.seccomp import SECCOMP_RET_ACTION_FULL
from contrace.syscalls.rows import Arg, As, Option, Result
from contrace.syscalls.specs import CLONE_REGISTERS, SPECS

NOT_OVER = "The call has not returned yet."
NEVER_RETURNED = "The call did not return: the task ended, or was no longer watched."
SUCCEEDED = "It succeeded."

_PLAIN = Notation()
_INT = 0xFFFFFFFF

# struct clone_args, include/uapi/linux/sched.h: CLONE_ARGS_SIZE_VER0 and VER2, where flags and exit_signal stand
_FIRST_SIZE, _KNOWN_SIZE = 64, 88
_FLAGS_AT, _EXIT_SIGNAL_AT = 0, 32

# struct sock_filter: code, jt, jf, k; BPF_RET|BPF_K (include/uapi/linux/bpf_common.h)
_INSTRUCTION = struct.Struct("<HBBI")
_RETURN_CONSTANT, _CLASS_AND_OPERAND = 0x06, 0x1F

_POINTERS = frozenset((As.ADDRESS, As.PATH, As.STRING, As.BUFFER, As.ARGV, As.ENVP))
_PRCTL_POINTERS = frozenset(("cookie", "new_name", "own_name", "seccomp_program"))


@dataclass(frozen=True, slots=True)
class ExplainedArgument:
    """One argument of a call."""

    name: str
    text: str
    """As decoded; escaped."""
    raw: str
    """The register: ``0x20000 (131072)``, ``0xffffff9c (-100)``, ``3``; of a pointer only hexadecimal."""
    meanings: tuple[Named, ...]
    """The flags that are set in it, or the value that was chosen; () where its value has no name."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a call means."""

    name: str
    sentence: str
    """What the call does: of prctl what the option does, of mount which of its operations it is. "" for a call outside
    ``%birth``."""
    birth: str
    """What a container's birth needs the call for; "" as above."""
    args: tuple[ExplainedArgument, ...]
    """In the order of the decoded call; () of an execve that was seen only through its event."""
    result: str
    """As decoded: ``0``, ``-1 ENOENT (No such file or directory)``, ``?``."""
    outcome: str
    """What the result says: of an error, what it means in general."""
    reasons: tuple[str, ...]
    """What the error can mean for this call with these flags, the most fitting first; () for most."""
    result_meanings: tuple[Named, ...]
    """The flags in a result that consists of them (prctl)."""
    refused: tuple[Named, ...]
    """The capabilities that the kernel looked for and the task did not have, each once."""


def explain(record: CallRecord, notation: Notation = _PLAIN) -> Explanation:
    """The call that a record holds, in sentences. ``notation`` says how much of the decoded texts is shown."""
    call = decode(record, notation)
    sources = _SOURCES.get(call.name, _by_row)(call.name, record)
    args = tuple(_argument(arg, sources.get(arg.name, _Source(index)), record) for index, arg in enumerate(call.args))
    words = frozenset(name for arg in args for name, _ in arg.meanings)
    return Explanation(
        name=call.name,
        sentence=meanings.call_sentence(call.name, words),
        birth=meanings.BIRTH.get(call.name, ""),
        args=args,
        result=call.result,
        outcome=_outcome(call, record),
        reasons=meanings.reasons(call.name, call.errno, words) if call.errno else (),
        result_meanings=_result_meanings(call, record),
        refused=_refused(record),
    )


# --- where an argument's value is -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """The register that an argument is in, and what its value means."""

    index: int
    points: bool = False
    meanings: tuple[Named, ...] = ()


_Sources = dict[str, _Source]
"""By the name that the decoded argument has."""


def _argument(arg: Argument, source: _Source, record: CallRecord) -> ExplainedArgument:
    value = register(record.args[source.index], record.abi)
    number = arg.raw if isinstance(arg.raw, int) and not source.points else None
    if number is None:
        raw = hexadecimal(value)
    else:
        raw = str(number) if 0 <= number < 10 and number == value else f"{hexadecimal(value)} ({number})"
    return ExplainedArgument(arg.name, arg.text, raw, source.meanings)


def _by_row(name: str, record: CallRecord) -> _Sources:
    row = SPECS.get(name)
    return {} if row is None else {arg.name: _in_register(arg, index, record) for index, arg in enumerate(row.args)}


def _in_register(arg: Arg, index: int, record: CallRecord) -> _Source:
    # As in decoding, the family's own width says how much of the register counts.
    whole = arg.show in (As.FLAGS, As.CHOICE)
    value = record.args[index] if whole else register(record.args[index], record.abi)
    return _Source(index, arg.show in _POINTERS, _meanings(arg, value))


def _meanings(arg: Arg, value: int) -> tuple[Named, ...]:
    match arg.show:
        case As.FLAGS:
            return flags_in(value, FAMILIES[arg.family])
        case As.CHOICE:
            return choice(value, FAMILIES[arg.family])
        case As.SIGNAL:
            return signal(signed(value))
        case As.DIRFD if signed(value) == AT_FDCWD:
            return (("AT_FDCWD", meanings.AT_FDCWD),)
        case As.SPECIAL if arg.family in COMPOUNDS:
            return COMPOUNDS[arg.family](value)
        case _:
            return ()


# --- calls whose arguments depend on each other -----------------------------------------------------------


def _clone(name: str, record: CallRecord) -> _Sources:
    places = CLONE_REGISTERS[record.abi]
    value = register(record.args[places.flags], record.abi)
    named = (*flags_in(value & ~CSIGNAL, FAMILIES["clone"]), *_exit_signal(value & CSIGNAL))
    return {
        "child_stack": _Source(places.stack, points=True),
        "flags": _Source(places.flags, meanings=named),
        "parent_tid": _Source(places.parent_tid, points=True),
        "tls": _Source(places.tls, points=True),
        "child_tidptr": _Source(places.child_tid, points=True),
    }


def _exit_signal(number: int) -> tuple[Named, ...]:
    return tuple((name, meanings.EXIT_SIGNAL) for name, _ in signal(number))


def _clone3(name: str, record: CallRecord) -> _Sources:
    """The flags are in the structure, if enough of it was copied."""
    block = block_at(record, 0, at_exit=False)
    known = min(register(record.args[1], record.abi), _KNOWN_SIZE)
    named: tuple[Named, ...] = ()
    if block is not None and _FIRST_SIZE <= known <= len(block.data):
        flags = int.from_bytes(block.data[_FLAGS_AT : _FLAGS_AT + 8], "little")
        exit_signal = int.from_bytes(block.data[_EXIT_SIGNAL_AT : _EXIT_SIGNAL_AT + 8], "little")
        named = (*flags_in(flags, FAMILIES["clone3"]), *_exit_signal(exit_signal))
    return {
        "cl_args": _Source(0, points=True, meanings=named),
        "cl_args_after": _Source(0, points=True),
        "size": _Source(1),
    }


def _setns(name: str, record: CallRecord) -> _Sources:
    sources = _by_row(name, record)
    if not sources["nstype"].meanings:
        sources["nstype"] = _Source(1, meanings=(("0", meanings.SETNS_ANY),))
    return sources


def _mount(name: str, record: CallRecord) -> _Sources:
    value = register(record.args[3], record.abi)
    has_magic = value & MS_MGC_MSK == MS_MGC_VAL
    flags = value & ~MS_MGC_MSK & _INT if has_magic else value
    magic: tuple[Named, ...] = (("MS_MGC_VAL", meanings.MS_MGC_VAL),) if has_magic else ()
    return {
        **{arg.name: _Source(index, points=True) for index, arg in enumerate(SPECS["mount"].args)},
        "mountflags": _Source(3, meanings=(*magic, *flags_in(flags, FAMILIES["mount"]))),
    }


def _prctl(name: str, record: CallRecord) -> _Sources:
    number = record.args[0] & _INT
    option = prctl.OPTIONS.get(number)
    title = option.name if option else f"{hexadecimal(number)} /* {prctl.UNKNOWN.name} */"
    sources = {"option": _Source(0, meanings=((title, meanings.OPTIONS.get(title, meanings.UNKNOWN)),))}
    for index, arg in enumerate(_form(record).args, 1):
        sources[arg.name] = _prctl_source(arg, index, record)
    return sources


def _form(record: CallRecord) -> Option:
    """The option's row, or the one of its forms that its first argument selects."""
    option = prctl.OPTIONS.get(record.args[0] & _INT, prctl.UNKNOWN)
    if option.forms is None:
        return option
    return option.forms.get(record.args[1] & (1 << FAMILIES[option.args[0].family].width) - 1, option)


def _prctl_source(arg: Arg, index: int, record: CallRecord) -> _Source:
    if arg.points:
        block = block_at(record, index, at_exit=True)
        whole = block is not None and len(block.data) >= block.wanted
        value = int.from_bytes(block.data, "little") if block is not None and whole else None
        return _Source(index, points=True, meanings=() if value is None else _meanings(arg, value))
    if arg.family == "seccomp_program":
        return _Source(index, points=True, meanings=_answers(index, record))
    source = _in_register(arg, index, record)
    return _Source(index, points=True) if arg.family in _PRCTL_POINTERS else source


def _answers(index: int, record: CallRecord) -> tuple[Named, ...]:
    """What a seccomp program can answer, each once: the constants of its return instructions."""
    block = block_at(record, index)
    size = record.abi.word
    if block is None or len(block.data) < 2 * size:
        return ()
    code = block_at(record, index, address=int.from_bytes(block.data[size : 2 * size], "little"))
    whole = code.data[: len(code.data) // _INSTRUCTION.size * _INSTRUCTION.size] if code else b""
    return each_once(
        choice(operand & SECCOMP_RET_ACTION_FULL, FAMILIES["seccomp_ret_action"])
        for opcode, _, _, operand in _INSTRUCTION.iter_unpack(whole)
        if opcode & _CLASS_AND_OPERAND == _RETURN_CONSTANT
    )


_SOURCES: dict[str, Callable[[str, CallRecord], _Sources]] = {
    "clone": _clone,
    "clone3": _clone3,
    "mount": _mount,
    "prctl": _prctl,
    "setns": _setns,
}


# --- results ----------------------------------------------------------------------------------------------


def _outcome(call: Call, record: CallRecord) -> str:
    if call.errno is not None:
        return meanings.ERRNOS.get(call.errno, meanings.UNKNOWN)
    if call.value is None:
        return NEVER_RETURNED if isinstance(record, Syscall) else NOT_OVER
    return meanings.RETURNS.get(call.name, SUCCEEDED)


def _result_meanings(call: Call, record: CallRecord) -> tuple[Named, ...]:
    if call.name != "prctl" or call.value is None or call.errno is not None:
        return ()
    option = _form(record)
    value = register(call.value, record.abi)
    match option.result:
        case Result.FLAGS:
            return flags_in(value, FAMILIES[option.result_family])
        case Result.CHOICE:
            return choice(value, FAMILIES[option.result_family])
        case Result.SPECIAL:
            return COMPOUNDS[option.result_family](value)
        case _:
            return ()


def _refused(record: CallRecord) -> tuple[Named, ...]:
    refused = record.refused if isinstance(record, Syscall) else ()
    return each_once(choice(number, FAMILIES["capability"]) for number, _ in refused)
