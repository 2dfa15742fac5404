"""Real container managers for tests: private, offline, and gone without a trace afterwards.

Each manager gets its own root, state, sockets, pid files and cgroup parent below one base directory, so that it
disturbs nobody's daemon and nobody disturbs it. Only processes that were started here are ever signalled; none is
looked up by name. Images are made from the busybox of the machine: no registry is asked.
"""
