"""The trace file: the only bridge between capturing and showing."""
