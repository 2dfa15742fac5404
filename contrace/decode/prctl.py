"""prctl(2): the option decides what the other arguments and the result are (``syscalls.prctl`` has the rows).

    arguments(record, notation) -> tuple[Argument, ...]
    result(record, value) -> str      text of a result that is not an error: "0", "0x3 (SECBIT_NOROOT|…)"

Here are the values that are more than a number, a name or a set of flags. Nothing raises, whatever the bytes.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from contrace.decode import bpf
from contrace.decode.arguments import (
    CallRecord,
    block_at,
    hexadecimal,
    pointer,
    register,
    render,
    signed,
    text_at,
)
from contrace.decode.notation import Argument, Notation, Raw
from contrace.decode.strings import cut
from contrace.syscalls.flags import FAMILIES
from contrace.syscalls.flags.family import Family
from contrace.syscalls.prctl import OPTIONS, UNKNOWN
from contrace.syscalls.rows import Arg, As, Option, Result

_COMM = 16  # TASK_COMM_LEN, with the NUL
_INT = 0xFFFFFFFF


def arguments(record: CallRecord, notation: Notation) -> tuple[Argument, ...]:
    """All arguments that the option has, the option first."""
    number = record.args[0] & _INT
    option = _row(record)
    name = option.name if option is not UNKNOWN else f"{hexadecimal(number)} /* {option.name} */"
    return (
        Argument("option", name, number),
        *(_argument(arg, index, record, notation) for index, arg in enumerate(option.args, 1)),
    )


def result(record: CallRecord, value: int) -> str:
    """The text of ``value``, which the call returned without an error."""
    option = _row(record)
    number = register(value, record.abi)
    match option.result:
        case Result.CHOICE:
            return _explained(str(value), _only_name(number, FAMILIES[option.result_family]))
        case Result.FLAGS:
            return _explained(hexadecimal(number), _names(number, FAMILIES[option.result_family]))
        case Result.SPECIAL:
            return _explained(hexadecimal(number), _COMPOUND_RESULTS[option.result_family](number))
        case _:
            return str(value)


def _row(record: CallRecord) -> Option:
    """The option's row, or the form that its first argument selects."""
    option = OPTIONS.get(record.args[0] & _INT, UNKNOWN)
    if option.forms is None:
        return option
    selector = record.args[1] & (1 << FAMILIES[option.args[0].family].width) - 1
    return option.forms.get(selector, option)


def _explained(number: str, text: str) -> str:
    return f"{number} ({text})" if text else number


