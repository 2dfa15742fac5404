"""Data: what the kernel's interface says. No behaviour beyond looking things up."""
