"""What running managers tell of their containers: by their command lines, and dockerd by its socket.

No file of a manager is looked for at a fixed place: every daemon may have a root of its own. Nothing here fails; a
manager that cannot be asked tells nothing. Only processes of contrace's own PID namespace are believed, because
whatever runs in a container can call itself as it likes.
"""

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from contrace.capture import procfs
from contrace.capture.printable import printable

_PATIENCE = 0.5  # seconds for one dockerd: a daemon that hangs is a reason to trace it
_LARGEST = 16 << 20
"""Bytes that are read of a daemon's answer, or of a file."""
_QUESTION = b"GET /containers/json HTTP/1.0\r\nHost: docker\r\n\r\n"
_DOCKER_SOCKET = "/run/docker.sock"
_DOCKER_CONFIG = "/etc/docker/daemon.json"
_NAMESPACES = {"moby": "docker"}
"""Containerd namespaces that belong to another manager: moby is the one that dockerd uses."""
_ANNOTATIONS = ("nerdctl/name",)
"""Annotations of the OCI config by which a client of containerd names its container."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Told:
    """What a manager says of a container; texts are printable."""

    id: str
    manager: str
    names: tuple[str, ...] = ()
    cgroup: bytes | None = None
    """How the path of its cgroup ends, where its name alone would not do."""


class _Spec(msgspec.Struct):
    """Of config.json in a bundle (OCI runtime-spec, config.md)."""

    annotations: dict[str, str] = {}


class _Daemon(msgspec.Struct):
    """Of dockerd's configuration file."""

    hosts: list[str] = []


class _Listed(msgspec.Struct, rename="pascal"):
    """Of dockerd's answer (Docker Engine API, ContainerList)."""

    id: str
    names: list[str] = []


def told(processes: Iterable[tuple[int, procfs.Status]]) -> Iterator[Told]:
    """Everything that those of the processes tell that are managers or shims."""
    for pid, status in processes:
        teller = _TELLERS.get(status.comm)
        if teller is not None and len(status.nspids) == 1 and _program(pid).startswith(status.comm):
            yield from teller(pid, [word.decode(errors="surrogateescape") for word in procfs.cmdline(pid)])


def _shim(pid: int, argv: Sequence[str]) -> Iterator[Told]:
    """containerd-shim-*-v2 -namespace NAMESPACE -id ID, in the directory of the bundle."""
    namespace, id = next(_options(argv, "namespace"), ""), next(_options(argv, "id"), "")
    if not namespace or not id:
        return
    spec = _decode(_file(f"/proc/{pid}/cwd/config.json"), _Spec)
    names = [spec.annotations[key] for key in _ANNOTATIONS if key in spec.annotations] if spec else []
    yield Told(
        id=_text(id),
        manager=_NAMESPACES.get(namespace, "containerd"),
        names=tuple(map(_text, names)),
        cgroup=os.fsencode(f"/{namespace}/{id}"),
    )


def _conmon(_pid: int, argv: Sequence[str]) -> Iterator[Told]:
    """conmon -c ID -n NAME."""
    id, name = next(_options(argv, "c", "cid"), ""), next(_options(argv, "n", "name"), "")
    if id and name:
        yield Told(id=_text(id), manager="podman", names=(_text(name),))


def _dockerd(_pid: int, argv: Sequence[str]) -> Iterator[Told]:
    hosts = list(_options(argv, "H", "host"))
    for file in list(_options(argv, "config-file")) or [_DOCKER_CONFIG]:
        daemon = _decode(_file(file), _Daemon)
        hosts += daemon.hosts if daemon else []
    # fd:// stands for what systemd listens on, by default the same socket
    paths = [host.removeprefix("unix://") for host in hosts if host.startswith("unix://")] or [_DOCKER_SOCKET]
    for container in _decode(_ask(paths[0]), list[_Listed]) or []:
        # "/other/alias" is a link of a container that has a name of its own
        names = [name[1:] for name in container.names if name.startswith("/") and "/" not in name[1:]]
        yield Told(id=_text(container.id), manager="docker", names=tuple(map(_text, names)))


_TELLERS: dict[bytes, Callable[[int, Sequence[str]], Iterator[Told]]] = {
    b"containerd-shim": _shim,
    b"conmon": _conmon,
    b"dockerd": _dockerd,
}
"""Who tells, by the name that the kernel has of it (at most 15 bytes)."""


def _program(pid: int) -> bytes:
    """The name of the program, which the process cannot choose freely; empty when it is not ours to know."""
    return os.path.basename((procfs.exe(pid) or b"").removesuffix(b" (deleted)"))


def _options(argv: Sequence[str], *names: str) -> Iterator[str]:
    """The values of an option, in each of the ways in which Go's and GLib's parsers take it."""
    for word, following in zip(argv[1:], [*argv[2:], ""], strict=True):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in names:
            yield value if equals else following


def _ask(path: str) -> bytes | None:
    """dockerd's answer; None when it does not come in time."""
    import socket

    deadline = time.monotonic() + _PATIENCE
    answer = bytearray()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(path)
            connection.sendall(_QUESTION)
            # To HTTP/1.0 the answer comes in one piece, and its end is the connection's.
            while part := connection.recv(65536):
                answer += part
                if len(answer) > _LARGEST or (left := deadline - time.monotonic()) <= 0:
                    return None
                connection.settimeout(left)
    except OSError:
        return None
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    return body if head.split(b" ", 2)[1:2] == [b"200"] else None


def _file(path: str) -> bytes | None:
    """A whole file, if it is one: opening something else may wait for ever."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read(_LARGEST) if stat.S_ISREG(os.fstat(fd).st_mode) else None


def _decode(data: bytes | None, kind: type[_T]) -> _T | None:
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError:
        return None


def _text(text: str) -> str:
    return printable(text.encode("utf-8", "surrogateescape"))
