"""Where a root file system comes from: a directory, a tar, the machine's busybox, or the machine's own programs.

All but a directory are made in memory (tmpfs), in the container's mount namespace only: they are gone with it.
"""

import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn, Protocol

from contrace.errors import ContraceError, UsageError
from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.namespaces import mapped_ids

if TYPE_CHECKING:
    import tarfile

_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Directories of programs and libraries (hier(7), file-hierarchy(7)); some are links into usr."""
_SETTINGS = ("etc/ld.so.cache", "etc/alternatives", "etc/nsswitch.conf")
"""What these programs need of /etc, where it is there."""
_EMPTY = ("dev", "etc", "proc", "root", "run", "sys", "tmp", "var/tmp")
_USERS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
}
_PT_INTERP = 3  # include/uapi/linux/elf.h


class RootSource(Protocol):
    """Something that becomes a root file system."""

    def make(self, mount_point: str) -> str:
        """In the container's mount namespace: make it, on this directory if one is needed; returns where it is."""


def choose(wanted: str | None) -> RootSource:
    """What ``--rootfs`` names: a directory, a tar, ``busybox`` or ``host``; None: busybox if it can be, else host."""
    busybox = _find_busybox() if wanted in (None, "busybox") else None
    if busybox:
        return Busybox(busybox)
    if wanted == "busybox":
        raise ContraceError("--rootfs busybox: there is no busybox here, or it is not statically linked")
    if wanted in (None, "host"):
        return Host()
    if os.path.isdir(wanted):
        return Directory(os.path.realpath(wanted))
    return Tar(wanted)


class Directory:
    """A directory of the host."""

    def __init__(self, path: str) -> None:
        self._path = path

    def make(self, mount_point: str) -> str:
        """Nothing is to be made."""
        return self._path


class Busybox:
    """One program that is also many others, by the names that it says it has."""

    def __init__(self, program: str) -> None:
        import subprocess

        listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
        self._program = program
        self._names = [name for name in listed.stdout.split() if name != "busybox" and "/" not in name]

    def make(self, mount_point: str) -> str:
        """/bin with busybox and its links."""
        with attempt("make a root file system of busybox"):
            _skeleton(mount_point)
            os.mkdir(f"{mount_point}/bin")
            _copy(self._program, f"{mount_point}/bin/busybox")
            for name in self._names:
                os.symlink("busybox", f"{mount_point}/bin/{name}")
        return mount_point


class Host:
    """The host's programs and libraries, read-only, and nothing else of it."""

    def make(self, mount_point: str) -> str:
        """A bind mount, or the same link, for each of `_SYSTEM` and `_SETTINGS`."""
        with attempt("make a root file system of the host's programs"):
            _skeleton(mount_point)
            for name in (*_SYSTEM, *_SETTINGS):
                source, target = f"/{name}", f"{mount_point}/{name}"
                if os.path.islink(source):
                    os.symlink(os.readlink(source), target)
                elif os.path.exists(source):
                    _make_like(source, target)
                    libc.mount(source, target, None, libc.MS_BIND | libc.MS_REC)
                    libc.make_readonly(target)
        return mount_point


class Tar:
    """An archive, compressed or not, as `docker export` or `tar` makes it."""

    def __init__(self, path: str) -> None:
        import tarfile

        if not os.path.exists(path):
            raise UsageError(f"--rootfs {path!r}: there is no such directory or file")
        # Opened here: in the container there is nothing that a decompressor could be loaded from.
        try:
            self._archive = tarfile.open(path)  # noqa: SIM115 (it is read by a later process)
        except (tarfile.TarError, EOFError) as error:
            raise UsageError(f"--rootfs {path!r}: it is neither a directory nor a tar") from error
        except OSError as error:
            raise ContraceError(f"cannot read {path!r}: {error.strerror}") from error
        # Everything as it is in the archive, also set-user-ID: Python's filters are for unpacking among one's files.
        self._archive.extraction_filter = lambda member, _: member
        self._path = path
        self._errors = tarfile.TarError

    def make(self, mount_point: str) -> str:
        """Unpacked by a process whose root it is, so that no name and no link in it leads out."""
        with attempt(f"make a root file system of {self._path!r}"):
            libc.mount("tmpfs", mount_point, "tmpfs", 0, "mode=755")
        read, write = os.pipe()
        child = os.fork()
        if not child:
            self._unpack(mount_point, write)
        os.close(write)
        with open(read) as file:
            problem = file.read()
        if os.waitpid(child, 0)[1]:
            raise ContraceError(f"cannot make a root file system of {self._path!r}: {problem or 'it was killed'}")
        return mount_point

    def _unpack(self, root: str, answer: int) -> NoReturn:
        status = 1
        try:
            ids = mapped_ids("uid"), mapped_ids("gid")
            os.chroot(root)
            os.chdir("/")
            self._archive.extractall("/", _members(self._archive, *ids), numeric_owner=True)
            status = 0
        except (OSError, EOFError, self._errors) as error:
            os.write(answer, ascii(str(error))[:1000].encode())  # names in it are the archive's
        finally:
            os._exit(status)


def _members(archive: "tarfile.TarFile", uids: list[range], gids: list[range]) -> "Iterator[tarfile.TarInfo]":
    """What is unpacked: no device files, of which a container has those of its config.json.

    Owners who do not exist in the user namespace become root, who has taken their files over.
    """
    for member in archive:
        if member.isdev() and not member.isfifo():
            continue
        if not any(member.uid in ids for ids in uids):
            member.uid = 0
        if not any(member.gid in ids for ids in gids):
            member.gid = 0
        yield member


def _find_busybox() -> str | None:
    for directory in os.environ.get("PATH", os.defpath).split(":"):
        path = os.path.join(directory, "busybox")
        if os.access(path, os.X_OK):
            return path if _is_static(path) else None
    return None


def _is_static(path: str) -> bool:
    """Whether the program needs no loader, and so no library of the host: it has no PT_INTERP (elf(5))."""
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            return False
        [offset] = struct.unpack_from("=Q", head, 32)  # e_phoff
        size, count = struct.unpack_from("=HH", head, 54)  # e_phentsize, e_phnum
        file.seek(offset)
        headers = file.read(size * count)
    return all(struct.unpack_from("=I", headers, n * size)[0] != _PT_INTERP for n in range(count))


def _skeleton(directory: str) -> None:
    libc.mount("tmpfs", directory, "tmpfs", 0, "mode=755")
    for name in _EMPTY:
        os.makedirs(f"{directory}/{name}")
    for name in ("tmp", "var/tmp"):
        os.chmod(f"{directory}/{name}", 0o1777)
    for name, content in _USERS.items():
        with open(f"{directory}/{name}", "w") as file:
            file.write(content)


def _make_like(source: str, target: str) -> None:
    """Something to mount on."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _copy(source: str, target: str) -> None:
    from_file = os.open(source, os.O_RDONLY)
    to_file = os.open(target, os.O_CREAT | os.O_WRONLY, 0o755)
    while os.sendfile(to_file, from_file, None, 1 << 24):
        pass
    os.close(from_file)
    os.close(to_file)
