"""Policies and quotes: kept once, value by value as they were last told, in whatever order the reports come."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.commerce import policies
from accounts.commerce.models import Policy
from accounts.commerce.policies import ChangedPolicy, PolicyReport
from accounts.people.models import Contact

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)
FIRST = PolicyReport(
    occurred_at=NOW,
    external_id="p1",
    is_quote=False,
    currency="USD",
    number="POL-1",
    line_of_business="Auto",
    carrier="Sample Mutual",
    premium=120_000,
    effective_on=date(2026, 4, 1),
)
RAISED = PolicyReport(
    occurred_at=NOW + timedelta(hours=1), external_id="p1", is_quote=False, currency="USD", premium=130_000
)
MOVED = replace(RAISED, occurred_at=NOW + timedelta(minutes=30), premium=125_000, carrier="Another Mutual")


@pytest.fixture
def contact() -> Contact:
    return Contact.objects.create(email="jane@example.com")


@pytest.fixture
def keep(contact: Contact) -> Callable[[PolicyReport], ChangedPolicy]:
    def kept(told: PolicyReport) -> ChangedPolicy:
        with transaction.atomic():
            return policies.apply_report(told, provider="nowcerts", contact=contact)

    return kept


def told() -> dict[str, Any]:
    (row,) = Policy.objects.values()
    return {name: row[name] for name in ("external_id", "number", "carrier", "premium", "effective_on", "reported_at")}


def test_policy_is_stored_once_and_a_copy_changes_nothing(keep: Any) -> None:
    assert keep(FIRST).created
    again = keep(FIRST)
    assert (again.created, again.changed) == (False, ())
    assert Policy.objects.count() == 1


def test_later_report_changes_only_the_values_it_names(keep: Any) -> None:
    keep(FIRST)
    assert keep(RAISED).changed == ("premium",)
    assert (told()["premium"], told()["carrier"]) == (130_000, "Sample Mutual")


@pytest.mark.parametrize("order", list(permutations([FIRST, RAISED, MOVED])))
def test_order_of_reports_does_not_matter(keep: Any, order: tuple[PolicyReport, ...]) -> None:
    for report in (*order, *order):
        keep(report)
    assert told() == {
        "external_id": "p1",
        "number": "POL-1",
        "carrier": "Another Mutual",
        "premium": 130_000,
        "effective_on": date(2026, 4, 1),
        "reported_at": RAISED.occurred_at,
    }


@pytest.mark.parametrize("order", list(permutations([replace(FIRST, external_id=""), FIRST, RAISED])))
def test_policy_known_by_its_number_gets_its_id(keep: Any, order: tuple[PolicyReport, ...]) -> None:
    for report in order:
        keep(report)
    assert [row.external_id for row in Policy.objects.filter(number="POL-1")] == ["p1"]
    assert Policy.objects.count() == 1


def test_renewal_with_the_same_number_is_another_policy(keep: Any) -> None:
    keep(FIRST)
    keep(replace(FIRST, external_id="p2", effective_on=date(2027, 4, 1)))
    assert Policy.objects.count() == 2
    by_number = replace(RAISED, external_id="", number="POL-1")
    assert keep(by_number).policy.external_id == "p2", "the newest is meant"


def test_longer_text_than_a_column_is_cut(keep: Any) -> None:
    keep(replace(FIRST, number="9" * 300, carrier="x" * 300))
    assert (len(told()["number"]), len(told()["carrier"])) == (100, 150)
    assert not keep(replace(FIRST, number="9" * 300, carrier="x" * 300)).changed


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_row(keep: Any, at_once: Callable[..., list[Any]]) -> None:
    reports = [FIRST, replace(FIRST, external_id=""), RAISED, MOVED]
    results = at_once([lambda report=report: keep(report) for report in reports * 2])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert (told()["premium"], told()["carrier"]) == (130_000, "Another Mutual")


BY_NUMBER = replace(FIRST, external_id="", expires_on=date(2027, 4, 1))
NEXT_TERM = replace(
    BY_NUMBER, effective_on=date(2027, 4, 1), expires_on=date(2028, 4, 1), occurred_at=NOW + timedelta(hours=2)
)


@pytest.mark.parametrize("order", list(permutations([BY_NUMBER, NEXT_TERM, replace(BY_NUMBER, external_id="p1")])))
def test_two_terms_of_one_number_are_two_policies(keep: Any, order: tuple[PolicyReport, ...]) -> None:
    for report in (*order, *order):
        keep(report)
    rows = Policy.objects.order_by("effective_on")
    assert [(row.effective_on, row.external_id == "p1") for row in rows] == [
        (date(2026, 4, 1), True),
        (date(2027, 4, 1), False),
    ]


def test_number_of_a_term_that_begins_when_the_other_ends_is_a_renewal(keep: Any) -> None:
    keep(replace(BY_NUMBER, external_id="p1"))
    renewal = keep(replace(NEXT_TERM, premium=1))
    assert renewal.created
    assert Policy.objects.get(external_id="p1").premium == 120_000


@pytest.fixture
def bob() -> Contact:
    return Contact.objects.create(email="bob@example.com")


def reported(told: PolicyReport, contact: Contact) -> ChangedPolicy:
    with transaction.atomic():
        return policies.apply_report(told, provider="nowcerts", contact=contact)


@pytest.mark.parametrize("external_id", ["", "p1"])
def test_number_of_somebody_elses_policy_changes_nothing_of_it(
    keep: Any, contact: Contact, bob: Contact, external_id: str
) -> None:
    keep(replace(BY_NUMBER, external_id=external_id))
    with pytest.raises(
        policies.AmbiguousPolicy, match=r"POL-1 is that of jane@example\.com .* reported of bob@example\.com"
    ):
        reported(replace(BY_NUMBER, premium=1), bob)
    assert [(row.contact, row.premium) for row in Policy.objects.all()] == [(contact, 120_000)]


def test_number_that_another_carrier_gave_to_somebody_else_is_another_policy(keep: Any, bob: Contact) -> None:
    keep(BY_NUMBER)
    for _time in range(2):
        reported(replace(BY_NUMBER, carrier="Another Mutual"), bob)
    assert sorted(Policy.objects.values_list("contact__email", "carrier")) == [
        ("bob@example.com", "Another Mutual"),
        ("jane@example.com", "Sample Mutual"),
    ]


def test_id_of_a_policy_does_not_absorb_another_persons_policy(keep: Any, bob: Contact) -> None:
    keep(BY_NUMBER)
    reported(FIRST, bob)
    assert sorted(Policy.objects.values_list("contact__email", "external_id")) == [
        ("bob@example.com", "p1"),
        ("jane@example.com", "number:POL-1"),
    ]


def test_number_of_two_people_is_ambiguous(keep: Any, bob: Contact) -> None:
    keep(BY_NUMBER)
    reported(FIRST, bob)
    with pytest.raises(
        policies.AmbiguousPolicy, match=r"jane@example\.com .*bob@example\.com|bob@example\.com .*jane@exam"
    ):
        policies.find(provider="nowcerts", external_id="", number="POL-1")
