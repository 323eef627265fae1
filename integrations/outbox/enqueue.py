"""Enqueue writes: to whom, when something about a contact or a policy is new. Asks nobody; no network."""

from collections.abc import Mapping
from typing import Any

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
from integrations.outbox.differences import to_be_written
from integrations.outbox.models import OutgoingWrite

RECORD = "contact"  # the kind of id by which a provider's API can be asked for a contact
Kind = OutgoingWrite.Kind


def mirrors() -> dict[str, Provider]:
    """The providers whose contacts are kept equal with ours: switched on, and their APIs can be asked."""
    if not settings.CONTACT_SYNC:
        return {}
    return {key: one for key, one in registry.all_providers().items() if one.mirror is not None and one.is_connected()}


def deal_makers() -> dict[str, Provider]:
    """The providers where policies become opportunities."""
    if not settings.CONTACT_SYNC:
        return {}
    return {key: one for key, one in registry.all_providers().items() if one.deals is not None and one.is_connected()}


def contact_changed(changed: ChangedContact, fields: FieldConfiguration | None = None) -> None:
    """Enqueue what must be written now that a contact, who may be new, was reported or decided about by staff.

    Contacts that no mirrored provider ever told of are nobody's business there. A provider that told of somebody
    without naming the record is not written to: it has them, and which record that is will be found when another one
    has news. Inside the transaction of the change, which holds the contact's row. `fields`: as the job has read them.
    """
    contact, sides, fields = changed.contact, mirrors(), fields or FieldConfiguration()
    if not sides:
        return
    mappings = list(contact.mappings.filter(provider__in=sides))
    if changed.provider not in sides and not mappings:
        return
    records = main_records(mappings)
    for key, side in sides.items():
        record = records.get(key)
        assert side.mirror is not None
        if record is None:
            is_new_there = key != changed.provider and (contact.email or contact.phone)
            if is_new_there:
                enqueue_contact(contact, key, cause=changed.cause)
        elif record.gone_at is None and to_be_written(
            contact, fields.names(key, side.mirror), record.last_synced_values
        ):
            enqueue_contact(contact, key, cause=changed.cause)


def policy_changed(changed: ChangedPolicy, *, cause: Cause) -> None:
    """Enqueue the opportunity of a policy that was made or changed."""
    if changed.created or changed.changed:
        for key in deal_makers():
            enqueue_opportunity(changed.policy, key, cause=cause)


def main_records(mappings: list[ContactMapping]) -> dict[str, ContactMapping]:
    """Provider → the record there that a contact is written to."""
    return {row.provider: row for row in mappings if row.kind == RECORD and row.is_main}


def enqueue_contact(contact: Contact, provider: str, *, cause: Cause) -> OutgoingWrite | None:
    """Return the write that is pending now; None where one was before, which says what is true when it is delivered."""
    return _enqueue(OutgoingWrite(kind=Kind.CONTACT, provider=provider, contact=contact), cause=cause)


def enqueue_opportunity(policy: Policy, provider: str, *, cause: Cause) -> OutgoingWrite | None:
    """As `enqueue_contact`."""
    return _enqueue(
        OutgoingWrite(kind=Kind.OPPORTUNITY, provider=provider, contact=policy.contact, policy=policy), cause=cause
    )


def enqueue_everything(contact: Contact, *, cause: Cause) -> list[OutgoingWrite]:
    """Return the pending writes of a contact at every mirrored provider, all of them due now, new ones among them.

    Nothing is enqueued where the record was deleted there, nor for somebody who could not be found again.
    """
    records = main_records(list(contact.mappings.filter(provider__in=mirrors())))
    found = []
    for key in mirrors():
        record = records.get(key)
        if record is not None and record.gone_at is not None:
            continue
        if record is None and not (contact.email or contact.phone):
            continue
        added = enqueue_contact(contact, key, cause=cause)
        found.append(added or _hurried(contact, key))
    return [row for row in found if row is not None]


def _hurried(contact: Contact, provider: str) -> OutgoingWrite | None:
    waiting: Mapping[str, Any] = {"kind": Kind.CONTACT, "provider": provider, "contact": contact, "status": "pending"}
    row = OutgoingWrite.objects.filter(**waiting).first()
    if row is not None and not row.crashes:  # nobody is at it now
        row.requeue()
        wake_on_commit(row)
    return row


def _enqueue(row: OutgoingWrite, *, cause: Cause) -> OutgoingWrite | None:
    row.cause, row.staff, row.next_attempt_at = cause.text[:300], cause.staff, timezone.now()
    row.schedule_wake_up()
    if not insert_once(row):
        return None
    wake_on_commit(row)
    return row
