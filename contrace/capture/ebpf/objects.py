"""Maps and programs in the kernel, through libbcc: what bpf(2) does, in Python's terms.

They belong to this process: the kernel frees them when it ends, however it ends.
"""

import ctypes
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType

from contrace.capture.ebpf import library
from contrace.capture.ebpf.compiler import Map, Object, relocated
from contrace.errors import BackendUnavailable

TRACEPOINT, RAW_TRACEPOINT = 5, 17  # include/uapi/linux/bpf.h, enum bpf_prog_type
_RINGBUF = 27  # enum bpf_map_type
_LICENSE = b"GPL"


class Table:
    """A map: keys and values are bytes of its sizes."""

    def __init__(self, lib: ctypes.CDLL, about: Map) -> None:
        self._lib = lib
        self._about = about
        name, sizes = about.name.encode()[:15], (about.key_size, about.value_size)
        if about.type == _RINGBUF:
            sizes = (0, 0)
        self.fd: int = lib.bcc_create_map(about.type, name, *sizes, about.entries, about.flags)
        if self.fd < 0:
            raise BackendUnavailable(refused(f"the map {about.name}", ctypes.get_errno()))

    def __setitem__(self, key: bytes, value: bytes) -> None:
        if self._lib.bpf_update_elem(self.fd, key, value, 0) < 0:
            raise BackendUnavailable(refused(f"an entry of the map {self._about.name}", ctypes.get_errno()))

    def __getitem__(self, key: bytes) -> bytes:
        value = ctypes.create_string_buffer(self._about.value_size)
        if self._lib.bpf_lookup_elem(self.fd, key, value) < 0:
            raise KeyError(key)
        return value.raw

    def discard(self, key: bytes) -> None:
        """Remove the entry, if there is one."""
        self._lib.bpf_delete_elem(self.fd, key)


class Ring:
    """The reading end of a ring buffer."""

    def __init__(self, bcc: ModuleType, fd: int) -> None:
        self._lib = bcc.lib
        self._received: list[bytes] = []
        self._callback = bcc.table._RINGBUF_CB_TYPE(self._receive)
        self._manager = self._lib.bpf_new_ringbuf(fd, self._callback, None)
        if not self._manager:
            raise BackendUnavailable(refused("to map the ring buffer", ctypes.get_errno()))

    def read(self) -> list[bytes]:
        """What has come, oldest first."""
        self._lib.bpf_consume_ringbuf(self._manager)
        received, self._received = self._received, []
        return received

    def close(self) -> None:
        self._lib.bpf_free_ringbuf(self._manager)

    def _receive(self, _context: object, data: int, size: int) -> int:
        self._received.append(ctypes.string_at(data, size))
        return 0


class Loaded:
    """An object's maps in the kernel; its programs, as far as they have been asked for."""

    def __init__(self, made: Object) -> None:
        self.bcc = library.load()
        self._lib = _declared(self.bcc.lib)
        self._made = made
        self.tables = {about.name: Table(self._lib, about) for about in made.maps}
        self._numbers = {place: self.tables[about.name].fd for place, about in enumerate(made.maps)}

    def programs(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Load programs, each as the type that is given with it; their descriptors. The kernel checks them side by
        side: that takes longer than everything else."""
        found: dict[tuple[str, int], int] = {}
        errors: list[str] = []
        with _errors_of_libbcc() as said:

            def load(name: str, kind: int) -> None:
                code = relocated(self._made.programs[name], self._numbers)
                fd = self._lib.bcc_prog_load(kind, name.encode()[:15], code, len(code), _LICENSE, 0, 0, None, 0)
                if fd < 0:
                    errors.append(refused(f"the probe {name}", ctypes.get_errno()))
                found[name, kind] = fd

            threads = [threading.Thread(target=load, args=program) for program in wanted]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if errors:
                raise BackendUnavailable("\n".join([errors[0], *said().strip().splitlines()[-8:]]))
        return found

    def attach_raw(self, tracepoint: str, program: int) -> int:
        """Attach to a raw tracepoint; the link's descriptor, or -1 where the kernel has none of that name."""
        fd: int = self._lib.bpf_attach_raw_tracepoint(program, tracepoint.encode())
        return fd


def refused(what: str, error: int) -> str:
    """The message of a BackendUnavailable."""
    return f"the kernel refuses {what} ({os.strerror(error)}): see `contrace doctor`, or use --backend ptrace"


def _declared(lib: ctypes.CDLL) -> ctypes.CDLL:
    """bcc's Python part does not declare all that libbcc offers (src/cc/libbpf.h)."""
    number, text = ctypes.c_int, ctypes.c_char_p
    lib.bcc_create_map.restype = number
    lib.bcc_create_map.argtypes = [number, text, number, number, number, number]
    lib.bcc_prog_load.restype = number
    lib.bcc_prog_load.argtypes = [
        *(number, text, text, number, text),
        *(ctypes.c_uint, number, text, ctypes.c_uint),
    ]
    return lib


@contextmanager
def _errors_of_libbcc() -> Iterator[Callable[[], str]]:
    """libbcc writes what is wrong to standard error; that belongs into contrace's own message."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)

        def said() -> str:
            return os.pread(file.fileno(), 1 << 20, 0).decode("utf-8", "replace")

        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)
