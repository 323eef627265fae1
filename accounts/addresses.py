"""E-mail addresses: one stored form, so that two spellings of an address are one person and look-alikes never are."""

import unicodedata

import email_validator
from email_validator import EmailNotValidError, validate_email

# Names of trials and closed networks: admin@localhost is the first staff user, shop.test somebody's staging machine.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in ("localhost", "local", "test")
]


class InvalidAddress(ValueError):
    """The text is no e-mail address that we could write to; the message says why."""


def normalise(raw: str) -> str:
    """The one form in which `raw` is stored and compared: NFKC, no spaces or dots around it, ASCII only, lower case.

    The domain of a foreign script becomes punycode. A local part outside of ASCII is refused rather than folded: NFKC
    turns the Kelvin sign into a "k" and PostgreSQL's `upper` a dotless "ı" into an "I", so that a look-alike would open
    somebody else's account. Dots and plus-tags in the local part are kept: they are other mailboxes at most providers.

    Raises InvalidAddress.
    """
    text = raw.strip().rstrip(". \u3000").lstrip()
    local, at, domain = text.rpartition("@")
    if not at or not local:
        raise InvalidAddress(f"{raw!r} is no e-mail address: it has no @")
    if not local.isascii():
        raise InvalidAddress(
            f"{raw!r}: the part before the @ has letters outside of ASCII, which look like others; not accepted"
        )
    try:
        validated = validate_email(
            f"{local}@{unicodedata.normalize('NFKC', domain)}",
            allow_smtputf8=False,
            check_deliverability=False,
            globally_deliverable=False,  # a domain without a dot is one, on a closed network
        )
    except EmailNotValidError as error:
        raise InvalidAddress(f"{raw!r} is no e-mail address: {error}") from error
    address = validated.ascii_email
    if address is None:
        raise InvalidAddress(f"{raw!r} has no ASCII form")
    return address.lower()
