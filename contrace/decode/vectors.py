"""argv and envp: arrays of strings as strace writes them. Nothing raises, whatever was copied."""

from contrace.decode.notation import Notation, Raw
from contrace.decode.strings import can_show, cut
from contrace.records import Vector


def listing(vector: Vector, notation: Notation) -> str:
    """All elements: ``["ls", "-l"]``; a short list unless verbose."""
    if not vector.items and vector.fault:
        return f"{vector.fault:#x}"
    shown = len(vector.items) if notation.verbose else min(len(vector.items), notation.string_limit)
    parts = [_element(vector, index, notation) for index in range(shown)]
    if shown < len(vector.items) or vector.total is not None:
        parts.append("...")
    elif vector.fault:
        parts.append(f"... /* {vector.fault:#x} */")
    return f"[{', '.join(parts)}]"


def count(vector: Vector) -> str:
    """Where it is and how many elements it has: ``0x7ffd… /* 35 vars */``."""
    if not vector.items and vector.fault:
        return f"{vector.fault:#x}"
    total = len(vector.items) if vector.total is None else vector.total
    unterminated = ", unterminated" if vector.fault else ""
    return f"{vector.address:#x} /* {total} var{'' if total == 1 else 's'}{unterminated} */"


def raw(vector: Vector) -> Raw:
    """The strings; of one that could not be read to its end, the pointer."""
    return tuple(vector.broken.get(index, item) for index, item in enumerate(vector.items))


def _element(vector: Vector, index: int, notation: Notation) -> str:
    item, broken = vector.items[index], index in vector.broken
    if not can_show(item, notation.string_limit, broken=broken):
        return f"{vector.broken[index]:#x}"
    return cut(item, notation.string_limit, more=broken)
