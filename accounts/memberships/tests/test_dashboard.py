"""The dashboard: what members are told of a membership in each of its states."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.html import strip_tags

from accounts.memberships import subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan
from accounts.memberships.terms import StatedTerms
from accounts.people.models import User
from core.cause import Cause

pytestmark = pytest.mark.django_db


def moment(days: float) -> Any:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


def day(days: float) -> str:
    with translation.override("en"):
        return date_format(moment(days), "DATE_FORMAT")


# Each fact: what, on which day from today, terms and a stated end (midnight: of the day before).
@pytest.mark.parametrize(
    ("facts", "says", "says_not"),
    [
        ([("purchased", -10, {"ends": 20})], ["You have full access.", "Access until", day(19), "19 days left"], []),
        ([("purchased", -10, {"ends": 1})], ["Access until", day(0), "ends today"], []),
        (
            [("purchased", -2, {"ends": 40, "starts_at": moment(10)})],
            ["scheduled", "has not begun yet", "Begins", day(10)],
            ["has ended", "Access ended", "Member since"],
        ),
        ([("purchased", -40, {"ends": -1})], ["past due", "A payment is awaited", day(1), "1 day left"], [day(-2)]),
        ([("purchased", -40, {"ends": -9})], ["has ended", "Access ended", day(-7)], ["Access until"]),
        ([("purchased", -9, {"ends": 9}), ("paused", -1, {})], ["is paused. You keep your access", day(8)], ["ended"]),
        ([("purchased", -9, {"ends": -2}), ("paused", -5, {})], ["no access with it until it goes on"], ["has ended"]),
        ([("purchased", -9, {"ends": 9}), ("disputed", -2, {})], ["is disputed"], ["has ended", day(8)]),
        ([("purchased", -9, {"ends": 9}), ("canceled", -2, {})], ["You canceled", "Access until", day(8)], ["ended"]),
    ],
)
def test_dashboard_says_what_holds_in_each_state(
    facts: list[tuple[str, float, dict[str, Any]]], says: list[str], says_not: list[str], user: User, plan: Plan
) -> None:
    for kind, when, named in facts:
        ends, terms = named.get("ends"), {name: value for name, value in named.items() if name != "ends"}
        fact = Fact(
            key=f"kajabi:{kind}",
            kind=FactKind(kind),
            occurred_at=moment(when),
            period_end=moment(ends) if ends is not None else None,
            terms=StatedTerms(**terms),
        )
        subscriptions.record(user, plan, fact, cause=Cause(text="kajabi"))
    client = Client()
    client.force_login(user)
    page = " ".join(strip_tags(client.get("/dashboard").content.decode()).split())
    assert [words for words in says if words not in page] == []
    assert [words for words in says_not if words in page] == []
