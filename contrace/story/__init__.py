"""What the records mean: processes, and what changes about them. Pure."""
