"""What managers tell of their containers, and that none of them can do harm or make contrace wait."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contrace.capture import procfs
from contrace.capture.managers import Told, told

ID = "5e" * 32

Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program of this name that only waits, with these arguments behind its first one."""
    shell = shutil.which("sh")
    assert shell is not None
    script = tmp_path / "script"
    processes = []

    def begin(name: str, *argv: str | Path, first: str = "", prefix: tuple[str, ...] = (), **options: object) -> int:
        program = tmp_path / name
        if not program.exists():
            shutil.copy(shell, program)
        script.write_text(f"{first}\nprintf r >&2\nread forever\n")
        process = subprocess.Popen(
            [*prefix, program, script, *argv], stdin=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )
        processes.append(process)
        assert process.stderr is not None
        assert process.stderr.read(1) == b"r"
        return process.pid

    yield begin
    for process in processes:
        process.communicate()


def told_by(*pids: int) -> list[Told]:
    statuses = [(pid, status) for pid in pids if (status := procfs.status(pid)) is not None]
    assert len(statuses) == len(pids)
    return list(told(statuses))


class TestConmon:
    def test_it_tells_the_name(self, start: Start) -> None:
        pid = start("conmon", "--api-version", "1", "-c", ID, "-u", ID, "-n", "web", "--exit-command", "x")
        assert told_by(pid) == [Told(ID, "podman", ("web",))]

    def test_names_are_escaped(self, start: Start) -> None:
        [word] = told_by(start("conmon", "-c", ID, "-n", "\x1b[31m\udcff"))
        assert word.names == ("\\x1b[31m\\xff",)

    @pytest.mark.parametrize("argv", [(), ("-c", ID), ("-n", "web"), ("-n", "web", "-c"), ("-c",)], ids=" ".join)
    def test_a_command_line_that_says_less(self, argv: tuple[str, ...], start: Start) -> None:
        assert told_by(start("conmon", *argv)) == []

    def test_another_program_that_calls_itself_so_is_not_believed(self, start: Start) -> None:
        pid = start("impostor", "-c", ID, "-n", "web", first="printf conmon > /proc/$$/comm")
        assert procfs.comm(pid) == b"conmon"
        assert told_by(pid) == []

    def test_one_in_a_container_is_not_believed(self, start: Start) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root: makes a PID namespace")
        parent = start("conmon", "-c", ID, "-n", "web", prefix=("unshare", "--pid", "--fork"))
        child = int(Path(f"/proc/{parent}/task/{parent}/children").read_text())
        assert procfs.comm(child) == b"conmon"
        assert told_by(child) == []

    def test_one_whose_program_was_replaced_by_an_update_is_believed(self, start: Start, tmp_path: Path) -> None:
        pid = start("conmon", "-c", ID, "-n", "web")
        (tmp_path / "conmon").unlink()
        assert told_by(pid) == [Told(ID, "podman", ("web",))]


class TestShim:
    @pytest.mark.parametrize(("namespace", "manager"), [("moby", "docker"), ("k8s.io", "containerd")])
    def test_it_tells_namespace_and_id(self, namespace: str, manager: str, start: Start) -> None:
        pid = start("containerd-shim-runc-v2", "-namespace", namespace, "-id", "one", "-address", "/x")
        assert told_by(pid) == [Told("one", manager, (), f"/{namespace}/one".encode())]

    def bundle(self, start: Start, directory: Path) -> tuple[str, ...]:
        [word] = told_by(start("containerd-shim-runc-v2", "-namespace", "default", "-id", ID, cwd=directory))
        return word.names

    def test_the_name_is_in_the_bundle(self, start: Start, tmp_path: Path) -> None:
        config = {"ociVersion": "1.1.0", "annotations": {"nerdctl/name": "web", "other": "x"}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert self.bundle(start, tmp_path) == ("web",)

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"annotations": 1}', "{}", '{"annotations": {"x": "y"}}'])
    def test_a_bundle_that_does_not_tell(self, text: str, start: Start, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(text)
        assert self.bundle(start, tmp_path) == ()

    def test_a_bundle_that_nobody_would_ever_read_to_its_end(self, start: Start, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "config.json")
        assert self.bundle(start, tmp_path) == ()


HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
LIST = json.dumps([{"Id": ID, "Names": ["/db/alias", "/web"], "Image": "x"}, {"Id": "other"}]).encode()


class TestDockerd:
    @pytest.fixture
    def serve(self, tmp_path: Path) -> "Iterator[Callable[[Callable[[socket.socket], None]], Path]]":
        """Answers whoever asks at a socket."""
        path = tmp_path / "docker.sock"
        listening = socket.socket(socket.AF_UNIX)
        threads = []

        def listen(answer: Callable[[socket.socket], None]) -> Path:
            listening.bind(str(path))
            listening.listen()

            def work() -> None:
                connection, _ = listening.accept()
                with connection, suppress(BrokenPipeError, ConnectionResetError):
                    assert connection.recv(4096).startswith(b"GET /containers/json HTTP/1.0\r\n")
                    answer(connection)

            threads.append(threading.Thread(target=work))
            threads[0].start()
            return path

        yield listen
        for thread in threads:
            thread.join(20)
        listening.close()

    def test_it_is_asked_for_names(self, serve, start: Start) -> None:
        path = serve(lambda connection: connection.sendall(HEAD + LIST))
        pid = start("dockerd", "--data-root", "/x", "--host", f"unix://{path}", "-H", "tcp://0.0.0.0:1")
        assert told_by(pid) == [Told(ID, "docker", ("web",)), Told("other", "docker")]

    @pytest.mark.parametrize("form", ["-H=unix://{}", "--host=unix://{}"])
    def test_each_way_to_give_the_socket(self, form: str, serve, start: Start) -> None:
        path = serve(lambda connection: connection.sendall(HEAD + LIST))
        assert len(told_by(start("dockerd", form.format(path)))) == 2

    def test_the_socket_may_be_in_the_configuration(self, serve, start: Start, tmp_path: Path) -> None:
        path = serve(lambda connection: connection.sendall(HEAD + LIST))
        config = tmp_path / "daemon.json"
        config.write_text(json.dumps({"debug": True, "hosts": ["fd://", f"unix://{path}"]}))
        assert len(told_by(start("dockerd", "--config-file", config))) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"\x00" * 100,
            HEAD,
            HEAD + b"{}",
            HEAD + b'[{"Id": 1}]',
            HEAD + LIST[:-1],
            b"HTTP/1.0 500 Internal Server Error\r\n\r\n" + LIST,
        ],
    )
    def test_an_answer_that_is_none(self, answer: bytes, serve, start: Start) -> None:
        path = serve(lambda connection: connection.sendall(answer))
        assert told_by(start("dockerd", "-H", f"unix://{path}")) == []

    def test_nobody_listens(self, start: Start, tmp_path: Path) -> None:
        for path in (tmp_path / "nosuch.sock", tmp_path / ("long" * 50), tmp_path):
            assert told_by(start("dockerd", "-H", f"unix://{path}")) == []

    @pytest.mark.parametrize("piece", [b"", b" "], ids=["hangs", "trickles"])
    def test_one_that_does_not_come_to_an_end(self, piece: bytes, serve, start: Start) -> None:
        over = threading.Event()

        def never_end(connection: socket.socket) -> None:
            connection.sendall(HEAD)
            while not over.wait(0.02):
                connection.sendall(piece)

        path = serve(never_end)
        pid = start("dockerd", "-H", f"unix://{path}")
        begin = time.monotonic()
        assert told_by(pid) == []
        assert time.monotonic() - begin < 2
        over.set()