def _argument(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    if arg.show is As.SPECIAL:
        return _SPECIALS[arg.family](arg, index, record, notation)
    if not arg.points:
        return render(arg, index, record, notation)
    value = _value_behind(index, record)
    if value is None:
        return _address(arg, index, record)
    # Shown as though the value had been passed in the register.
    there = msgspec.structs.replace(record, args=(*record.args[:index], value, *record.args[index + 1 :]))
    return _late(arg, f"[{render(arg, index, there, notation).text}]", value)


def _value_behind(index: int, record: CallRecord) -> int | None:
    """The integer that the kernel has put behind the pointer; None when it could not be read."""
    block = block_at(record, index, at_exit=True)
    if block is None or len(block.data) < block.wanted:
        return None
    return int.from_bytes(block.data, "little")


def _late(arg: Arg, text: str, raw: Raw) -> Argument:
    """What is written when the call has returned, behind a comma that was written before."""
    return Argument(arg.name, text, raw, late=True, opened=True)


def _address(arg: Arg, index: int, record: CallRecord, *, late: bool = True) -> Argument:
    value = register(record.args[index], record.abi)
    return _late(arg, pointer(value), value) if late else Argument(arg.name, pointer(value), value)


# --- compound values: flags and a number in one word ------------------------------------------------------


def _bits(value: int, family: Family) -> list[str]:
    """The names of the bits that are set, then the rest as a number."""
    names = []
    for name, bit in family.entries:
        if bit and value & bit == bit:
            names.append(name)
            value &= ~bit
    return [*names, f"{value:#x}"] if value else names


def _names(value: int, family: Family) -> str:
    """Flags beside a number that is shown already: nothing to add when no bit has a name."""
    if value == 0:
        return _only_name(0, family)
    names = _bits(value, family)
    return "|".join(names) if names[0] in dict(family.entries) else ""


def _only_name(value: int, family: Family) -> str:
    return next((name for name, known in family.entries if known == value), "")


def _name(value: int, family: Family) -> str:
    return _only_name(value, family) or hexadecimal(value)


def _vector_length(value: int, flags: Family) -> str:
    """arm64's SVE and SME: flags above, the length in bytes in the low 16 bits (PR_SVE_VL_LEN_MASK)."""
    return "|".join([*_bits(value & ~0xFFFF, flags), hexadecimal(value & 0xFFFF)])


def _tagged_address(value: int) -> str:
    """arm64: the tagged address ABI, MTE's fault mode and the included tags (PR_MTE_TAG_SHIFT is 3)."""
    tags = value >> 3 & 0xFFFF
    rest = value & ~0x7FFFF
    parts = [_name(value & 1, FAMILIES["pr_tagged_addr_enable"]), _name(value & 6, FAMILIES["pr_mte_tcf"])]
    if tags:
        parts.append(f"{tags:#x}<<PR_MTE_TAG_SHIFT")
    if rest:
        parts.append(f"{rest:#x}")
    return "|".join(parts)


def _riscv_vector(value: int) -> str:
    """RISC-V: the vector unit's state at present and after the next exec, and whether children inherit it."""
    states = FAMILIES["pr_riscv_v_states"]
    rest = value & ~0x1F
    parts = [
        _name(value & 3, states),
        f"{_name(value >> 2 & 3, states)}<<2",
        _name(value & 16, FAMILIES["pr_riscv_v_inherit"]),
    ]
    if rest:
        parts.append(f"{rest:#x}")
    return "|".join(parts)


def _sve(value: int) -> str:
    return _vector_length(value, FAMILIES["pr_sve_vl_flags"])


def _sme(value: int) -> str:
    return _vector_length(value, FAMILIES["pr_sme_vl_flags"])


_COMPOUND_RESULTS: dict[str, Callable[[int], str]] = {
    "sve": lambda value: _sve(value) if value & ~0xFFFF else "",
    "sme": lambda value: _sme(value) if value & ~0xFFFF else "",
    "tagged_addr": _tagged_address,
    "riscv_v": _riscv_vector,
}


# --- arguments with a decoder of their own ----------------------------------------------------------------

_Special = Callable[[Arg, int, CallRecord, Notation], Argument]


def _compound(text: Callable[[int], str]) -> _Special:
    def show(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
        value = register(record.args[index], record.abi)
        return Argument(arg.name, text(value), value)

    return show


def _register(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    """Signed as a 64-bit register: a negative number of a 32-bit task is a large one here."""
    value = signed(register(record.args[index], record.abi), 64)
    return Argument(arg.name, str(value), value)


def _death_signal(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    value = register(record.args[index], record.abi)
    if value > 128:
        return Argument(arg.name, str(value), value)
    return render(replace(arg, show=As.SIGNAL), index, record, notation)


def _ptracer(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    value = signed(record.args[index])
    return Argument(arg.name, "PR_SET_PTRACER_ANY" if value == -1 else str(value), value)


def _pid_type(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    """A constant that programs have no name for: shown as number and kernel's name (enum pid_type)."""
    family = FAMILIES["pr_sched_core_pidtypes"]
    value = record.args[index] & _INT
    return Argument(arg.name, f"{hexadecimal(value)} /* {_only_name(value, family) or family.unknown} */", value)


def _cookie(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    """64 bits wide for 32-bit tasks as well."""
    value = _value_behind(index, record)
    if value is None:
        return _address(arg, index, record)
    return _late(arg, f"[{hexadecimal(value)}]", value)


def _new_name(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    """The kernel reads 15 bytes: without a NUL among them the name may go on, hence the dots after 15."""
    found = text_at(record, index)
    most = _COMM - 1
    if found is None or (found.broken and len(found.data) < min(notation.string_limit + 1, most)):
        return _address(arg, index, record, late=False)
    text = cut(found.data[:most], notation.string_limit, more=len(found.data) >= most)
    return Argument(arg.name, text, found.data)


def _own_name(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    block = block_at(record, index, at_exit=True)
    if block is None:
        return _address(arg, index, record)
    name, end, _ = block.data.partition(b"\0")
    if not end and len(name) < min(notation.string_limit + 1, _COMM):
        return _address(arg, index, record)
    return _late(arg, cut(name, notation.string_limit, more=not end), name)


def _seccomp_program(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    """struct sock_fprog: a 16-bit length and, at the next word, the pointer to the instructions."""
    block = block_at(record, index)
    size = record.abi.word
    if block is None or len(block.data) < 2 * size:
        return _address(arg, index, record, late=False)
    length = int.from_bytes(block.data[:2], "little")
    address = int.from_bytes(block.data[size : 2 * size], "little")
    code = block_at(record, index, address=address)
    text = bpf.program(
        length, address, code.data if code else None, verbose=notation.verbose, operand=bpf.seccomp_operand
    )
    return Argument(arg.name, text, code.data if code else block.data)


_SPECIALS: dict[str, _Special] = {
    "register": _register,
    "death_signal": _death_signal,
    "ptracer": _ptracer,
    "pid_type": _pid_type,
    "cookie": _cookie,
    "new_name": _new_name,
    "own_name": _own_name,
    "seccomp_program": _seccomp_program,
    "sve": _compound(_sve),
    "sme": _compound(_sme),
    "tagged_addr": _compound(_tagged_address),
    "riscv_v": _compound(_riscv_vector),
}
