"""Text from outside: bounded first, then cleaned and normalised. No other module normalises text.

Normalising takes quadratic time on a run of combining marks, and holds the interpreter's lock meanwhile; so does many
a regular expression. Nothing here therefore looks at more letters than the limits below allow, whatever was sent.

A value that is longer than its limit never stops the record that it stands in. One rule decides:

- names and free text are cut: the beginning is still true
- an id is replaced by its digest: a cut one would be somebody else's
- an e-mail address, a phone number or a URL is left out: a cut one would be somebody else's
- a mapping or a list is cut to its first entries
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import email_validator
from email_validator import EmailNotValidError, validate_email

from core.phrases import NUMBER, QUOTED, Phrase

_LONG = Phrase("{text}… is no e-mail address: it is longer than {limit} characters", text=QUOTED, limit=NUMBER)
_NO_AT = Phrase("{text} is no e-mail address: it has no @", text=QUOTED)
_NO_ADDRESS = Phrase("{text} is no e-mail address: {error}", text=QUOTED)
_NO_ASCII_FORM = Phrase("{text} has no ASCII form", text=QUOTED)
_NOT_ASCII = Phrase(
    "{text}: the part before the @ has letters outside of ASCII, which look like others; not accepted", text=QUOTED
)

NAME = 60  # letters of a person's name: it stands in mails
LINE = 500  # letters of any other text of one line, and of a name before it is cleaned
TEXT = 10_000  # letters of free text, and of any value of a payload
EMAIL = 254
PHONE = 50
IDENTIFIER = 100
PASSWORD = 1024
KEY = 150  # letters of a name in a mapping
ENTRIES = 500  # of a mapping or a list
DEPTH = 32  # levels of mappings and lists within each other

_URL_IN_WORD = re.compile(r"://|www\.|@|\S\.[a-z]{2,}/", re.IGNORECASE)
_BARE_DOMAIN = re.compile(r"\.(?=\w)")
_NOT_IN_NAMES = re.compile(r"[<>\"\\{}\[\]|]")
_NOT_IN_KEYS = re.compile(r"[^a-z0-9]+")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Letters that are another one with a stroke, which no normalisation takes off; what stands inside of words; what ends
# a sentence or a label.
_PLAIN_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_WITHIN_WORDS = "'’ʼ`\u00ad\u200b\u200c\u200d\u2060"
_ENDS = ".;:!?"
# Letters without a width that copying leaves within a text, and those that only say how it is shown.
_ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff]")
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_PLAIN_MARKS = str.maketrans(dict.fromkeys('‘’‚‛′‵`´ʼʹ＇"“”„‟«»‹›″‶〝〞＂', "'") | dict.fromkeys("‐‑‒–—―−⁃﹘﹣－", "-"))
_DASH = re.compile(" ?-[ -]*")
_QUOTES = re.compile("''+")
_NOT_ON_A_LINE = ("Cc", "Cs")  # control letters, and halves of letters

# Names of trials and closed networks: admin@localhost is the first staff user, shop.test somebody's staging machine.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in ("localhost", "local", "test")
]


class InvalidAddress(ValueError):
    """The text is no e-mail address that we could write to; the message says why."""


# What templates and forms send where they have nothing to send. "Null" as it stands is somebody's surname.
_NOTHING = frozenset({"undefined", "n/a", "#n/a", "(null)", "<null>", "[object object]", "nan", "{}", "[]"})
_NOTHING_EXACTLY = frozenset({"null", "NULL", "none", "None", "NONE", "nil", "-", "–", "--", "?"})
# How templates mark a place that was not filled in.
_MARKS = (("{{", "}}"), ("{%", "%}"), ("${", "}"), ("[[", "]]"), ("*|", "|*"), ("%%", "%%"))


def is_placeholder(raw: str) -> bool:
    """Return whether a text stands where a value is missing: "null", "undefined", "N/A", "{{member.id}}"."""
    text = raw[:LINE].strip()
    if text in _NOTHING_EXACTLY or text.casefold() in _NOTHING:
        return True
    return any(text.startswith(start) and text.endswith(end) for start, end in _MARKS)


def fits(raw: str, limit: int) -> str:
    """Return `raw`, or "" where it is longer than `limit`: for what means something else when it is cut."""
    return raw if len(raw) <= limit else ""


def identifier(raw: str, limit: int = IDENTIFIER) -> str:
    """Return an id of another system, or its digest where it is longer than `limit`, so that no two become the same."""
    if len(raw) <= limit:
        return raw
    return "long:" + hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def storable(value: Any) -> Any:
    """Return a text or a JSON value with U+FFFD for each NUL and lone surrogate, which PostgreSQL refuses."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


