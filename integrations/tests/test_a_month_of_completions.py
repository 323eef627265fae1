"""A month of synthetic traffic, 3 % of it of unknown people, 5 % sent again, out of order: every balance is exact.

It is 600 completions, and 10,000 in the long form (CHAOS=long).

Each delivery goes through the provider's translation and the handler of completions, and a stranger's through that of
contacts too, since an alias is a matter of contacts. The inbox itself (rows, workers, crashes) has its own tests.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.commerce.models import FormSubmission
from accounts.courses import completions, decisions
from accounts.courses.models import Completion, PointsEntry
from accounts.people.models import User
from core.cause import Cause
from integrations.contracts.events import FormSubmitted
from integrations.contracts.webhook import StoredWebhook
from integrations.handlers import Context, handle
from integrations.handlers.completions import store
from integrations.providers.kajabi.provider import PROVIDER
from tests.harness.environment import IS_LONG

NUMBER = 10_000 if IS_LONG else 600
MEMBERS, COURSES = NUMBER // 20, 60
UNKNOWN = NUMBER * 3 // 100
REPEATED = NUMBER * 5 // 100
POINTS = 20


def delivery(number: int, email: str, course: str, *, again: int = 0) -> StoredWebhook:
    """A relay's form.submitted; told again it has another id of the event, and the same of the submission."""
    happened = timezone.now() - timedelta(days=30) + timedelta(minutes=number * 4)
    fields = {"email": email, "course_name": course, "completion_date": f"{happened:%Y-%m-%d}"}
    payload = {
        "event_type": "form.submitted",
        "event_id": f"evt_{number}_{again}",
        "created_at": happened.isoformat(),
        "data": {
            "form": {"id": "form_123", "name": "Course Completion Form"},
            "submission": {"id": f"sub_{number}", "fields": fields},
        },
    }
    return StoredWebhook(
        endpoint="course relay",
        event_type="form.submitted",
        external_id=f"evt_{number}_{again}",
        payload=payload,
        received_at=timezone.now(),
    )


def tell(webhook: StoredWebhook) -> None:
    context = Context(provider="kajabi", key=webhook.external_id, cause=Cause(text=webhook.external_id))
    submitted, person = PROVIDER.parse(webhook)
    assert isinstance(submitted, FormSubmitted)
    with transaction.atomic():
        if submitted.email.startswith("member"):
            store(submitted, context)
        else:
            handle(submitted, context)
            handle(person, context)


def month(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Return completions: the first by strangers, a third of whom buy later, a third of whom are aliases."""
    for number in range(NUMBER):
        course = f"Course {chance.randrange(COURSES)}"
        if number < UNKNOWN:
            kind = ("later", "alias", "nobody")[number % 3]
            yield f"{kind}{number // 3}@elsewhere.example.com", course
        else:
            yield f"member{chance.randrange(MEMBERS)}@example.com", course


@pytest.mark.once
@pytest.mark.django_db
def test_a_month_of_traffic_ends_with_exactly_the_right_balances(staff: Any) -> None:
    chance = random.Random(20260301)
    User.objects.bulk_create(User(email=f"member{n}@example.com", password="!") for n in range(MEMBERS))
    done = list(month(chance))
    told = [delivery(number, *what) for number, what in enumerate(done)]
    told += [delivery(number, *done[number], again=1) for number in chance.sample(range(NUMBER), REPEATED)]
    chance.shuffle(told)

    def owner(email: str) -> str | None:
        """Return the member who has these points in the end."""
        kind = email.partition("@")[0].rstrip("0123456789")
        number = int(email.partition("@")[0].removeprefix(kind))
        return {"nobody": None, "alias": f"member{number}@example.com"}.get(kind, email)

    middle = len(told) // 2
    for webhook in told[:middle]:
        tell(webhook)
    # In the middle of the month some strangers buy, and staff find out who others are.
    User.objects.bulk_create(User(email=f"later{n}@elsewhere.example.com", password="!") for n in range(UNKNOWN // 3))
    for waiting in Completion.objects.filter(state="received", email__startswith="alias").order_by("pk"):
        waiting.refresh_from_db()
        member = User.objects.get(email=owner(waiting.email))
        decisions.link(waiting, member, remember=True, cause=Cause.by_staff(staff))
    for webhook in told[middle:]:
        tell(webhook)
    for waiting in Completion.objects.filter(state="received", email__startswith="alias").order_by("pk"):
        member = User.objects.get(email=owner(waiting.email))
        decisions.link(waiting, member, remember=True, cause=Cause.by_staff(staff))
    completions.match_pending()

    earned = {(who, course) for email, course in done if (who := owner(email))}
    expected = Counter(who for who, _course in earned)
    balances: Counter[str] = Counter()
    for email, points in PointsEntry.objects.values_list("user__email", "points"):
        balances[email] += points
    assert balances == {who: courses * POINTS for who, courses in expected.items()}
    assert PointsEntry.objects.count() == len(earned), "no line too many, none reversed"
    assert (Completion.objects.count(), FormSubmission.objects.count()) == (NUMBER, UNKNOWN)
    states = Counter(Completion.objects.values_list("state", flat=True))
    nobodys = sum(owner(email) is None for email, _course in done)
    assert states == {"awarded": len(earned), "received": nobodys, "matched": NUMBER - nobodys - len(earned)}
    assert nobodys == NUMBER // 100, "a third of the strangers stay unknown"
