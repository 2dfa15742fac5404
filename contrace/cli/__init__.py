"""The command line: one verb per file, and the loop that shows a capture while it runs."""
