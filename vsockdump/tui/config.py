"""What users have set: a TOML file where the XDG specification has it."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from vsockdump.errors import UsageError, reason

from .packetcells import known


class Config(NamedTuple):
    """Keys by action, such as {"filter": "f3"}; the theme; the columns of the list of packets."""

    keys: Mapping[str, str] = {}
    theme: str = ""
    columns: tuple[str, ...] = ()


def path(environment: Mapping[str, str] = os.environ) -> str:
    """Return where the file would be: $XDG_CONFIG_HOME/vsockdump/tui.toml, or in ~/.config."""
    folder = environment.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return f"{folder}/vsockdump/tui.toml"


def read(name: str) -> Config:
    """Return what a file says, nothing if there is none; raises UsageError."""
    try:
        with open(name, encoding="utf-8") as file:  # noqa: PTH123
            return parse(file.read())
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{name}: {why}") from error
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error


def parse(text: str) -> Config:
    """Return what a text says: theme = "nord", columns = ["number", "op"], and a table [keys].

    Raises ValueError.
    """
    import tomllib  # noqa: PLC0415 - few have such a file

    found = tomllib.loads(text)
    for name in found:
        if name not in Config._fields:
            raise ValueError(f"{name} is none of {', '.join(Config._fields)}")
    return Config(_keys(found), _theme(found), _columns(found))


def _keys(found: dict[str, Any]) -> Mapping[str, str]:
    keys = found.get("keys", {})
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise ValueError('[keys] has lines such as filter = "f3"')
    return keys


def _theme(found: dict[str, Any]) -> str:
    theme = found.get("theme", "")
    if not isinstance(theme, str):
        raise ValueError('theme is a name in quotes, such as "nord"')
    return theme


def _columns(found: dict[str, Any]) -> tuple[str, ...]:
    names = found.get("columns", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError('columns is a list of names, such as ["number", "time", "op"]')
    try:
        return tuple(map(known, names))
    except UsageError as error:
        raise ValueError(str(error)) from error
