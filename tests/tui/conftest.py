"""Recorded traces for every test of the TUI, each in a copy of its own, and a state directory that is nobody's."""

import shutil
from pathlib import Path

import pytest

TRACES = Path(__file__).parent.parent / "fixtures" / "traces"


@pytest.fixture(autouse=True)
def state_of_nobody(tmp_path_factory, monkeypatch) -> None:
    """What was typed in one test is not offered in another, nor to whoever runs them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def docker_trace(tmp_path) -> Path:
    """A `docker run`, seen from dockerd and containerd."""
    return _copy("docker-run", tmp_path)


@pytest.fixture
def unshare_trace(tmp_path) -> Path:
    """`unshare` of user, mount, PID and UTS namespaces, with a shell in them."""
    return _copy("unshare", tmp_path)


def _copy(name: str, where: Path) -> Path:
    # SQLite puts files beside the one that it reads: those of the repository stay alone.
    return Path(shutil.copy(TRACES / f"{name}.ctrace", where / f"{name}.ctrace"))
