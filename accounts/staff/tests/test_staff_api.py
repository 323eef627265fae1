"""The staff's list of members, the member's own subscriptions, and the description of the API."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.memberships import staff_actions, subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan
from accounts.people.models import User
from accounts.people.tests.people import known_as
from accounts.staff.tests.callers import bearer
from core.cause import Cause
from core.moments import iso

pytestmark = pytest.mark.django_db
MEMBERS = "/api/admin/nssa-users/"


@pytest.fixture
def ask(staff: Any) -> Any:
    """Asks for the list as a signed-in member of staff; the answer must be 200."""
    browser = Client()
    browser.force_login(staff)

    def get(**query: Any) -> Any:
        answer = browser.get(MEMBERS, query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return get


@pytest.fixture
def members(plan: Any) -> dict[str, User]:
    """Three members: active with a password, canceled without, expired and locked; and a user who is none."""
    now = timezone.now()
    made = {}
    for name, kind, columns in [
        ("ada", FactKind.PURCHASED, {"password": "violet kettle under the stairs", "last_name": "Byron"}),
        ("bob", FactKind.CANCELED, {"password": None}),
        ("cleo", FactKind.EXPIRED, {"password": "violet kettle under the stairs", "is_active": False}),
    ]:
        made[name] = User.objects.create_user(f"{name}@example.com", first_name=name.title(), **columns)
        fact = Fact(
            key=name,
            kind=kind,
            occurred_at=now - timedelta(days=1),
            references={"member": f"mem_{name}"},
        )
        subscriptions.record(made[name], plan, fact, cause=Cause(text="test"), provider="kajabi")
        known_as(made[name], "relay", f"mem_{name}")
    made["none"] = User.objects.create_user("dora@example.com")
    return made


def emails_in(page: Any) -> list[str]:
    return [row["email"].partition("@")[0] for row in page["results"]]


@pytest.mark.parametrize("path", [MEMBERS, MEMBERS.rstrip("/")])
def test_nobody_is_let_in_who_is_not_staff(user: Any, members: Any, path: str) -> None:
    anonymous = Client().get(path)
    assert (anonymous.status_code, anonymous["WWW-Authenticate"]) == (401, "Token")
    assert anonymous.json() == {"detail": "Authentication credentials were not provided."}

    browser = Client()
    browser.force_login(user)
    member = browser.get(path)
    assert member.status_code == 403
    assert member.json() == {"detail": "You do not have permission to perform this action."}
    wrong = Client().get(path, headers={"Authorization": "Token 0123456789"})
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid token."})


def test_a_token_opens_it_like_a_session(staff: Any, members: Any) -> None:
    headers = bearer(staff)
    assert Client().get(MEMBERS, headers=headers).json()["count"] == 3
    User.objects.filter(pk=staff.pk).update(is_active=False)
    assert Client().get(MEMBERS, headers=headers).status_code == 401


def test_where_a_second_factor_is_required_a_session_without_it_is_refused(staff: Any, settings: Any) -> None:
    settings.ADMIN_2FA = "required"
    browser = Client()
    browser.force_login(staff)
    assert browser.get(MEMBERS).status_code == 403


def test_a_member_is_shown_with_their_subscription(ask: Any, members: Any) -> None:
    page = ask()
    assert (page["count"], page["next"], page["previous"]) == (3, None, None)
    assert emails_in(page) == ["cleo", "bob", "ada"]
    ada = page["results"][2]
    subscription = members["ada"].subscriptions.get()
    assert {name: value for name, value in ada.items() if name not in ("subscriptions", "date_joined")} == {
        "id": members["ada"].pk,
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Byron",
        "auth_provider": "local",
        "is_active": True,
        "subscription_status": "active",
        "subscription_plan": "nssa_annual",
        "subscription_end_date": iso(subscription.current_period_end),
        "metadata": {
            "partner": "NSSA",
            "kajabi_member_id": "mem_ada",
            "signup_date": iso(subscription.started_at),
        },
    }
    (subscription,) = ada["subscriptions"]
    assert (subscription["plan"], subscription["partner"], subscription["status"]) == ("nssa_annual", "NSSA", "active")
    assert (subscription["has_access"], subscription["external_member_id"]) == (True, "mem_ada")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"subscription_status": "active"}, ["ada"]),
        ({"subscription_status": "canceled"}, ["bob"]),
        ({"subscription_status": "refunded"}, []),
        ({"is_active": "true"}, ["ada"]),
        ({"is_active": "false"}, ["cleo", "bob"]),
        ({"search": "ADA@example.com"}, ["ada"]),
        ({"search": "bo"}, ["bob"]),
        ({"search": "byr"}, ["ada"]),
        ({"search": "mem_cleo"}, ["cleo"]),
        ({"search": "dora"}, []),
        ({"search": "%"}, []),
        ({"search": "' OR 1=1 --"}, []),
        ({"search": "ada", "subscription_status": "canceled"}, []),
        ({"is_active": "", "search": ""}, ["cleo", "bob", "ada"]),
    ],
    ids=str,
)
def test_the_list_can_be_narrowed(ask: Any, members: Any, query: dict[str, str], found: list[str]) -> None:
    assert emails_in(ask(**query)) == found


@pytest.mark.parametrize(
    "query",
    [
        {"subscription_status": "frozen"},
        {"is_active": "perhaps"},
        {"search": "x" * 300},
        {"partner": "nobody"},
        *({name: value} for name in ("page", "page_size") for value in ("0", "-1", "x", "1.5", "1" * 30)),
        {"page_size": "201"},
    ],
    ids=str,
)
def test_a_filter_that_does_not_exist_is_refused_as_json(staff: Any, query: dict[str, str]) -> None:
    browser = Client()
    browser.force_login(staff)
    answer = browser.get(MEMBERS, query)
    assert answer.status_code == 400
    assert list(answer.json()) == list(query)


def test_pages_are_as_long_as_asked_up_to_200(ask: Any, members: Any) -> None:
    first = ask(page_size=2)
    assert (emails_in(first), first["count"]) == (["cleo", "bob"], 3)
    assert first["next"].endswith("page=2&page_size=2")
    assert emails_in(ask(page_size=2, page=2)) == ["ada"]
    assert len(ask(page_size=200)["results"]) == 3


def test_a_page_after_the_last_is_404_as_json(staff: Any, members: Any) -> None:
    browser = Client()
    browser.force_login(staff)
    answer = browser.get(MEMBERS, {"page": 99})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_a_member_with_two_subscriptions_stands_once_in_the_list(ask: Any, members: Any, plan: Any, staff: Any) -> None:
    other = Plan.objects.create(code="other", name="Other", partner="NSSA")
    until = timezone.now() + timedelta(days=5)
    staff_actions.grant(members["ada"], other, until=until, cause=Cause.by_staff(staff))
    page = ask(search="ada")
    assert page["count"] == 1
    assert [subscription["plan"] for subscription in page["results"][0]["subscriptions"]] == ["other", "nssa_annual"]
    assert page["results"][0]["subscription_plan"] == "other", "the newest"


def test_a_member_is_listed_among_those_of_the_partner_of_their_plan(ask: Any, members: Any, staff: Any) -> None:
    for name, partner in [("dora", "Guild"), ("eve", "")]:
        plan = Plan.objects.create(code=name, name=name, partner=partner)
        person, _made = User.objects.get_or_create(email=f"{name}@example.com")
        until = timezone.now() + timedelta(days=5)
        staff_actions.grant(person, plan, until=until, cause=Cause.by_staff(staff))
    assert emails_in(ask()) == emails_in(ask(partner="nssa")) == emails_in(ask(partner="")) == ["cleo", "bob", "ada"]
    guild = ask(partner="Guild")
    assert emails_in(guild) == ["dora"]
    assert guild["results"][0]["metadata"]["partner"] == "Guild"


def test_an_unknown_partner_is_refused_with_those_that_there_are(staff: Any, plan: Any) -> None:
    Plan.objects.create(code="guild", name="Guild", partner="Guild")
    browser = Client()
    browser.force_login(staff)
    answer = browser.get(MEMBERS, {"partner": "nowhere"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"partner": ["No plan has this partner. There are: Guild, NSSA"]},
    )


def test_with_no_plan_of_the_partner_the_list_is_empty(ask: Any) -> None:
    Plan.objects.filter(partner="NSSA").update(partner="")
    assert ask()["results"] == []


def test_of_several_subscriptions_the_one_that_gives_access_is_shown_and_filtered_by(
    ask: Any, members: Any, staff: Any
) -> None:
    """Cleo's annual plan has expired; a newer plan of another partner, and an older and a newer one of this one."""
    until = timezone.now() + timedelta(days=5)
    for code, partner, ends in [("monthly", "NSSA", False), ("trial", "NSSA", True), ("elsewhere", "Guild", False)]:
        plan = Plan.objects.create(code=code, name=code, partner=partner)
        granted = staff_actions.grant(members["cleo"], plan, until=until, cause=Cause.by_staff(staff))
        if ends:
            staff_actions.expire(granted.subscription, cause=Cause.by_staff(staff))
    assert emails_in(ask(subscription_status="expired")) == []
    found = ask(subscription_status="active")
    assert emails_in(found) == ["cleo", "ada"]
    assert (found["results"][0]["subscription_status"], found["results"][0]["subscription_plan"]) == (
        "active",
        "monthly",
    )


