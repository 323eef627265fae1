"""`ProviderRecord` rows: what each record said when it was applied last, so that the unchanged costs one look."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from integrations.contracts.pull import PulledRecord, PurchaseStatus, RemotePurchase
from integrations.reconcile.models import ProviderRecord

_VALUES_IN_A_QUERY = 500


def rows_of(keys: Iterable[str], *, provider: str) -> dict[str, ProviderRecord]:
    """Return the rows that there are, by their keys; in parts, since there may be very many."""
    rows = ProviderRecord.objects.filter(provider=provider)
    return {row.key: row for part in in_parts(keys) for row in rows.filter(key__in=part)}


def save_rows(rows: Iterable[ProviderRecord], *, columns: Iterable[str] = ()) -> None:
    """Insert rows, or update those that there are; with `columns` these columns of them only."""
    # One key twice in a statement would be refused.
    latest = {(row.provider, row.key): row for row in rows}
    ProviderRecord.objects.bulk_create(
        list(latest.values()),
        update_conflicts=True,
        unique_fields=["provider", "key"],
        update_fields=list(columns) or ["person_id", "email", "content", "digest", "changed_at", "ended_at", "read_at"],
    )


def row_of(
    record: PulledRecord, *, provider: str, is_applied: bool = True, failed_in: int | None = None
) -> ProviderRecord:
    """Return the row, not saved, that remembers a record; `failed_in` is the run that failed to apply it."""
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
        changed_at=record.changed_at,
        ended_at=record.purchase.ended_at if record.purchase else None,
    )


def purchase_of(row: ProviderRecord) -> RemotePurchase:
    """Return the purchase that a row of one remembers."""
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
    """Return the records that say something new, each with its row; with `again` every record.

    A record that the run `run_id` failed to apply is not new to it: the next run tries again.
    """
    rows = rows_of([record.key for record in records], provider=provider)
    changed = []
    for record in records:
        row = rows.get(record.key)
        if again or row is None or not _is_known(record, row, run_id=run_id):
            changed.append((record, row))
            rows[record.key] = row_of(record, provider=provider)  # a list may show a record twice
    return changed


def _is_known(record: PulledRecord, row: ProviderRecord, *, run_id: int | None) -> bool:
    """Return whether it says what was applied, or what was true before that: the index of a list may lag behind."""
    if not row.digest:
        failed = row.content.get("failed")
        return run_id is not None and failed == {"run": run_id, "digest": record.digest}
    if record.changed_at is None or row.changed_at is None:
        return record.digest == row.digest
    if record.changed_at != row.changed_at:
        return record.changed_at < row.changed_at
    return record.digest == row.digest


def in_parts(values: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield `values` in tuples that are short enough for one query."""
    rest = iter(values)
    while part := tuple(islice(rest, _VALUES_IN_A_QUERY)):
        yield part
