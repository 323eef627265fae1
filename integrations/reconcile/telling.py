"""Telling what was pulled of contacts and policies: events → the handlers of webhooks; counted and explained."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction

from accounts.people import contacts
from accounts.people.models import Contact, ContactMapping
from core.cause import Cause
from integrations.contracts.events import ContactGone, ContactReported, Event, PolicyReported
from integrations.contracts.exceptions import ForgottenHere, Unmatched
from integrations.contracts.pull import PulledEvent
from integrations.handlers import Change, Context, handle
from integrations.reconcile.applying import Tally
from integrations.reconcile.books import keep_records, records_of
from integrations.reconcile.models import ProviderRecord, SyncFinding

CONTACT = "contact"  # the kind of id that a provider's API can be asked for
GONE_REMEDY = "nothing was deleted here; delete, merge or keep the contact by hand, then set aside"
_VALUE_AT_MOST = 60  # characters of a value in an explanation


def news(events: Sequence[PulledEvent], *, provider: str, run_id: int | None) -> Iterator[PulledEvent]:
    """Those that say something new, for one look at the whole page. What run `run_id` failed at is none for it."""
    records = records_of([one.key for one in events], provider=provider)
    for pulled in events:
        if not _is_known(pulled, records.get(pulled.key), run_id=run_id):
            yield pulled
            # A list may show a thing twice.
            records[pulled.key] = _record(pulled, provider=provider, is_told=True, run_id=run_id)


def person_of(pulled: PulledEvent) -> str:
    """The id there of the contact to whom a policy belongs, or who is called deleted; "" for a contact itself."""
    if isinstance(pulled.event, ContactGone):
        return pulled.event.contact_id
    return pulled.event.identities.get(CONTACT, "") if isinstance(pulled.event, PolicyReported) else ""


def to_be_read(events: Sequence[PulledEvent], *, provider: str) -> set[str]:
    """The ids of the contacts that are to be read before these events are told.

    They are the people of policies of whom nobody told us, neither before nor among these events, and those who are
    called deleted and known here: what is there all the same, or again, must not count as gone.
    """
    named = {person for pulled in events if (person := person_of(pulled))}
    if not named:
        return set()
    rows = ContactMapping.objects.filter(provider=provider, kind=CONTACT, external_id__in=named)
    known = set(rows.values_list("external_id", flat=True))
    told = {one.event.identities.get(CONTACT, "") for one in events if isinstance(one.event, ContactReported)}
    ended = {one.event.contact_id for one in events if isinstance(one.event, ContactGone)}
    return (named - ended - told - known) | (ended & known)


def told_with(pulled: PulledEvent, theirs: PulledEvent | None) -> list[PulledEvent]:
    """Return what is to be told where `theirs` is what was read of its person: the person first, and no end of them."""
    if theirs is None:
        return [pulled]
    return [theirs] if isinstance(pulled.event, ContactGone) else [theirs, pulled]


def tell(pulled: PulledEvent, *, provider: str, cause: Cause, run_id: int | None) -> Tally:
    """Hand an event to its handler and remember it, inside the caller's transaction.

    One that cannot be told is a line of the tally, no more.
    """
    tally = Tally()
    is_told = False
    try:
        with transaction.atomic():
            if pulled.event is None:
                raise Unmatched(pulled.problem)
            _tell(pulled.event, pulled, Context(provider=provider, key=pulled.key, cause=cause), tally)
        is_told = True
    except (OperationalError, SoftTimeLimitExceeded):  # nothing is wrong with the record
        raise
    except ForgottenHere:
        return Tally()  # about somebody who was erased: nothing of it is kept
    except Exception as error:  # noqa: BLE001 (the record's attempt is noted: on its run)
        is_unmatched = isinstance(error, Unmatched) and not pulled.problem
        tally = Tally(unmatched=int(is_unmatched), errors=int(not is_unmatched))
        tally.problems.append({"key": pulled.key, "why": (str(error) or type(error).__name__)[:500]})
    keep_records([_record(pulled, provider=provider, is_told=is_told, run_id=run_id)])
    return tally


def _tell(event: Event, pulled: PulledEvent, context: Context, tally: Tally) -> None:
    if isinstance(event, ContactGone):
        known = ContactMapping.objects.filter(
            provider=context.provider, kind=CONTACT, external_id=event.contact_id
        ).select_related("contact")
        for mapping in known:
            tally.findings.append(gone(mapping))
            _count(handle(event, context), mapping.contact, None, pulled, tally)
        return
    before = None
    if isinstance(event, ContactReported):
        before = contacts.find(provider=context.provider, identities=event.identities, email=event.email)
    changes = handle(event, context)
    _count(changes, changes[0].target if changes else None, before, pulled, tally)


def _count(changes: Sequence[Change], about: Any, before: Contact | None, pulled: PulledEvent, tally: Tally) -> None:
    made = [change for change in changes if change.changed]
    if not made:
        return
    person = about if isinstance(about, Contact) else getattr(about, "contact", None)
    what = "; ".join(f"{change.description}{_detailed(before, change.target)}" for change in made)
    tally.changed += 1
    tally.changes.append({"key": pulled.key, "person": str(person or ""), "what": what[:1000]})


def gone(mapping: ContactMapping) -> SyncFinding:
    """The finding, not saved and of no run yet, that a record of a contact is no longer there."""
    return SyncFinding(
        key=f"{SyncFinding.Kind.GONE_THERE}:{mapping.kind}:{mapping.external_id}",
        kind=SyncFinding.Kind.GONE_THERE,
        person=mapping.contact.email,
        person_id=mapping.external_id,
        contact=mapping.contact,
        there="deleted, or made part of another record",
        here=f"contact {mapping.contact}"[:300],
        remedy=GONE_REMEDY,
    )


def shown(value: Any) -> str:
    """A value as people see it in an explanation."""
    text = "nothing" if value in ("", None) else str(value)
    return text if len(text) <= _VALUE_AT_MOST else f"{text[: _VALUE_AT_MOST - 1]}…"


def _detailed(before: Contact | None, after: Any) -> str:
    """Old and new of what is different, for people; nothing for what was made."""
    if before is None or not isinstance(after, Contact) or after.pk != before.pk:
        return ""
    old, new = _values(before), _values(after)
    lines = [
        f"{name}: {shown(old.get(name))} → {shown(new.get(name))}"
        for name in [*old, *(name for name in new if name not in old)]
        if old.get(name) != new.get(name)
    ]
    return f" ({'; '.join(lines)})" if lines else ""


def _values(contact: Contact) -> Mapping[str, Any]:
    left_out = {"id", "created_at", "updated_at", "custom_fields", "origins", "user", "company"}
    columns = [column.name for column in Contact._meta.concrete_fields if column.name not in left_out]
    return {name: getattr(contact, name) for name in columns} | dict(contact.custom_fields)


def _is_known(pulled: PulledEvent, record: ProviderRecord | None, *, run_id: int | None) -> bool:
    """Tell whether it says what was told already, or what was true before that: the index of a list may lag behind."""
    if record is None:
        return False
    if not record.digest:
        return run_id is not None and record.content == {"failed": {"run": run_id, "digest": pulled.digest}}
    if pulled.changed_at is None or record.changed_at is None:
        return record.digest == pulled.digest
    return pulled.changed_at < record.changed_at or (pulled.changed_at, pulled.digest) == (
        record.changed_at,
        record.digest,
    )


def _record(pulled: PulledEvent, *, provider: str, is_told: bool, run_id: int | None) -> ProviderRecord:
    """The row, not saved, that remembers an event."""
    return ProviderRecord(
        provider=provider,
        key=pulled.key[:130],
        content={} if is_told else {"failed": {"run": run_id, "digest": pulled.digest}},
        digest=pulled.digest if is_told else "",
        changed_at=pulled.changed_at,
    )
