"""Flag families: one file each, plain data that names its kernel header."""
