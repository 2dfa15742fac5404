"""The terminal user interface: screens over a trace file, live or later. It reads what every view reads."""
