"""OData filters as NowCerts' lists take them: `or`, `and`, `not`, parentheses, comparisons, `in`, `contains`.

Texts are compared exactly as they are stored, spaces and punctuation too; with `compares_case` their case too.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

Record = dict[str, Any]
Condition = Callable[[Record], bool]
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[(),]|[^\s'(),]+)")
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


class BadFilter(ValueError):
    """The filter is none; a server answers 400."""


def condition(text: str, *, compares_case: bool = True) -> Condition:
    """Return the condition that a filter states. Raises BadFilter."""
    parser = _Parser(text, fold=str if compares_case else str.lower)
    holds = parser.any_of()
    if parser.token:
        raise BadFilter(f"'{parser.token}' is not expected here")
    return holds


class _Parser:
    def __init__(self, text: str, *, fold: Callable[[str], str]) -> None:
        self._tokens, self._fold = _tokens(text), fold
        self.token = next(self._tokens, "")

    def any_of(self) -> Condition:
        conditions = [self._all_of()]
        while self.token == "or":
            self._take("or")
            conditions.append(self._all_of())
        return lambda record: any(holds(record) for holds in conditions)

    def _all_of(self) -> Condition:
        conditions = [self._one()]
        while self.token == "and":
            self._take("and")
            conditions.append(self._one())
        return lambda record: all(holds(record) for holds in conditions)

    def _one(self) -> Condition:
        if self.token == "not":
            self._take("not")
            negated = self._one()
            return lambda record: not negated(record)
        if self.token == "(":
            self._take("(")
            inner = self.any_of()
            self._take(")")
            return inner
        name = self._take()
        if name in _FUNCTIONS:
            self._take("(")
            column = self._take()
            self._take(",")
            part = self._literal()
            self._take(")")
            return lambda record: _FUNCTIONS[name](self._value(record, column), part or "")
        operator = self._take()
        if operator == "in":
            self._take("(")
            wanted = [self._literal()]
            while self.token == ",":
                self._take(",")
                wanted.append(self._literal())
            self._take(")")
            return lambda record: self._value(record, name) in wanted
        literal = self._literal()
        if literal is None:
            return {
                "eq": lambda record: record.get(name) is None,
                "ne": lambda record: record.get(name) is not None,
            }[operator]
        compared: dict[str, Condition] = {
            "eq": lambda record: self._value(record, name) == literal,
            "ne": lambda record: self._value(record, name) != literal,
            "ge": lambda record: self._value(record, name) >= literal,
            "gt": lambda record: self._value(record, name) > literal,
            "le": lambda record: self._value(record, name) <= literal,
            "lt": lambda record: self._value(record, name) < literal,
        }
        if operator not in compared:
            raise BadFilter(f"'{operator}' is no operator")
        return compared[operator]

    def _value(self, record: Record, name: str) -> str:
        value = record.get(name)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return self._fold("" if value is None else text)

    def _literal(self) -> str | None:
        token = self._take()
        if token in ("(", ")", ","):
            raise BadFilter("a value is expected")
        return None if token == "null" else self._fold(token[1:-1].replace("''", "'") if token[0] == "'" else token)

    def _take(self, expected: str = "") -> str:
        token, self.token = self.token, next(self._tokens, "")
        if not token or (expected and token != expected):
            raise BadFilter(f"'{expected or 'a name'}' is expected, '{token}' came")
        return token


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise BadFilter(f"the text at {position} does not end")
        yield found[1]
        position = found.end()
