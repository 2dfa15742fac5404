"""Effects: kernel activity becomes records. Knows the trace file, never what records mean."""
