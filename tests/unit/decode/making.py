"""Records as a backend makes them, in few words."""

from contrace.decode.call import Call, decode
from contrace.decode.notation import Notation
from contrace.records import Block, Memory, Syscall, Text, Vector
from contrace.syscalls.abi import Abi, number_of

AT = 0x4B6000
EINVAL = -22


def syscall(
    name: str | int,
    *args: int,
    memory: tuple[Memory, ...] = (),
    returns: int | None = 0,
    abi: Abi = Abi.X86_64,
    from_event: bool = False,
) -> Syscall:
    nr = number_of(abi, name) if isinstance(name, str) else name
    assert nr is not None
    registers = tuple(value & 0xFFFFFFFFFFFFFFFF for value in (*args, *(0,) * (6 - len(args))))
    return Syscall(
        time_ns=1,
        end_ns=2,
        tid=7,
        pid=7,
        comm=b"x",
        abi=abi,
        nr=nr,
        args=registers,
        result=returns,
        memory=memory,
        from_event=from_event,
    )


def call(*words, notation: Notation | None = None, **more) -> Call:
    return decode(syscall(*words, **more), notation or Notation())


def line(*words, **more) -> str:
    """The whole call, as strace would write it without padding."""
    done = call(*words, **more)
    return f"{done.head}{done.tail} = {done.result}"


def text(index: int, data: bytes, *, at: int = AT, broken: bool = False) -> Text:
    return Text(arg=index, address=at, data=data, broken=broken)


def block(index: int, data: bytes, *, at: int = AT, wanted: int | None = None, at_exit: bool = False) -> Block:
    return Block(arg=index, address=at, data=data, wanted=len(data) if wanted is None else wanted, at_exit=at_exit)


def vector(index: int, *items: bytes, at: int = AT, **more) -> Vector:
    return Vector(arg=index, address=at, items=items, **more)
