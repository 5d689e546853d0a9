"""A walk over the tokens of an expression."""

from collections.abc import Iterator
from contextlib import contextmanager

from .tokens import FilterError, Token, tokens
from .words import BINDING, RELATIONS

DEEPEST = 100
"""Parentheses and negations inside each other."""


class Cursor:
    """Stands before one token of an expression.

    Every method that reads something raises FilterError where something else stands.
    """

    def __init__(self, text: str) -> None:
        """Begin at the front."""
        self.text = text
        self.at = 0
        self._tokens = tokens(text)
        self._closing = _closing(self._tokens)
        self._depth = 0

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self._tokens[self.at]

    @property
    def before(self) -> Token:
        """The token that was read last."""
        return self._tokens[self.at - 1]

    def peek(self, ahead: int) -> Token:
        """Return a later one; there is always the end."""
        return self._tokens[min(self.at + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Read one."""
        self.at = min(self.at + 1, len(self._tokens) - 1)
        return self._tokens[self.at - 1]

    def need(self, sign: str) -> None:
        """Read that sign."""
        if self.token.text != sign or self.token.kind == "string":
            raise self.error(f"{self.shown} stands where '{sign}' should")
        self.take()

    @property
    def shown(self) -> str:
        """The next token as it is called in an error."""
        return _shown(self.token)

    @property
    def after(self) -> str:
        """The one after that."""
        return _shown(self.peek(1))

    def error(self, what: str) -> FilterError:
        """Return an error at the next token."""
        return self.error_at(0, what)

    def error_at(self, ahead: int, what: str) -> FilterError:
        """Return an error at a later one."""
        return FilterError(self.text, self.peek(ahead).at, what)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Read what stands inside something, unless that is too deep."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.too_deep()
        yield
        self._depth -= 1

    def too_deep(self) -> FilterError:
        """Return an error at the next token."""
        return self.error(f"more than {DEEPEST} parts inside each other")

    def reckons(self) -> bool:
        """Whether the parenthesis that opens here holds a value, not terms."""
        return self.at in self._closing and _is_sign(self._tokens[self._closing[self.at] + 1])

    def relates(self, elided: bool) -> bool:
        """Whether a number stands here that is reckoned with or compared.

        `elided`: it may be a further value of the term before, and `1-3` and `1|3` such values.
        """
        follows = self.peek(1)
        return _is_sign(follows) and not (elided and follows.text in ("-", "|"))

    def number(self, bits: int) -> int:
        """Read a number below 2^bits."""
        if self.token.kind != "number":
            raise self.error(f"{self.shown} stands where a number should")
        value = _integer(self.token.text)
        if value >> bits:
            raise self.error(f"{self.token.text[:40]} does not fit into {bits} bits")
        self.take()
        return value


def _closing(found: list[Token]) -> dict[int, int]:
    """Return which parenthesis closes each that opens, by their places among the tokens."""
    open_, pairs = [], {}
    for at, token in enumerate(found):
        if token.text == "(":
            open_.append(at)
        elif token.text == ")" and open_:
            pairs[open_.pop()] = at
    return pairs


def _integer(text: str) -> int:
    """Return a number's value; a million digits are as wrong as twenty."""
    return int(text, 16) if text[:2].lower() == "0x" else int(text.lstrip("0")[:40] or "0")


def _is_sign(token: Token) -> bool:
    """Whether a value stands before this, which is compared or reckoned with."""
    if token.kind == "name":
        return token.text in RELATIONS
    return token.kind == "sign" and (token.text in RELATIONS or token.text in BINDING)


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else f"'{token.text[:40]}'"
