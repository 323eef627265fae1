"""`ProviderRecord` rows: the state of each record when it was last applied, so that unchanged ones cost one query."""

from collections.abc import Iterable, Sequence

from integrations.contracts.pull import PulledRecord, PurchaseStatus, RemotePurchase
from integrations.reconcile.models import ProviderRecord

_KEYS_PER_QUERY = 500
_COLUMNS = ["person_id", "email", "content", "digest", "unsold_offer", "changed_at", "ended_at", "read_at"]


def rows_by_key(keys: Iterable[str], *, provider: str) -> dict[str, ProviderRecord]:
    """Return the rows that exist, by their keys; read in batches, since there may be very many."""
    rows, keys = ProviderRecord.objects.filter(provider=provider), list(keys)
    batches = (keys[start : start + _KEYS_PER_QUERY] for start in range(0, len(keys), _KEYS_PER_QUERY))
    return {row.key: row for batch in batches for row in rows.filter(key__in=batch)}


def save_rows(rows: Iterable[ProviderRecord], *, columns: Iterable[str] = ()) -> None:
    """Insert rows, or update those that exist; with `columns` only these columns of them."""
    # One key twice in a statement would be refused.
    latest = {(row.provider, row.key): row for row in rows}
    ProviderRecord.objects.bulk_create(
        list(latest.values()),
        update_conflicts=True,
        unique_fields=["provider", "key"],
        update_fields=list(columns) or _COLUMNS,
    )


def to_row(
    record: PulledRecord,
    *,
    provider: str,
    is_applied: bool = True,
    failed_in: int | None = None,
    unsold_offer: str = "",
) -> ProviderRecord:
    """Return the row of a record, not saved.

    `failed_in` is the run that failed to apply it, `unsold_offer` the offer that no plan sells, where that is why.
    """
    content = {}
    if record.purchase is not None:
        content = {
            "offers": list(record.purchase.offers),
            "standing": record.purchase.status,
            "renews": record.purchase.renews,
            "shown": dict(record.purchase.details),
        }
    if failed_in is not None:
        content |= {"failed": {"run": failed_in, "digest": record.digest}}
    return ProviderRecord(
        provider=provider,
        key=record.key[:130],
        person_id=record.person_id[:100],
        content=content,
        digest=record.digest if is_applied else "",
        unsold_offer=unsold_offer[:100],
        changed_at=record.changed_at,
        ended_at=record.purchase.ended_at if record.purchase else None,
    )


def to_purchase(row: ProviderRecord) -> RemotePurchase:
    """Return the purchase of a purchase's row."""
    return RemotePurchase(
        purchase_id=row.key.removeprefix("purchase:"),
        offers=tuple(row.content["offers"]),
        status=PurchaseStatus(row.content["standing"]),
        renews=row.content["renews"],
        details=row.content["shown"],
    )


def changed_records(
    records: Sequence[PulledRecord], *, provider: str, run_id: int | None = None, again: bool = False
) -> list[tuple[PulledRecord, ProviderRecord | None]]:
    """Return the records that changed since they were applied, each with its row; with `again` every record.

    A record that the run `run_id` failed to apply does not count as changed for it: the next run tries again.
    """
    rows = rows_by_key([record.key for record in records], provider=provider)
    changed = []
    for record in records:
        row = rows.get(record.key)
        if again or row is None or not _is_known(record, row, run_id=run_id):
            changed.append((record, row))
            rows[record.key] = to_row(record, provider=provider)  # a list may show a record twice
    return changed


def _is_known(record: PulledRecord, row: ProviderRecord, *, run_id: int | None) -> bool:
    """Return whether the record is as it was applied, or older: the index of a list may lag behind."""
    if not row.digest:
        failed = row.content.get("failed")
        return run_id is not None and failed == {"run": run_id, "digest": record.digest}
    if record.changed_at is None or row.changed_at is None:
        return record.digest == row.digest
    if record.changed_at != row.changed_at:
        return record.changed_at < row.changed_at
    return record.digest == row.digest
