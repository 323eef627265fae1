"""Erasure: everything that names a person is removed; what access and points are computed from stays, anonymous.

In this order, so that it may run beside anything and be killed at any point:

1. Digests of the person's addresses and ids are stored: from here on no old record creates them again.
2. Every table is gone through, those last (the anchors) by which the person is found: whoever was killed before finds
   them again and begins anew.
3. Attempts at events that are under way are voided: what they read before is never written.
4. Every table is gone through again, until nothing is left.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import OperationalError, connection, models, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from accounts.people import forgotten, lookup
from accounts.people.mentions import Mentions
from accounts.people.models import Contact, ContactMapping, User
from accounts.people.person import Person, collect
from accounts.privacy import files
from accounts.privacy.holdings import DELETED, Holding, all_holdings
from accounts.privacy.rows import changes_of, matching_keys
from accounts.staff import audit
from core.queue.delivery import LEASE, PENDING

logger = logging.getLogger(__name__)
WRITTEN_AT_ONCE = 50  # rows in one transaction
PASSES = 5
_TRIES = 3
FILES = "mail files"


class StaffAccount(Exception):
    """The person is staff; the message says what to do before."""


class NotErased(Exception):
    """Something of the person comes again as fast as it is removed; the message names the tables."""


@dataclass(kw_only=True)
class Report:
    """The result of an erasure: label → deleted, emptied (own rows) and scrubbed (other rows that named the person).

    `still_known` are the person's ids at providers, who may bring them back.
    """

    tables: dict[str, Counter[str]] = field(default_factory=dict)
    still_known: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, label: str, what: str, count: int = 1) -> None:
        if count:
            self.tables.setdefault(label, Counter())[what] += count

    def as_rows(self) -> list[tuple[str, int, int, int]]:
        """Return (label, deleted, emptied, scrubbed) for each table in which something was done."""
        return [(label, done["deleted"], done["emptied"], done["scrubbed"]) for label, done in self.tables.items()]


def forget(
    person: Person,
    *,
    dry_run: bool = False,
    actor: Any = None,
    request: HttpRequest | None = None,
    on_table: Callable[[str], None] = lambda label: None,
) -> Report:
    """Erase a person; with `dry_run` only count. Not inside a transaction. Raises StaffAccount, NotErased."""
    _refuse_staff(person)
    report = Report(still_known=_remote_ids(person))
    if dry_run:
        mentions = person.mentions()
        for holding in all_holdings():
            on_table(holding.label)
            _count(holding, person, mentions, report)
        report.add(FILES, "deleted", len(files.mails_about(mentions)))
        return report
    forgotten.note(person.keys())
    anchors = [holding for holding in all_holdings() if holding.anchors]
    _go_through([holding for holding in all_holdings() if not holding.anchors], person, report, on_table)
    _without_deadlock(lambda: _erase_anchors(anchors, person, report))
    _void_attempts()
    for _pass in range(PASSES):
        again = Report()
        _go_through(all_holdings(), _collect_again(person), again, on_table)
        for label, done in again.tables.items():
            for what, count in done.items():
                report.add(label, what, count)
        if not again.tables:
            break
    else:
        raise NotErased(f"something of this person came again in {', '.join(again.tables)}; run it once more")
    _empty_log()
    target = _target(person)
    rows = {label: dict(done) for label, done in report.tables.items()}
    audit.record("person.forgotten", actor=actor, request=request, target=target, tables=len(rows), rows=_summed(rows))
    logger.info("person erased", extra={"tables": len(rows)})
    return report


def _refuse_staff(person: Person) -> None:
    staff = User.objects.filter(pk__in=person.users).filter(models.Q(is_staff=True) | models.Q(is_superuser=True))
    if (user := staff.first()) is not None:
        raise StaffAccount(
            f"{user.email} is a staff account. Take their staff and superuser rights away first, then erase them."
        )


def _remote_ids(person: Person) -> list[tuple[str, str, str]]:
    """Return the person's records at providers, those that were deleted there left out."""
    mappings = ContactMapping.objects.filter(contact__in=person.contacts, gone_at=None).exclude(kind="email")
    return sorted(mappings.values_list("provider", "kind", "external_id"))


def _go_through(holdings: Iterable[Holding], person: Person, report: Report, on_table: Callable[[str], None]) -> None:
    mentions = person.mentions()
    for holding in holdings:
        on_table(holding.label)
        if holding.attempts == "waited for":
            _wait_for_attempts(holding, person)
        _sweep(holding, person, mentions, report)
    on_table(FILES)
    report.add(FILES, "deleted", files.delete(files.mails_about(mentions)))


