"""A call of prctl in few words, and the line that it is shown as."""

from contrace.decode import prctl
from contrace.decode.notation import Notation
from contrace.records import Memory, Syscall
from contrace.syscalls.abi import Abi
from contrace.syscalls.prctl import OPTIONS

NUMBERS = {option.name: number for number, option in OPTIONS.items()}


def line(
    option: str | int,
    *args: int,
    memory: tuple[Memory, ...] = (),
    returns: int = 0,
    abi: Abi = Abi.X86_64,
    notation: Notation | None = None,
) -> str:
    number = NUMBERS[option] if isinstance(option, str) else option
    registers = (number, *args, *(0,) * (5 - len(args)))
    call = Syscall(
        time_ns=1,
        end_ns=2,
        tid=7,
        pid=7,
        comm=b"x",
        abi=abi,
        nr=157,
        args=registers,
        result=returns,
        memory=memory,
    )
    text = ", ".join(argument.text for argument in prctl.arguments(call, notation or Notation()))
    return f"prctl({text}) = {prctl.result(call, returns)}"
