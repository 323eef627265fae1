"""Full audit: listed records are stored and compared, then our own rows are compared with them; nothing is applied."""

from collections.abc import Callable, Mapping, Sequence

from accounts.people import lookup
from integrations.contracts.events import ContactReported
from integrations.contracts.provider import Provider
from integrations.contracts.pull import LocalList, Place, PulledRecord
from integrations.reconcile import access_audit, contact_audit, findings
from integrations.reconcile.lookups import erased_among
from integrations.reconcile.models import SyncRun
from integrations.reconcile.records import save_rows, to_row
from integrations.reconcile.sources import source_of

# A comparison takes the next rows of a table of ours; `page` of its place is the key of the last row compared.
COMPARISONS: Mapping[str, Callable[[SyncRun, Provider, Place], Place | None]] = {
    LocalList.SUBSCRIPTIONS: access_audit.compare_subscriptions,
    access_audit.REMOTE_PURCHASES: access_audit.compare_purchases,
    LocalList.CONTACTS: contact_audit.compare_contacts,
}


def record_page(run: SyncRun, provider: Provider, records: Sequence[PulledRecord]) -> None:
    """Store the purchases, and that this audit saw these records; store findings about contacts that differ."""
    source = source_of(provider)
    events = [pulled.event for record in records for pulled in record.events]
    reports = [event for event in events if isinstance(event, ContactReported)]
    emails = {record.person_id: "" for record in records if record.person_id}
    emails |= {report.identities.get(source.identity, ""): report.email for report in reports}
    erased = erased_among(provider.key, source.identity, emails)
    if erased:  # unless they came back
        known = lookup.users_by_id if source.sells_memberships else lookup.mappings_by_id
        erased -= known(provider.key, source.identity, erased).keys()
    # The columns that belong to applying stay: the digest, and when the applied record changed and ended.
    rows = [
        to_row(record, provider=provider.key, is_applied=False)
        for record in records
        if record.person_id not in erased and not (record.purchase and record.problem)
    ]
    for row in rows:
        row.audit_id = run.pk
    save_rows(rows, columns=["person_id", "content", "audit_id", "read_at"])
    reports = [report for report in reports if report.identities.get(source.identity, "") not in erased]
    hints = {record.person_id for record in records if record.is_hint}
    findings.save(run, contact_audit.differences(provider, reports, hints=hints))
