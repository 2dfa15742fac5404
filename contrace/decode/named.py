"""Values -> the names that strace gives them, each with the sentence that says what it means.

The names come from the same families, in the same order, as in ``decode.arguments``: what stands in a decoded call is
what is explained beside it. Nothing raises, whatever the value; what has no name keeps its number.
"""

from collections.abc import Callable, Iterable

from contrace.decode.arguments import hexadecimal, signed
from contrace.syscalls.flags import FAMILIES, meanings
from contrace.syscalls.flags.family import Family
from contrace.syscalls.flags.signal import SIGNALS

Named = tuple[str, str]
"""A flag's or value's name as strace writes it, and the sentence that says what it does."""


def flags_in(value: int, family: Family) -> tuple[Named, ...]:
    """The bits that are set, named and ordered as strace does, with their sentences; what has no name comes last."""
    sentences = meanings.FLAGS.get(family.name, {})
    rest = value & ((1 << family.width) - 1)
    found: list[Named] = []
    for name, bits in family.entries:
        if (bits and rest & bits == bits) or (not bits and not rest and not found):
            found.append((name, sentences.get(name, meanings.UNKNOWN)))
            rest &= ~bits
    if rest:
        found.append((hexadecimal(rest) if found else _unnamed(rest, family), meanings.UNKNOWN))
    return tuple(found)


def choice(value: int, family: Family) -> tuple[Named, ...]:
    """The one entry that has this value."""
    mask = (1 << family.width) - 1
    for name, known in family.entries:
        if (known ^ value) & mask == 0:
            return ((name, meanings.FLAGS.get(family.name, {}).get(name, meanings.UNKNOWN)),)
    return ((_unnamed(value & mask, family), meanings.UNKNOWN),)


def _unnamed(value: int, family: Family) -> str:
    return f"{hexadecimal(value)} /* {family.unknown} */" if family.unknown else hexadecimal(value)


def signal(number: int) -> tuple[Named, ...]:
    """A signal's name; 0 is none."""
    if not number:
        return ()
    name = SIGNALS.get(number, str(number))
    return ((name, meanings.SIGNALS.get(name, meanings.UNKNOWN)),)


def each_once(named: Iterable[tuple[Named, ...]]) -> tuple[Named, ...]:
    """All of them in their order, without repetitions."""
    return tuple(dict.fromkeys(one for several in named for one in several))


# --- prctl's compound values (decode.prctl writes them) ---------------------------------------------------


def _ptracer(value: int) -> tuple[Named, ...]:
    return (("PR_SET_PTRACER_ANY", meanings.PR_SET_PTRACER_ANY),) if signed(value) == -1 else ()


def _pid_type(value: int) -> tuple[Named, ...]:
    return choice(value, FAMILIES["pr_sched_core_pidtypes"])


def _vector_length(family: str) -> Callable[[int], tuple[Named, ...]]:
    """arm64's SVE and SME: the low 16 bits are a length."""
    return lambda value: flags_in(value & ~0xFFFF, FAMILIES[family])


def _tagged_address(value: int) -> tuple[Named, ...]:
    """arm64: the bits above the mode, up to bit 18, are a set of tags."""
    rest = value & ~0x7FFFF
    return (
        *choice(value & 1, FAMILIES["pr_tagged_addr_enable"]),
        *choice(value & 6, FAMILIES["pr_mte_tcf"]),
        *(((hexadecimal(rest), meanings.UNKNOWN),) if rest else ()),
    )


def _riscv_vector(value: int) -> tuple[Named, ...]:
    """RISC-V: the state now, the state after the next execve, and whether that one is inherited."""
    states = FAMILIES["pr_riscv_v_states"]
    rest = value & ~0x1F
    return (
        *choice(value & 3, states),
        *((f"{name}<<2", sentence) for name, sentence in choice(value >> 2 & 3, states)),
        *choice(value & 16, FAMILIES["pr_riscv_v_inherit"]),
        *(((hexadecimal(rest), meanings.UNKNOWN),) if rest else ()),
    )


COMPOUNDS: dict[str, Callable[[int], tuple[Named, ...]]] = {
    "death_signal": signal,
    "ptracer": _ptracer,
    "pid_type": _pid_type,
    "sve": _vector_length("pr_sve_vl_flags"),
    "sme": _vector_length("pr_sme_vl_flags"),
    "tagged_addr": _tagged_address,
    "riscv_v": _riscv_vector,
}
"""Arguments and results of prctl that are more than one family: by the name in their row (``As.SPECIAL``)."""
