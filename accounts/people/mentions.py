"""Finding and removing what names a person in texts, JSON and bytes, in whatever spelling it stands there."""

import html
import json
import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from django.utils.text import slugify

from core.text import compositions

REMOVED = "[removed]"
SHORTEST = 6  # characters of an id or a line of an address: what is shorter names nobody in a text
SHORTEST_PHONE = 7  # digits
NATIONAL = 10  # digits of a number without its country code
_SEPARATOR = r"(?:[\s().\-/\u00a0]|%20|%28|%29|%2B|\\u00a0)*"
_BETWEEN_NAMES = r"(?:[\s,+_]|%20|%2C|\\u00a0)+"
_NO_LETTER_BEFORE = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2}))"
_NO_LETTER_AFTER = r"(?![^\W_])"
_NO_ADDRESS_BEFORE = r"(?:(?<![\w.+\-])|(?<=%[0-9A-Fa-f]{2}))"
_NO_ADDRESS_AFTER = r"(?![\w\-]|\.\w)"
_ADDRESS = re.compile(r"[\w.+\-]{1,64}@[\w\-]+(?:\.[\w\-]+)*")
_ESCAPED = re.compile(r"%(?:20|28|29|2b)|\\u00a0")
_NO_DIGITS = bytes(byte for byte in range(256) if not 48 <= byte <= 57)
_NOTHING = re.compile(r"(?!)")


def digits_of(phone: str) -> str:
    """Return the digits of a phone number, without a country code; "" for what is too short to be one."""
    digits = "".join(letter for letter in phone if letter.isascii() and letter.isdigit())
    return digits[-NATIONAL:] if len(digits) >= SHORTEST_PHONE else ""


