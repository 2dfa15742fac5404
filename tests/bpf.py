"""The programs of contrace's that are in the kernel, asked for with bpf(2).

Maps are not asked for. They are held by programs and by descriptors, so they go with those. And to open a program array
by its id while the kernel is freeing it makes the kernel keep it for ever (kernel/bpf/arraymap.c, prog_array_map_clear
takes a reference for a work that is pending already).
"""

import ctypes
import os
import struct

from contrace.capture.ebpf.syscall import call

# include/uapi/linux/bpf.h
_PROG_GET_NEXT_ID, _PROG_GET_FD_BY_ID, _OBJ_GET_INFO_BY_FD = 11, 13, 15
_NAME_AT = 64  # struct bpf_prog_info
_NAME_LENGTH = 16
_INFO = 128


OURS = frozenset(
    name[:15]  # as the kernel keeps them (BPF_OBJ_NAME_LEN)
    for name in (
        *("call_entered", "call_left", "capability_checked", "copy_memory", "copy_vectors", "copy_image"),
        *("take_identity", "task_started", "task_executed", "task_ended", "signal_sent", "signal_delivered"),
        *("cgroup_made", "cgroup_joined"),
    )
)


def left() -> set[tuple[int, str]]:
    """Those of them that are in the kernel: the id, which is never used twice, and the name."""
    found: set[tuple[int, str]] = set()
    number = 0
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 128)
        try:
            call("bpf", _PROG_GET_NEXT_ID, attributes, len(attributes))
        except FileNotFoundError:
            return found
        (number,) = struct.unpack_from("=I", attributes, 4)
        try:
            fd = call("bpf", _PROG_GET_FD_BY_ID, ctypes.create_string_buffer(struct.pack("=I", number), 128), 128)
        except FileNotFoundError:
            continue  # gone meanwhile
        info = ctypes.create_string_buffer(_INFO)
        attributes = ctypes.create_string_buffer(struct.pack("=IIQ", fd, _INFO, ctypes.addressof(info)), 128)
        try:
            call("bpf", _OBJ_GET_INFO_BY_FD, attributes, len(attributes))
        finally:
            os.close(fd)
        name = info.raw[_NAME_AT : _NAME_AT + _NAME_LENGTH].partition(b"\0")[0].decode()
        if name in OURS:
            found.add((number, name))
