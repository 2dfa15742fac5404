"""A record of a system call -> the call as strace writes it. Pure; nothing raises, whatever the record holds.

``decode`` follows the call's row (``syscalls.specs``). Calls whose arguments depend on each other have a decoder of
their own, listed in ``_ARGUMENTS``. A call without a row is shown by name with raw arguments
and a raw result, as strace does with ``-e raw=``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from contrace.decode import clone, mount, prctl
from contrace.decode.arguments import CallRecord, hexadecimal, register, render
from contrace.decode.notation import Argument, Notation
from contrace.records import Syscall
from contrace.syscalls.abi import X32_OWN_FIRST, Abi, known_name_of, name_of
from contrace.syscalls.flags.errno import ERRNO, KERNEL_ONLY, MAX_ERRNO, RESTART, errno_name
from contrace.syscalls.signatures import DIFFERENT_ON_I386, SIGNATURES
from contrace.syscalls.specs import SPECS

_ARGUMENTS: dict[str, Callable[[CallRecord, Notation], tuple[Argument, ...]]] = {
    "clone": clone.clone,
    "clone3": clone.clone3,
    "mount": mount.mount,
    "prctl": prctl.arguments,
}
"""Calls whose arguments depend on each other."""

_RESULTS: dict[str, Callable[[CallRecord, int], str]] = {"prctl": prctl.result}
"""Calls whose results are more than a number."""

_EXECS = ("execve", "execveat")


@dataclass(frozen=True, slots=True)
class Call:
    """A decoded system call. ``head + tail`` is the whole call, ``result`` what follows its ``= ``."""

    name: str
    args: tuple[Argument, ...]
    head: str
    """What strace writes when the call is entered: ``unshare(CLONE_NEWNS``."""
    tail: str
    """What it writes when the call has returned: ``)``, and before it what could not be known earlier."""
    result: str
    """``0``, ``-1 ENOENT (No such file or directory)``, ``0x3 (SECBIT_NOROOT|…)``; ``?``: did not return."""
    value: int | None
    """The raw result, -errno of a failed call; None: did not return."""
    errno: str | None
    """The error's name (``errno 58`` of one that has none); None: no error."""


def decode(record: CallRecord, notation: Notation) -> Call:
    """The call that a record holds. Of one that is not over, ``tail`` and ``result`` say what is known so far."""
    name = name_of(record.abi, record.nr)
    if record.abi is Abi.X32 and record.nr >= X32_OWN_FIRST:
        record = structs.replace(record, args=tuple(value & 0xFFFFFFFF for value in record.args))
    value = record.result if isinstance(record, Syscall) else None
    error = -value if value is not None and -MAX_ERRNO <= value < 0 else None
    if isinstance(record, Syscall) and record.from_event and name in _EXECS:
        # Only that it happened is known.
        args: tuple[Argument, ...] = ()
        head, tail = f"{name}(...", ")"
    else:
        args = _arguments(name, record, notation)
        head, tail = _written(name, args)
    return Call(
        name,
        args,
        head,
        tail,
        _result(name, record, value) if error is None else _error(error),
        value,
        None if error is None else errno_name(error) or f"errno {error}",
    )


def _arguments(name: str, record: CallRecord, notation: Notation) -> tuple[Argument, ...]:
    if name in _ARGUMENTS:
        return _ARGUMENTS[name](record, notation)
    row = SPECS.get(name)
    if row is None:
        return _raw_arguments(name, record)
    return tuple(render(arg, index, record, notation) for index, arg in enumerate(row.args))


def _raw_arguments(name: str, record: CallRecord) -> tuple[Argument, ...]:
    """Numbers in hexadecimal, as many as the call has; all registers where that is not known."""
    known = _signature(name, record.abi)
    names = [f"arg{index}" for index in range(1, 7)] if known is None else known.split()
    values = [register(value, record.abi) for value in record.args]
    return tuple(Argument(arg, hexadecimal(value), value) for arg, value in zip(names, values, strict=False))


def _signature(name: str, abi: Abi) -> str | None:
    return None if abi is Abi.I386 and name in DIFFERENT_ON_I386 else SIGNATURES.get(name)


def _written(name: str, args: tuple[Argument, ...]) -> tuple[str, str]:
    """The call's head and tail: a late argument and all behind it are in the tail."""
    head, tail = f"{name}(", ""
    for index, arg in enumerate(args):
        sep = arg.sep if index else ""
        if not arg.late and not tail:
            head += sep + arg.written
        elif arg.opened and not tail:
            head += sep
            tail += arg.written
        else:
            tail += sep + arg.written
    return head, f"{tail})"


def _result(name: str, record: CallRecord, value: int | None) -> str:
    if value is None:
        return "?"
    if name in _RESULTS:
        return _RESULTS[name](record, value)
    number = register(value, record.abi)
    # A result that is raw like the arguments: of some calls it is an address.
    return hexadecimal(number) if name not in SPECS and known_name_of(record.abi, record.nr) else str(number)


def _error(error: int) -> str:
    if error in RESTART:
        # The task does not see this: it makes the call again, or gets EINTR.
        name, text = RESTART[error]
        return f"? {name} ({text})"
    if error in ERRNO:
        name, text = ERRNO[error]
        return f"-1 {name} ({text})"
    if error in KERNEL_ONLY:
        return f"-1 {KERNEL_ONLY[error]} (Unknown error {error})"
    return f"-1 (errno {error})"
