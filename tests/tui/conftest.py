"""What the tests of the TUI share: traces and feeds, and a state directory that is nobody's."""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness import contrace
from tests.tui.pane import taken_in
from tests.tui.shared_app import write_trace

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


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A container's first steps, really taken: unshare --user … with a changed environment."""
    path = tmp_path_factory.mktemp("real") / "real.ctrace"
    script = "exec 3</nonexistent/[red]; true"
    unshare = shutil.which("unshare")
    assert unshare is not None
    words = [unshare, "--user", "--map-root-user", "--pid", "--fork", "--uts", "sh", "-c", script]
    env = {"PATH": "/usr/bin:/bin", "GONE": "1", "OTHER": "old"}
    changed = ["env", "-u", "GONE", "OTHER=new", "[b]NEW[/b]=[red]", *words]
    done = contrace("run", "--format", "none", "-o", path, "--", *changed, env=os.environ | env)
    assert path.exists(), done.stderr
    feed = taken_in(path)
    yield feed
    feed.close()


@pytest.fixture
def fed(tmp_path):
    """Makes a feed of records: its rows are those of a trace file."""
    with ExitStack() as feeds:

        def make(records):
            feed = taken_in(write_trace(tmp_path / "made.ctrace", *records))
            feeds.callback(feed.close)
            return feed

        yield make


def _copy(name: str, where: Path) -> Path:
    # SQLite puts files beside the one that it reads: those of the repository stay alone.
    return Path(shutil.copy(TRACES / f"{name}.ctrace", where / f"{name}.ctrace"))
