"""What a thread's securebits do. Sources: capabilities(7), Documentation/userspace-api/check_exec.rst."""

SECUREBITS: dict[str, str] = {
    "SECBIT_NOROOT": "An execve by uid 0, or of a set-user-ID root program, no longer gives capabilities.",
    "SECBIT_NOROOT_LOCKED": "SECBIT_NOROOT can no longer be changed.",
    "SECBIT_NO_SETUID_FIXUP": "Going from uid 0 to another, or back, leaves the capabilities as they are.",
    "SECBIT_NO_SETUID_FIXUP_LOCKED": "SECBIT_NO_SETUID_FIXUP can no longer be changed.",
    "SECBIT_KEEP_CAPS": "Permitted capabilities outlive the change from uid 0 to another user, until the next execve.",
    "SECBIT_KEEP_CAPS_LOCKED": "SECBIT_KEEP_CAPS can no longer be changed.",
    "SECBIT_NO_CAP_AMBIENT_RAISE": "No capability can be added to the ambient set any more.",
    "SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED": "SECBIT_NO_CAP_AMBIENT_RAISE can no longer be changed.",
    "SECBIT_EXEC_RESTRICT_FILE": "Asks interpreters to run only scripts that the kernel would execute.",
    "SECBIT_EXEC_RESTRICT_FILE_LOCKED": "SECBIT_EXEC_RESTRICT_FILE can no longer be changed.",
    "SECBIT_EXEC_DENY_INTERACTIVE": "Asks interpreters to run no commands that somebody types in or pipes in.",
    "SECBIT_EXEC_DENY_INTERACTIVE_LOCKED": "SECBIT_EXEC_DENY_INTERACTIVE can no longer be changed.",
}
