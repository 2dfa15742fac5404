"""Classic BPF programs as strace writes them: ``{len=1, filter=[BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ALLOW)]}``."""

import struct
from collections.abc import Callable, Iterator

from contrace.decode.arguments import hexadecimal, pointer, render_choice
from contrace.syscalls.flags.bpf import (
    BPF_CLASS,
    BPF_MAXINSNS,
    BPF_MISCOP,
    BPF_MODE,
    BPF_OP_ALU,
    BPF_OP_JMP,
    BPF_RVAL,
    BPF_SIZE,
    BPF_SRC,
)
from contrace.syscalls.flags.family import Family
from contrace.syscalls.flags.seccomp import SECCOMP_RET_ACTION, SECCOMP_RET_ACTION_FULL

_Parts = tuple[tuple[tuple[Family, int], ...], bool]
_LOAD: _Parts = (((BPF_SIZE, 0x18), (BPF_MODE, 0xE0)), False)
_STORE: _Parts = ((), True)
_PARTS: dict[int, _Parts] = {
    0: _LOAD,
    1: _LOAD,
    2: _STORE,
    3: _STORE,
    4: (((BPF_SRC, 0x08), (BPF_OP_ALU, 0xF0)), False),
    5: (((BPF_SRC, 0x08), (BPF_OP_JMP, 0xF0)), False),
    6: (((BPF_RVAL, 0x18),), True),
    7: (((BPF_MISCOP, 0xF8),), True),
}
"""Class (the low three bits of a code) -> the other parts and their masks in printing order, and whether the bits
that are in none of them are shown."""

_CLASS_MASK = 0x07
_RET = 6
_INSTRUCTION = struct.Struct("<HBBI")  # struct sock_filter: code, jt, jf, k

Operand = Callable[[int], str]
"""Names the operand of a return instruction."""


def program(length: int, address: int, code: bytes | None, *, verbose: bool, operand: Operand) -> str:
    """A struct sock_fprog: ``length`` instructions at ``address``, of which ``code`` could be read (None: nothing)."""
    if verbose and address:
        return f"{{len={length}, filter={_listing(length, address, code or b'', operand)}}}"
    return f"{{len={length}, filter={pointer(address)}}}"


def seccomp_operand(value: int) -> str:
    """What a seccomp filter returns: an action and its data (seccomp(2))."""
    data = value & ~SECCOMP_RET_ACTION_FULL
    action = render_choice(value & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ACTION)
    return f"{action}|{data:#x}" if data else action


def _listing(length: int, address: int, code: bytes, operand: Operand) -> str:
    shown = min(length, BPF_MAXINSNS)
    whole = min(len(code) // _INSTRUCTION.size, shown)
    if length and not whole:
        return pointer(address)
    items = [
        _instruction(opcode, jump_true, jump_false, k, operand)
        for opcode, jump_true, jump_false, k in _INSTRUCTION.iter_unpack(code[: whole * _INSTRUCTION.size])
    ]
    if whole < shown:
        items.append(f"... /* {address + whole * _INSTRUCTION.size:#x} */")
    elif shown < length:
        items.append("...")
    return f"[{', '.join(items)}]"


def _instruction(code: int, jump_true: int, jump_false: int, k: int, operand: Operand) -> str:
    name = "|".join(_code(code))
    if jump_true or jump_false:
        return f"BPF_JUMP({name}, {hexadecimal(k)}, {hexadecimal(jump_true)}, {hexadecimal(jump_false)})"
    return f"BPF_STMT({name}, {operand(k) if code & _CLASS_MASK == _RET else hexadecimal(k)})"


def _code(code: int) -> Iterator[str]:
    kind = code & _CLASS_MASK
    parts, show_rest = _PARTS[kind]
    yield render_choice(kind, BPF_CLASS)
    rest = code & ~_CLASS_MASK
    for family, mask in parts:
        yield render_choice(code & mask, family)
        rest &= ~mask
    if rest and show_rest:
        yield f"{rest:#x} /* {BPF_CLASS.unknown} */"
