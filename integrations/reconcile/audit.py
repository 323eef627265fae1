"""A full audit: what is listed there is noted and compared, then our own lists are gone through; nothing is applied."""

from collections.abc import Callable, Mapping, Sequence

from accounts.people import lookup
from integrations.contracts.events import ContactReported
from integrations.contracts.provider import Provider
from integrations.contracts.pull import LocalList, Place, PulledRecord
from integrations.reconcile import access_audit, contact_audit, findings
from integrations.reconcile.lookups import erased_among
from integrations.reconcile.models import SyncRun
from integrations.reconcile.records import row_of, save_rows
from integrations.reconcile.sources import source_of

# A comparison takes the next rows of a list of ours; `page` of its places is the key of the last row it compared.
COMPARISONS: Mapping[str, Callable[[SyncRun, Provider, Place], Place | None]] = {
    LocalList.SUBSCRIPTIONS: access_audit.compare_subscriptions,
    access_audit.THEIR_PURCHASES: access_audit.compare_purchases,
    LocalList.CONTACTS: contact_audit.compare_contacts,
}


def note(run: SyncRun, provider: Provider, records: Sequence[PulledRecord]) -> None:
    """Note what purchases are and that this audit saw these records; write down where our contacts differ."""
    source = source_of(provider)
    reports = [one.event for record in records for one in record.events if isinstance(one.event, ContactReported)]
    emails = {record.person_id: "" for record in records if record.person_id}
    emails |= {event.identities.get(source.identity, ""): event.email for event in reports}
    erased = erased_among(provider.key, source.identity, emails)
    if erased:  # unless they came back
        known = lookup.users_by_id if source.sells_memberships else lookup.mappings_by_id
        erased -= known(provider.key, source.identity, erased).keys()
    # Not what belongs to applying: the digest, and when it changed and ended as far as that was applied.
    rows = [
        row_of(record, provider=provider.key, is_applied=False)
        for record in records
        if record.person_id not in erased and not (record.purchase and record.problem)
    ]
    for row in rows:
        row.audit_id = run.pk
    save_rows(rows, columns=["person_id", "content", "audit_id", "read_at"])
    kept = [event for event in reports if event.identities.get(source.identity, "") not in erased]
    findings.write(run, contact_audit.differences(provider, kept))
