"""Programs that run inside a test machine: standard library only, started with `python -m`."""
