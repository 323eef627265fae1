"""Records that were deleted at their provider: whether they have a successor there, and what follows elsewhere.

Nothing is ever deleted elsewhere. A deletion counts once no successor was found; then CONTACT_DELETIONS says what
follows for the contact's records at other providers: nothing ("never"), a mark where that provider's API can make one
("mark"), or a question to staff ("ask", where no mark can be made, and where so many records were deleted at once that
it may be a mistake). No network.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models import Contact, ContactMapping
from core.cause import Cause
from core.phrases import SEPARATOR, Phrase
from core.queue.outcomes import wait_until
from integrations.contracts.exceptions import Permanent
from integrations.outbox.closing import close
from integrations.outbox.enqueue import RECORD, enqueue_write, mirrored_providers
from integrations.outbox.matching import SEARCH_LAG
from integrations.outbox.models import OutgoingWrite

_DELETED = Phrase.worded(
    "{id} was deleted there; nothing is made anew by itself",
    _("Record {id} was deleted there, and no other record is this person"),
)
_OPPORTUNITY = Phrase.worded(
    "opportunity {id} was deleted there; nothing is made anew by itself",
    _("The opportunity {id} was deleted there; it is not made anew by itself"),
)
_ONCE_MORE = Phrase("a record that it was merged into is looked for once more")

NEVER, MARK, ASK = "never", "mark", "ask"
CHOICES = (NEVER, MARK, ASK)
Deletion = ContactMapping.Deletion
# So many deletions of one provider are marked within AN_HOUR; further ones are questions. Workers that mark at the same
# moment may mark some more.
MARKED_AT_MOST = 50
AN_HOUR = timedelta(hours=1)


class RemoteDeleted(Permanent):
    """The known record was deleted at the provider; `external_id` is its id."""

    def __init__(self, external_id: str, *, is_opportunity: bool = False) -> None:
        super().__init__((_OPPORTUNITY if is_opportunity else _DELETED)(id=external_id))
        self.external_id = external_id


def note(contact: Contact, external_id: str, *, provider: str) -> ContactMapping | None:
    """Note that a read or a write met a deletion; return the mapping, None where it was forgotten meanwhile.

    Inside a transaction that holds the contact's row.
    """
    mapping = contact.mappings.filter(provider=provider, kind=RECORD, external_id=external_id).first()
    if mapping is not None and mapping.gone_at is None:
        mapping.gone_at = timezone.now()
        mapping.save(update_fields=["gone_at"])
    return mapping


def conclude(row: OutgoingWrite, contact: Contact, error: RemoteDeleted, *, cause: Cause) -> None:
    """Close a write whose record was deleted and has no successor, and let follow what was chosen.

    Raises Wait while a search may not show the successor yet; LeaseLost.
    """
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        mapping = note(held, error.external_id, provider=row.provider)
    if mapping is not None and mapping.gone_at is not None:
        wait_until(mapping.gone_at + SEARCH_LAG, f"{error}{SEPARATOR}{_ONCE_MORE()}")
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        close(row, skipped=str(error), external_id=error.external_id)
        missing = held.mappings.filter(provider=row.provider, kind=RECORD, is_main=True, deletion="")
        for mapping in missing.exclude(gone_at=None):
            follow(mapping, cause=cause)


def follow(mapping: ContactMapping, *, cause: Cause) -> None:
    """Let follow what CONTACT_DELETIONS says. Inside a transaction that holds the contact's row."""
    elsewhere = records_elsewhere(mapping)
    if not elsewhere or settings.CONTACT_DELETIONS == NEVER:
        return
    can_be = settings.CONTACT_DELETIONS == MARK and all(can_be_marked(row.provider) for row in elsewhere)
    is_marked = can_be and not _are_many_marked(mapping)
    _decide(mapping, Deletion.MARKED if is_marked else Deletion.ASKED, cause=cause)


def answer(mapping: ContactMapping, decision: str, *, cause: Cause) -> bool:
    """Decide by the word of staff what follows from a deletion; False where nothing is to be decided any more."""
    with transaction.atomic():
        held = Contact.objects.select_for_update().filter(pk=mapping.contact_id).first()
        asked = held.mappings.filter(pk=mapping.pk).first() if held else None
        if asked is None or not asked.is_question:
            return False
        _decide(asked, decision, cause=cause)
    return True


def records_elsewhere(mapping: ContactMapping) -> list[ContactMapping]:
    """Return the same contact's records at other providers that are kept equal, without deleted ones."""
    others = [key for key in mirrored_providers() if key != mapping.provider]
    rows = mapping.contact.mappings.filter(provider__in=others, kind=RECORD, is_main=True, gone_at=None)
    return list(rows.order_by("provider"))


def can_be_marked(provider: str) -> bool:
    """Return whether the API of a provider can mark a contact, and take the mark away."""
    side = mirrored_providers().get(provider)
    return side is not None and side.mirror is not None and side.mirror.marking is not None


def _are_many_marked(mapping: ContactMapping) -> bool:
    """Return whether as many records of its provider as may be were deleted within an hour of this one and marked."""
    assert mapping.gone_at is not None
    around = (mapping.gone_at - AN_HOUR, mapping.gone_at + AN_HOUR)
    marked = ContactMapping.objects.filter(provider=mapping.provider, deletion=Deletion.MARKED, gone_at__range=around)
    return marked[:MARKED_AT_MOST].count() == MARKED_AT_MOST


def _decide(mapping: ContactMapping, decision: str, *, cause: Cause) -> None:
    mapping.deletion = decision
    mapping.save(update_fields=["deletion"])
    if decision == Deletion.MARKED:
        for row in records_elsewhere(mapping):
            if can_be_marked(row.provider):
                enqueue_write(mapping.contact, row.provider, kind=OutgoingWrite.Kind.MARK, cause=cause)
