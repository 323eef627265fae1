"""A full audit of contacts: every record there is compared with our contact, then ours with what was listed there."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from accounts.people.contact_report import CUSTOM, EMPTY, ContactReport, value_of
from accounts.people.models import Contact, ContactMapping
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import ContactReported
from integrations.contracts.provider import Provider
from integrations.contracts.pull import Place, PulledEvent
from integrations.fields.names import FieldNames
from integrations.handlers.contacts import as_report
from integrations.reconcile.audit import AT_ONCE, write
from integrations.reconcile.books import erased_among, keep_records, records_of
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from integrations.reconcile.telling import CONTACT, gone, shown

Kind = SyncFinding.Kind
_HERE = "our contacts"  # our own list; `page` of its places is the key of the last row that was compared
FIRST_COMPARISON = Place(stage=_HERE, page=0)
REMEDIES = {
    Kind.CONTACT_UNKNOWN: "reconcile without --full: it is taken in; or see why it could not be",
    Kind.CONTACT_DIFFERS: "correct one of the two sides: what is changed on one is written to the other",
}


def is_comparison(place: Place) -> bool:
    """Return whether the place is our own list: nobody is asked."""
    return place.stage == _HERE


def keep(run: SyncRun, provider: Provider, events: Sequence[PulledEvent]) -> None:
    """Note that this audit saw these records, and write down where our contacts differ; nothing is applied."""
    events = _without_erased(provider, events)
    told = [pulled.event for pulled in events if isinstance(pulled.event, ContactReported)]
    seen = [ProviderRecord(provider=provider.key, key=one.key[:130], audit_id=run.pk) for one in events]
    keep_records(seen, columns=["audit_id", "read_at"])
    known = _mappings(provider, [event.identities.get(CONTACT, "") for event in told])
    names = FieldNames.of(provider.key, provider.mirror) if provider.mirror else None
    findings = []
    for event in told:
        mapping = known.get(event.identities.get(CONTACT, ""))
        if mapping is None:
            findings.append(_unknown(event))
        elif different := _different(as_report(event, names), mapping.contact):
            findings.append(_differs(mapping, different))
    write(run, findings)


def compare(run: SyncRun, provider: Provider, place: Place) -> Place | None:
    """Name those of the next rows that were not listed; the place after them, None after the last."""
    rows = list(
        ContactMapping.objects.filter(pk__gt=place.page, provider=provider.key, kind=CONTACT)
        .select_related("contact")
        .order_by("pk")[:AT_ONCE]
    )
    listed = records_of([_key(row) for row in rows], provider=provider.key)
    # Who was told after the audit began may have come onto a page that was read before.
    told_before = {row.pk for row in rows if row.reported_at is None or row.reported_at < run.window_to}
    missing = [
        row
        for row in rows
        if row.pk in told_before and (_key(row) not in listed or listed[_key(row)].audit_id != run.pk)
    ]
    write(run, [gone(row) for row in missing])
    return Place(stage=_HERE, page=rows[-1].pk) if len(rows) == AT_ONCE else None


def _without_erased(provider: Provider, events: Sequence[PulledEvent]) -> list[PulledEvent]:
    """Leave out whom nobody here knows any more because they were erased."""
    emails = {
        event.identities.get(CONTACT, ""): event.email
        for pulled in events
        if isinstance(event := pulled.event, ContactReported)
    }
    erased = erased_among(provider.key, CONTACT, emails) - _mappings(provider, list(emails)).keys()
    return [
        pulled
        for pulled in events
        if not (isinstance(pulled.event, ContactReported) and pulled.event.identities.get(CONTACT, "") in erased)
    ]


def _mappings(provider: Provider, ids: Sequence[str]) -> dict[str, ContactMapping]:
    found = ContactMapping.objects.filter(Q(provider=provider.key, kind=CONTACT), external_id__in=ids)
    return {row.external_id: row for row in found.select_related("contact")}


def _different(told: ContactReport, contact: Contact) -> Mapping[str, tuple[Any, Any]]:
    """Name → (there, here) of what is told and is not the same here."""
    try:
        email = normalise_email(told.email) if told.email else ""
    except InvalidAddress:
        email = ""
    return {
        name.removeprefix(CUSTOM): (value, ours)
        for name, value in told.values(email).items()
        if value != (ours := value_of(contact, name)) and not (value in EMPTY and ours in EMPTY)
    }


def _differs(mapping: ContactMapping, different: Mapping[str, tuple[Any, Any]]) -> SyncFinding:
    return SyncFinding(
        key=f"{Kind.CONTACT_DIFFERS}:{mapping.kind}:{mapping.external_id}",
        kind=Kind.CONTACT_DIFFERS,
        person=mapping.contact.email,
        person_id=mapping.external_id,
        contact=mapping.contact,
        there="; ".join(f"{name}: {shown(there)}" for name, (there, _here) in different.items())[:300],
        here="; ".join(f"{name}: {shown(here)}" for name, (_there, here) in different.items())[:300],
        remedy=REMEDIES[Kind.CONTACT_DIFFERS],
    )


def _unknown(event: ContactReported) -> SyncFinding:
    contact_id = event.identities.get(CONTACT, "")
    name = f"{event.fields.get('first_name') or ''} {event.fields.get('last_name') or ''}".strip()
    return SyncFinding(
        key=f"{Kind.CONTACT_UNKNOWN}:{CONTACT}:{contact_id}",
        kind=Kind.CONTACT_UNKNOWN,
        person=event.email[:254],
        person_id=contact_id,
        there=f"contact {event.email or name or contact_id}"[:300],
        here="no contact",
        remedy=REMEDIES[Kind.CONTACT_UNKNOWN],
    )


def _key(row: ContactMapping) -> str:
    return f"contact:{row.external_id}"[:130]