def test_every_filter_finds_exactly_the_rows_that_show_it(ask: Any, members: Any) -> None:
    rows = ask()["results"]
    for status in ("active", "canceled", "expired", "refunded"):
        shown = [row["email"] for row in rows if row["subscription_status"] == status]
        assert [row["email"] for row in ask(subscription_status=status)["results"]] == shown
    for is_active in (True, False):
        shown = [row["email"] for row in rows if row["is_active"] is is_active]
        assert [row["email"] for row in ask(is_active=str(is_active).lower())["results"]] == shown


def test_every_moment_is_written_in_utc_with_whole_seconds(ask: Any, members: Any, settings: Any) -> None:
    settings.TIME_ZONE = "America/Bogota"
    browser = Client()
    browser.force_login(members["ada"])
    with timezone.override("America/Bogota"):
        text = json.dumps([ask(), browser.get("/api/me").json()])
    moments = re.findall(r'"(\d{4}-\d\d-\d\d[^"]*)"', text)
    assert len(moments) > 10
    assert [one for one in moments if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one)] == []
    started = members["ada"].subscriptions.get().started_at
    assert started is not None
    assert f"{started:%Y-%m-%dT%H:%M:%SZ}" in moments


def test_the_number_of_queries_does_not_grow_with_the_members(ask: Any, members: Any, plan: Any) -> None:
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as captured:
            ask()
        counts.append(sum(query["sql"].startswith("SELECT") for query in captured.captured_queries))
        for more in range(5):
            person = User.objects.create_user(f"more{number}{more}@example.com")
            fact = Fact(key="1", kind=FactKind.PURCHASED, occurred_at=timezone.now())
            subscriptions.record(person, plan, fact, cause=Cause(text="test"))
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_list_is_for_reading(staff: Any, method: str) -> None:
    browser = Client()
    browser.force_login(staff)
    assert getattr(browser, method)(MEMBERS).status_code == 405


def test_a_member_sees_their_own_subscriptions_and_nobody_elses(members: Any) -> None:
    assert Client().get("/api/me").status_code == 401
    browser = Client()
    browser.force_login(members["bob"])
    (subscription,) = browser.get("/api/me").json()
    assert (subscription["status"], subscription["has_access"], subscription["external_member_id"]) == (
        "canceled",
        True,
        "mem_bob",
    )


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/vnd.oai.openapi"])
def test_the_description_of_the_api_is_complete(accept: str) -> None:
    answer = Client().get("/api/schema/", headers={"Accept": accept})
    assert answer.status_code == 200
    text = answer.content.decode()
    for path in ("/api/admin/nssa-users", "/api/kajabi/setup-password", "/api/kajabi/resend-setup-email"):
        assert path in text
    for parameter in ("subscription_status", "is_active", "search", "page_size"):
        assert parameter in text


def test_the_documentation_page_opens() -> None:
    for path in ("/docs", "/docs/"):
        assert Client().get(path).status_code == 200
