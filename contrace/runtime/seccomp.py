"""A seccomp profile, by way of libseccomp (pyseccomp), which is loaded only when there is a profile."""

import errno
from typing import Any

from contrace.errors import ContraceError, UsageError
from contrace.runtime.attempt import attempt
from contrace.runtime.spec import Seccomp, SeccompArg, SeccompSyscall

_UNKNOWN_CALL = -1  # seccomp.h: __NR_SCMP_ERROR
_WITH_NUMBER = ("ERRNO", "TRACE")


class Filter:
    """A profile that was read and can be installed."""

    def __init__(self, profile: Seccomp) -> None:
        try:
            import pyseccomp
        except (ImportError, RuntimeError) as error:  # RuntimeError: without libseccomp
            raise ContraceError(
                f"linux.seccomp: a profile needs pyseccomp and libseccomp ({error})\n"
                "pip install 'contrace[seccomp]', and the package libseccomp2 on Debian and Ubuntu; "
                "or remove the profile"
            ) from error
        self._library: Any = pyseccomp
        self._default = self._action(profile.default_action, profile.default_errno_ret)
        self._filter = pyseccomp.SyscallFilter(self._default)
        # no_new_privs is process.noNewPrivileges, nothing that a profile decides
        self._filter.set_attr(pyseccomp.Attr.CTL_NNP, 0)
        for name in profile.architectures:
            architecture = self._named(pyseccomp.Arch, "SCMP_ARCH_", name, "linux.seccomp.architectures")
            if not self._filter.exist_arch(architecture):
                self._filter.add_arch(architecture)
        for rule in profile.syscalls:
            self._add(rule)

    def load(self) -> None:
        """Install it in this process, for good (seccomp(2))."""
        with attempt("install the seccomp profile"):
            self._filter.load()

    def _add(self, rule: SeccompSyscall) -> None:
        action = self._action(rule.action, rule.errno_ret)
        if action == self._default:
            return  # libseccomp refuses what changes nothing
        # Conditions on different arguments have all to hold; several on one argument are alternatives, as in runc.
        indices = [condition.index for condition in rule.args]
        together = [rule.args] if len(set(indices)) == len(indices) else [(condition,) for condition in rule.args]
        for name in rule.names:
            number = self._library.resolve_syscall(self._library.Arch.NATIVE, name)
            if number == _UNKNOWN_CALL:
                continue  # of a newer kernel than libseccomp: runtimes pass over it
            for conditions in together:
                with attempt(f"add {name!r} to the seccomp profile"):
                    self._filter.add_rule(action, number, *map(self._condition, conditions))

    def _condition(self, condition: SeccompArg) -> Any:  # noqa: ANN401 (a type of pyseccomp)
        operator = self._named(self._library, "SCMP_CMP_", condition.op, "linux.seccomp.syscalls, op")
        return self._library.Arg(condition.index, operator, condition.value, condition.value_two)

    def _action(self, name: str, number: int | None) -> int:
        action = self._named(self._library, "SCMP_ACT_", name, "linux.seccomp, action")
        if name.removeprefix("SCMP_ACT_") not in _WITH_NUMBER:
            return int(action)
        return int(action(errno.EPERM if number is None else number))

    def _named(self, where: Any, prefix: str, name: str, field: str) -> Any:  # noqa: ANN401 (of pyseccomp)
        value = getattr(where, name.removeprefix(prefix), None) if name.startswith(prefix) else None
        if value is None or name == "SCMP_ACT_NOTIFY":
            raise UsageError(f"{field}: this runtime does not know {name!r}")
        return value
