"""Enqueue writes of contacts and policies that changed. No network."""

from django.conf import settings
from django.utils import timezone

from accounts.commerce.models import Policy
from accounts.commerce.policies import ChangedPolicy
from accounts.people.models import Contact, ContactMapping
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once
from core.queue.wakeup import wake_on_commit
from integrations import registry
from integrations.contracts.provider import Provider
from integrations.fields.names import FieldConfiguration
from integrations.inbox.awaited import wake_on_contact
from integrations.outbox import refused
from integrations.outbox.differences import due
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.numbers import can_be_found

RECORD = "contact"  # the kind of id by which a provider's API can be asked for a contact
Kind = OutgoingWrite.Kind


def mirrored_providers() -> dict[str, Provider]:
    """Return the providers that are connected and whose contacts are kept equal with ours, by their keys."""
    providers = registry.all_providers() if settings.CONTACT_SYNC else {}
    return {key: side for key, side in providers.items() if side.mirror is not None and side.is_connected()}


def opportunity_providers() -> dict[str, Provider]:
    """Return the connected providers where policies become opportunities, by their keys."""
    providers = registry.all_providers() if settings.CONTACT_SYNC else {}
    return {key: side for key, side in providers.items() if side.deals is not None and side.is_connected()}


def contact_changed(changed: ChangedContact, fields: FieldConfiguration | None = None, *, but: str = "") -> None:
    """Enqueue the writes of a contact, perhaps a new one, that was reported or decided about by staff, and wake the
    events that waited for it.

    A contact that no mirrored provider ever reported is not written to any. Neither is a provider written to that
    reported somebody without naming the record: it has them, and which record that is will be found when another one
    has news. Inside the transaction of the change, which holds the contact's row. `fields`: as the job has read them.
    Nothing is enqueued at the provider `but`.
    """
    reporter = registry.all_providers().get(changed.provider)
    if reporter is not None and reporter.mirror is not None:  # only policies wait for somebody
        wake_on_contact(changed.provider, changed.new_ids)
    if changed.changed and not changed.created:
        refused.value_changed(changed.contact, changed.changed)
    contact, sides = changed.contact, mirrored_providers()
    mappings = list(contact.mappings.filter(provider__in=sides)) if sides else []
    if changed.provider not in sides and not mappings:
        return
    fields = fields or FieldConfiguration()
    records = {row.provider: row for row in mappings if row.kind == RECORD and row.is_main}
    failed = _failed_at(contact) if changed.new_ids or not changed.provider else set()
    for key, side in sides.items():
        record = records.get(key)
        assert side.mirror is not None
        if key == but:
            continue
        if record is None:
            is_due = key != changed.provider and can_be_found(contact)
        elif record.gone_at is not None:
            is_due = False
        else:
            is_due = key in failed or bool(due(contact, fields.names(key, side.mirror), record))
        if is_due:
            enqueue_write(contact, key, cause=changed.cause)
        if any(row.deletion == row.Deletion.MARKED and not row.is_missing for row in mappings if row.provider != key):
            enqueue_write(contact, key, kind=Kind.MARK, cause=changed.cause)  # it is there again: no mark any more


def _failed_at(contact: Contact) -> set[str]:
    """Return the providers where a write of the contact failed: another record or the word of staff may settle that."""
    failed = OutgoingWrite.objects.filter(kind=Kind.CONTACT, contact=contact, status=OutgoingWrite.Status.FAILED)
    return set(failed.values_list("provider", flat=True))


def search_successor(mapping: ContactMapping, *, cause: Cause) -> None:
    """Enqueue the search for the successor of a record that was deleted, where it is the one that is written to.

    Inside the transaction that noted the deletion, which holds the contact's row.
    """
    if mapping.is_missing and mapping.kind == RECORD and mapping.provider in mirrored_providers():
        enqueue_write(mapping.contact, mapping.provider, cause=cause)


def policy_changed(changed: ChangedPolicy, *, cause: Cause) -> None:
    """Enqueue the opportunities of a policy that was created or changed."""
    if changed.created or changed.changed:
        for key in opportunity_providers():
            enqueue_write(changed.policy.contact, key, policy=changed.policy, cause=cause)


def enqueue_write(
    contact: Contact, provider: str, *, policy: Policy | None = None, kind: Kind = Kind.CONTACT, cause: Cause
) -> OutgoingWrite | None:
    """Enqueue a write of a contact, of its mark, or of a policy as an opportunity.

    Returns None where one is pending already: it says what is true when it is delivered.
    """
    row = OutgoingWrite(
        kind=kind if policy is None else Kind.OPPORTUNITY,
        provider=provider,
        contact=contact,
        policy=policy,
        cause=cause.text[:300],
        staff=cause.staff,
        next_attempt_at=timezone.now(),
    )
    row.schedule_wake_up()
    if not insert_once(row):
        return None
    wake_on_commit(row)
    return row


def enqueue_everywhere(contact: Contact, *, cause: Cause) -> list[OutgoingWrite]:
    """Return the pending writes of a contact at every mirrored provider, all of them due now, new ones among them.

    Where the record was deleted, its successor is searched for. Nothing is enqueued for a contact that could not be
    found again.
    """
    sides = mirrored_providers()
    records = set(contact.mappings.filter(provider__in=sides, kind=RECORD).values_list("provider", flat=True))
    writes = []
    for key in sides:
        if key not in records and not can_be_found(contact):
            continue
        write = enqueue_write(contact, key, cause=cause)
        if write is None:
            pending = OutgoingWrite.objects.filter(kind=Kind.CONTACT, provider=key, contact=contact, status="pending")
            write = pending.first()
            if write is not None and not write.crashes:  # no worker holds it now
                write.requeue()
                wake_on_commit(write)
        if write is not None:
            writes.append(write)
    return writes
