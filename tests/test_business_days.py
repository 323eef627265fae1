"""A day is one of the business, in TIME_ZONE: late in the evening in New York it is not tomorrow yet."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.courses import completion_mails, decisions
from accounts.courses.models import Activity, Completion
from accounts.people.models import User
from accounts.tests.admin_clients import signed_in
from core.cause import Cause
from core.days import today
from integrations.history.models import HistoryImport
from integrations.operations import figures
from integrations.operations.figures import Recent
from integrations.operations.models import Figure

pytestmark = pytest.mark.django_db
EVENING = datetime(2030, 7, 2, 2, 30, tzinfo=UTC)  # 22:30 of the first of July
THE_FIRST = date(2030, 7, 1)


@pytest.fixture(autouse=True)
def _in_new_york(settings: Any) -> Iterator[None]:
    settings.TIME_ZONE = "America/New_York"
    timezone.get_default_timezone.cache_clear()
    yield
    timezone.get_default_timezone.cache_clear()


@pytest.fixture
def clock(travel: Any) -> Any:
    """Set the clock to a moment."""
    return lambda moment: travel(moment - datetime.now(UTC))


def test_today_ends_at_midnight_of_the_business(clock: Any) -> None:
    clock(EVENING)
    assert today() == THE_FIRST
    clock(EVENING + timedelta(hours=2))
    assert today() == date(2030, 7, 2)


def test_points_given_in_the_evening_are_of_that_day(clock: Any, user: User, staff: User) -> None:
    clock(EVENING)
    activity = Activity.objects.get(code="LEARN")
    decisions.award_by_hand(user, activity, course="AI", batch=uuid4(), cause=Cause.by_staff(staff))
    assert Completion.objects.get().completed_on == THE_FIRST


def test_digest_of_completions_is_sent_from_seven_in_the_morning_of_the_business(
    clock: Any, learn_waiting: Completion, staff: User
) -> None:
    clock(EVENING + timedelta(hours=6))  # 8:30 in UTC, 4:30 here
    assert decisions.enqueue_digest() == []
    clock(EVENING + timedelta(hours=9))
    assert len(decisions.enqueue_digest()) == 1
    clock(EVENING + timedelta(hours=23))  # past midnight in UTC, the same day here
    assert decisions.enqueue_digest() == []


@pytest.fixture
def learn_waiting(clock: Any) -> Completion:
    clock(EVENING)
    return Completion.objects.create(
        activity=Activity.objects.get(code="LEARN"),
        source="kajabi:1",
        channel="kajabi",
        email="nobody@example.com",
        email_received="nobody@example.com",
        completed_on=THE_FIRST,
        state="received",
        cause="test",
    )


def test_members_are_counted_for_the_day_of_the_business(clock: Any) -> None:
    clock(EVENING)
    figures.count()
    row = Figure.objects.get(kind=Figure.Kind.MEMBERS)
    assert row.at.date() == THE_FIRST
    assert Recent().newest(Figure.Kind.MEMBERS) == row
    clock(EVENING + timedelta(hours=2))
    figures.count()
    days = Figure.objects.filter(kind=Figure.Kind.MEMBERS).order_by("at").values_list("at", flat=True)
    assert [at.date() for at in days] == [THE_FIRST, date(2030, 7, 2)]


def test_days_of_the_trend_follow_each_other_where_the_clock_is_changed(clock: Any) -> None:
    for day in (9, 10, 11):  # on the tenth a day of 23 hours begins
        clock(datetime(2030, 3, day, 17, tzinfo=UTC))
        figures.count()
    counted = Recent()
    found = [counted.numbers(Figure.Kind.MEMBERS, "", counted.day - n * figures.A_DAY) for n in range(3)]
    assert None not in found


def test_new_token_is_offered_until_a_day_of_the_business(clock: Any, staff: User, settings: Any) -> None:
    clock(EVENING)
    page = signed_in(staff).get("/admin/accounts/apitoken/add/")
    last_day = page.context["adminform"].form.fields["last_day"].initial
    assert last_day == THE_FIRST + timedelta(days=settings.API_TOKEN_DAYS)


def test_file_exported_on_a_day_is_as_old_as_the_beginning_of_that_day(tmp_path: Any) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Email\nada@example.com\n")
    call_command("import_kajabi_history", path, exported_on="2026-03-31", kind="members")
    assert HistoryImport.objects.get().exported_at == datetime(2026, 3, 31, 4, tzinfo=UTC)


def test_mail_about_a_course_counts_its_days_as_the_business_does(clock: Any, user: User) -> None:
    clock(EVENING)
    completion = Completion(
        activity=Activity.objects.get(code="LEARN"),
        user=user,
        channel="kajabi",
        source="kajabi:2",
        course="AI",
        completed_on=THE_FIRST - completion_mails.NEWS_FOR,
        state="awarded",
        cause="test",
    )
    completion.save()
    assert completion_mails.enqueue(completion) is not None
