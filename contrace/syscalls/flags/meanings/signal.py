"""What each signal says and does to a process that does not handle it. Sources: signal(7), nptl(7)."""

from contrace.syscalls.flags.signal import SIGRTMAX, SIGRTMIN

SIGNAL: dict[str, str] = {
    "SIGHUP": "The terminal is gone or its session has ended; ends the process. Daemons reload at it.",
    "SIGINT": "Somebody pressed Ctrl-C; ends the process.",
    "SIGQUIT": "Somebody pressed Ctrl-\\; ends the process with a core dump. Some servers stop gracefully at it.",
    "SIGILL": "The CPU met an instruction that it does not have or permit; ends the process with a core dump.",
    "SIGTRAP": "A breakpoint or a traced event; ends a process without debugger with a core dump.",
    "SIGABRT": "The process has given itself up, by abort; ends it with a core dump.",
    "SIGBUS": "Memory that is mapped but cannot be accessed; ends the process with a core dump.",
    "SIGFPE": "An arithmetic fault such as a division by zero; ends the process with a core dump.",
    "SIGKILL": "Ends the process; it cannot be handled. Runtimes kill a container with it when SIGTERM did not help.",
    "SIGUSR1": "Means what the program says; ends the process otherwise.",
    "SIGSEGV": "An access to memory that is not there or not permitted; ends the process with a core dump.",
    "SIGUSR2": "A second one that means what the program says; ends the process otherwise.",
    "SIGPIPE": "A write to a pipe or socket that nobody reads any more; ends the process.",
    "SIGALRM": "A timer that alarm or setitimer has set is over; ends the process.",
    "SIGTERM": "A request to end: what a container is stopped with first. Pid 1 ignores it unless it handles it.",
    "SIGSTKFLT": "A fault of a coprocessor's stack; Linux never sends it. Ends the process.",
    "SIGCHLD": "A child has ended, stopped or continued; ignored. It makes an init collect its zombies.",
    "SIGCONT": "Makes a stopped process go on.",
    "SIGSTOP": "Stops the process; it cannot be handled.",
    "SIGTSTP": "Somebody pressed Ctrl-Z; stops the process.",
    "SIGTTIN": "A background process wants to read from its terminal; stops it.",
    "SIGTTOU": "A background process wants to write to its terminal; stops it.",
    "SIGURG": "A socket has urgent data; ignored. Go's runtime, and so runc, interrupts its own threads with it.",
    "SIGXCPU": "The limit of CPU time is used up; ends the process with a core dump.",
    "SIGXFSZ": "A file would grow above the limit for files; ends the process with a core dump.",
    "SIGVTALRM": "A timer of the process's own CPU time is over; ends the process.",
    "SIGPROF": "A timer for profiling is over; ends the process.",
    "SIGWINCH": "The terminal has another size; ignored. A runtime passes it on to a container's terminal.",
    "SIGIO": "A file descriptor is ready for input or output; ends the process.",
    "SIGPWR": "The power fails; ends the process.",
    "SIGSYS": "A call that does not exist, or that seccomp does not permit; ends the process with a core dump.",
    "SIGRT_0": "Real-time signal 0, with which the C library cancels threads and runs timers; ends the process.",
    "SIGRT_1": "Real-time signal 1, with which the C library changes uid and gid in all threads; ends the process.",
} | {
    f"SIGRT_{number}": f"Real-time signal {number}, which means what the program says; ends the process otherwise."
    for number in range(2, SIGRTMAX - SIGRTMIN + 1)
}
