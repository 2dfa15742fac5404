"""What the AT_* values of execveat do. Sources: execveat(2), openat(2), linux/fcntl.h."""

AT_EXECVEAT: dict[str, str] = {
    "AT_SYMLINK_NOFOLLOW": "Refuses to execute a file that is a symbolic link.",
    "AT_EMPTY_PATH": "With an empty path the descriptor itself is executed: runtimes run a sealed copy of themselves.",
    "AT_EXECVE_CHECK": "Only asks whether the file could be executed; nothing is started.",
}

CURRENT_DIRECTORY = "A relative path starts at the current directory."
"""AT_FDCWD in place of a directory's descriptor."""