def one_line(raw: str, limit: int = LINE) -> str:
    """Return `raw` without line breaks and control letters, with single spaces, at most `limit` letters long."""
    text = raw[: 2 * limit]
    if not text.isprintable():  # else there is none of them, which is known a hundred times faster
        text = "".join(" " if unicodedata.category(letter) in _NOT_ON_A_LINE else letter for letter in text)
    return " ".join(text.split())[:limit].strip()


def clean_name(raw: str, limit: int = NAME) -> str:
    """Return a name as it may stand in a mail: one line, no URL, no markup, at most `limit` letters."""
    text = unicodedata.normalize("NFC", "" if is_placeholder(raw) else raw[:LINE])
    text = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    text = " ".join(word for word in text.split() if not _URL_IN_WORD.search(word))
    text = _NOT_IN_NAMES.sub("", text)
    text = _BARE_DOMAIN.sub(". ", text)  # "evil.example" would become a link in most mail programs
    return " ".join(text.split())[:limit].strip()


def normalise_email(raw: str) -> str:
    """Return the one form in which the address `raw` is stored and compared: NFKC, trimmed, ASCII, lower case.

    The domain of a foreign script becomes punycode. A local part outside of ASCII is refused rather than folded: NFKC
    turns the Kelvin sign into a "k" and PostgreSQL's `upper` a dotless "ı" into an "I", so that a look-alike would open
    somebody else's account. Dots and plus-tags in the local part are kept: they are other mailboxes at most providers.

    Raises InvalidAddress.
    """
    if len(raw) > LINE:
        raise InvalidAddress(_LONG(text=raw[:40], limit=EMAIL))
    text = raw.strip().rstrip(". \u3000").lstrip()
    if len(text) > EMAIL:
        raise InvalidAddress(_LONG(text=raw[:40], limit=EMAIL))
    local, at, domain = text.rpartition("@")
    if not at or not local:
        raise InvalidAddress(_NO_AT(text=raw))
    if not local.isascii():
        raise InvalidAddress(_NOT_ASCII(text=raw))
    try:
        validated = validate_email(
            f"{local}@{unicodedata.normalize('NFKC', domain)}",
            allow_smtputf8=False,
            check_deliverability=False,
            globally_deliverable=False,  # a domain without a dot is one, on a closed network
        )
    except EmailNotValidError as error:
        raise InvalidAddress(_NO_ADDRESS(text=raw, error=error)) from error
    address = validated.ascii_email
    if address is None or len(address) > EMAIL:
        raise InvalidAddress(_NO_ASCII_FORM(text=raw))
    return address.lower()


def email_or_empty(raw: str) -> str:
    """Return an address in its stored form, "" for what is none."""
    try:
        return normalise_email(raw) if raw else ""
    except InvalidAddress:
        return ""


class Parsed(NamedTuple):
    """The usable values of a text from outside, in our form, the best first; and why something of it is left out.

    Neither a value nor a reason: the text says that there is none. `left_out` is for staff.
    """

    values: tuple[str, ...] = ()
    left_out: str = ""

    @property
    def best(self) -> str:
        """Return the first value, "" without one."""
        return self.values[0] if self.values else ""


