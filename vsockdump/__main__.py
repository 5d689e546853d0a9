"""`python -m vsockdump`, and the command's entry point."""

import gc
import sys


def main() -> int:
    """Run the command line; the exit status is returned."""
    gc.disable()  # what is loaded stays: to look through it took a sixth of a start
    from vsockdump import cli  # noqa: PLC0415 - `import vsockdump.__main__` stays cheap

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
