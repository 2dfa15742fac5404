"""Seccomp profiles in config.json, as Docker writes them."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Runtime, make_bundle
from tests.managers.fixtures import need
from tests.users import user

ALLOW = "SCMP_ACT_ALLOW"


def profile(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"defaultAction": ALLOW, "syscalls": list(rules)} | more


def run(
    tmp_path: Path, rootfs: Path, seccomp: dict[str, Any], *argv: str, no_new_privileges: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run as a normal user, where the filter needs no_new_privs, or as root without it."""

    def change(config: dict[str, Any]) -> None:
        config["linux"]["seccomp"] = seccomp
        config["process"]["noNewPrivileges"] = no_new_privileges

    if no_new_privileges:
        with user() as somebody:
            bundle = make_bundle(somebody.folder / "bundle", rootfs, *argv, change=change, user=somebody)
            return Runtime(somebody.folder / "state", somebody)("run", bundle)
    need()
    bundle = make_bundle(tmp_path / "bundle", rootfs, *argv, change=change)
    return Runtime(tmp_path / "state")("run", bundle)


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_a_call_is_refused(tmp_path: Path, rootfs: Path, no_new_privileges: bool) -> None:
    seccomp = profile({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"})
    script = "mkdir /dev/shm/x; grep -E 'Seccomp:|NoNewPrivs' /proc/self/status"
    done = run(tmp_path, rootfs, seccomp, "sh", "-c", script, no_new_privileges=no_new_privileges)
    assert "mkdir: can't create directory '/dev/shm/x': Operation not permitted" in done.stderr
    assert done.stdout.split() == ["NoNewPrivs:", str(int(no_new_privileges)), "Seccomp:", "2"]


def test_the_errno_of_the_profile(tmp_path: Path, rootfs: Path) -> None:
    seccomp = profile({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28})
    assert "No space left on device" in run(tmp_path, rootfs, seccomp, "mkdir", "/dev/shm/x").stderr


def test_a_call_that_kills(tmp_path: Path, rootfs: Path) -> None:
    seccomp = profile({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"})
    assert run(tmp_path, rootfs, seccomp, "mkdir", "/dev/shm/x").returncode == 128 + signal.SIGSYS


def test_only_with_that_argument(tmp_path: Path, rootfs: Path) -> None:
    condition = {"index": 0, "value": 19, "op": "SCMP_CMP_EQ"}
    seccomp = profile({"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [condition | {"index": 1}]})
    done = run(tmp_path, rootfs, seccomp, "sh", "-c", "kill -19 $$; kill -0 $$ && echo other")
    assert done.stdout == "other\n"
    assert "Operation not permitted" in done.stderr


def test_a_list_of_what_is_allowed(tmp_path: Path, rootfs: Path) -> None:
    """Without the call that starts the payload, nothing starts."""
    seccomp = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]}
    done = run(tmp_path, rootfs, seccomp | {"syscalls": [{"names": ["exit_group", "write"], "action": ALLOW}]}, "true")
    assert done.returncode == 126
    assert "cannot execute '/bin/true' in the container: Operation not permitted" in done.stderr


@pytest.mark.parametrize("name", ["no_such_call_yet", "mknodat"])
def test_names_that_are_not_known_are_passed_over(tmp_path: Path, rootfs: Path, name: str) -> None:
    seccomp = profile({"names": [name, "mkdir"], "action": "SCMP_ACT_ERRNO"})
    assert run(tmp_path, rootfs, seccomp, "true").returncode == 0


@pytest.mark.parametrize(
    ("seccomp", "message"),
    [
        ({"defaultAction": "SCMP_ACT_TEA"}, "linux.seccomp, action: this runtime does not know 'SCMP_ACT_TEA'"),
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "does not know 'SCMP_ACT_NOTIFY'"),
        (profile(architectures=["SCMP_ARCH_TEA"]), "linux.seccomp.architectures: this runtime does not know"),
        (profile(flags=["SECCOMP_FILTER_FLAG_LOG"]), "$.linux.seccomp.flags: this runtime does not implement it"),
    ],
)
def test_what_is_not_known(tmp_path: Path, rootfs: Path, seccomp: dict[str, Any], message: str) -> None:
    done = run(tmp_path, rootfs, seccomp, "true")
    assert done.returncode == 2
    assert message in done.stderr


def test_without_pyseccomp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from contrace.errors import ContraceError
    from contrace.runtime.seccomp import Filter
    from contrace.runtime.spec import Seccomp

    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(ContraceError, match=r"needs pyseccomp and libseccomp .*\n.*libseccomp2 on Debian"):
        Filter(Seccomp(default_action=ALLOW))
