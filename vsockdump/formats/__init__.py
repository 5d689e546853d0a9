"""Layouts of capture files: bytes to values and back, no I/O."""
