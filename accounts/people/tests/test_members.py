"""Members of purchases: new, known, or a question to staff. No login is ever taken over."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.contact_report import ContactReport
from accounts.people.lookup import NeedsStaff
from accounts.people.members import ReportedMember, find_or_create
from accounts.people.models import ContactMapping, User
from accounts.people.tests.people import known_as
from core.cause import Cause
from core.text import NAME, clean_name

pytestmark = pytest.mark.django_db
PASSWORD = "violet kettle under the stairs"


def row(user: User) -> dict[str, Any]:
    return User.objects.filter(pk=user.pk).values().get()


def kinds() -> list[str]:
    return list(EmailMessage.objects.order_by("pk").values_list("kind", flat=True))


def made(email: str, identities: dict[str, str], provider: str = "kajabi") -> ReportedMember:
    report = ContactReport(occurred_at=timezone.now(), email=email, identities=identities)
    with transaction.atomic():
        return find_or_create(report, provider=provider, cause=Cause(text="test"))


def test_new_buyer_cannot_sign_in_until_a_password_is_set(process: Any, relay: Any) -> None:
    process(relay())
    user = User.objects.get()
    assert (user.auth_provider, user.is_active, user.is_staff, user.can_sign_in) == ("kajabi", True, False, False)
    for guess in ("", "!", user.password):
        assert not Client().login(username="jane@example.com", password=guess)
    assert kinds() == ["welcome", "staff_new_member"]


def test_user_with_a_password_is_linked_and_not_changed(process: Any, relay: Any, user: Any, mailoutbox: Any) -> None:
    browser = Client()
    browser.force_login(user)
    before = row(user)
    sessions = list(Session.objects.values())
    event = process(relay())

    assert event.status == "processed"
    assert row(user) == before
    assert list(Session.objects.values()) == sessions
    assert browser.get("/dashboard").status_code == 200
    assert Subscription.objects.get().user == user
    assert kinds() == ["membership_linked", "staff_member_linked"]
    assert [(mail.to, mail.subject) for mail in mailoutbox][0] == (
        ["jane@example.com"],
        "Your NSSA membership is now linked",
    )
    assert "setup-password" not in mailoutbox[0].body


def test_user_who_never_set_a_password_gets_the_setup_mail(
    process: Any, relay: Any, mailoutbox: Any, link_in: Any
) -> None:
    user = User.objects.create_user("jane@example.com", first_name="Janet")
    before = row(user)
    process(relay())
    assert row(user) == before
    assert kinds() == ["welcome", "staff_member_linked"]
    assert link_in(mailoutbox[0]).email == "jane@example.com"


def test_another_spelling_of_the_address_is_the_same_member(process: Any, relay: Any, user: Any) -> None:
    process(relay(email="  JANE@Example.com. "))
    assert User.objects.get() == user
    assert Subscription.objects.get().user == user


@pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
def test_purchase_for_a_staff_address_is_left_to_staff(process: Any, relay: Any, user: Any, flag: str) -> None:
    User.objects.filter(pk=user.pk).update(**{flag: True})
    before = row(user)
    event = process(relay())

    assert event.status == "unmatched"
    assert event.reason == (
        "jane@example.com is a staff account and is never matched automatically; grant the plan by hand"
    )
    assert row(user) == before
    assert (Subscription.objects.count(), ContactMapping.objects.count(), kinds()) == (0, 0, [])


def test_purchase_for_a_locked_user_is_left_to_staff(process: Any, relay: Any, user: Any) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    event = process(relay())
    assert (event.status, event.reason) == (
        "unmatched",
        "jane@example.com is locked; unlock the user, then retry",
    )
    assert (Subscription.objects.count(), kinds()) == (0, [])


def test_another_customer_with_the_same_address_is_a_conflict_that_staff_resolve(
    process: Any, relay: Any, drain: Any
) -> None:
    process(relay())
    other = {"id": "mem_2002", "email": "jane@example.com", "first_name": "Not Jane"}
    event = process(relay(event_id="evt_2", member=other, occurred_at="2020-01-01T00:00:00Z"))

    assert event.status == "unmatched"
    assert event.reason.startswith("conflict: jane@example.com is kajabi relay mem_1001, this event says mem_2002")
    assert Subscription.objects.get().facts.count() == 1
    assert ContactMapping.objects.get().external_id == "mem_1001"

    ContactMapping.objects.all().delete()
    event.requeue()
    drain()
    event.refresh_from_db()
    assert event.status == "processed"
    assert Subscription.objects.get().facts.count() == 2


def test_known_customer_with_a_new_address_stays_the_same_member(process: Any, relay: Any, mailoutbox: Any) -> None:
    process(relay())
    moved = {"id": "mem_1001", "email": "jane.new@example.com"}
    event = process(relay("member.subscription.renewed", "evt_2", member=moved))
    assert event.status == "processed"
    assert User.objects.get().email == "jane@example.com"
    assert [mail.to for mail in mailoutbox] == [["jane@example.com"], ["staff@example.com"]]


def test_id_of_one_user_with_the_address_of_another_is_a_conflict(process: Any, relay: Any) -> None:
    process(relay())
    process(relay(event_id="evt_2", member={"id": "mem_2", "email": "bob@example.com"}))
    before = list(Subscription.objects.order_by("pk").values())
    event = process(relay(event_id="evt_3", member={"id": "mem_1001", "email": "bob@example.com"}))
    assert event.status == "unmatched"
    assert event.reason == "conflict: the id belongs to jane@example.com, the e-mail to bob@example.com"
    assert list(Subscription.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(
    "lookalike",
    [
        "mi\u212ae@example.com",
        "m\u0131ke@example.com",
        "\uff4dike@example.com",
        "mi\u00adke@example.com",
        "m\u0456ke@example.com",
        "mi\u200bke@example.com",
        "mike+x@example.com",
        "m.ike@example.com",
        "mike@examp\u04cfe.com",
        "mike@example.co",
    ],
)
def test_lookalike_address_never_reaches_the_account(process: Any, relay: Any, lookalike: str) -> None:
    mike = User.objects.create_user("mike@example.com", PASSWORD)
    before = row(mike)
    event = process(relay(member={"id": "mem_9", "email": lookalike}))

    assert event.status in ("processed", "unmatched")
    assert row(mike) == before
    assert not mike.subscriptions.exists()
    assert not ContactMapping.objects.filter(contact__user=mike).exists()
    assert not EmailMessage.objects.filter(to="mike@example.com").exists()
    assert not Client().login(username=lookalike, password=PASSWORD)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Jane", "Jane"),
        ("  Jane \t Ann\n", "Jane Ann"),
        ("José-Marie O'Neill", "José-Marie O'Neill"),
        ("Łukasz 小明 Ольга", "Łukasz 小明 Ольга"),
        ("Jane https://evil.example/x now", "Jane now"),
        ("Jane www.evil.example", "Jane"),
        ("Jane evil.example/pay", "Jane"),
        ("click jane@evil.example", "click"),
        ("Jane\r\nBcc: all", "Jane Bcc: all"),
        ("Jane\x00\x1b[31m\u202e\u200b", "Jane 31m"),
        ("<script>alert(1)</script>", "scriptalert(1)/script"),
        ("{{ settings.SECRET_KEY }}", ""),
        ("Jane {{ settings.SECRET_KEY }}", "Jane settings. SECRET_KEY"),
        ("x" * 500, "x" * 60),
        ("\ud800", ""),
        ("", ""),
    ],
)
def test_hostile_name_is_cleaned(written: str, kept: str) -> None:
    assert clean_name(written) == kept


@pytest.mark.parametrize("written", ["Pay at evil.example.com", "evil.example"])
def test_bare_domain_in_a_name_is_no_link_either(written: str) -> None:
    assert "evil.example" not in clean_name(written)


@given(st.text(max_size=200))
def test_any_name_becomes_one_short_line(written: str) -> None:
    kept = clean_name(written)
    assert len(kept) <= NAME
    assert kept == " ".join(kept.split())
    assert "://" not in kept
    assert not set(kept) & set('<>"{}\x00\r\n@' if "@" not in written else '<>"{}\x00\r\n')


def test_two_ids_of_several_users_are_a_conflict(user: Any, newcomer: Any) -> None:
    for owner, kind in ((user, "customer"), (newcomer, "member")):
        known_as(owner, kind, "1")
    with pytest.raises(NeedsStaff, match="belong to several users"):
        made("third@example.com", {"customer": "1", "member": "1"})
    assert User.objects.count() == 2


def test_same_id_of_another_kind_or_provider_is_another_member(user: Any) -> None:
    known_as(user, "customer", "1")
    for provider, kind in (("kajabi", "member"), ("other", "customer")):
        assert made(f"{provider}.{kind}@example.com", {kind: "1"}, provider=provider).created


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_user(plan: Any, at_once: Any) -> None:
    results = at_once([lambda: made("jane@example.com", {"relay": "mem_1"})] * 6)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert sum(result.created for result in results) == 1
    assert User.objects.get().contact.mappings.get().external_id == "mem_1"
