"""Which capture works here, found out by doing it: what `contrace doctor` shows and `--backend auto` takes."""

from dataclasses import dataclass

from contrace.capture.checks import Check, ebpf, machine, ptracing
from contrace.capture.checks.ebpf import ebpf_missing
from contrace.capture.checks.privileges import may_trace_others

__all__ = ["Check", "Choice", "checks", "choose", "ebpf_missing", "may_trace_others"]


def checks() -> tuple[Check, ...]:
    """Look at everything, in the order in which a reader wants to know it."""
    return (
        machine.machine(),
        machine.user(),
        machine.yama(),
        ptracing.attach(),
        ptracing.run(),
        ptracing.filtering(),
        machine.user_namespaces(),
        machine.managers(),
        ebpf.permission(),
        ebpf.lockdown(),
        ebpf.kernel(),
        ebpf.types(),
        ebpf.tracepoints(),
        ebpf.compiler(),
        ebpf.ebpf(),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend to try."""

    backend: str
    """"ebpf" or "ptrace"."""
    why: str
    """Goes on after "because"; empty when the user asked for this one."""


def choose(backend: str, *, launches: bool, ebpf_only: bool) -> tuple[Choice, ...]:
    """The backends to try, one after the other, until one can be used. ``ebpf_only``: what is asked for needs eBPF."""
    if ebpf_only:
        return (Choice("ebpf", ""),)
    if backend != "auto":
        return (Choice(backend, ""),)
    missing = ebpf_missing()
    exact = Choice("ptrace", "it follows a command exactly and needs no privilege")
    if launches:
        return (exact,) if missing else (exact, Choice("ebpf", "ptrace cannot be used"))
    if missing:
        return (Choice("ptrace", f"eBPF cannot be used: {missing}"),)
    return (Choice("ebpf", "it works here and stops nothing"), Choice("ptrace", "eBPF cannot be used"))
