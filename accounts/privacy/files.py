"""Files that hold something of people: the mails of the file mailbox. Everything else that is written lies in tables.

What lies below VAR_DIR beside them: the database, static files, the scheduler's clock and a lock. Uploaded files lie in
the cache (`accounts.courses.admin.completion_files`), at most an hour.
"""

import email
import email.policy
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage as ParsedMail
from pathlib import Path
from urllib.parse import unquote

from django.conf import settings

from accounts.people.mentions import Mentions, addresses_in


def mails() -> Iterator[Path]:
    """Return the mails in the file mailbox, and what a process left there that died while it wrote one."""
    folder = Path(settings.EMAIL_FILE_PATH)
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.suffix == ".eml" or path.name.startswith("."))


def mails_about(mentions: Mentions) -> list[Path]:
    """Return the mails that go to the person or name them."""
    return [path for path in mails() if _is_about(path, mentions)]


def mails_before(moment: datetime) -> list[Path]:
    """Return the mails that were written before `moment`."""
    return [path for path in mails() if _modified(path) < moment.timestamp()]


def delete(paths: list[Path]) -> int:
    """Delete files; returns how many there still were."""
    count = 0
    for path in paths:
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        count += 1
    return count


def text_of(path: Path) -> str:
    """Return the headers and the texts of a mail, decoded."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    parts = [f"{name}: {value}" for name, value in message.items()]
    inner = (part for part in message.walk() if isinstance(part, ParsedMail))
    parts += [str(part.get_content()) for part in inner if part.get_content_maintype() == "text"]
    return "\n".join(parts)


def _is_about(path: Path, mentions: Mentions) -> bool:
    try:
        text = text_of(path)
    except FileNotFoundError:
        return False
    return mentions.match(path.name) or mentions.match(text) or bool(addresses_in(unquote(text)) & mentions.emails)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
