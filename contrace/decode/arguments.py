"""Arguments that need no decoder of their own: one function per ``As``, and the helpers that the others share.

    render(arg, index, record, notation) -> Argument          any ``As`` but SPECIAL (that one falls back to HEX)
    render_flags(value, family) -> str                        "CLONE_NEWNS|0x1", "0x1 /* CLONE_??? */", "0"
    render_choice(value, family) -> str                       "PR_SET_NAME", "0x7 /* PR_??? */"
    pointer(value) -> str                                     "NULL", "0x7ffe…"
    signed(value, bits) -> int;  register(value, abi) -> int  the register as the kernel's type sees it
    text_at(record, index) -> records.Text | None             memory that capture has copied behind argument ``index``
    block_at(record, index, at_exit=…) -> records.Block | None
    vector_at(record, index) -> records.Vector | None

``family`` is a Family or the name of one in ``syscalls.flags.FAMILIES``. Nothing here raises, whatever the values.
"""

from collections.abc import Callable

from contrace.decode import vectors
from contrace.decode.notation import Argument, Notation, Raw
from contrace.decode.strings import can_show, cut
from contrace.records import Block, Entered, Syscall, Text, Vector
from contrace.syscalls.abi import Abi
from contrace.syscalls.flags import FAMILIES
from contrace.syscalls.flags.family import Family
from contrace.syscalls.flags.signal import signal_name
from contrace.syscalls.rows import Arg, As

CallRecord = Syscall | Entered

AT_FDCWD = -100  # include/uapi/linux/fcntl.h
PATH_MAX = 4096  # include/uapi/linux/limits.h, with the NUL


# --- numbers ----------------------------------------------------------------------------------------------


def signed(value: int, bits: int = 32) -> int:
    """The low ``bits`` of a register as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def register(value: int, abi: Abi) -> int:
    """The register as an unsigned long of the ABI."""
    return value & ((1 << abi.register * 8) - 1)


def hexadecimal(value: int) -> str:
    """C's ``%#lx``: zero has no prefix."""
    return f"{value:#x}" if value else "0"


def pointer(value: int) -> str:
    """An address that is not followed."""
    return f"{value:#x}" if value else "NULL"


# --- flags and choices ------------------------------------------------------------------------------------


def _family(family: Family | str) -> Family:
    return FAMILIES[family] if isinstance(family, str) else family


def render_flags(value: int, family: Family | str) -> str:
    """The names of the bits that are set, in the family's order, then what is left as a number."""
    family = _family(family)
    rest = value & ((1 << family.width) - 1)
    names: list[str] = []
    for name, bits in family.entries:
        if bits == 0:
            if rest == 0 and not names:
                return name
        elif rest & bits == bits:
            names.append(name)
            rest &= ~bits
    if not names:
        return f"{rest:#x} /* {family.unknown} */" if rest else "0"
    return "|".join(names) + (f"|{rest:#x}" if rest else "")


def render_choice(value: int, family: Family | str) -> str:
    """The name of the value, or the number with strace's comment."""
    family = _family(family)
    value &= (1 << family.width) - 1
    for name, known in family.entries:
        if known & ((1 << family.width) - 1) == value:
            return name
    return f"{hexadecimal(value)} /* {family.unknown} */"


# --- memory -----------------------------------------------------------------------------------------------


def text_at(record: CallRecord, index: int) -> Text | None:
    """The string copied behind argument ``index``."""
    return next((m for m in record.memory if isinstance(m, Text) and m.arg == index), None)


def block_at(
    record: CallRecord, index: int, *, at_exit: bool | None = None, address: int | None = None
) -> Block | None:
    """The bytes copied behind argument ``index`` (or behind the pointer ``address`` inside them)."""
    address = record.args[index] & ((1 << record.abi.word * 8) - 1) if address is None else address
    return next(
        (
            m
            for m in record.memory
            if isinstance(m, Block)
            and m.arg == index
            and m.address == address
            and (at_exit is None or m.at_exit == at_exit)
        ),
        None,
    )


def vector_at(record: CallRecord, index: int) -> Vector | None:
    """The array of strings copied behind argument ``index``."""
    return next((m for m in record.memory if isinstance(m, Vector) and m.arg == index), None)


# --- one function per kind --------------------------------------------------------------------------------

_Render = Callable[[Arg, int, CallRecord, Notation], tuple[str, Raw]]


def _int(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = signed(record.args[index])
    return str(value), value


def _uint(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = record.args[index] & 0xFFFFFFFF
    return str(value), value


def _long(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = signed(record.args[index], record.abi.register * 8)
    return str(value), value


def _ulong(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = register(record.args[index], record.abi)
    return str(value), value


def _hex(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = register(record.args[index], record.abi)
    return hexadecimal(value), value


def _address(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = register(record.args[index], record.abi)
    return pointer(value), value


def _dirfd(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = signed(record.args[index])
    return "AT_FDCWD" if value == AT_FDCWD else str(value), value


def _uid(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = record.args[index] & 0xFFFFFFFF
    return ("-1", -1) if value == 0xFFFFFFFF else (str(value), value)


def _signal(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    value = signed(record.args[index])
    return signal_name(value), value


def _flags(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    family = _family(arg.family)
    return render_flags(record.args[index], family), record.args[index] & ((1 << family.width) - 1)


def _choice(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    family = _family(arg.family)
    return render_choice(record.args[index], family), record.args[index] & ((1 << family.width) - 1)


def _path(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    return _text(PATH_MAX - 1, arg, index, record, notation)


def _string(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    return _text(notation.string_limit, arg, index, record, notation)


def _text(limit: int, arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    found = text_at(record, index)
    if found is None or not can_show(found.data, limit, broken=found.broken):
        return _address(arg, index, record, notation)
    return cut(found.data, limit, more=found.broken), found.data


def _buffer(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    size = record.args[arg.size_arg] & 0xFFFFFFFF
    found = block_at(record, index)
    too_long = 0 < arg.most < size
    if found is None or too_long or len(found.data) < min(size, notation.string_limit + 1):
        return _address(arg, index, record, notation)
    return cut(found.data[:size], notation.string_limit), found.data


def _argv(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    found = vector_at(record, index)
    if found is None:
        return _address(arg, index, record, notation)
    return vectors.listing(found, notation), vectors.raw(found)


def _envp(arg: Arg, index: int, record: CallRecord, notation: Notation) -> tuple[str, Raw]:
    found = vector_at(record, index)
    if found is None:
        return _address(arg, index, record, notation)
    return vectors.listing(found, notation) if notation.verbose else vectors.count(found), vectors.raw(found)


_KINDS: dict[As, _Render] = {
    As.INT: _int,
    As.UINT: _uint,
    As.LONG: _long,
    As.ULONG: _ulong,
    As.HEX: _hex,
    As.ADDRESS: _address,
    As.FD: _int,
    As.DIRFD: _dirfd,
    As.PATH: _path,
    As.STRING: _string,
    As.BUFFER: _buffer,
    As.ARGV: _argv,
    As.ENVP: _envp,
    As.FLAGS: _flags,
    As.CHOICE: _choice,
    As.SIGNAL: _signal,
    As.UID: _uid,
    As.SPECIAL: _hex,
}


def render(arg: Arg, index: int, record: CallRecord, notation: Notation) -> Argument:
    """Argument ``index`` (of the call, counted from 0) as its row says."""
    text, raw = _KINDS[arg.show](arg, index, record, notation)
    return Argument(arg.name, text, raw)
