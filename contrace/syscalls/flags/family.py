"""What a flag family is: names and values, in the order in which strace prints them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """Bits that are or-ed together, or values of which one is chosen. The kernel header is named where it is filled."""

    name: str
    """What ``Arg.family`` refers to."""
    entries: tuple[tuple[str, int], ...]
    """(name, value), in printing order. An entry of value 0 is the name of "no bits"."""
    unknown: str
    """strace's comment for bits or values without a name, such as ``MS_???``."""
    width: int = 32
    """Bits of the kernel's argument type; the register's other bits are ignored by the kernel and not shown."""
