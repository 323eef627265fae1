"""Mark a contact at a provider that was deleted at another one, and take the mark away once it is there again."""

from typing import Any

from django.db import transaction

from accounts.people.models import Contact, ContactMapping
from core.phrases import Phrase
from integrations import registry
from integrations.contracts.exceptions import Gone, Permanent
from integrations.outbox import deletions, enqueue
from integrations.outbox.closing import close
from integrations.outbox.contacts import CALL_TIMEOUT, send
from integrations.outbox.enqueue import RECORD, enqueue_write
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.planning import PlannedWrite
from integrations.outbox.refused import REFUSED

_NO_RECORD = Phrase("there is no record to be marked")

NAME = "mark"  # the name of the value on the write


def write(row: OutgoingWrite) -> None:
    """Mark the record of `row`'s contact, or take the mark away, as is right now; close the row. Raises as
    contacts.write.
    """
    contact = row.contact
    mirror = registry.provider(row.provider).mirror
    main = ContactMapping.objects.filter(contact=contact, provider=row.provider, kind=RECORD, is_main=True)
    record = main.filter(gone_at=None).first()
    if contact is None or record is None or mirror is None or mirror.marking is None:
        close(row, skipped=_NO_RECORD())
        return
    cause = row.as_cause
    is_marked = _is_to_be_marked(contact, row.provider)
    call = mirror.marking(record.external_id, is_marked)
    planned = PlannedWrite(call=call, before={NAME: not is_marked}, after={NAME: is_marked})
    try:
        sent = send(row, mirror.open(CALL_TIMEOUT), planned)
        if sent.refused:
            raise Permanent(REFUSED(reasons="; ".join(sent.refused.values())))
    except Gone as error:
        with transaction.atomic():
            held = Contact.objects.select_for_update().get(pk=contact.pk)
            close(row, skipped=str(error))
            if known := deletions.note(held, record.external_id, provider=row.provider):
                enqueue.search_successor(known, cause=cause)
        return
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        close(row, response=dict(sent.answer), external_id=record.external_id)
        if _is_to_be_marked(held, row.provider) != is_marked:  # it changed while it was written
            enqueue_write(held, row.provider, kind=row.Kind.MARK, cause=cause)
        elif not is_marked:
            over = _marking(held, row.provider).exclude(is_main=True, gone_at__isnull=False)
            over.update(deletion=ContactMapping.Deletion.NOTHING)


def _is_to_be_marked(contact: Contact, provider: str) -> bool:
    return any(mapping.is_missing for mapping in _marking(contact, provider))


def _marking(contact: Contact, provider: str) -> Any:
    """Return the contact's mappings elsewhere because of which its record at the provider was marked."""
    return contact.mappings.filter(kind=RECORD, deletion=ContactMapping.Deletion.MARKED).exclude(provider=provider)
