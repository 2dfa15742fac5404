"""The Processes screen: the host's view beside the one from inside, at any moment."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from contrace.records import Block, Identity, Syscall
from contrace.story.world import World
from contrace.syscalls.abi import known_name_of
from contrace.tui.feed import Feed
from contrace.tui.screens.processes import ProcessesScreen
from contrace.tui.widgets.table import Table
from contrace.tui.widgets.world import capabilities
from tests.tui.shared_app import PlainFeed, TinyApp, last_exec, screen_text, wait_for, write_trace
from tests.unit.scene import call, ended, executed, identity, loss, start

SIZES = ((80, 24), (250, 70))
OWN = {"mnt": 11, "net": 2, "pid": 13, "pid_for_children": 13, "user": 14, "uts": 15}
MAP = ((0, 1000, 1),)
HOSTILE = b"\x1b[31m[bold]x\xe2\x80\xae\xff"


def shown(path: Path, scenario, *, at: int | None = None, size=(160, 50), feed=None) -> None:
    """Run ``scenario(pilot, app)`` on the screen over a trace, with the record ``at`` selected."""

    async def run() -> None:
        shared = feed or PlainFeed(path)
        app = TinyApp(ProcessesScreen(), shared, at if at is not None else shared.known)
        async with app.run_test(size=size, notifications=True) as pilot:
            await scenario(pilot, app)

    asyncio.run(run())


@pytest.fixture
def container(tmp_path) -> Path:
    """10 on the host starts 20, which is pid 1 and root inside, names itself "web" and ends."""
    inside = {"namespaces": OWN, "nspids": (20, 1), "uids": (1000,) * 4, "uid_map": MAP, "gid_map": MAP}
    name = Block(arg=0, address=1, data=b"web", wanted=3)
    return write_trace(
        tmp_path / "t.ctrace",
        start(0, 10, 1, how="run", comm=b"runc"),  # 1
        identity(0.1, 10, why="run"),  # 2
        start(1, 20, 10, nspids=(20, 1)),  # 3
        identity(1.1, 20, why="start", **inside),  # 4
        call(2, "sethostname", 1, 3, tid=20, memory=(name,)),  # 5
        executed(3, b"/bin/sleep", tid=20, argv=(b"sleep", b"9")),  # 6
        ended(4, 20),  # 7
    )


def record(path: Path, *command: str) -> Path:
    """A real trace of a command."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    contrace = (sys.executable, "-m", "contrace", "run", "--format", "none", "-o", path, "--")
    subprocess.run([*contrace, *command], check=True, capture_output=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """A shell in user, PID and UTS namespaces of its own."""
    words = ("unshare", "--user", "--map-root-user", "--pid", "--mount-proc", "--uts", "--fork")
    script = "hostname inner; sh -c 'id >/dev/null; exit 3'; exit 0"
    return record(tmp_path_factory.mktemp("recorded") / "unshare.ctrace", *words, "sh", "-c", script)


@pytest.fixture(scope="module")
def born(tmp_path_factory) -> Path:
    """A container of the built-in runtime."""
    words = (sys.executable, "-m", "contrace", "runtime", "run", "--", "ps")
    return record(tmp_path_factory.mktemp("recorded") / "runtime.ctrace", *words)


@contextmanager
def taken_in(path: Path) -> Iterator[Feed]:
    """The app's own feed, with everything taken in."""
    with closing(Feed(path)) as feed:
        while feed.take_in():
            continue
        yield feed


@pytest.mark.parametrize("size", SIZES)
def test_both_sides_of_a_container(container, size):
    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "sleep 9" in text)
        assert "on the host: 2 processes" in text
        assert "inside sleep 20/1" in text
        host, inside = (pilot.app.screen.query_one(which, Table) for which in ("#host", "#inside"))
        assert [(line.seen.pid, line.inside, line.seen.uid, line.own) for line in host.items] == [
            (10, "-", 0, "-"),
            (20, "1", 1000, "mnt pid user uts"),
        ]
        assert [(line.seen.pid, line.seen.uid, line.seen.started_by) for line in inside.items] == [(1, 0, 0)]
        assert "hostname      web" in text
        assert "0 inside = 1000 on the host" in text

    shown(container, look, at=6, size=size)


def test_namespaces_say_whether_they_are_the_hosts(container):
    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "namespaces" in text and "sleep 9" in text)
        assert "2  = the host's, 2 processes" in text
        assert "13  own, not the host's, 1 process" in text

    shown(container, look, at=6, size=(160, 70))


