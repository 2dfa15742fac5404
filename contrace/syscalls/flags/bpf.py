"""The parts of a classic BPF instruction's code.

Sources: include/uapi/linux/bpf_common.h and filter.h; strace shares its lists of modes, sizes and operations with
eBPF (include/uapi/linux/bpf.h), so the names of those codes appear although no classic program may use them.
"""

from contrace.syscalls.flags.family import Family

BPF_MAXINSNS = 4096

_UNKNOWN = "BPF_???"

BPF_CLASS = Family(
    "bpf_class",
    (
        ("BPF_LD", 0),
        ("BPF_LDX", 1),
        ("BPF_ST", 2),
        ("BPF_STX", 3),
        ("BPF_ALU", 4),
        ("BPF_JMP", 5),
        ("BPF_RET", 6),
        ("BPF_MISC", 7),
    ),
    _UNKNOWN,
)

BPF_SIZE = Family("bpf_size", (("BPF_W", 0x00), ("BPF_H", 0x08), ("BPF_B", 0x10), ("BPF_DW", 0x18)), _UNKNOWN)

BPF_MODE = Family(
    "bpf_mode",
    (
        ("BPF_IMM", 0x00),
        ("BPF_ABS", 0x20),
        ("BPF_IND", 0x40),
        ("BPF_MEM", 0x60),
        ("BPF_LEN", 0x80),
        ("BPF_MSH", 0xA0),
        ("BPF_XADD", 0xC0),
    ),
    _UNKNOWN,
)

BPF_SRC = Family("bpf_src", (("BPF_K", 0x00), ("BPF_X", 0x08)), _UNKNOWN)

BPF_RVAL = Family("bpf_rval", (("BPF_K", 0x00), ("BPF_X", 0x08), ("BPF_A", 0x10)), _UNKNOWN)

BPF_MISCOP = Family("bpf_miscop", (("BPF_TAX", 0x00), ("BPF_TXA", 0x80)), _UNKNOWN)

BPF_OP_ALU = Family(
    "bpf_op_alu",
    (
        ("BPF_ADD", 0x00),
        ("BPF_SUB", 0x10),
        ("BPF_MUL", 0x20),
        ("BPF_DIV", 0x30),
        ("BPF_OR", 0x40),
        ("BPF_AND", 0x50),
        ("BPF_LSH", 0x60),
        ("BPF_RSH", 0x70),
        ("BPF_NEG", 0x80),
        ("BPF_MOD", 0x90),
        ("BPF_XOR", 0xA0),
        ("BPF_MOV", 0xB0),
        ("BPF_ARSH", 0xC0),
        ("BPF_END", 0xD0),
    ),
    _UNKNOWN,
)

BPF_OP_JMP = Family(
    "bpf_op_jmp",
    (
        ("BPF_JA", 0x00),
        ("BPF_JEQ", 0x10),
        ("BPF_JGT", 0x20),
        ("BPF_JGE", 0x30),
        ("BPF_JSET", 0x40),
        ("BPF_JNE", 0x50),
        ("BPF_JSGT", 0x60),
        ("BPF_JSGE", 0x70),
        ("BPF_CALL", 0x80),
        ("BPF_EXIT", 0x90),
        ("BPF_JLT", 0xA0),
        ("BPF_JLE", 0xB0),
        ("BPF_JSLT", 0xC0),
        ("BPF_JSLE", 0xD0),
        ("BPF_JCOND", 0xE0),
    ),
    _UNKNOWN,
)

FAMILIES = (BPF_CLASS, BPF_SIZE, BPF_MODE, BPF_SRC, BPF_RVAL, BPF_MISCOP, BPF_OP_ALU, BPF_OP_JMP)