def title_key(raw: str, limit: int = 255) -> str:
    """Return what two spellings of a title have in common: case, spaces and compatible letters do not matter."""
    return " ".join(unicodedata.normalize("NFKC", raw[:LINE]).split()).casefold()[:limit]


def loose_title_key(raw: str, limit: int = 255) -> str:
    """Return what two spellings of a title have in common, as `title_key`, whatever quotes and dashes they have.

    “Guide – Part 1” and "guide-part 1" are one; so are titles that differ by letters that nobody sees.
    """
    text = unicodedata.normalize("NFKC", without_zero_width(raw[:LINE], also_marks=True).translate(_PLAIN_MARKS))
    text = _DASH.sub("-", " ".join(text.translate(_PLAIN_MARKS).split()).casefold())
    return _QUOTES.sub("'", text).strip(" '")[:limit] or title_key(raw, limit)


def without_zero_width(raw: str, *, also_marks: bool = False) -> str:
    """Return a text without letters of no width; with `also_marks` without soft hyphens and marks of direction too.

    Not for the addresses of accounts: `normalise_email` refuses them there, since they make look-alikes.
    """
    return (_UNSEEN if also_marks else _ZERO_WIDTH).sub("", raw)


def ascii_like(raw: str) -> str:
    """Return at most LINE letters with full-width digits as plain ones, single spaces, and nothing that nobody sees."""
    return " ".join(unicodedata.normalize("NFKC", without_zero_width(raw[:LINE], also_marks=True)).split())


def plain_key(raw: str) -> str:
    """Return a field's name without accents, case and punctuation: "Fecha de inicio:" → "fecha_de_inicio"."""
    letters = unicodedata.normalize("NFKD", raw[:LINE]).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_KEYS.sub("_", letters).strip("_")


def words(raw: str) -> list[str]:
    """Return the words of a text without accents and case, each cut to NAME letters; "" where a sentence ends.

    A dot after a single letter ends none: it is an initial's.
    """
    found: list[str] = []
    for piece in raw.split():
        for start in range(0, len(piece), LINE):
            found += _words_of(unicodedata.normalize("NFKD", piece[start : start + LINE]))
    return found


def _words_of(piece: str) -> Iterator[str]:
    letters: list[str] = []
    for letter in f"{piece.casefold().translate(_PLAIN_LETTERS)} ":
        kind = unicodedata.category(letter)[0]
        if kind in "LN":
            letters.append(letter)
        elif kind != "M" and letter not in _WITHIN_WORDS:
            if letters:
                yield "".join(letters)[:NAME]
            if letter in _ENDS and len(letters) != 1:
                yield ""
            letters = []


def compositions(text: str) -> set[str]:
    """Return `text` as it is, and with its accents composed and decomposed where it is no longer than LINE."""
    return {text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))} if len(text) <= LINE else {text}


def identifiers(raw: Mapping[str, str]) -> dict[str, str]:
    """Return ids by their kind, each as `identifier` has it."""
    return {kind: identifier(external_id) for kind, external_id in islice(raw.items(), ENTRIES)}


def bounded(value: Any, *, depth: int = DEPTH) -> Any:
    """Return a JSON value with every text in it cut to TEXT, and of each mapping and list the first ENTRIES.

    A name longer than KEY is left out with its value, and so is what lies deeper than `depth` levels.
    """
    if isinstance(value, str):
        return value[:TEXT]
    if isinstance(value, Mapping):
        entries = islice(((key, item) for key, item in value.items() if len(str(key)) <= KEY), ENTRIES)
        return {key: bounded(item, depth=depth - 1) for key, item in entries} if depth else {}
    if isinstance(value, list | tuple):
        return [bounded(item, depth=depth - 1) for item in islice(value, ENTRIES)] if depth else []
    return value
