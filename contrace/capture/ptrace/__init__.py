"""The ptrace backend: ``libc`` (the calls), ``memory``, ``seccomp``, ``tasks`` (state), ``tracer`` (the stop loop)."""
