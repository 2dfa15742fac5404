"""Signal numbers of x86 and arm64 (include/uapi/asm-generic/signal.h)."""

_NAMES = (
    "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM "
    "SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF "
    "SIGWINCH SIGIO SIGPWR SIGSYS"
)

SIGRTMIN = 32  # the kernel's; the C library keeps the first two for itself
SIGRTMAX = 64

SIGNALS: dict[int, str] = dict(enumerate(_NAMES.split(), 1)) | {
    number: f"SIGRT_{number - SIGRTMIN}" for number in range(SIGRTMIN, SIGRTMAX + 1)
}
"""Number -> strace's name; real-time signals are counted from the kernel's SIGRTMIN."""

NUMBERS: dict[str, int] = {name: number for number, name in SIGNALS.items()}


def signal_name(number: int) -> str:
    """The signal's name, or the number where there is none."""
    return SIGNALS.get(number, str(number))
