"""A small container runtime: an OCI bundle becomes a running process, by runc's steps and in their order."""
