"""What seccomp's modes and a filter's answers do. Source: seccomp(2)."""

MODE: dict[str, str] = {
    "SECCOMP_MODE_DISABLED": "System calls are not limited.",
    "SECCOMP_MODE_STRICT": "Leaves only read, write, exit and returning from a signal; any other call kills.",
    "SECCOMP_MODE_FILTER": "A BPF program judges every call from now on: how a container's seccomp profile is applied.",
}

ACTION: dict[str, str] = {
    "SECCOMP_RET_KILL_PROCESS": "The call is not made and the whole process is killed, as though by SIGSYS.",
    "SECCOMP_RET_KILL_THREAD": "The call is not made and only the thread that made it is killed.",
    "SECCOMP_RET_TRAP": "The call is not made; the thread gets a SIGSYS, which it can handle.",
    "SECCOMP_RET_ERRNO": "The call is not made; it fails with the error number that the filter gives.",
    "SECCOMP_RET_USER_NOTIF": "A supervisor process decides about the call, such as the agent of an OCI runtime.",
    "SECCOMP_RET_TRACE": "A tracer is told before the call; where there is none, it fails with ENOSYS.",
    "SECCOMP_RET_LOG": "The call is made, and logged.",
    "SECCOMP_RET_ALLOW": "The call is made.",
}
