"""Message-IDs of our mails: made of their keys, and read back.

A mail that is sent twice because its worker died has it twice: mail programs show it once.
"""

import re
from email.utils import parseaddr

from django.conf import settings

_OURS = re.compile(r"<enlace-([0-9]{1,18})@[^<>@\s]{1,255}>")


def message_id(email_id: int) -> str:
    """Return the Message-ID of a mail by its key."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<enlace-{email_id}@{domain}>"


def email_id(header: str) -> int | None:
    """Return the key of the mail that has this Message-ID; None where it is not one of ours."""
    found = _OURS.fullmatch(header.strip()) if len(header) <= 400 else None
    return int(found[1]) if found and found[0].lower() == message_id(int(found[1])).lower() else None
