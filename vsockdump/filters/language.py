"""The filter language: an expression's text to its tree.

What can be said without comparing is tcpdump's (pcap-filter(7)): `and` and `or` bind alike, from
the left, and a keyword stays in force until the next. Comparisons, `in`, `contains`, `matches` and
the names of fields are Wireshark's too (wireshark-filter(4)). Both give the same tree.
"""

from collections.abc import Callable

from .fields import BY_NAME, BY_WIRESHARK, FIELDS, Field, find
from .tokens import FilterError, near
from .tree import (
    EVERYTHING,
    And,
    Name,
    Not,
    Number,
    Or,
    Pair,
    Present,
    Relation,
    Search,
    Tree,
    Value,
    Word,
    joined,
    member,
)
from .values import Names, Values
from .words import (
    ADVICE,
    BINDING,
    JOINTS,
    KEYWORDS,
    LOADS,
    MIRRORED,
    NEGATIONS,
    RELATIONS,
    SUBJECTS,
    SYNONYMS,
    WORDS,
)


def parse(text: str, cids: Names | None = None, ports: Names | None = None) -> Tree:
    """Return the tree of an expression, of an empty one EVERYTHING; raises FilterError.

    `cids` and `ports` are names besides the well-known ones.
    """
    return Parser(text, cids or {}, ports or {}).parse()


