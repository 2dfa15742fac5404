"""Which capture works here, found out by doing it: what `contrace doctor` shows."""

from contrace.capture.checks import Check, ebpf, machine, ptracing
from contrace.capture.checks.ebpf import ebpf_missing
from contrace.capture.checks.privileges import may_trace_others

__all__ = ["Check", "checks", "ebpf_missing", "may_trace_others"]


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
