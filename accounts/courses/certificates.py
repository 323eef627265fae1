"""Certificates of completed courses: their addresses, whom they name, and the checks that are to be made of them.

A certificate is fetched by `accounts.courses.certificate_pages`, only from CERTIFICATE_HOSTS.
"""

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from accounts.courses.models import CertificateCheck, CertificateState, Completion
from core.cause import Cause
from core.insert_once import insert_once
from core.queue.wakeup import wake_on_commit
from core.text import words

LONGEST = 500
State = CertificateState
_TITLES = frozenset({"dr", "dra", "prof", "mr", "mrs", "ms", "miss", "sr", "sra", "srta", "don", "dona"})


class NoCertificateAddress(ValueError):
    """The text is no address of a certificate; the message says why."""


def checked(raw: str) -> str:
    """Return `raw` as an https address that may be shown as a link; "" for an empty text. Its host is not called.

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
    """Return `raw` as such an address; "" for what is none."""
    try:
        return checked(raw)
    except NoCertificateAddress:
        return ""


def enqueue_check(completion: Completion) -> bool:
    """Enqueue the check of a completion's certificate, once; False where there is nothing to check it by.

    A completion that came without a name is checked by its member's, so anew where it becomes another member's.
    """
    is_due = bool(settings.CERTIFICATE_HOSTS and completion.certificate_url and (completion.name or completion.user_id))
    if not is_due:
        return False
    check = CertificateCheck(completion=completion)
    check.schedule_wake_up()
    if insert_once(check):
        wake_on_commit(check)
        return True
    return not completion.name and _requeue(completion)


def check_again(completion: Completion) -> bool:
    """Enqueue another check of a certificate, whatever the result before; False where there is nothing to check."""
    if not settings.CERTIFICATE_HOSTS or not completion.certificate_url:
        return False
    Completion.objects.filter(pk=completion.pk).update(
        certificate_state=State.NOT_CHECKED, certificate_reason="", certificate_checked_at=None
    )
    return enqueue_check(completion) or _requeue(completion)


def accept(completion: Completion, *, cause: Cause) -> bool:
    """Accept a certificate as the student's because staff looked at it; a check under way changes nothing more."""
    doubtful = Completion.objects.filter(pk=completion.pk).exclude(certificate_url="")
    return bool(
        doubtful.exclude(certificate_state__in=[State.VALID, State.ACCEPTED]).update(
            certificate_state=State.ACCEPTED,
            certificate_reason=cause.reason[:300],
            certificate_checked_at=timezone.now(),
        )
    )


def _requeue(completion: Completion) -> bool:
    check = CertificateCheck.objects.filter(completion=completion).first()
    if check is None:
        return False
    check.requeue(last_error="")
    wake_on_commit(check)
    return True


def proves(name: str) -> bool:
    """Return whether a text that names this person proves anything: a first name alone is many people's."""
    return len(_parts(name)) > 1


def names(text: Sequence[str], name: str) -> bool:
    """Return whether `text`, as `core.text.words` parts it, names this person.

    All words of the name stand together in a sentence, in any order; initials count for nothing on either side, and one
    other word may stand among them ("Ana María López" names Ana López). Titles are no part of a name.
    """
    wanted = _parts(name)
    if len(wanted) < 2:
        return False
    joined = {"".join(wanted), "".join([wanted[-1], *wanted[:-1]])}
    among = set(wanted)
    return any(
        word in joined or (word in among and _begins_with(text, place, wanted)) for place, word in enumerate(text)
    )


def _begins_with(text: Sequence[str], place: int, wanted: Sequence[str]) -> bool:
    missing, others = Counter(wanted), 0
    for word in text[place : place + 3 * len(wanted)]:
        if missing[word] > 0:
            missing[word] -= 1
            if not missing.total():
                return True
        elif len(word) != 1:
            others += 1
            if others > 1 or not word:
                return False
    return False


def _parts(name: str) -> list[str]:
    return [word for word in words(name) if len(word) > 1 and word not in _TITLES]
