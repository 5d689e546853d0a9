"""Tests on real kernels: Debian's, in QEMU, with a real vsockmon."""
