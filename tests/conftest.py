"""What holds for every test: the managers' fixtures, both backends, and the rule about skipping."""

import os
import re
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from contrace.capture.select import ebpf_missing
from tests.managers import host

pytest_plugins = ("tests.managers.fixtures",)

# Everything that a test starts inherits this, and a child runs this working tree's contrace.
os.environ.update([host.MARK.split("=")])
os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)

NO_SKIP = os.environ.get("CONTRACE_NO_SKIP") == "1"
"""CI's setting: a test that could run on this machine may not be skipped."""

IMPOSSIBLE: dict[str, Callable[[], bool]] = {
    r"needs root": lambda: os.geteuid() != 0,
    r"needs a normal user": lambda: False,  # root can become one
    r"needs cgroup v1 and v2 side by side": lambda: not os.path.exists("/sys/fs/cgroup/unified/cgroup.procs"),
    r"kernel without x32": lambda: True,
    r"needs an? (x86_64|aarch64) machine": lambda: True,
}
"""Reasons for which a test may be skipped under NO_SKIP, each with what must hold on this machine."""


def _is_impossible(reason: str) -> bool:
    return any(re.search(pattern, reason) and holds() for pattern, holds in IMPOSSIBLE.items())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under NO_SKIP, turn a skip into a failure unless its reason is an impossible thing."""
    report = yield
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not _is_impossible(reason):
            report.outcome = "failed"
            report.longrepr = f"skipped, but CI runs what this machine can run: {reason}"
    return report


@pytest.fixture(params=["ptrace", "ebpf"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each way to capture, for --backend: what a user sees is the same."""
    if request.param == "ebpf" and (reason := ebpf_missing()):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture(autouse=True)
def nothing_left_stuck() -> Generator[None]:
    """After each test no task that the run started is stopped or traced."""
    yield
    stuck = host.stuck_tasks()
    assert not stuck, "left stopped or traced:\n" + "\n".join(stuck)