def _sweep(holding: Holding, person: Person, mentions: Mentions, report: Report) -> None:
    """Erase a person in one table: their own rows, and their values in all others."""
    own = holding.own_keys(person)
    for keys in _in_parts(matching_keys(holding, own, mentions), WRITTEN_AT_ONCE):
        with transaction.atomic():
            for row in holding.rows.filter(pk__in=keys).select_for_update(of=("self",)).order_by("pk"):
                report.add(holding.label, *_erase(holding, row, mentions, row.pk in own))


def _kind(changes: dict[str, Any] | str, own: bool) -> str:
    return "deleted" if changes == DELETED else "emptied" if own else "scrubbed"


def _count(holding: Holding, person: Person, mentions: Mentions, report: Report) -> None:
    own = holding.own_keys(person)
    for keys in _in_parts(matching_keys(holding, own, mentions), WRITTEN_AT_ONCE):
        for row in holding.rows.filter(pk__in=keys):
            changes = changes_of(holding, row, mentions, row.pk in own)
            if changes:
                report.add(holding.label, _kind(changes, row.pk in own))


def _erase(holding: Holding, row: models.Model, mentions: Mentions, own: bool) -> tuple[str, int]:
    changes = changes_of(holding, row, mentions, own)
    if changes == DELETED:
        holding.rows.filter(pk=row.pk).delete()
    elif changes:
        assert not isinstance(changes, str)
        holding.rows.filter(pk=row.pk).update(**changes)
    return _kind(changes, own), int(bool(changes))


def _erase_anchors(anchors: Sequence[Holding], person: Person, report: Report) -> None:
    """Erase, all or none of them, the rows by which the person is found, under the locks that every report takes."""
    done = Report()
    with transaction.atomic():
        list(Contact.objects.select_for_update().filter(pk__in=person.contacts).order_by("pk"))
        # What was reported of the person since they were looked up is known by these rows, and soon by none.
        mentions = collect(person).mentions()
        forgotten.note(person.keys())
        for holding in anchors:
            own = holding.own_keys(person)
            for row in holding.rows.filter(pk__in=own).order_by("pk"):
                done.add(holding.label, *_erase(holding, row, mentions, True))
    for label, counts in done.tables.items():
        for what, count in counts.items():
            report.add(label, what, count)


def _without_deadlock(work: Callable[[], None]) -> None:
    """Do `work` again where the database ended it because another worker held the same rows in another order."""
    for attempt in range(_TRIES):
        try:
            work()
            return
        except OperationalError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.1 * (attempt + 1))


def _collect_again(person: Person) -> Person:
    """Add rows that an attempt under way has made of the person meanwhile: their addresses are nobody's by now."""
    on_contacts, on_users = lookup.having_email(person.emails)
    contacts, logins = lookup.owners(person.ids)
    person.contacts |= contacts | set(Contact.objects.filter(on_contacts).values_list("pk", flat=True))
    person.users |= logins | set(User.objects.filter(on_users).values_list("pk", flat=True))
    users = User.objects.filter(contact__in=person.contacts, is_staff=False, is_superuser=False)
    person.users |= set(users.values_list("pk", flat=True))
    return collect(person)


def _void_attempts() -> None:
    """Void the attempts at events, refreshes and pages that began before now; each is made again."""
    now = timezone.now()
    for holding in all_holdings():
        if holding.attempts == "voided":
            under_way = holding.rows.filter(status=PENDING, crashes__gt=0, next_attempt_at__gt=now)
            under_way.update(attempts=F("attempts") + 1, crashes=0, next_attempt_at=now, wake_at=now)


def _wait_for_attempts(holding: Holding, person: Person) -> None:
    """Wait until no worker holds an own row: what is being sent cannot be taken back; its results are removed."""
    own = holding.own_keys(person)
    ends_at = time.monotonic() + LEASE.total_seconds() + 5
    while time.monotonic() < ends_at:
        under_way = holding.rows.filter(pk__in=own, status=PENDING, crashes__gt=0, next_attempt_at__gt=timezone.now())
        if not under_way.exists():
            return
        time.sleep(0.2)


def _empty_log() -> None:
    """Empty SQLite's write-ahead log: what was removed still stands in it. Pages are overwritten (secure_delete)."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _target(person: Person) -> Any:
    if person.contacts:
        return ("accounts.contact", min(person.contacts))
    return ("accounts.user", min(person.users)) if person.users else None


def _summed(rows: dict[str, dict[str, int]]) -> dict[str, int]:
    return {label: sum(done.values()) for label, done in rows.items()}


def _in_parts(keys: Iterable[Any], size: int) -> Iterable[list[Any]]:
    part: list[Any] = []
    for key in keys:
        part.append(key)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
