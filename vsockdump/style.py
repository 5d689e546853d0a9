"""How packets are written, as the command line asks for it."""

from typing import NamedTuple


class Style(NamedTuple):
    """By the options' names; an int counts how often a letter was given."""

    verbose: int = 0
    quick: bool = False
    numeric: bool = False
    link: bool = False
    lengths: bool = False
    numbers: bool = False
    times: int = 0
    nano: bool = False
    hex: int = 0
    hex_ascii: int = 0
    ascii: int = 0
    tcpdump: bool = False
