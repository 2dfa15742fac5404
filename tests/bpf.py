"""What the kernel holds of contrace's eBPF: programs and maps, asked for with bpf(2)."""

import ctypes
import os
import struct

from contrace.capture.ebpf.syscall import call

# include/uapi/linux/bpf.h
_PROG_GET_NEXT_ID, _MAP_GET_NEXT_ID = 11, 12
_PROG_GET_FD_BY_ID, _MAP_GET_FD_BY_ID = 13, 14
_OBJ_GET_INFO_BY_FD = 15
_NAME_AT = {_PROG_GET_NEXT_ID: 64, _MAP_GET_NEXT_ID: 24}
"""Where the name stands in struct bpf_prog_info and struct bpf_map_info."""
_NAME_LENGTH = 16
_INFO = 128


OURS = frozenset(
    (
        *("call_entered", "call_left", "copy_memory", "copy_vectors", "take_identity", "copy_image", "task_executed"),
        *("scratches", "open_calls", "call_steps", "task_steps"),
    )
)
"""Names of probes and of their maps that nobody else has."""


def left() -> list[str]:
    """Those of them that are in the kernel."""
    return [name for kind, by_id in _KINDS for name in _names(kind, by_id) if name in OURS]


_KINDS = ((_PROG_GET_NEXT_ID, _PROG_GET_FD_BY_ID), (_MAP_GET_NEXT_ID, _MAP_GET_FD_BY_ID))


def _names(next_id: int, fd_by_id: int) -> list[str]:
    found: list[str] = []
    number = 0
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 128)
        try:
            call("bpf", next_id, attributes, len(attributes))
        except FileNotFoundError:
            return found
        (number,) = struct.unpack_from("=I", attributes, 4)
        try:
            fd = call("bpf", fd_by_id, ctypes.create_string_buffer(struct.pack("=I", number), 128), 128)
        except FileNotFoundError:
            continue  # gone meanwhile
        info = ctypes.create_string_buffer(_INFO)
        attributes = ctypes.create_string_buffer(struct.pack("=IIQ", fd, _INFO, ctypes.addressof(info)), 128)
        try:
            call("bpf", _OBJ_GET_INFO_BY_FD, attributes, len(attributes))
        finally:
            os.close(fd)
        at = _NAME_AT[next_id]
        found.append(info.raw[at : at + _NAME_LENGTH].partition(b"\0")[0].decode())
