"""A full audit of contacts: every record there is compared with our contact, then ours with what was listed there."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.people import lookup
from accounts.people.contact_report import EMPTY, ContactReport, value_of
from accounts.people.models import Contact, ContactMapping
from core.field_names import CUSTOM
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import ContactReported
from integrations.contracts.provider import Provider
from integrations.contracts.pull import LocalList, Place
from integrations.fields.names import FieldConfiguration
from integrations.handlers.contacts import as_report
from integrations.reconcile import findings
from integrations.reconcile.access_audit import ROWS_AT_ONCE
from integrations.reconcile.findings import CONTACT, shown
from integrations.reconcile.models import SyncFinding, SyncRun
from integrations.reconcile.records import rows_of

Kind = SyncFinding.Kind
REMEDIES = {
    Kind.CONTACT_UNKNOWN: "reconcile without --full: it is taken in; or see why it could not be",
    Kind.CONTACT_DIFFERS: "correct one of the two sides: what is changed on one is written to the other",
}


def differences(provider: Provider, reports: Sequence[ContactReported]) -> list[SyncFinding]:
    """Return the findings, not saved, of listed contacts that we do not know or that have other values here."""
    ids = [report.identities.get(CONTACT, "") for report in reports]
    if not ids:
        return []
    known = lookup.mappings_by_id(provider.key, CONTACT, ids)
    names = FieldConfiguration().names(provider.key, provider.mirror) if provider.mirror else None
    found = []
    for report in reports:
        mapping = known.get(report.identities.get(CONTACT, ""))
        if mapping is None:
            found.append(_unknown(report))
        elif different := _different(as_report(report, names), mapping.contact):
            found.append(_differs(mapping, different))
    return found


def compare_contacts(run: SyncRun, provider: Provider, place: Place) -> Place | None:
    """Name those of our next contacts that were not listed there."""
    rows = list(
        ContactMapping.objects.filter(pk__gt=place.page, provider=provider.key, kind=CONTACT)
        .select_related("contact")
        .order_by("pk")[:ROWS_AT_ONCE]
    )
    keys = {row.pk: f"contact:{row.external_id}"[:130] for row in rows}
    listed = {key for key, seen in rows_of(keys.values(), provider=provider.key).items() if seen.audit_id == run.pk}
    # Who was reported after the audit began may have come onto a page that was read before.
    missing = [
        row
        for row in rows
        if keys[row.pk] not in listed and (row.reported_at is None or row.reported_at < run.window_to)
    ]
    findings.write(run, [findings.gone(row) for row in missing])
    return Place(stage=LocalList.CONTACTS, page=rows[-1].pk) if len(rows) == ROWS_AT_ONCE else None


def _different(report: ContactReport, contact: Contact) -> Mapping[str, tuple[Any, Any]]:
    """Return name → (there, here) of what is reported and is not the same here."""
    try:
        email = normalise_email(report.email) if report.email else ""
    except InvalidAddress:
        email = ""
    return {
        name.removeprefix(CUSTOM): (value, ours)
        for name, value in report.values(email).items()
        if value != (ours := value_of(contact, name)) and not (value in EMPTY and ours in EMPTY)
    }


def _differs(mapping: ContactMapping, different: Mapping[str, tuple[Any, Any]]) -> SyncFinding:
    return SyncFinding(
        key=f"{Kind.CONTACT_DIFFERS}:{mapping.kind}:{mapping.external_id}",
        kind=Kind.CONTACT_DIFFERS,
        person=mapping.contact.email,
        person_id=mapping.external_id,
        contact=mapping.contact,
        remote_value="; ".join(f"{name}: {shown(there)}" for name, (there, _here) in different.items())[:300],
        local_value="; ".join(f"{name}: {shown(here)}" for name, (_there, here) in different.items())[:300],
        remedy=REMEDIES[Kind.CONTACT_DIFFERS],
    )


def _unknown(report: ContactReported) -> SyncFinding:
    contact_id = report.identities.get(CONTACT, "")
    name = f"{report.fields.get('first_name') or ''} {report.fields.get('last_name') or ''}".strip()
    return SyncFinding(
        key=f"{Kind.CONTACT_UNKNOWN}:{CONTACT}:{contact_id}",
        kind=Kind.CONTACT_UNKNOWN,
        person=report.email[:254],
        person_id=contact_id,
        remote_value=f"contact {report.email or name or contact_id}"[:300],
        local_value="no contact",
        remedy=REMEDIES[Kind.CONTACT_UNKNOWN],
    )
