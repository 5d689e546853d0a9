"""Fuzz what reads and renders captures. Not part of the tests: run it for an hour, now and then.

    python3.11 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris .
    /tmp/fuzz/bin/python -m tests.fuzz /tmp/corpus -max_total_time=3600

The folder is filled from pcaps/ when it is empty; all arguments behind it are libFuzzer's. The
compiled engine leads the fuzzer too, and is watched by AddressSanitizer, if it was built in place
with CC=clang and CFLAGS="-fsanitize=address,fuzzer-no-link" and LD_PRELOAD names the
asan_with_fuzzer.so that stands beside atheris (ASAN_OPTIONS=detect_leaks=0: Python's own leak).
"""

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

with atheris.instrument_imports(include=["vsockdump"]):
    from .render import LONGEST, render, seeds


def main() -> None:
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    if not any(corpus.iterdir()):
        for name, data in seeds().items():
            (corpus / name).write_bytes(data)
    atheris.Setup([sys.argv[0], f"-max_len={LONGEST}", *sys.argv[1:]], render)
    atheris.Fuzz()


main()
