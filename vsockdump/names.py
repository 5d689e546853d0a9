"""What CIDs and ports are called, and how an address is worded: "local:5001", "web-vm:agent"."""

from collections.abc import Mapping
from typing import Any

from .errors import UsageError, reason
from .messages import printable

WELL_KNOWN = {0: "hypervisor", 1: "local", 2: "host", 0xFFFF_FFFF: "any"}
"""VMADDR_CID_* (vm_sockets.h)."""

LONGEST = 64
"""Characters of a name that comes from elsewhere: a line must stay readable."""

_HIGHEST = 0xFFFF_FFFF  # of CIDs and of ports: sockaddr_vm has 32 bits for each
_TABLES = ("cid", "port")


class Names:
    """Words addresses; what has no name stands as its number.

    All names are safe to print: what is not printable in them is escaped.
    """

    def __init__(
        self, cids: Mapping[int, str] = WELL_KNOWN, ports: Mapping[int, str] | None = None
    ) -> None:
        """Take the names of CIDs and of ports."""
        self.cids = {cid: printable(name) for cid, name in cids.items()}
        self.ports = {port: printable(name) for port, name in (ports or {}).items()}

    def endpoint(self, cid: int, port: int) -> str:
        """Return one end of a connection."""
        return f"{self.cids.get(cid, cid)}:{self.ports.get(port, port)}"

    @property
    def encoded(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """The names of CIDs and of ports in UTF-8, as the engine's Lines takes them."""
        return _encoded(self.cids), _encoded(self.ports)

    def with_guests(self, found: Mapping[int, str]) -> "Names":
        """Return these names and those of the guests found, who name themselves.

        A guest gets no name that would pass for another CID's, and takes none from a CID that has
        one: any user of the machine can make one up.
        """
        taken = set(self.cids.values())
        guests = {cid: name[:LONGEST] for cid, name in found.items() if _is_name(name)}
        guests = {cid: name for cid, name in guests.items() if printable(name) not in taken}
        return Names(guests | self.cids, self.ports)


NUMERIC = Names({})
"""Words every address in numbers."""


def choose(path: str, numeric: bool) -> Names:
    """Return the names that --names (empty: no file) and -n ask for; raises UsageError."""
    if numeric:
        return NUMERIC
    return read(path) if path else Names()


def read(path: str) -> Names:
    """Return the names in a file, besides the well-known ones; raises UsageError."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs a start 5 ms
            return parse(file.read())
    except (OSError, UnicodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"--names {path}: {why}") from error
    except ValueError as error:
        raise UsageError(f"--names {path}: {error}") from error


def parse(text: str) -> Names:
    """Return the names in a TOML text, besides the well-known ones; raises ValueError.

    It has a table [cid] with lines such as 3 = "web-vm", and one [port] with 1234 = "agent".
    """
    found = _toml(text)
    for table, entries in found.items():
        if table not in _TABLES or not isinstance(entries, dict):
            raise ValueError(f"{table} stands where only the tables [cid] and [port] may")
    return Names(WELL_KNOWN | _table(found, "cid"), _table(found, "port"))


def _table(found: dict[str, Any], table: str) -> dict[int, str]:
    entries = found.get(table, {}).items()
    return {_number(table, key): _name(table, key, value) for key, value in entries}


def _toml(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - few have such a file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from error
    except RecursionError:
        raise ValueError("not TOML: nested too deeply") from None


def _number(table: str, key: str) -> int:
    number = int(key) if key.isascii() and key.isdecimal() and len(key) <= 10 else -1
    if str(number) != key or number > _HIGHEST:
        raise ValueError(f"{key} in [{table}] is no number from 0 to {_HIGHEST}")
    return number


def _name(table: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not _is_name(value) or len(value) > LONGEST:
        raise ValueError(
            f"{key} in [{table}] needs a name in quotes, of 1 to {LONGEST} characters and not only"
            " digits"
        )
    return value


def _is_name(text: str) -> bool:
    """Tell a name from what would pass for a number, or cannot be seen."""
    return bool(text.strip()) and not text.isdecimal()


def _encoded(names: Mapping[int, str]) -> dict[int, bytes]:
    return {number: name.encode() for number, name in names.items()}
