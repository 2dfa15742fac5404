"""Whether the kernel lets this user do with eBPF what the probes do, found out with programs of a few instructions.

Nothing is compiled: they are written down here. Sources: include/uapi/linux/bpf.h, bpf(2).
"""

import ctypes
import os
import struct

from contrace.capture.ebpf.syscall import call

_BPF_MAP_CREATE = 0
_BPF_PROG_LOAD = 5
_BPF_RAW_TRACEPOINT_OPEN = 17
_BPF_MAP_TYPE_RINGBUF = 27
_BPF_PROG_TYPE_RAW_TRACEPOINT = 17
_PAGE = os.sysconf("SC_PAGE_SIZE")

# struct bpf_insn: code, source << 4 | destination, offset, immediate
_READ_KERNEL_MEMORY = b"".join(
    struct.pack("<BBhi", *instruction)
    for instruction in (
        (0xBF, 0xA1, 0, 0),  # r1 = r10, the end of the stack
        (0x07, 0x01, 0, -8),  # r1 += -8
        (0xB7, 0x02, 0, 8),  # r2 = 8
        (0xB7, 0x03, 0, 0),  # r3 = 0
        (0x85, 0x00, 0, 113),  # bpf_probe_read_kernel(r1, r2, r3)
        (0xB7, 0x00, 0, 0),  # r0 = 0
        (0x95, 0x00, 0, 0),  # exit
    )
)


def ring_buffer() -> int:
    """Make one and let it go: 0 or the errno. EINVAL: the kernel has none (before Linux 5.8)."""
    return _errno(_BPF_MAP_CREATE, struct.pack("=IIII", _BPF_MAP_TYPE_RINGBUF, 0, 0, _PAGE))


def kernel_memory() -> int:
    """Load a program that reads kernel memory, and let it go: 0 or the errno.

    EPERM: this user may not (CAP_BPF and CAP_PERFMON); EINVAL: nobody may (lockdown).
    """
    try:
        os.close(_load())
    except OSError as error:
        return error.errno or 0
    return 0


def raw_tracepoint(name: str) -> int:
    """Attach a program to it, and let it go: 0 or the errno. ENOENT: the kernel has no such tracepoint."""
    try:
        program = _load()
    except OSError as error:
        return error.errno or 0
    try:
        text = ctypes.create_string_buffer(name.encode())
        return _errno(_BPF_RAW_TRACEPOINT_OPEN, struct.pack("=QI4x", ctypes.addressof(text), program))
    finally:
        os.close(program)


def _load() -> int:
    code = ctypes.create_string_buffer(_READ_KERNEL_MEMORY)
    # The helper is for programs under the GPL only (gpl_only of bpf_probe_read_kernel_proto).
    license_name = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "=IIQQIIQII",
        _BPF_PROG_TYPE_RAW_TRACEPOINT,
        len(_READ_KERNEL_MEMORY) // 8,
        ctypes.addressof(code),
        ctypes.addressof(license_name),
        *(0, 0, 0, 0, 0),  # log_level log_size log_buf kern_version prog_flags
    )
    return call("bpf", _BPF_PROG_LOAD, attributes, len(attributes))


def _errno(command: int, attributes: bytes) -> int:
    """Of a command that answers with a descriptor, which is closed; 0 for success."""
    try:
        os.close(call("bpf", command, attributes, len(attributes)))
    except OSError as error:
        return error.errno or 0
    return 0
