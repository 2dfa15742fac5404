"""One plain sentence for every flag, option, signal, error and call of a container's birth, by its name.

The names and values themselves are in ``syscalls/flags`` and ``syscalls/prctl``; here they appear as keys only, so that
a number is written once. Every sentence is at most ``LONGEST`` characters and ends with a full stop; where it helps, it
says what a container needs the thing for. A name that has none is one that this version does not know: ``UNKNOWN``.
"""

from collections.abc import Mapping

from contrace.syscalls.flags.meanings import (
    at,
    calls,
    capability,
    clone,
    errno,
    failures,
    mount,
    prctl,
    prctl_values,
    seccomp,
    securebits,
    signal,
)

LONGEST = 110
UNKNOWN = "Not known to this version."

FLAGS: Mapping[str, Mapping[str, str]] = {
    "at_execveat": at.AT_EXECVEAT,
    "capability": capability.CAPABILITY,
    "clone": clone.CLONE,
    "clone3": clone.CLONE3,
    "unshare": clone.UNSHARE,
    "setns": clone.SETNS,
    "mount": mount.MOUNT,
    "umount": mount.UMOUNT,
    "seccomp_mode": seccomp.MODE,
    "seccomp_ret_action": seccomp.ACTION,
    "securebits": securebits.SECUREBITS,
    **prctl_values.PRCTL_VALUES,
}
"""Name of a family in ``syscalls.flags.FAMILIES`` -> name of an entry -> sentence. The parts of BPF instructions have
none: they are words of a program, not flags that somebody sets."""

OPTIONS: Mapping[str, str] = prctl.OPTION
"""prctl's options."""
SIGNALS: Mapping[str, str] = signal.SIGNAL
ERRNOS: Mapping[str, str] = {**errno.ERRNO, **errno.RESTART, **errno.KERNEL_ONLY}
"""Errors in general, also the codes between kernel and tracer."""
CALLS: Mapping[str, str] = calls.CALLS
"""What each call of ``%birth`` does."""
BIRTH: Mapping[str, str] = calls.BIRTH
"""What a container's birth needs each of them for."""
RETURNS: Mapping[str, str] = calls.RETURNS

AT_FDCWD = at.CURRENT_DIRECTORY
EXIT_SIGNAL = clone.EXIT_SIGNAL
SETNS_ANY = clone.ANY_NAMESPACE
MS_MGC_VAL = mount.MAGIC
PR_SET_PTRACER_ANY = prctl_values.ANY_TRACER


def call_sentence(call: str, words: frozenset[str]) -> str:
    """What a call does that was made with these flags and options: of prctl what the option does, of mount which
    operation it is; "" for a call that is not in ``CALLS``."""
    if call == "prctl":
        return next((OPTIONS[word] for word in words if word in OPTIONS), CALLS[call])
    if call == "mount":
        return next((text for flags, text in calls.MOUNT_OPERATIONS if words & {*flags}), CALLS[call])
    return CALLS.get(call, "")


def reasons(call: str, error: str, words: frozenset[str]) -> tuple[str, ...]:
    """What the call's man page says of the error, the most fitting first; (): nothing beyond the error's own meaning.

    ``words``: the names of the flags and options that the call was made with.
    """
    fitting = [
        row
        for row in failures.FAILURES
        if call in row.calls and row.errno == error and words.isdisjoint(row.never_with)
    ]
    with_flag = [row.sentence for row in fitting if row.only_with in words]
    return (*with_flag, *(row.sentence for row in fitting if not row.only_with))
