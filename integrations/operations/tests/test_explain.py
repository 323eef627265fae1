"""Explanations of access: by the command, and by `GET /api/admin/explain/`."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts.memberships import staff_actions
from accounts.people.models import User
from accounts.tests.admin_clients import clerk, signed_in
from core.cause import Cause

pytestmark = pytest.mark.django_db
JANE = "jane@example.com"
NAME, PLAN = "Jane Rivera", "NSSA Annual Membership"


def explained(person: str = JANE) -> dict[str, Any]:
    out = StringIO()
    call_command("explain", person, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def days_ago(days: int) -> str:
    return (timezone.now() - timedelta(days=days)).isoformat()


def day(days: int) -> str:
    return date_format(timezone.now() + timedelta(days=days), "DATE_FORMAT")


def bought(process: Any, relay: Any, **fields: Any) -> None:
    process(relay(created_at=days_ago(10), **fields))


def test_member_has_access_because_of_the_purchase(process: Any, relay: Any, plan: Any) -> None:
    bought(process, relay)
    found = explained()
    until = date_format(User.objects.get().subscriptions.get().current_period_end, "DATE_FORMAT")
    assert found["sentence"] == (
        f"{NAME} has access to {PLAN} until {until}, because it was bought on {day(-10)}. "
        "They have not chosen a password yet: send the set-up mail again."
    )
    (plan_access,) = found["plans"]
    facts = [fact["kind"] for fact in plan_access["facts"]]
    assert (plan_access["status"], plan_access["has_access"], facts) == (
        "active",
        True,
        ["purchased"],
    )
    assert found["person"]["emails"] == [JANE]
    assert {"provider": "kajabi", "kind": "relay", "id": "mem_1001"} in found["person"]["ids"]


def test_canceled_member_has_access_to_the_end(process: Any, relay: Any, plan: Any) -> None:
    bought(process, relay)
    process(relay("member.subscription.canceled", "evt_2", created_at=days_ago(2)))
    sentence = explained()["sentence"]
    assert f"{NAME} has access to {PLAN} until " in sentence
    assert f"because it was canceled on {day(-2)} and lasts to the end of what was paid." in sentence


@pytest.mark.parametrize(
    ("event_type", "why"),
    [("member.subscription.expired", "it was ended on"), ("purchase.refunded", "it was refunded on")],
)
def test_ended_member_has_no_access_and_the_sentence_says_what_restores_it(
    process: Any, relay: Any, plan: Any, event_type: str, why: str
) -> None:
    bought(process, relay)
    process(relay(event_type, "evt_2", created_at=days_ago(1)))
    found = explained()
    assert (
        f"{NAME} has no access to {PLAN}, because {why} {day(-1)}. A new payment gives it again." in found["sentence"]
    )
    assert found["plans"][0]["has_access"] is False


def test_paid_period_that_is_over_is_named(process: Any, relay: Any, plan: Any) -> None:
    process(relay(created_at=days_ago(800)))
    assert f"{NAME} has no access to {PLAN}: what was paid ended on " in explained()["sentence"]
    assert ", and no payment came until " in explained()["sentence"]


def test_access_given_by_staff_and_a_locked_login_are_named(user: User, staff: User, plan: Any) -> None:
    cause = Cause.by_staff(staff, "a gift")
    staff_actions.grant(user, plan, until=timezone.now() + timedelta(days=30), cause=cause)
    assert f"until {day(30)}, because staff gave it on {day(0)}." in explained()["sentence"]
    User.objects.filter(pk=user.pk).update(is_active=False)
    found = explained()
    assert "has no access to NSSA Annual Membership: the login is locked." in found["sentence"]
    assert found["plans"][0]["has_access"] is False


def test_buyer_with_unmatched_event_is_distinguished_from_one_who_never_bought(
    process: Any, relay: Any, plan: Any
) -> None:
    event = process(relay(offer={"id": "off_unknown", "name": "Coaching"}))
    assert event.status == "unmatched"
    found = explained()
    assert "has no membership: no purchase of theirs was processed." in found["sentence"]
    (waiting,) = found["events_not_processed"]
    assert (waiting["id"], waiting["type"], waiting["status"]) == (event.pk, "offer.purchased", "unmatched")
    assert waiting["reason"] == "Offer “Coaching” has no plan: choose one"
    out = StringIO()
    call_command("explain", JANE, stdout=out)
    assert "Events about them that were not processed:" in out.getvalue()


def test_sentence_is_in_the_language_of_the_request(process: Any, relay: Any, plan: Any, staff: User) -> None:
    bought(process, relay)
    with translation.override("es"):
        answer = signed_in(staff).get(f"/api/admin/explain/?person={JANE}", headers={"Accept-Language": "es"})
    assert "tiene acceso a NSSA Annual Membership hasta el" in answer.json()["sentence"]


def test_sentence_and_reasons_are_in_the_language_that_is_asked_for(
    process: Any, relay: Any, plan: Any, staff: User
) -> None:
    process(relay(offer={"id": "off_unknown", "name": "Coaching"}))
    query = {"person": JANE, "language": "es"}
    answer = signed_in(staff).get("/api/admin/explain/", query, headers={"Accept-Language": "en"}).json()
    assert "no tiene ninguna membresía" in answer["sentence"]
    assert "no tiene plan: elige uno" in answer["events_not_processed"][0]["reason"]
    assert signed_in(staff).get("/api/admin/explain/", query | {"language": "fr"}).status_code == 400
    out = StringIO()
    call_command("explain", JANE, "--language", "es", stdout=out)
    assert "Eventos sobre esta persona que no se procesaron:" in out.getvalue()
    with pytest.raises(CommandError, match="No se conoce a nadie"):
        call_command("explain", "nobody-has-this", "--language", "es")


@pytest.mark.parametrize("person", ["mem_1001", "kajabi:mem_1001", "JANE@example.com"])
def test_person_is_found_by_any_name(process: Any, relay: Any, plan: Any, staff: User, person: str) -> None:
    bought(process, relay)
    answer = signed_in(staff).get("/api/admin/explain", {"person": person})
    assert answer.status_code == 200
    assert answer.json()["person"]["user_id"] == User.objects.get(email=JANE).pk


def test_unknown_person_is_not_found(staff: User) -> None:
    browser = signed_in(staff)
    assert browser.get("/api/admin/explain/", {"person": "nobody-has-this"}).status_code == 404
    assert browser.get("/api/admin/explain/").status_code == 400
    with pytest.raises(CommandError, match="Nobody is known"):
        call_command("explain", "nobody-has-this")


def test_explanation_requires_permissions_for_all_it_shows() -> None:
    address = f"/api/admin/explain/?person={JANE}"
    assert Client().get(address).status_code == 401
    assert clerk("view_user").get(address).status_code == 403


def test_explanation_of_many_facts_needs_a_constant_number_of_queries(
    process: Any, relay: Any, plan: Any, django_assert_max_num_queries: Any
) -> None:
    bought(process, relay)
    for number in range(4):
        process(relay("member.subscription.renewed", f"evt_r{number}", created_at=days_ago(9 - number)))
    with django_assert_max_num_queries(30):
        explained()
