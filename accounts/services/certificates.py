"""Addresses of certificates: shown to people as links, never fetched by us."""

from urllib.parse import urlsplit

LONGEST = 500


class NoCertificateAddress(ValueError):
    """The text is no address of a certificate; the message says why."""


def checked(raw: str) -> str:
    """`raw` as an https address that may be shown as a link, or "" for an empty text. Nothing is asked of its host.

    Raises NoCertificateAddress.
    """
    text = raw.strip()
    if not text:
        return ""
    if len(text) > LONGEST:
        raise NoCertificateAddress(f"the certificate's address is longer than {LONGEST} characters")
    if any(letter.isspace() or not letter.isprintable() or letter in "<>\"'\\`" for letter in text):
        raise NoCertificateAddress("the certificate's address holds a character that no address has")
    try:
        parts = urlsplit(text)
        _port = parts.port  # raises for what is no number
    except ValueError as error:
        raise NoCertificateAddress("the certificate's address cannot be read") from error
    if parts.scheme.lower() != "https":
        raise NoCertificateAddress("the certificate's address must begin with https://")
    if "." not in (parts.hostname or "").strip(".") or parts.username is not None:
        raise NoCertificateAddress("the certificate's address must name a host, and nobody's name or password")
    return text


def checked_or_none(raw: str) -> str:
    """The same for what nobody can be told about: "" for what is no such address."""
    try:
        return checked(raw)
    except NoCertificateAddress:
        return ""
