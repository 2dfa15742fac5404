"""Flag families: one file each, plain data that names its kernel header. ``FAMILIES`` finds one by its name."""

from contrace.syscalls.flags import at, bpf, capability, clone, mount, prctl, seccomp, securebits
from contrace.syscalls.flags.family import Family

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *at.FAMILIES,
        *bpf.FAMILIES,
        *capability.FAMILIES,
        *clone.FAMILIES,
        *mount.FAMILIES,
        *prctl.FAMILIES,
        *seccomp.FAMILIES,
        *securebits.FAMILIES,
    )
}
"""Every family, by the name that rows use."""
