"""Side-by-side measurements against strace. See README.md."""
