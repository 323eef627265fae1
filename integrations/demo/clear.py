"""Remove the demo, all of it and nothing else.

Its rows are the marked ones, those of its people by the register of personal data, and what the database says belongs
to these. What real rows need meanwhile (a plan that somebody has bought) stays, and is named.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import ProtectedError, Q, RestrictedError

from accounts.courses.models import Completion
from accounts.demo.marks import DOMAIN, is_demo_address, keys_of
from accounts.demo.models import DemoRow
from accounts.mail.models import EmailMessage
from accounts.people.models import Contact, User
from accounts.people.person import Person, collect
from accounts.privacy.holdings import all_holdings
from accounts.staff.models import AuditEntry
from core.days import day_of
from integrations.inbox.models import Effect, InboxEvent
from integrations.issues import failed
from integrations.operations import closing, figures
from integrations.operations.models import Figure

_AT_ONCE = 500
_PEOPLE_AT_ONCE = 20
Keys = dict[type[models.Model], set[Any]]


def clear() -> tuple[int, list[str]]:
    """Remove the demo in one transaction; return the number of rows, and what stays because real rows need it.

    Entries of the audit log stay: what staff did with the demo was done.
    """
    with transaction.atomic():
        began = _began()
        doomed = _rows()
        removed = _delete(doomed) + failed.delete_empty()
        left: Iterable[models.QuerySet[Any]] = (
            models.QuerySet(model).filter(pk__in=keys) for model, keys in doomed.items()
        )
        kept = [str(row) for rows in left for row in rows]
        DemoRow.objects.all().delete()
        if began is not None:  # they have counted the demo too
            Figure.objects.filter(at__gte=min(figures.day_key(began), figures.hour_of(began))).exclude(
                kind=Figure.Kind.CLOCK
            ).delete()
            figures.count()
            closing.forget(day_of(began))
    return removed, kept


def _began() -> datetime | None:
    events = InboxEvent.objects.filter(pk__in=keys_of(InboxEvent))
    return events.aggregate(first=models.Min("received_at"))["first"]


def _rows() -> Keys:
    """Return the keys of all rows of the demo by model."""
    found: Keys = {model: keys_of(model) for model in apps.get_models()}
    for person in _people():
        for holding in all_holdings():
            found.setdefault(holding.model, set()).update(holding.own_keys(person))
    found[Effect] |= set(Effect.objects.filter(event__in=found[InboxEvent]).values_list("pk", flat=True))
    found[EmailMessage] |= set(EmailMessage.objects.filter(to__endswith=f"@{DOMAIN}").values_list("pk", flat=True))
    found.pop(AuditEntry)
    return {model: keys for model, keys in found.items() if keys}


def _people() -> Iterator[Person]:
    """Yield the people of the demo, some as if they were one, with everything that their rows name.

    Not all at once: a condition on each of their ids becomes longer than SQLite reads.
    """
    ours = Q(email__endswith=f"@{DOMAIN}")
    users = set(User.objects.filter(ours, is_staff=False, is_superuser=False).values_list("pk", flat=True))
    contacts = sorted(Contact.objects.filter(ours | Q(user__in=users)).values_list("pk", "user"))
    for start in range(0, len(contacts), _PEOPLE_AT_ONCE):
        part = contacts[start : start + _PEOPLE_AT_ONCE]
        logins = {user for _contact, user in part} & users
        users -= logins
        yield _collected(Person(contacts={contact for contact, _user in part}, users=logins))
    named = InboxEvent.objects.filter(person_email__endswith=f"@{DOMAIN}")
    waiting = Completion.objects.filter(email__endswith=f"@{DOMAIN}")
    emails = {*named.values_list("person_email", flat=True), *waiting.values_list("email", flat=True)}
    yield _collected(Person(users=users, emails=emails))


def _collected(person: Person) -> Person:
    collect(person)
    person.emails |= {email for email in person.shared if is_demo_address(email)}
    return person


def _delete(doomed: Mapping[type[models.Model], Iterable[Any]]) -> int:
    """Delete rows whatever the order of their models: what others still protect comes in the next round."""
    left = {model: sorted(keys, reverse=True) for model, keys in doomed.items()}
    removed = 0
    while left:
        before = sum(map(len, left.values()))
        for model, keys in list(left.items()):
            count, left[model] = _delete_unprotected(model, keys)
            removed += count
            if not left[model]:
                del left[model]
        if sum(map(len, left.values())) == before:
            break
    return removed


def _delete_unprotected(model: type[models.Model], keys: list[Any]) -> tuple[int, list[Any]]:
    """Delete rows, the newest first; return how many, and the keys of those that other rows protect."""
    removed, protected = 0, []
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        try:
            removed += models.QuerySet(model).filter(pk__in=part).delete()[0]
        except (ProtectedError, RestrictedError):
            if len(part) == 1:
                protected += part
                continue
            for key in part:
                count, kept = _delete_unprotected(model, [key])
                removed, protected = removed + count, protected + kept
    return removed, protected
