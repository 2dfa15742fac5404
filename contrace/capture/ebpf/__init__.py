"""Capture through eBPF: the kernel writes down what tasks do and stops none of them."""
