"""Search for the people of several new contacts at once, where a provider's API can: most of a bulk are not there yet.

Only that nobody was found is remembered, for seconds, and used once. Whoever was found is searched for again by the
write itself, which judges the evidence.
"""

from django.utils import timezone

from accounts.people.models import Contact
from integrations.contracts.mirror import ContactApi, Mirror
from integrations.outbox.enqueue import RECORD
from integrations.outbox.matching import SearchedPerson, absent
from integrations.outbox.models import OutgoingWrite
from integrations.toolkit.ahead import Ahead

ABSENT: Ahead[SearchedPerson] = Ahead()


def is_absent(row: OutgoingWrite, contact: Contact, book: ContactApi, mirror: Mirror) -> bool:
    """Return whether a search just now found nobody like the contact, which is not mapped; False where that is open.

    A write whose answer was lost searches for itself. Raises Retryable and Permanent as the book does.
    """
    if mirror.found_together < 2 or row.requested_at is not None:
        return False
    person = SearchedPerson.like(contact)
    if ABSENT.take((row.provider, contact.pk)) == person:
        # Another contact of an equal address or number may have been created there since: then the search is made anew.
        mapped = Contact.objects.filter(mappings__provider=row.provider, mappings__kind=RECORD).exclude(pk=contact.pk)
        emails, phones = person.emails, person.phones
        equal = (
            {"email__in": emails},
            {"emails__email__in": emails},
            {"phone__in": phones},
            {"phones__number__in": phones},
        )
        return not any(mapped.filter(**values).exists() for values in equal)
    due = OutgoingWrite.objects.filter(
        provider=row.provider,
        kind=OutgoingWrite.Kind.CONTACT,
        status=OutgoingWrite.Status.PENDING,
        next_attempt_at__lte=timezone.now(),
        requested_at=None,
        contact__isnull=False,
    ).exclude(pk=row.pk)
    mapped = Contact.objects.filter(mappings__provider=row.provider, mappings__kind=RECORD)
    writes = due.exclude(contact__in=mapped).select_related("contact").order_by("next_attempt_at")
    others = {
        write.contact.pk: SearchedPerson.like(write.contact)
        for write in writes[: mirror.found_together - 1]
        if write.contact is not None
    }
    if not others:
        return False
    missing = absent([person, *others.values()], book)
    for key, other in others.items():
        if other in missing:
            ABSENT.put((row.provider, key), other)
    return person in missing
