"""mount(2): the flags decide whether the file system's type and the data are looked at, and so shown as strings."""

from dataclasses import replace

from contrace.decode.arguments import CallRecord, register, render, render_flags
from contrace.decode.notation import Argument, Notation
from contrace.syscalls.flags.mount import (
    MOUNT,
    MS_BIND,
    MS_MGC_MSK,
    MS_MGC_VAL,
    MS_MOVE,
    MS_PRIVATE,
    MS_REMOUNT,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
)
from contrace.syscalls.rows import As
from contrace.syscalls.specs import SPECS

_NO_NEW_FILE_SYSTEM = MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE


def mount(record: CallRecord, notation: Notation) -> tuple[Argument, ...]:
    """``source, target, filesystemtype, mountflags, data``."""
    value = register(record.args[3], record.abi)
    has_magic = value & MS_MGC_MSK == MS_MGC_VAL
    # The mask is an unsigned int: what is above 32 bits goes with the magic number.
    flags = value & ~MS_MGC_MSK & 0xFFFFFFFF if has_magic else value
    new = not flags & (MS_REMOUNT | _NO_NEW_FILE_SYSTEM)
    shows = (
        As.PATH,
        As.PATH,
        As.STRING if new else As.ADDRESS,
        As.SPECIAL,
        As.STRING if new or flags & MS_REMOUNT else As.ADDRESS,
    )
    arguments = [
        render(replace(arg, show=show), index, record, notation)
        for index, (arg, show) in enumerate(zip(SPECS["mount"].args, shows, strict=True))
    ]
    arguments[3] = Argument("mountflags", _flags(flags, has_magic=has_magic), value)
    return tuple(arguments)


def _flags(flags: int, *, has_magic: bool) -> str:
    if not has_magic:
        return render_flags(flags, MOUNT)
    return f"MS_MGC_VAL|{render_flags(flags, MOUNT)}" if flags else "MS_MGC_VAL"