def test_playing_forward_and_back(container):
    async def play(pilot, app):
        await wait_for(pilot, lambda text: "record 2:" in text)
        seen = []
        for key in ["greater_than_sign"] * 5 + ["less_than_sign"]:
            at = app.selected_id
            await pilot.press(key)
            await wait_for(pilot, lambda text: f"record {app.selected_id}:" in text and app.selected_id != at)  # noqa: B023
            seen.append(app.selected_id)
        assert seen == [3, 4, 5, 6, 7, 6]
        assert "on the host: 2 processes" in screen_text(app)

    shown(container, play, at=2)


def test_there_is_nothing_before_the_first_moment(container):
    async def play(pilot, app):
        await wait_for(pilot, lambda text: "record 1:" in text)
        await pilot.press("less_than_sign")
        await wait_for(pilot, lambda text: "nothing about processes changed before" in text)
        assert app.selected_id == 1

    shown(container, play, at=1)


def test_before_the_container_nobody_is_inside(container):
    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "record 2:" in text)
        assert "nobody is in another PID namespace" in text
        assert len(app.screen.query_one("#inside", Table).items) == 0

    shown(container, look, at=2)


def test_another_inside_view_can_be_chosen(tmp_path):
    records = [start(0, 10, 1, how="run"), identity(0, 10, why="run")]
    for pid, space in ((20, 13), (30, 23)):
        records += [
            start(1, pid, 10, nspids=(pid, 1)),
            identity(1, pid, namespaces=OWN | {"pid": space}, nspids=(pid, 1)),
        ]

    async def choose(pilot, app):
        await wait_for(pilot, lambda text: "sh 30/1" in text)
        await pilot.press("v")
        await wait_for(pilot, lambda text: "sh 20/1 (pid:[13], 1 inside)" in text)
        await pilot.press("V")
        await wait_for(pilot, lambda text: "sh 30/1 (pid:[23], 1 inside)" in text)

    shown(write_trace(tmp_path / "t.ctrace", *records), choose)


def test_the_cursor_shows_the_same_process_on_both_sides(container):
    async def move(pilot, app):
        await wait_for(pilot, lambda text: "sleep 20 = 1" in text)
        await pilot.press("up")
        await wait_for(pilot, lambda text: "runc 10 " in text)
        await pilot.press("j")
        await wait_for(pilot, lambda text: "sleep 20 = 1" in text)

    shown(container, move, at=6)


def test_what_is_unknown_is_a_question_mark(tmp_path):
    nothing = dict.fromkeys(("uids", "gids", "groups", "uid_map", "gid_map", "cgroup", "exe", "cwd", "root", "nspids"))
    path = write_trace(
        tmp_path / "t.ctrace", start(0, 10, 0, how="attach"), identity(0, 10, why="attach", namespaces={}, **nothing)
    )

    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "found at" in text)
        [line] = app.screen.query_one("#host", Table).items
        assert (line.seen.uid, line.own, line.seen.started_by) == (None, "?", None)
        for label in (
            "argv",
            "uid map",
            "gid map",
            "hostname",
            "cgroup",
            "exe",
            "cwd",
            "root",
            "capabilities",
            "seccomp",
        ):
            assert f"{label:<14}?" in text
        assert "user          ? on the host, ? in its user namespace" in text

    shown(path, look)


def test_losses_before_the_moment_are_said(tmp_path):
    path = write_trace(tmp_path / "t.ctrace", start(0, 10, 1, how="run"), loss(1, 3), executed(2, b"/bin/ls"))

    async def look(pilot, app):
        await wait_for(pilot, lambda text: "LOST 3 records before this moment" in text)

    async def before(pilot, app):
        assert "LOST" not in await wait_for(pilot, lambda text: "record 1:" in text)

    shown(path, look, at=3)
    shown(path, before, at=1)


def test_hostile_names_are_harmless(tmp_path):
    who = identity(0, 10, why="run", cgroup=b"0::/" + HOSTILE + b"\n", exe=HOSTILE, cwd=HOSTILE, root=HOSTILE)
    run = executed(1, HOSTILE, comm=HOSTILE[:15], argv=(HOSTILE, b"[red]"))
    path = write_trace(tmp_path / "t.ctrace", start(0, 10, 1, how="run", nspids=(10, 1), comm=HOSTILE[:15]), who, run)

    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "[red]" in text)
        assert r"\33[31m[bold]x\342\200\256\377" in text
        assert not set(text) & {"\x1b", "\u202e", "\xff"}

    shown(path, look)


