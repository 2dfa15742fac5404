"""``cgroups``: limits, and what happens at them."""

import msgspec

from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage
from contrace.runtime.spec import Memory, Pids, Resources, Rlimit, Spec

_MEMORY = 16 << 20
_PROCESSES = 8
_ADDRESS_SPACE = 1 << 30
"""Where the limit of memory is not in force, this one ends what eats memory."""
_GREEDY = "x=0123456789abcdef; while :; do x=$x$x; done"
_DEEPER = "deeper() { echo process $1; ( deeper $(($1 + 1)) ); }; deeper 1"


def _limited(spec: Spec, resources: Resources) -> Spec:
    before = spec.linux.resources or Resources()
    linux = msgspec.structs.replace(spec.linux, resources=msgspec.structs.replace(resources, devices=before.devices))
    size = Rlimit(type="RLIMIT_AS", soft=_ADDRESS_SPACE, hard=_ADDRESS_SPACE)
    process = msgspec.structs.replace(spec.process, rlimits=(*spec.process.rlimits, size))
    return msgspec.structs.replace(spec, linux=linux, process=process)


def _memory(stage: Stage) -> None:
    limit = Resources(memory=Memory(limit=_MEMORY, swap=_MEMORY))
    # Who may not make cgroups has no limit to run into, and must not eat the machine's memory to show that.
    line = _GREEDY if stage.is_root else "echo as root this would be a program that eats memory until it is killed"
    stage.container("sh", "-c", line, change=lambda spec: _limited(spec, limit))


def _pids(stage: Stage) -> None:
    limit = Resources(pids=Pids(limit=_PROCESSES))
    line = _DEEPER if stage.is_root else "echo as root this would start processes until one is refused"
    stage.container("sh", "-c", line, change=lambda spec: _limited(spec, limit))


ACTS = (
    Act(
        "A memory limit of 16 MiB",
        "Groups of processes are directories in /sys/fs/cgroup; PARENT is put into one before it makes the others,\n"
        "who inherit it. The program doubles a string until the group is full: the kernel looks for a victim in it\n"
        "and kills it. From outside that is a process that ends by signal 9 which nobody sent.",
        _memory,
    ),
    Act(
        f"At most {_PROCESSES} processes",
        "Each process starts one more. At the limit, fork fails with EAGAIN, in this group only.",
        _pids,
    ),
)