class Mentions:
    """The person's values as patterns.

    Strong ones name the person wherever they stand: addresses, phone numbers, whole names, ids, lines of a postal
    address. Parts of names do so only where it is clear who is meant: in rows and JSON objects of their own; in other
    texts that name the person only those parts that nobody else of ours has.
    """

    def __init__(
        self,
        *,
        emails: Iterable[str] = (),
        masked: Collection[str] = (),
        phones: Collection[str] = (),
        full_names: Iterable[tuple[str, str]] = (),
        parts: Iterable[str] = (),
        shared_parts: Iterable[str] = (),
        ids: Iterable[str] = (),
        lines: Collection[str] = (),
    ) -> None:
        self.emails, self.ids = frozenset(emails), frozenset(ids)
        names = [name for name in full_names if all(name)]
        patterns = [_email(spelling) for email in self.emails for spelling in _spellings(email)]
        patterns += [_word(slugify(email.replace("@", "-at-").replace(".", "-"))) for email in self.emails]
        patterns += [_email(spelling) for text in masked for spelling in _spellings(text)]
        patterns += [_phone(digits) for digits in {digits_of(phone) for phone in phones} if digits]
        patterns += [pattern for first, last in names for pattern in (_whole(first, last), _whole(last, first))]
        patterns += [_word(text) for text in (*self.ids, *lines) if len(text) >= SHORTEST]
        self._strong = _any_of(patterns)
        # A text that holds none of these is not searched by patterns, which takes a thousand times as long.
        words = [*self.emails, *masked, *(text for text in (*self.ids, *lines) if len(text) >= SHORTEST)]
        self._words = {form.lower() for word in words for form in _forms(word)}
        self._words |= {slugify(email.replace("@", "-at-").replace(".", "-")) for email in self.emails}
        self._pairs = [tuple({form.lower() for form in _forms(name)} for name in pair) for pair in names]
        self._digits = {digits.encode() for digits in map(digits_of, phones) if digits}
        everything = {part for part in parts if part}
        shared = {part.casefold() for part in shared_parts}
        self._parts = _any_of(_word(part) for part in everything)
        self._distinct = _any_of(_word(part) for part in everything if part.casefold() not in shared)

    def match(self, value: Any) -> bool:
        """Return whether a value (text, number, JSON, bytes) holds something that names the person."""
        if value is None or isinstance(value, bool):
            return False
        if isinstance(value, bytes | memoryview):
            return self.match(bytes(value).decode("utf-8", "replace"))
        if isinstance(value, dict):
            return any(self.match(key) or self.match(item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return any(self.match(item) for item in value)
        text = str(value)
        return self._may_name(text) and bool(self._strong.search(text))

    def _may_name(self, text: str) -> bool:
        """Return False for what surely names nobody, quickly."""
        low = text.lower()
        if any(word in low for word in self._words):
            return True
        if any(all(any(form in low for form in forms) for forms in pair) for pair in self._pairs):
            return True
        if not self._digits:
            return False
        digits = _ESCAPED.sub("", low).encode("utf-8", "replace").translate(None, _NO_DIGITS)
        return any(number in digits for number in self._digits)

    def scrubbed(self, value: Any, *, own: bool) -> Any:
        """Return a value without what names the person. `own`: it is theirs alone, so parts of the name go too."""
        if isinstance(value, str):
            return self._text(value, self._parts if own else self._distinct if self.match(value) else None)
        if isinstance(value, bytes | memoryview):
            return self._bytes(bytes(value), own=own)
        return self._json(value, own=own)

    def _text(self, text: str, parts: re.Pattern[str] | None) -> str:
        text = self._strong.sub(REMOVED, text)
        return parts.sub(REMOVED, text) if parts is not None else text

    def _bytes(self, body: bytes, *, own: bool) -> bytes:
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return str(self.scrubbed(body.decode("utf-8", "replace"), own=own)).encode()
        return json.dumps(self._json(parsed, own=own), ensure_ascii=False).encode("utf-8", "replace")

    def _json(self, value: Any, *, own: bool) -> Any:
        if isinstance(value, list):
            return [self._json(item, own=own) for item in value]
        if isinstance(value, dict):
            scalars = [item for item in value.values() if not isinstance(item, dict | list)]
            # Another person's object within the person's, such as a spouse's, is that person's.
            others = any(address.lower() not in self.emails for item in scalars for address in _addresses(item))
            own = any(map(self.match, scalars)) or (own and not others)
            return {self._text(str(key), None): self._json(item, own=own) for key, item in value.items()}
        if isinstance(value, str):
            return self._text(value, self._parts if own else None)
        if isinstance(value, int | float) and not isinstance(value, bool) and self.match(value):
            return REMOVED
        return value


def addresses_in(value: Any) -> set[str]:
    """Return every e-mail address in a value, in lower case."""
    if isinstance(value, bytes | memoryview):
        value = bytes(value).decode("utf-8", "replace")
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return {address.lower().rstrip(".") for address in _ADDRESS.findall(text)}


def _addresses(value: Any) -> list[str]:
    return _ADDRESS.findall(value) if isinstance(value, str) else []


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one pattern of many, the longest first, so that a value is found whole."""
    ordered = sorted(set(patterns), key=lambda pattern: (-len(pattern), pattern))
    return re.compile("|".join(ordered), re.IGNORECASE) if ordered else _NOTHING


def _email(spelling: str) -> str:
    return f"{_NO_ADDRESS_BEFORE}{spelling}{_NO_ADDRESS_AFTER}"


def _word(text: str) -> str:
    spellings = "|".join(_spellings(text))
    return f"{_NO_LETTER_BEFORE}(?:{spellings}){_NO_LETTER_AFTER}"


def _whole(one: str, another: str) -> str:
    first, second = "|".join(_spellings(one)), "|".join(_spellings(another))
    return f"{_NO_LETTER_BEFORE}(?:{first}){_BETWEEN_NAMES}(?:{second}){_NO_LETTER_AFTER}"


def _phone(digits: str) -> str:
    return rf"(?<!\d)(?:\+?\d{{1,3}}{_SEPARATOR})?{_SEPARATOR.join(digits)}(?!\d)"


def _spellings(text: str) -> list[str]:
    """Return the forms of a text as patterns, the longest first."""
    return sorted(map(re.escape, _forms(text)), key=lambda form: (-len(form), form))


def _forms(text: str) -> set[str]:
    """Return a text as it is, and as JSON, a URL or a page would write it."""
    forms = compositions(text)
    for form in list(forms):
        forms |= {json.dumps(form)[1:-1], quote(form, safe=""), quote(form, safe="+"), quote_plus(form)}
        forms |= {html.escape(form)}
    return forms
