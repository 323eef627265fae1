"""Full audit of contacts: listed records are compared with our contacts, then ours with what was listed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from accounts.people import lookup
from accounts.people.contact_report import EMPTY, ContactReport, value_of
from accounts.people.models import Contact, ContactMapping
from core.field_names import CUSTOM
from core.phrases import Phrase
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import ContactReported
from integrations.contracts.provider import Provider
from integrations.contracts.pull import LocalList, Place
from integrations.fields.names import FieldConfiguration
from integrations.handlers.contacts import as_report
from integrations.reconcile import findings
from integrations.reconcile.access_audit import BATCH_SIZE
from integrations.reconcile.findings import CONTACT, CONTACT_OF, format_value
from integrations.reconcile.models import SyncFinding, SyncRun
from integrations.reconcile.records import rows_by_key

_NO_CONTACT = Phrase("no contact")

Kind = SyncFinding.Kind
REMEDIES = {
    Kind.CONTACT_UNKNOWN: Phrase("reconcile without --full: it is taken in; or see why it could not be")(),
    Kind.CONTACT_DIFFERS: Phrase("correct one of the two sides: what is changed on one is written to the other")(),
}


def differences(
    provider: Provider, reports: Sequence[ContactReported], *, hints: Collection[str] = ()
) -> list[SyncFinding]:
    """Return the findings, not saved, about listed contacts that are unknown or have other values here.

    `hints` are the ids of those whose rows may spell values otherwise: small and capital letters are one there.
    """
    ids = [report.identities.get(CONTACT, "") for report in reports]
    if not ids:
        return []
    known = lookup.mappings_by_id(provider.key, CONTACT, ids)
    names = FieldConfiguration().names(provider.key, provider.mirror) if provider.mirror else None
    results = []
    for report, contact_id in zip(reports, ids, strict=True):
        mapping = known.get(contact_id)
        if mapping is None:
            name = f"{report.fields.get('first_name') or ''} {report.fields.get('last_name') or ''}".strip()
            unknown = SyncFinding(
                key=f"{Kind.CONTACT_UNKNOWN}:{CONTACT}:{contact_id}",
                kind=Kind.CONTACT_UNKNOWN,
                person=report.email[:254],
                person_id=contact_id,
                remote_value=CONTACT_OF(name=report.email or name or contact_id)[:300],
                local_value=_NO_CONTACT(),
                remedy=REMEDIES[Kind.CONTACT_UNKNOWN],
            )
            results.append(unknown)
        elif values := _differing_values(as_report(report, names), mapping.contact, is_hint=contact_id in hints):
            differs = SyncFinding(
                key=f"{Kind.CONTACT_DIFFERS}:{mapping.kind}:{mapping.external_id}",
                kind=Kind.CONTACT_DIFFERS,
                person=mapping.contact.email,
                person_id=mapping.external_id,
                contact=mapping.contact,
                remote_value="; ".join(f"{name}: {format_value(remote)}" for name, (remote, _) in values.items())[:300],
                local_value="; ".join(f"{name}: {format_value(local)}" for name, (_, local) in values.items())[:300],
                remedy=REMEDIES[Kind.CONTACT_DIFFERS],
            )
            results.append(differs)
    return results


def compare_contacts(run: SyncRun, provider: Provider, place: Place) -> Place | None:
    """Store findings about those of our next contacts that were not listed."""
    rows = list(
        ContactMapping.objects.filter(pk__gt=place.page, provider=provider.key, kind=CONTACT)
        .select_related("contact")
        .order_by("pk")[:BATCH_SIZE]
    )
    keys = {row.pk: f"contact:{row.external_id}"[:130] for row in rows}
    listed = {key for key, seen in rows_by_key(keys.values(), provider=provider.key).items() if seen.audit_id == run.pk}
    # A contact reported after the audit began may be on a page that was read before.
    missing = [
        row
        for row in rows
        if keys[row.pk] not in listed and (row.reported_at is None or row.reported_at < run.window_to)
    ]
    findings.save(run, [findings.gone_finding(row) for row in missing])
    return Place(stage=LocalList.CONTACTS, page=rows[-1].pk) if len(rows) == BATCH_SIZE else None


def _differing_values(report: ContactReport, contact: Contact, *, is_hint: bool) -> Mapping[str, tuple[Any, Any]]:
    """Return name → (remote value, local value) of the reported values that differ here."""
    try:
        email = normalise_email(report.email) if report.email else ""
    except InvalidAddress:
        email = ""
    return {
        name.removeprefix(CUSTOM): (value, local)
        for name, value in report.values(email).items()
        if _compared(value, is_hint) != _compared(local := value_of(contact, name), is_hint)
        and not (value in EMPTY and local in EMPTY)
    }


def _compared(value: Any, is_hint: bool) -> Any:
    return value.casefold() if is_hint and isinstance(value, str) else value
