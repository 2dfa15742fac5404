"""The first reason why eBPF cannot work is named in plain words, with what to do."""

import errno
import os
import time
from pathlib import Path

import pytest

from contrace.capture import procfs, select
from contrace.capture.checks import ebpf
from contrace.capture.ebpf import btf, library, probes, tracefs, trial
from contrace.errors import BackendUnavailable


@pytest.fixture(autouse=True)
def machine_where_all_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ebpf, "may_load_programs", lambda: True)
    monkeypatch.setattr(trial, "ring_buffer", lambda: 0)
    monkeypatch.setattr(trial, "kernel_memory", lambda: 0)
    monkeypatch.setattr(trial, "raw_tracepoint", lambda _: 0)
    monkeypatch.setattr(library, "find", lambda: library.Found(Path("/usr/lib/bcc"), "1.2.3"))
    monkeypatch.setattr(btf, "VMLINUX", str(tmp_path))
    monkeypatch.setattr(btf, "offsets", lambda: {"A": 1})
    monkeypatch.setattr(procfs, "read", lambda _: None)
    monkeypatch.setattr(probes, "Probes", Probes)


class Probes:
    """Let themselves be attached."""

    def __init__(self, plan: probes.Plan) -> None:
        self.plan = plan

    def detach(self) -> None:
        """Nothing is left."""


def why() -> str:
    """The reason, which doctor gives, too."""
    reason = select.ebpf_missing()
    assert reason is not None
    said = ebpf.ebpf()
    assert (said.ok, said.found) == (False, f"cannot be used: {reason}")
    return reason


def test_nothing_is_missing() -> None:
    assert select.ebpf_missing() is None
    assert ebpf.ebpf().ok
    assert all(check().ok for check in (ebpf.permission, ebpf.lockdown, ebpf.kernel, ebpf.types, ebpf.compiler))


def test_a_machine_whose_calls_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "x86_64 and aarch64 only" in why()


def test_a_user_without_the_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ebpf, "may_load_programs", lambda: False)
    monkeypatch.setattr(trial, "ring_buffer", lambda: errno.EPERM)
    assert "use sudo, or grant CAP_BPF and CAP_PERFMON" in why()
    assert ebpf.kernel().ok is ebpf.permission().ok is None


def test_capabilities_that_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "kernel_memory", lambda: errno.EPERM)
    assert "user namespace" in why()
    assert "run contrace as root on the host" in ebpf.permission().advice


def test_a_locked_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "kernel_memory", lambda: errno.EINVAL)
    assert "Linux 5.8" in why()
    monkeypatch.setattr(procfs, "read", lambda _: b"none integrity [confidentiality]\n")
    assert "lockdown=confidentiality" in why()
    assert ebpf.lockdown().ok is None
    assert "lockdown=confidentiality" in ebpf.permission().advice
    monkeypatch.setattr(procfs, "read", lambda _: b"none [integrity] confidentiality\n")
    assert ebpf.lockdown().ok


@pytest.mark.parametrize("answer", [errno.EINVAL, errno.ENOSYS])
def test_an_old_kernel(answer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "ring_buffer", lambda: answer)
    assert f"this kernel ({os.uname().release}) lacks what the programs use: boot a newer kernel" in why()
    assert "Linux 5.8" in ebpf.kernel().advice


def test_any_other_answer_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "ring_buffer", lambda: errno.ENOMEM)
    assert "ENOMEM (Cannot allocate memory)" in why()


def test_a_kernel_without_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(btf, "VMLINUX", "/nonexistent/vmlinux")
    assert "(/nonexistent/vmlinux): boot a kernel that is built with CONFIG_DEBUG_INFO_BTF=y" in why()


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find", lambda: None)
    assert "eBPF needs bcc" in why()
    assert ". Install it: " in why()
    assert ebpf.compiler().advice.startswith("Install it: ")


def test_doctor_tries_more_than_the_quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: probes.Plan) -> Probes:
        raise BackendUnavailable("the kernel refuses the probe call_left")

    monkeypatch.setattr(probes, "Probes", refuse)
    assert select.ebpf_missing() is None
    assert ebpf.ebpf().found == "cannot be used: the kernel refuses the probe call_left"


def test_types_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> dict[str, int]:
        raise BackendUnavailable("no such member")

    monkeypatch.setattr(btf, "offsets", refuse)
    assert ebpf.types().found == "no such member"


def test_a_kernel_that_does_not_tell_about_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "raw_tracepoint", lambda _: errno.ENOENT)
    said = ebpf.kernel()
    assert said.ok
    assert "no tracepoint for capabilities (Linux 6.14), so eBPF cannot tell" in said.found


def test_without_tracefs_it_costs_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BackendUnavailable("not here")

    monkeypatch.setattr(tracefs, "open_tracefs", refuse)
    assert ebpf.tracepoints().ok is None
    assert "eBPF works without it" in ebpf.tracepoints().found


def test_the_quick_look_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    fastest = 1.0
    for _ in range(5):
        start = time.perf_counter()
        select.ebpf_missing()
        fastest = min(fastest, time.perf_counter() - start)
    assert fastest < 0.01
