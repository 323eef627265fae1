"""Checking certificates: claim the check, fetch the document, look for the student's name, write what was found.

The result stands on the completion and changes no points: what is doubtful is a question to staff.
"""

import logging
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.courses import certificates, completion_mails
from accounts.courses.models import CertificateCheck, CertificateState, Completion
from core.documents.child import Busy, Unreadable, text_of
from core.phrases import Phrase
from core.queue.outcomes import TryAgain
from core.queue.runner import Failure, JobKind
from core.text import words
from core.web import fetch
from core.web.fetch import INTERNET, Document

_NO_FULL_NAME = Phrase("no full name of the student is known: a first name proves nothing")
_NEITHER = Phrase("it is neither a PDF nor a page")
_NO_TEXT = Phrase("it holds no text, perhaps a picture of one")
_NO_NAME = Phrase("the student's name is not in it")
_IN_ADDRESS = Phrase("the page's address holds the name, which any page may repeat")
_NAMED = Phrase("it names the student")

logger = logging.getLogger(__name__)
NETWORK = INTERNET  # how hosts are found; tests replace it by this machine
KINDS = {"application/pdf": "pdf", "text/html": "html", "application/xhtml+xml": "html", "application/octet-stream": ""}
State = CertificateState
Status = CertificateCheck.Status


@dataclass(frozen=True, kw_only=True)
class Found:
    state: CertificateState
    reason: str


def _check(row: CertificateCheck) -> None:
    completion = Completion.objects.select_related("user").get(pk=row.completion_id)
    found = judge(completion)
    with transaction.atomic():
        row.close(Status.DONE)
        _note(completion, found)
        completion_mails.send_after_check(completion)
    logger.info("certificate checked", extra={"completion_id": completion.pk, "state": found.state.value})


def _note_failure(row: CertificateCheck, failure: Failure) -> None:
    if failure.is_last:
        _note(row.completion, Found(state=State.UNREACHABLE, reason=failure.error))


JOBS = JobKind(model=CertificateCheck, work=_check, on_failure=_note_failure)


def _note(completion: Completion, found: Found) -> None:
    """Write the result, unless staff accepted the certificate or the person was erased meanwhile."""
    same = Completion.objects.filter(pk=completion.pk, certificate_url=completion.certificate_url)
    same.exclude(certificate_state=State.ACCEPTED).update(
        certificate_state=found.state, certificate_reason=found.reason[:300], certificate_checked_at=timezone.now()
    )


def judge(completion: Completion) -> Found:
    """Fetch the certificate of a completion and return what it proves; no transaction may be open. Raises TryAgain."""
    url = completion.certificate_url
    member = completion.user.get_full_name() if completion.user else ""
    students = [name for name in (completion.name, member) if certificates.proves(name)]
    if not url:
        return Found(state=State.NOT_CHECKED, reason="")
    if not students:
        return Found(state=State.UNDECIDED, reason=_NO_FULL_NAME())
    try:
        document = fetch.fetch(url, hosts=settings.CERTIFICATE_HOSTS, kinds=KINDS, network=NETWORK)
    except fetch.Refused as error:
        return Found(state=State.REFUSED, reason=str(error))
    except fetch.Unreachable as error:
        if error.again:
            raise TryAgain(str(error)) from error
        return Found(state=State.UNREACHABLE, reason=str(error))
    return _judged(document, url, students)


def _judged(document: Document, url: str, students: list[str]) -> Found:
    kind = "pdf" if b"%PDF-" in document.content[:1024] else KINDS[document.kind]
    if not kind:
        return Found(state=State.UNDECIDED, reason=_NEITHER())
    try:
        text = words(text_of(document.content, kind=kind, charset=document.charset))
    except Busy as error:
        raise TryAgain(str(error)) from error
    except Unreadable as error:
        return Found(state=State.UNDECIDED, reason=str(error))
    if not any(text):
        return Found(state=State.UNDECIDED, reason=_NO_TEXT())
    if not any(certificates.names(text, student) for student in students):
        return Found(state=State.NAME_NOT_FOUND, reason=_NO_NAME())
    if kind == "html" and any(_stands_in(url, student) for student in students):
        # A page for a search or an error repeats what its address says, whoever wrote that.
        return Found(state=State.UNDECIDED, reason=_IN_ADDRESS())
    return Found(state=State.VALID, reason=_NAMED())


def _stands_in(url: str, student: str) -> bool:
    parts = urlsplit(url)
    in_address = set(words(unquote_plus(f"{parts.path} {parts.query} {parts.fragment}").replace("_", " ")))
    together = "".join(word for word in words(student) if word)
    return set(words(student)) <= in_address or together in in_address
