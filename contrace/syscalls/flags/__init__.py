"""Flag families: one file each, plain data that names its kernel header. ``FAMILIES`` finds one by its name."""