def test_a_trace_that_cannot_be_read_any_more_is_said_and_the_rest_stays(container):
    async def play(pilot, app):
        await wait_for(pilot, lambda text: "sleep 9" in text)
        app.feed.refusal = "t.ctrace was cut off [/bold]"
        await pilot.press("less_than_sign")
        await wait_for(pilot, lambda text: "was cut off [/bold]" in text and "sleep 9" in text)

    shown(container, play, at=6)


def test_without_a_trace_it_says_so():
    async def run():
        app = TinyApp(ProcessesScreen())
        async with app.run_test() as pilot:
            await wait_for(pilot, lambda text: "no trace is open" in text)
            await pilot.press("greater_than_sign", "v", "down")

    asyncio.run(run())


def test_a_real_container(recorded):
    id = last_exec(PlainFeed(recorded), b"id")

    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "inside sh" in text)
        inside = app.screen.query_one("#inside", Table).items
        assert inside[0].seen.pid == 1
        assert {line.seen.uid for line in inside} == {0}
        assert "hostname      inner" in text
        host = {line.seen.process.comm: line.own for line in app.screen.query_one("#host", Table).items}
        assert host[b"unshare"] == "mnt user uts"
        assert host[b"id"] == "mnt pid user uts"

    with taken_in(recorded) as feed:
        shown(recorded, look, at=id, feed=feed)


def test_a_real_container_of_the_built_in_runtime(born):
    id = last_exec(PlainFeed(born), b"ps")

    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: "inside ps" in text)
        [line] = app.screen.query_one("#inside", Table).items
        assert (line.seen.pid, line.seen.uid, line.own) == (1, 0, "cgroup ipc mnt net pid uts")
        assert "hostname      contrace" in text
        assert "CAP_KILL" in text
        assert "no new privs  yes" in text

    with taken_in(born) as feed:
        shown(born, look, at=id, size=(160, 60), feed=feed)


def test_playing_through_a_real_container_to_both_ends(recorded):
    plain = PlainFeed(recorded)
    turns = [id for id in plain.records if plain.tree.turn(id - 1, 1) == id]
    assert sum(isinstance(plain.records[id], Identity) for id in turns) > 3

    async def play(pilot, app):
        for key in ("greater_than_sign", "less_than_sign"):
            for _ in turns:
                await pilot.press(key)
        await wait_for(pilot, lambda text: f"record {turns[0]}:" in text)
        assert app.selected_id == turns[0]

    with taken_in(recorded) as feed:
        shown(recorded, play, at=turns[0], feed=feed)


@pytest.mark.parametrize("which", ["recorded", "born"])
def test_the_worlds_of_the_feed_are_those_from_replaying_everything(which, request):
    path = request.getfixturevalue(which)
    plain = PlainFeed(path)
    world = World(host_name=plain.meta.host)
    with taken_in(path) as feed:
        for id, each in plain.records.items():
            world = world.after([(id, each)])
            assert feed.world(id) == world
    assert world.processes == {}


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (0, "none"),
        (1, "CAP_CHOWN"),
        ((1 << 41) - 1, "all 41"),
        ((1 << 41) - 1 & ~(1 << 21), "all but CAP_SYS_ADMIN"),
        (1 << 63 | 1 << 21, "CAP_SYS_ADMIN, 63"),
        ((1 << 42) - 1, "all 41 and 41"),
    ],
)
def test_capabilities_by_name(mask, text):
    assert capabilities(mask) == text


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_a_call_is_shown_with_what_it_made_of_its_task(docker_trace, size):
    """The unshare of a real `docker run`: on the host's side, its task is in namespaces of its own at once."""
    records = PlainFeed(docker_trace).records
    unshare = next(
        id
        for id, each in records.items()
        if isinstance(each, Syscall) and known_name_of(each.abi, each.nr) == "unshare"
    )

    async def look(pilot, app):
        text = await wait_for(pilot, lambda text: f"record {unshare}:" in text)
        assert "unshare(CLONE_NEWNS" in text
        line = app.screen.query_one("#host", Table).current
        assert (line.seen.process.comm, line.own) == (b"runc:[1:CHILD]", "ipc mnt net pid_for_children uts")

    with taken_in(docker_trace) as feed:
        shown(docker_trace, look, at=unshare, size=size, feed=feed)
