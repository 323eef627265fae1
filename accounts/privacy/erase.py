"""Erasure: everything by which a person is named is removed; what is computed from stays, and is nobody's then.

In this order, so that it may run beside anything and be killed at any point:

1. Digests of the person's addresses and ids are kept: from here on no old record makes them anew.
2. Every table is gone through, those last (the anchors) by which the person is found: whoever was killed before finds
   them again and begins anew.
3. Attempts at events that are under way are made void: what they read before is never written.
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
from accounts.people.models import Contact, ContactMapping, ExternalIdentity, User
from accounts.people.person import Person, collected
from accounts.privacy import files
from accounts.privacy.holdings import DELETED, Holding, all_holdings
from accounts.staff import audit
from core.queue.delivery import LEASE, PENDING

logger = logging.getLogger(__name__)
READ_AT_ONCE = 500  # rows that are looked through
BODIES_AT_ONCE = 50  # of rows with a body, which may be a mebibyte long
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
    report = Report(still_known=_known_elsewhere(person))
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
        _go_through(all_holdings(), _grown(person), again, on_table)
        for label, done in again.tables.items():
            for what, count in done.items():
                report.add(label, what, count)
        if not again.tables:
            break
    else:
        raise NotErased(f"something of this person came again in {', '.join(again.tables)}; run it once more")
    _leave_no_bytes()
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


def _known_elsewhere(person: Person) -> list[tuple[str, str, str]]:
    """Return the person's records at providers, those that were deleted there left out."""
    mappings = ContactMapping.objects.filter(contact__in=person.contacts, gone_at=None).exclude(kind="email")
    identities = ExternalIdentity.objects.filter(user__in=person.users)
    columns = ("provider", "kind", "external_id")
    return sorted({*mappings.values_list(*columns), *identities.values_list(*columns)})


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
    for keys in _in_parts(found_in(holding, own, mentions), WRITTEN_AT_ONCE):
        with transaction.atomic():
            for row in holding.rows.filter(pk__in=keys).select_for_update(of=("self",)).order_by("pk"):
                report.add(holding.label, *_erase(holding, row, mentions, row.pk in own))


def found_in(holding: Holding, own: set[Any], mentions: Mentions) -> Iterable[Any]:
    """Return the keys of own rows and of rows that name the person, a page of the table in memory at a time."""
    if not holding.scans or not holding.texts:
        yield from sorted(own)
        return
    with_body = any(isinstance(column, models.BinaryField) for column in holding.model._meta.concrete_fields)
    size = BODIES_AT_ONCE if with_body else READ_AT_ONCE
    last: Any = None
    while True:
        rows = holding.rows.order_by("pk") if last is None else holding.rows.filter(pk__gt=last).order_by("pk")
        page = list(rows.values_list("pk", *holding.texts)[:size])
        for key, *values in page:
            if key in own or any(map(mentions.name, values)):
                yield key
        if len(page) < size:
            return
        last = page[-1][0]


def _count(holding: Holding, person: Person, mentions: Mentions, report: Report) -> None:
    own = holding.own_keys(person)
    for keys in _in_parts(found_in(holding, own, mentions), WRITTEN_AT_ONCE):
        for row in holding.rows.filter(pk__in=keys):
            changes = _changes(holding, row, mentions, row.pk in own)
            if changes:
                report.add(holding.label, _kind(changes, row.pk in own))


def _erase(holding: Holding, row: models.Model, mentions: Mentions, own: bool) -> tuple[str, int]:
    changes = _changes(holding, row, mentions, own)
    if changes == DELETED:
        holding.rows.filter(pk=row.pk).delete()
    elif changes:
        assert not isinstance(changes, str)
        holding.rows.filter(pk=row.pk).update(**changes)
    return _kind(changes, own), int(bool(changes))


def _kind(changes: dict[str, Any] | str, own: bool) -> str:
    return "deleted" if changes == DELETED else "emptied" if own else "scrubbed"


def _changes(holding: Holding, row: Any, mentions: Mentions, own: bool) -> dict[str, Any] | str:
    """Return the columns of a row that become something else, or DELETED."""
    wanted: dict[str, Any] = {}
    if holding.erase is not None:
        made = holding.erase(row, mentions, own)
        if isinstance(made, str):
            return made
        wanted |= made
    elif own and holding.becomes is None:
        return DELETED
    if own and holding.becomes is not None:
        wanted |= {name: value(row) if callable(value) else value for name, value in holding.becomes.items()}
    if holding.erase is None or holding.becomes is not None:
        wanted = _scrubbed(holding, row, mentions, own) | wanted
    return {name: value for name, value in wanted.items() if not _same(getattr(row, name), value)}


def _scrubbed(holding: Holding, row: Any, mentions: Mentions, own: bool) -> dict[str, Any]:
    found = {}
    for name in holding.texts:
        value = getattr(row, name)
        clean = mentions.scrubbed(value, own=own)
        if not _same(value, clean):
            found[name] = f"forgotten:{row.pk}" if name in _unique(holding.model) else clean
    return found


def _unique(model: type[models.Model]) -> set[str]:
    """Return the columns of which two rows may not have the same value, alone or with others."""
    alone = {column.attname for column in model._meta.concrete_fields if column.unique}
    together = {name for constraint in model._meta.total_unique_constraints for name in constraint.fields}
    return alone | together


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, memoryview):
        one = bytes(one)
    return type(one) is type(other) and bool(one == other) if isinstance(one, bool) else bool(one == other)


def _erase_anchors(anchors: Sequence[Holding], person: Person, report: Report) -> None:
    """Erase, all or none of them, the rows by which the person is found, under the locks that every report takes."""
    done = Report()
    with transaction.atomic():
        list(Contact.objects.select_for_update().filter(pk__in=person.contacts).order_by("pk"))
        # What was told of the person since they were looked for is known by these rows, and soon by none.
        mentions = collected(person).mentions()
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


def _grown(person: Person) -> Person:
    """Add what an attempt that was under way has made of the person meanwhile: their addresses are nobody's by now."""
    on_contacts, on_users = lookup.having_email(person.emails)
    contacts, logins = lookup.owners(person.ids)
    person.contacts |= contacts | set(Contact.objects.filter(on_contacts).values_list("pk", flat=True))
    person.users |= logins | set(User.objects.filter(on_users).values_list("pk", flat=True))
    users = User.objects.filter(contact__in=person.contacts, is_staff=False, is_superuser=False)
    person.users |= set(users.values_list("pk", flat=True))
    return collected(person)


def _void_attempts() -> None:
    """Let no attempt at an event, a reading or a page that began before now write anything; each is made again."""
    now = timezone.now()
    for holding in all_holdings():
        if holding.attempts == "voided":
            under_way = holding.rows.filter(status=PENDING, crashes__gt=0, next_attempt_at__gt=now)
            under_way.update(attempts=F("attempts") + 1, crashes=0, next_attempt_at=now, wake_at=now)


def _wait_for_attempts(holding: Holding, person: Person) -> None:
    """Wait until no worker is at an own row: what is on its way cannot be taken back; what comes of it is removed."""
    own = holding.own_keys(person)
    ends_at = time.monotonic() + LEASE.total_seconds() + 5
    while time.monotonic() < ends_at:
        under_way = holding.rows.filter(pk__in=own, status=PENDING, crashes__gt=0, next_attempt_at__gt=timezone.now())
        if not under_way.exists():
            return
        time.sleep(0.2)


def _leave_no_bytes() -> None:
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
