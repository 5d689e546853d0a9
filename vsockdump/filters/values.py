"""The parts of a term: numbers, names, ranges, addresses, and what reckons with them."""

import operator
import re
from collections.abc import Callable, Mapping

from . import patterns
from .cursor import DEEPEST, Cursor
from .fields import BY_NAME, Field, find
from .tokens import FilterError, Token, hex_bytes, near, unquoted
from .tree import (
    Endpoint,
    Load,
    Name,
    Number,
    Range,
    Relation,
    Sum,
    Text,
    Tree,
    Value,
    depth,
    member,
)
from .words import BINDING, LOADS, SYNONYMS, WORDS

Names = Mapping[str, int]

_CID, _PORT = BY_NAME["cid"], BY_NAME["port"]
_RECKON: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv,
    "%": operator.mod, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip

_FLAGS = {"flags": [word.split()[1] for word in (*WORDS, *SYNONYMS) if word[:6] == "flags "]}
_ESCAPED = re.compile(r"\\.", re.DOTALL)


class Values(Cursor):
    """A cursor that knows what values look like."""

    def __init__(self, text: str, cids: Names, ports: Names) -> None:
        """Begin at the front; the names are those besides the well-known ones."""
        super().__init__(text)
        self._names = {"cid": cids, "port": ports}

    # --- constants ----------------------------------------------------------------------------

    def alternatives(self, field: Field) -> list[Range]:
        """Read values as in `op rw|rst`, `port 1024-1030`, `cid {3, 4}`."""
        if self.token.text == "{":
            return self._set(field)
        found = [self._range(field)]
        while self.token.text == "|":
            self.take()
            found.append(self._range(field))
        return found

    def set_of(self, field: Field) -> list[Range]:
        """Read `in {3, 4, 5-9}`."""
        self.need("in")
        return self._set(field)

    def _set(self, field: Field) -> list[Range]:
        self.need("{")
        found = [self._range(field)]
        while self.token.text != "}":
            if self.token.text == ",":
                self.take()
            found.append(self._range(field))
        self.take()
        return found

    def _range(self, field: Field) -> Range:
        first = last = self._constant(field)
        if self.token.text in ("-", ".."):
            self.take()
            start, last = self.token.at, self._constant(field)
            if last < first:
                raise FilterError(self.text, start, "the range ends before it begins")
        return first, last

    def _constant(self, field: Field) -> int:
        if self.token.kind == "number":
            return self.number(8 * field.size)
        if (value := self._named_value(field, self.token)) is None:
            known = [*field.names, *self.own_names(field), *_FLAGS.get(field.name, ())]
            there = f"; there are numbers, and {', '.join(dict.fromkeys(known))}"
            there = there if known else "; a number is"
            hint = near(self.token.text, known) or there
            raise self.error(f"{self.shown} is no value of {field.name}{hint}")
        self.take()
        return value

    def _named_value(self, field: Field, token: Token) -> int | None:
        text = token.text[1:-1] if token.kind == "string" else token.text
        if token.kind not in ("name", "string"):
            return None
        own = self.own_names(field)
        return own[text] if text in own else field.names.get(text.lower())

    def own_names(self, field: Field) -> Names:
        """Return the names of values that were given besides the well-known ones."""
        return self._names.get("cid" if field.is_cid else "port" if field.is_port else "", {})

    def cid(self, text: str) -> int | None:
        """Return the CID of that name, None if there is none."""
        return self._named_value(_CID, Token("name", text, 0))

    def endpoint(self, side: str) -> Endpoint:
        """Read CID:PORT, either of them may be `*`."""
        cid = self._part(_CID)
        self.need(":")
        return Endpoint(side, cid, self._part(_PORT))

    def _part(self, field: Field) -> int | None:
        if self.token.text == "*":
            self.take()
            return None
        return self._constant(field)

    # --- values that are compared -------------------------------------------------------------

    def value(self, field: Field | None = None, least: int = 0) -> Value:
        """Read a value that may reckon; `field` has words for constants."""
        left = self._atom(field)
        while self.token.kind == "sign" and BINDING.get(self.token.text, 0) > least:
            if field and isinstance(left, Number) and self.before.kind in ("name", "string"):
                word = self.before.text  # as a number, rw|rst is CREDIT_REQUEST
                raise self.error(f"words are not reckoned with: say '{field.name} {word}|...'")
            sign = self.take()
            left = self._sum(sign, left, self.value(field, BINDING[sign.text]))
        return left

    def _atom(self, field: Field | None) -> Value:
        kind, text, _ = self.token
        if text == "(" and kind == "sign":
            self.take()
            with self.deeper():
                found = self.value(field)
            self.need(")")
            return found
        if kind == "number":
            return Number(self.number(64))
        if text in LOADS and self.peek(1).text == "[":
            return self._load(LOADS[text])
        if field and (constant := self._named_value(field, self.token)) is not None:
            self.take()
            return Number(constant)
        if kind == "name" and (named := find(text)):
            self.take()
            return Name(named.name)
        raise self.error(f"{self.shown} stands where a value should{near(text, BY_NAME)}")

    def _load(self, base: str) -> Load:
        self.take()
        self.need("[")
        offset, size = self.number(16), 1
        if self.token.text == ":":
            self.take()
            size = self.number(16)
        if not size:
            raise self.error("no bytes at all: the size should be 1 or more")
        self.need("]")
        return Load(base, offset, size)

    def _sum(self, sign: Token, left: Value, right: Value) -> Value:
        for part in (left, right):
            self._check_reckons(sign, part)
        if sign.text in ("/", "%", "<<", ">>"):
            fits = isinstance(right, Number) and (
                right.value < 32 if sign.text in ("<<", ">>") else right.value
            )
            if not fits:
                most = "from 0 to 31" if sign.text in ("<<", ">>") else "other than 0"
                what = f"the right side of '{sign.text}' should be a number {most}"
                raise FilterError(self.text, sign.at, what)
        if isinstance(left, Number) and isinstance(right, Number):
            return Number(_RECKON[sign.text](left.value, right.value) & 0xFFFF_FFFF)
        self.check_depth(left)
        return Sum(sign.text, left, right)

    def check_depth(self, part: Tree | Value) -> None:
        """Refuse what could not be read back."""
        if depth(part) > DEEPEST:
            raise self.too_deep()

    def _check_reckons(self, sign: Token, part: Value) -> None:
        """Refuse what is not 32 bits of the frame."""
        wrong = ""
        if isinstance(part, Name) and (
            BY_NAME[part.name].size > 4 or not BY_NAME[part.name].in_frame
        ):
            wrong = f"{part} can only be compared with a number"
        elif isinstance(part, Load) and part.size not in (1, 2, 4):
            wrong = f"{part} is no number: 1, 2 or 4 bytes are"
        elif isinstance(part, Number) and part.value >> 32:
            wrong = f"{part} does not fit into 32 bits"
        if wrong:
            raise FilterError(self.text, sign.at, wrong)

    # --- texts --------------------------------------------------------------------------------

    def text_of(self, left: Value) -> Text | None:
        """Read bytes that a Load is compared with, "PRI " or 50:52:49:20, if there are some."""
        if not isinstance(left, Load):
            return None
        if self.token.kind == "string":
            return Text(unquoted(self.take().text))
        found = hex_bytes(self.text, self.token.at)
        if found is None:
            return None
        while self.token.at < found[1] and self.token.kind != "end":
            self.take()
        return Text(found[0])

    def needle(self, how: str) -> bytes:
        """Read what is searched for."""
        kind, text, _ = self.token
        if how == "matches" and kind in ("pattern", "string"):
            return self._pattern(_ESCAPED.sub(_without_slash, text[1:-1]))
        if kind == "string":
            return unquoted(self.take().text)
        if how == "is" and kind in ("name", "number"):
            return self.take().text.encode()
        raise self.error(f"{self.shown} stands where a text in quotes should")

    def _pattern(self, text: str) -> bytes:
        """Take a regular expression; what is not printable in it becomes \\xHH."""
        plain = "".join(
            chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"
            for byte in text.encode("utf-8", "surrogateescape")
        )
        try:
            patterns.compiled(plain.encode())
        except ValueError as error:
            raise self.error(str(error)) from error
        self.take()
        return plain.encode()

    # --- whether a relation makes sense -------------------------------------------------------

    def checked(self, sign: str, left: Value, right: Value) -> Tree:
        """Return the relation of two values that can be compared."""
        if isinstance(left, Number):
            raise self._wrong("compares two constants")
        if isinstance(right, Text):
            return self._checked_text(sign, left, right)
        if isinstance(left, Name):
            return self._checked_field(sign, BY_NAME[left.name], left, right)
        self._check_reckons(self.before, left)
        self._check_reckons(self.before, right)
        return Relation(sign, left, right)

    def _checked_text(self, sign: str, left: Value, right: Text) -> Tree:
        if sign not in ("==", "!="):
            raise self._wrong("bytes are equal or not: nothing else can be asked of them")
        if not isinstance(left, Load) or left.size != len(right.value):
            raise self._wrong(f"{left} is never {len(right.value)} bytes")
        return Relation(sign, left, right)

    def _checked_field(self, sign: str, field: Field, left: Name, right: Value) -> Tree:
        if isinstance(right, Number):
            if right.value >> 8 * field.size:
                raise self._wrong(f"{right} does not fit into {8 * field.size} bits")
            if sign == "==":
                return member(field.name, [(right.value, right.value)])
            return Relation(sign, left, right)
        for side in (left, right):
            self._check_reckons(self.before, side)
        return Relation(sign, left, right)

    def _wrong(self, what: str) -> FilterError:
        return FilterError(self.text, self.before.at, what)


def _without_slash(escaped: re.Match[str]) -> str:
    r"""Return what is escaped in a regular expression; a slash need not be."""
    return "/" if escaped[0] == "\\/" else escaped[0]
