"""Write the text of somebody's document, in a process of its own: `python -m core.documents.reading pdf|html … < FILE`.

Like a workbook (`core.tables.reading`), such a file can be made to grow without end or to keep its reader busy, so the
process has a limited time and memory, no settings, no secrets and no database. What breaks the reader in a way that is
not foreseen here ends this process; its caller takes that for a document that cannot be read.
"""

import codecs
import json
import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import IO

from core.tables.bounds import Unreadable
from core.tables.reading import TOO_HARD, limit_process, say

MOST_PAGES = 5  # a certificate has one or two
MOST_LETTERS = 300_000
AT_A_TIME = 32 * 1024  # letters of a message
LARGEST_HTML = 2 * 1024 * 1024  # bytes
BROKEN = "The file is a broken PDF."
LOCKED = "The file is a PDF with a password."
_SKIPPED = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "object", "select", "textarea"})
_INLINE = frozenset(
    ("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "em", "font", "i", "ins", "kbd", "mark")
    + ("q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr")
)
_CHARSETS = frozenset({"utf-8", "iso8859-1", "cp1252", "ascii", "iso8859-15", "utf-16", "utf-16-le", "utf-16-be"})
_DECLARED = re.compile(rb"charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_-]{1,20})")


def texts_of_pdf(file: IO[bytes]) -> Iterator[str]:
    """Yield the text of each of the first pages. A file whose password is empty is no secret, and is opened."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(file, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable(LOCKED)
        for number in range(min(len(reader.pages), MOST_PAGES)):
            yield f"{reader.pages[number].extract_text()}\n"
    except Unreadable:
        raise
    except (PyPdfError, LookupError, ValueError, TypeError, AttributeError, OSError, NotImplementedError) as error:
        raise Unreadable(BROKEN) from error


class _Visible(HTMLParser):
    """The text of a page: inline elements stay together, other elements separate words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._within = ""  # the element that is left out, with all inside of it
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._within:
            self._depth += tag == self._within
        elif tag in _SKIPPED:
            self._within, self._depth = tag, 1
        elif tag not in _INLINE:
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._within and tag not in _INLINE:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._within:
            self._depth -= tag == self._within
            if not self._depth:
                self._within = ""
        elif tag not in _INLINE:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.parts.append(data)


def texts_of_html(file: IO[bytes], charset: str) -> Iterator[str]:
    content = file.read(LARGEST_HTML + 1)
    if len(content) > LARGEST_HTML:
        raise Unreadable("The page is too large.")
    page = _Visible()
    page.feed(content.decode(_encoding(content, charset), "replace"))
    page.close()
    yield "".join(page.parts)


def known_charset(name: str) -> str:
    """Return the name of an encoding as Python has it, "" for one that pages are not read in."""
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return known if known in _CHARSETS else ""


def _encoding(content: bytes, charset: str) -> str:
    declared = _DECLARED.search(content[:2048])
    return known_charset(charset) or known_charset(declared.group(1).decode("ascii") if declared else "") or "utf-8"


def main(kind: str, charset: str, seconds: str) -> None:
    limit_process(int(seconds))
    file = os.fdopen(0, "rb", closefd=False)
    file.seek(0)
    left = MOST_LETTERS
    try:
        for text in texts_of_pdf(file) if kind == "pdf" else texts_of_html(file, charset):
            for start in range(0, min(len(text), left), AT_A_TIME):
                say(json.dumps({"text": text[start : min(start + AT_A_TIME, left)]}))
            left = max(left - len(text), 0)
        say(json.dumps({"end": True}))
    except Unreadable as error:
        say(json.dumps({"error": str(error)}))
    except (MemoryError, RecursionError):
        say(json.dumps({"error": TOO_HARD}))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # nothing is left to save, and Python's own clean-up takes a while
