"""Enqueue writes of contacts and policies that changed. No network."""

from django.conf import settings
from django.utils import timezone

from accounts.commerce.models import Policy
from accounts.commerce.policies import ChangedPolicy
from accounts.people.models import Contact
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once
from core.queue.wakeup import wake_on_commit
from integrations import registry
from integrations.contracts.provider import Provider
from integrations.fields.names import FieldConfiguration
from integrations.outbox.differences import differences
from integrations.outbox.models import OutgoingWrite

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


def contact_changed(changed: ChangedContact, fields: FieldConfiguration | None = None) -> None:
    """Enqueue the writes of a contact, perhaps a new one, that was reported or decided about by staff.

    A contact that no mirrored provider ever reported is not written to any. Neither is a provider written to that
    reported somebody without naming the record: it has them, and which record that is will be found when another one
    has news. Inside the transaction of the change, which holds the contact's row. `fields`: as the job has read them.
    """
    contact, sides = changed.contact, mirrored_providers()
    mappings = list(contact.mappings.filter(provider__in=sides)) if sides else []
    if changed.provider not in sides and not mappings:
        return
    fields = fields or FieldConfiguration()
    records = {row.provider: row for row in mappings if row.kind == RECORD and row.is_main}
    for key, side in sides.items():
        record = records.get(key)
        assert side.mirror is not None
        if record is None:
            is_due = key != changed.provider and bool(contact.email or contact.phone)
        elif record.gone_at is not None:
            is_due = False
        else:
            is_due = bool(differences(contact, fields.names(key, side.mirror), record.last_synced_values))
        if is_due:
            enqueue_write(contact, key, cause=changed.cause)


def policy_changed(changed: ChangedPolicy, *, cause: Cause) -> None:
    """Enqueue the opportunities of a policy that was created or changed."""
    if changed.created or changed.changed:
        for key in opportunity_providers():
            enqueue_write(changed.policy.contact, key, policy=changed.policy, cause=cause)


def enqueue_write(
    contact: Contact, provider: str, *, policy: Policy | None = None, cause: Cause
) -> OutgoingWrite | None:
    """Enqueue a write of a contact, or of a policy as an opportunity.

    Returns None where one is pending already: it says what is true when it is delivered.
    """
    row = OutgoingWrite(
        kind=Kind.CONTACT if policy is None else Kind.OPPORTUNITY,
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

    Nothing is enqueued where the record was deleted, nor for a contact that could not be found again.
    """
    sides = mirrored_providers()
    records = {row.provider: row for row in contact.mappings.filter(provider__in=sides, kind=RECORD, is_main=True)}
    writes = []
    for key in sides:
        record = records.get(key)
        can_be_written = record.gone_at is None if record else bool(contact.email or contact.phone)
        if not can_be_written:
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