class Parser(Values):
    """Reads one expression; `mixed` is where `and` follows `or`: Wireshark would join it first."""

    def __init__(self, text: str, cids: Names, ports: Names) -> None:
        """Take the text; raises FilterError for one that cannot be taken apart."""
        super().__init__(text, cids, ports)
        self.mixed: int | None = None
        self._again: Callable[[], Tree] | None = None  # reads more values of the last term's kind
        self._field: Field | None = None  # of the last term, for the names of its values
        self._kind = ""  # of the last word of two parts, the first
        self._starts: dict[str, Callable[[], Tree]] = {
            "src": self._directed,
            "dst": self._directed,
            "pair": self._pair,
            "greater": lambda: self._length(">="),
            "less": lambda: self._length("<="),
            "has": self._present,
            **dict.fromkeys((word.split()[0] for word in [*WORDS, *SYNONYMS]), self._word),
            **dict.fromkeys(SUBJECTS, self._search),
            **dict.fromkeys(LOADS, self._loaded),
        }

    def parse(self) -> Tree:
        """Return the tree of the whole text; raises FilterError."""
        if self.token.kind == "end":
            return EVERYTHING
        found = self._expression()
        if self.token.kind != "end":
            raise self.error(f"{self.shown} stands where 'and', 'or' or the end should")
        self.check_depth(found)
        return found

    def _expression(self) -> Tree:
        left = self._negated()
        while (joint := JOINTS.get(self.token.text)) and self.token.kind != "string":
            if joint == "and" and isinstance(left, Or) and self.mixed is None:
                self.mixed = self.token.at
            kind = And if joint == "and" else Or
            if not isinstance(left, kind):
                self.check_depth(left)
            self.take()
            left = joined(kind, left, self._negated())
        return left

    def _negated(self) -> Tree:
        if self.token.text not in NEGATIONS or self.token.kind == "string":
            return self._primary()
        self.take()
        with self.deeper():
            return Not(self._negated())

    def _primary(self) -> Tree:
        kind, text, _ = self.token
        if text == "(" and not self.reckons():
            return self._group()
        if kind == "string" or (kind == "number" and not self.relates(self._again is not None)):
            return self._endpoint("") if self.peek(1).text == ":" else self._more()
        if kind == "number" or text in ("(", "*"):
            return self._endpoint("") if text == "*" else self._relation()
        if kind == "name":
            return self._named(text)
        raise self._no_term()

    def _no_term(self) -> FilterError:
        return self.error(f"{self.shown} stands where a term should, such as 'port 1024'")

    def _group(self) -> Tree:
        self.take()
        with self.deeper():
            found = self._expression()
        self.need(")")
        return found

    def _named(self, text: str) -> Tree:
        if self.peek(1).text == ":":
            return self._endpoint("")
        if self._field and text.lower() in self._field.names and not self._begins_other(text):
            return self._more()
        if start := self._starts.get(text):
            return start()
        if field := find(text):
            return self._of_field(field)
        if self._field and text in self.own_names(self._field):
            return self._more()
        if (name := _word_of(f"{self._kind} {text}")) in WORDS:
            self.take()
            return Word(name)
        if text in KEYWORDS:
            raise self._no_term()
        raise self.error(f"no term begins with {self.shown}{_hint(text)}")

    def _begins_other(self, text: str) -> bool:
        """Whether a word that a value is called means something else here."""
        follows = self.peek(1).text
        searched = text in SUBJECTS and (follows in RELATIONS or follows in (*_SEARCHES, "["))
        return text in WORDS or f"{text} {follows}" in WORDS or searched

    def _more(self) -> Tree:
        """Another value of the last term's kind: `port 22 or 23`."""
        if self._again is None:
            raise self.error(
                f"{self.shown} stands alone: of what? Such as 'port {self.token.text}'"
            )
        return self._again()

    # --- terms --------------------------------------------------------------------------------

    def _of_field(self, field: Field) -> Tree:
        follows = self.peek(1)
        if follows.text in BINDING or (follows.text in RELATIONS and follows.kind != "string"):
            return self._relation()
        self.take()
        if "in" in (self.token.text, self.token.text == "not" and self.peek(1).text):
            return self._in(field)
        if self._begins_value(field):
            return self._member(field)
        if self.before.text in BY_WIRESHARK:
            return Present(field.name)
        raise self.error(f"{self.shown} stands where a value of {field.name} should")

    def _begins_value(self, field: Field) -> bool:
        kind, text, _ = self.token
        if kind == "name":
            return text not in JOINTS
        return kind in ("number", "string") or (kind == "sign" and text == "{")

    def _member(self, field: Field) -> Tree:
        self._again, self._field = lambda: self._member(field), field
        return member(field.name, self.alternatives(field))

    def _in(self, field: Field) -> Tree:
        negated = self.token.text == "not"
        if negated:
            self.take()
        self._again, self._field = lambda: self._member(field), field
        found = member(field.name, self.set_of(field))
        return Not(found) if negated else found

    def _relation(self) -> Tree:
        return self._compared(self.value())

    def _compared(self, left: Value) -> Tree:
        sign = RELATIONS.get(self.token.text) if self.token.kind != "string" else None
        if sign is None:
            return self._bits(left)
        self.take()
        self._again, self._field = None, None
        field = BY_NAME[left.name] if isinstance(left, Name) else None
        right = self.text_of(left) or self.value(field)
        return self.checked(*_in_order(left, sign, right))

    def _bits(self, left: Value) -> Tree:
        """Read bits without a comparison: any of them is set (Wireshark's `flags & 2`)."""
        if getattr(left, "op", "") != "&":
            raise self.error(f"{self.shown} stands where a comparison should, such as '=='")
        self._again, self._field = None, None
        return Relation("!=", left, Number(0))

    def _directed(self) -> Tree:
        side = self.take().text
        if self.token.text in JOINTS and self.peek(1).text in ("src", "dst"):
            return self._both(side)
        return self._side(side)

    def _side(self, side: str) -> Tree:
        kind, text, _ = self.token
        if self.peek(1).text == ":":
            return self._endpoint(side)
        text = SYNONYMS.get(text, text)
        if text in ("cid", "port") and kind == "name":
            self.take()
            return self._sided(side, text)
        if kind == "name" and self.cid(text) is not None:
            return self._sided(side, "cid")
        raise self.error(f"{self.shown} stands where 'cid', 'port' or CID:PORT should")

    def _sided(self, side: str, text: str) -> Tree:
        field = BY_NAME[f"{side}_{text}"]
        if self.token.text == "in":
            return self._in(field)
        if self.token.text in RELATIONS:
            return self._compared(Name(field.name))
        return self._member(field)

    def _both(self, side: str) -> Tree:
        """Read `src or dst port 22`, and `src and dst`."""
        kind = And if JOINTS[self.take().text] == "and" else Or
        other = self.take().text
        return self._twice(kind, lambda: self._side(side), lambda: self._side(other))

    def _twice(
        self, kind: type[And] | type[Or], one: Callable[[], Tree], other: Callable[[], Tree]
    ) -> Tree:
        """Read the same text in two ways, and so what it elides."""
        start = self.at
        left, one_again = one(), self._again
        self.at = start
        right, other_again = other(), self._again
        if one_again and other_again:
            self._again = lambda: self._twice(kind, one_again, other_again)
        return joined(kind, left, right)

    def _endpoint(self, side: str) -> Tree:
        self._again, self._field = None, None
        return self.endpoint(side)

    def _pair(self) -> Tree:
        self.take()
        self._again, self._field = None, None
        return Pair(self.endpoint(""), self.endpoint(""))

    def _length(self, sign: str) -> Tree:
        self.take()
        self._again, self._field = None, None
        return Relation(sign, Name("wire_len"), Number(self.number(32)))

    def _present(self) -> Tree:
        self.take()
        field = find(self.token.text)
        if field is None:
            raise self.error(f"{self.shown} is no field{near(self.token.text, BY_NAME)}")
        self.take()
        return Present(field.name)

    def _word(self) -> Tree:
        """Read a word, of two parts if the first needs one; `flags` is also a field."""
        text, name = self.token.text, _word_of(f"{self.token.text} {self.peek(1).text.lower()}")
        if name in WORDS:
            self.take()
            self._kind, self._again, self._field = text, None, None
        elif (field := find(SYNONYMS.get(text, text))) is not None:
            return self._of_field(field)
        elif (name := text) not in WORDS:
            needed = ", ".join(word.split()[1] for word in WORDS if word.split()[0] == text)
            raise self.error_at(1, f"{self.after} stands where one of these should: {needed}")
        self.take()
        return Word(name)

    def _loaded(self) -> Tree:
        return self._relation() if self.peek(1).text == "[" else self._search()

    def _search(self) -> Tree:
        subject = LOADS.get(self.token.text, self.token.text)
        if subject == "link":
            raise self.error_at(1, f"{self.after} stands where '[' should")
        subject = "payload" if subject == "data" else subject
        self.take()
        how = self.token.text
        if how in _SEARCHES:
            self.take()
            how = "matches" if how == "~" else how
        elif RELATIONS.get(how) == "==":
            self.take()
            how = "is"
        elif subject == "process":
            how = "is"
        else:
            raise self.error(f"{self.shown} stands where 'contains' or 'matches' should")
        return self._search_again(subject, how)

    def _search_again(self, subject: str, how: str) -> Tree:
        self._again, self._field = lambda: self._search_again(subject, how), None
        return Search(subject, how, self.needle(how))


_SEARCHES = ("contains", "matches", "~")


def _word_of(text: str) -> str:
    return SYNONYMS.get(text, text)


def _hint(text: str) -> str:
    """What may have been meant by a word that begins no term."""
    if text in ADVICE:
        return f"; {ADVICE[text]}"
    field = next((field for field in FIELDS if text.lower() in field.names), None)
    if field is not None:
        return f"; do you mean {field.name} {text.lower()}?"
    return near(text, [*BY_NAME, *BY_WIRESHARK, *WORDS, *SYNONYMS, *KEYWORDS])


def _in_order(left: Value, sign: str, right: Value) -> tuple[str, Value, Value]:
    """Return a relation with its constant at the right."""
    if isinstance(left, Number) and not isinstance(right, Number):
        return MIRRORED[sign], right, left
    return sign, left, right
