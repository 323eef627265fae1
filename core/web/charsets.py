"""Character sets that a request may declare for its body, by the names that senders use.

Python knows many more, some of which are none of text ("hex") or take quadratic time ("punycode"). Django would decode
forms and the query by them, and fails on some before any view is asked.
"""

UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")
UTF_16 = {"utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
ONE_BYTE = {
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "iso8859-1", "iso_8859-1"), "latin-1"),
    **dict.fromkeys(("windows-1252", "cp1252", "cp-1252"), "cp1252"),
}
_KNOWN = frozenset({*UTF_8, *UTF_16, *ONE_BYTE})


def without_unknown(content_type: str) -> str:
    """Return a Content-Type without a character set that is not one of these."""
    kind, *options = content_type.split(";")
    return ";".join([kind, *(option for option in options if _is_known(option))])


def _is_known(option: str) -> bool:
    name, _equals, value = option.partition("=")
    return name.strip().lower() != "charset" or value.strip().strip('"').strip().lower() in _KNOWN
