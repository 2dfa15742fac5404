"""Containers by their cgroups: the names that managers give them, on processes that are put into such cgroups."""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from contrace.capture.cgroups import Hierarchy, hierarchies
from contrace.capture.containers import Cgroup, Container, containers, find
from contrace.errors import TargetNotFound
from tests.cgroups import cgroup, enter
from tests.managers import host

ID = uuid.uuid4().hex * 2
OTHER = uuid.uuid4().hex * 2
PARENT = f"{host.NAME}-containers"

Start = Callable[..., int]


@pytest.fixture
def hierarchy() -> Hierarchy:
    if os.geteuid() != 0:
        pytest.skip("needs root: makes cgroups")
    return hierarchies()[-1]


@pytest.fixture
def made(hierarchy: Hierarchy) -> Iterator[Callable[..., Path]]:
    """Makes cgroups below PARENT; they are gone when what `start` started is."""
    with ExitStack() as stack:
        yield lambda *names: stack.enter_context(cgroup(hierarchy, PARENT, *names))


@pytest.fixture
def start(made: Callable[..., Path]) -> Iterator[Start]:
    """Starts a process in a cgroup."""
    processes = []

    def begin(directory: Path, *argv: str) -> int:
        processes.append(subprocess.Popen(argv or ["sleep", "60"]))
        enter(directory, processes[-1].pid)
        return processes[-1].pid

    yield begin
    for process in processes:
        host.end(process)


@contextmanager
def first_process_of_a_namespace() -> Iterator[tuple[int, int]]:
    """The pids of unshare(1) and of its child, which is the first process of a PID namespace."""
    parent = subprocess.Popen(["unshare", "--pid", "--fork", "sleep", "60"])
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    host.wait_until(lambda: bool(children.read_text()), "unshare has a child")
    child = int(children.read_text())
    host.wait_until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", "the child runs")
    try:
        yield parent.pid, child
    finally:
        os.kill(child, signal.SIGKILL)  # unshare waits for it with SIGTERM blocked
        parent.wait(20)


def of(pid: int) -> list[Container]:
    return [container for container in containers() if pid in container.pids]


def refused(word: str) -> str:
    with pytest.raises(TargetNotFound) as caught:
        find(word)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "manager"),
    [
        ("docker/ID", "docker"),
        ("docker-ID.scope", "docker"),
        ("cri-containerd-ID.scope", "containerd"),
        ("nerdctl-ID.scope", "containerd"),
        ("libpod-ID", "podman"),
        ("libpod-ID.scope", "podman"),
        ("libpod-payload-ID", "podman"),
        ("crio-ID", "cri-o"),
        ("crio-ID.scope", "cri-o"),
        ("ID", ""),
    ],
)
@pytest.mark.parametrize("inner", [(), ("container", "more")], ids=["itself", "below"])
def test_names_of_managers(
    path: str, manager: str, inner: tuple[str, ...], hierarchy: Hierarchy, made: Callable[..., Path], start: Start
) -> None:
    names = path.replace("ID", ID).split("/")
    directory = made(*names)
    pid = start(made(*names, *inner) if inner else directory)
    [container] = of(pid)
    assert container == Container(
        id=ID,
        manager=manager,
        names=(),
        cgroups=(Cgroup(hierarchy.id, directory.stat().st_ino, f"/{PARENT}/{'/'.join(names)}".encode()),),
        pids=(pid,),
    )
    assert find(ID) == find(ID[:12]) == container


@pytest.mark.parametrize(
    "name", ["libpod-conmon-ID.scope", "crio-conmon-ID.scope", "ID0", "session-1.scope", "x.service"]
)
def test_other_names(name: str, made: Callable[..., Path], start: Start) -> None:
    assert of(start(made(name.replace("ID", ID)))) == []


def test_a_cgroup_without_a_process_is_no_container(made: Callable[..., Path]) -> None:
    made(f"docker-{ID}.scope")
    assert ID not in [container.id for container in containers()]


def test_a_pod_is_no_container(made: Callable[..., Path], start: Start) -> None:
    made(ID)
    pid = start(made(ID, f"libpod-{OTHER}"))
    assert [container.id for container in of(pid)] == [OTHER]


def test_a_container_in_a_container(made: Callable[..., Path], start: Start) -> None:
    outer = start(made(ID))
    inner = start(made(ID, "docker", OTHER))
    assert {container.id: container.pids for container in of(inner)} == {
        ID: tuple(sorted((outer, inner))),
        OTHER: (inner,),
    }


