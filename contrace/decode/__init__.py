"""Records -> calls, signals and ends in strace's notation. Pure."""