def test_all_hierarchies_count(hierarchy: Hierarchy) -> None:
    rows = [row for row in hierarchies() if row.mount is not None]
    process = subprocess.Popen(["sleep", "60"])
    with ExitStack() as stack:
        directories = [stack.enter_context(cgroup(row, PARENT, ID)) for row in rows]
        for directory in directories:
            enter(directory, process.pid)
        [container] = of(process.pid)
        assert [(group.hierarchy, group.id) for group in container.cgroups] == [
            (row.id, directory.stat().st_ino) for row, directory in zip(rows, directories, strict=True)
        ]
        host.end(process)


class TestAnyName:
    """As runc and crun have them: the first process of a PID namespace tells."""

    @pytest.fixture
    def family(self, made: Callable[..., Path]) -> Iterator[tuple[int, int]]:  # `made` goes after it
        with first_process_of_a_namespace() as pids:
            yield pids

    @pytest.mark.parametrize("inner", [(), ("init.scope",), ("payload", "init.scope")], ids="/".join)
    def test_its_cgroup_is_a_container(
        self, inner: tuple[str, ...], family: tuple[int, int], made: Callable[..., Path], start: Start
    ) -> None:
        made("any name")
        enter(made("any name", *inner), family[1])
        another = start(made("any name", "inside"))
        [container] = of(family[1])
        assert (container.id, container.manager, container.names) == ("any name", "", ())
        assert container.pids == tuple(sorted((family[1], another)))
        assert container.paths == (f"/{PARENT}/any name",)
        assert find("any name") == find("any n") == container

    def test_a_sandbox_that_stays_with_its_parent_is_none(
        self, family: tuple[int, int], made: Callable[..., Path]
    ) -> None:
        for pid in family:
            enter(made("session-1.scope"), pid)
        assert of(family[1]) == []

    def test_what_a_terminal_would_act_on_is_escaped(self, family: tuple[int, int], made: Callable[..., Path]) -> None:
        enter(made("\x1b[31mred\u202e"), family[1])
        [container] = of(family[1])
        assert container.id == "\\x1b[31mred\\u202e"
        assert find(container.id) == container
        assert "\x1b" not in refused("nobody has this")

    def test_twins_are_told_apart_by_their_cgroups(self, family: tuple[int, int], made: Callable[..., Path]) -> None:
        places = [made(name, "twin") for name in ("one", "two")]
        with first_process_of_a_namespace() as (_, child):
            enter(places[0], family[1])
            enter(places[1], child)
            head, *table = refused("twin").splitlines()
            assert head == "2 running containers are called 'twin'; name one by the path of its cgroup:"
            assert {line.split()[0]: line.split()[-1] for line in table} == {
                f"/{PARENT}/one/twin": str(family[1]),
                f"/{PARENT}/two/twin": str(child),
            }
            assert find(f"/{PARENT}/two/twin").pids == (child,)


def test_a_beginning_that_several_have(made: Callable[..., Path], start: Start) -> None:
    ids = sorted(ID[:60] + end for end in ("00aa", "00bb"))
    pids = [start(made(f"libpod-{id}")) for id in ids]
    head, *table = refused(ID[:59]).splitlines()
    assert head == f"2 running containers have a name or id that begins with {ID[:59]!r}; name one by its id:"
    assert [line.split() for line in table] == [[ID[:12], "-", "podman", str(pid)] for pid in pids]
    assert find(ids[1]).pids == (pids[1],)


def test_a_word_that_names_none(made: Callable[..., Path], start: Start) -> None:
    directory = made(f"docker-{ID}.scope")
    pids = sorted(start(directory) for _ in range(6))
    message = refused("nobody")
    assert message.startswith("no running container is called 'nobody', or has an id that begins so. Containers that")
    few = " ".join(map(str, pids[:4]))
    assert re.search(rf"^  {ID[:12]}  +-  +docker  +{few} and 2 more$", message, re.M)
    assert refused(ID[0]).startswith("no running container is called"), "one letter is too short"


def test_contrace_itself_is_no_target(made: Callable[..., Path]) -> None:
    """Even where all that is in the container is contrace and what called it."""
    code = f"from contrace.capture.targets import resolve_container; resolve_container({ID!r})"
    enter_and_run = f'echo $$ > "{made(ID)}/cgroup.procs"; "$@"; exit $?'
    done = subprocess.run(
        ["sh", "-c", enter_and_run, "sh", sys.executable, "-c", code], capture_output=True, check=False
    )
    assert f"TargetNotFound: nothing is left in the container '{ID}' that could be traced" in done.stderr.decode()
