"""`manage.py recompute_subscriptions`: shows what the rules of today change of stored subscriptions, then stores it."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships import recompute, subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, Purchase, Subscription, SubscriptionTransition
from accounts.people.models import User
from core.cause import Cause

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def old(plan: Plan) -> Subscription:
    """Two purchases, of which one was refunded, as the version before stored it: refunded, no access, no purchases."""
    user = User.objects.create_user("old@example.com")
    for key, kind, ago, purchase in (
        ("1", FactKind.PURCHASED, 40, "A"),
        ("2", FactKind.PURCHASED, 35, "B"),
        ("3", FactKind.REFUNDED, 1, "B"),
    ):
        fact = Fact(
            key=f"kajabi:{key}",
            kind=kind,
            occurred_at=timezone.now() - ago * DAY,
            references={"purchase": purchase, "book": "relay"},
        )
        subscriptions.record(user, plan, fact, cause=Cause(text=f"kajabi {key}"))
    subscription = Subscription.objects.get()
    return as_before(subscription, status="refunded", access_until=timezone.now() - DAY)


def as_before(subscription: Subscription, **columns: Any) -> Subscription:
    Subscription.objects.filter(pk=subscription.pk).update(**columns)
    subscription.facts.update(purchase=None, rule="", question="")
    subscription.purchases.all().delete()
    subscription.refresh_from_db()
    return subscription


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("recompute_subscriptions", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_preview_names_the_change_with_its_reason_and_changes_nothing(old: Subscription) -> None:
    line, total, hint = run()
    assert line.startswith(f"{old.pk}  old@example.com · NSSA Annual Membership: refunded → active, ")
    assert "access until " in line
    assert "GAINS ACCESS (it was bought on " in line
    assert line.endswith("; it begins the purchase; " + line.rpartition("; ")[2])
    assert "purchase A of " in line
    assert ", one of 2)" in line
    assert total == "1 would change: 1 gain access, 0 lose it."
    assert hint.startswith("Nothing was changed.")
    before = old.__dict__ | {"_state": None}
    old.refresh_from_db()
    assert old.__dict__ | {"_state": None} == before
    assert not Purchase.objects.exists()


def test_applying_gives_access_without_a_mail_and_notes_the_change(old: Subscription) -> None:
    mails = EmailMessage.objects.count()
    *_lines, total = run("--apply")
    assert total == "1 changed: 1 gain access, 0 lose it."
    old.refresh_from_db()
    assert (old.status, old.has_access) == ("active", True)
    assert sorted(old.purchases.values_list("external_id", "status")) == [("A", "active"), ("B", "refunded")]
    transition = SubscriptionTransition.objects.order_by("-pk")[0]
    assert (transition.from_status, transition.to_status) == ("refunded", "active")
    assert transition.cause == "manage.py recompute_subscriptions"
    assert EmailMessage.objects.count() == mails


def test_second_run_finds_nothing(old: Subscription) -> None:
    run("--apply")
    assert run() == ["0 would change: 0 gain access, 0 lose it."]
    assert run("--apply") == ["0 changed: 0 gain access, 0 lose it."]


def test_interrupted_run_goes_on_with_the_rest(old: Subscription, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    other = User.objects.create_user("second@example.com")
    fact = Fact(key="kajabi:9", kind=FactKind.PURCHASED, occurred_at=timezone.now() - DAY)
    second = subscriptions.record(other, plan, fact, cause=Cause(text="x")).subscription
    as_before(second, status="expired", access_until=timezone.now() - DAY)
    apply, done = recompute.apply, []

    def interrupted(difference: Any, *, cause: Cause) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(difference)
        apply(difference, cause=cause)

    monkeypatch.setattr(recompute, "apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("--apply")
    monkeypatch.setattr(recompute, "apply", apply)
    line, total = run("--apply")
    assert "second@example.com" in line
    assert total == "1 changed: 1 gain access, 0 lose it."


def test_grace_days_are_the_reason_where_only_access_lasts_longer(user: User, plan: Plan) -> None:
    fact = Fact(key="kajabi:1", kind=FactKind.PURCHASED, occurred_at=timezone.now() - DAY)
    subscription = subscriptions.record(user, plan, fact, cause=Cause(text="x")).subscription
    as_before(subscription, access_until=subscription.current_period_end)
    line, total, _hint = run()
    assert line.endswith("(access lasts 3 grace days after what was paid)")
    assert total == "1 would change: 0 gain access, 0 lose it."


def test_purchases_of_an_unchanged_subscription_are_listed(user: User, plan: Plan) -> None:
    fact = Fact(key="kajabi:1", kind=FactKind.PURCHASED, occurred_at=timezone.now() - DAY)
    subscription = as_before(subscriptions.record(user, plan, fact, cause=Cause(text="x")).subscription)
    assert run()[1] == "1 more stay as they are; their purchases would be listed."
    run("--apply")
    assert subscription.purchases.count() == 1
    assert subscription.transitions.count() == 1


def test_subscription_without_facts_is_left_as_it_is(user: User, plan: Plan) -> None:
    Subscription.objects.create(user=user, plan=plan, status="active", access_from=timezone.now() - DAY)
    assert run("--apply") == ["0 changed: 0 gain access, 0 lose it."]
    assert Subscription.objects.get().status == "active"


def test_differences_are_read_in_batches(plan: Plan, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        member = User.objects.create_user(f"m{number}@example.com")
        fact = Fact(key=f"kajabi:{number}", kind=FactKind.PURCHASED, occurred_at=timezone.now() - DAY)
        as_before(subscriptions.record(member, plan, fact, cause=Cause(text="x")).subscription, status="expired")
    with django_assert_max_num_queries(8):
        assert len(list(recompute.differences())) == 8


def test_purchase_of_a_sender_whose_clock_is_ahead_is_no_difference(plan: Plan, user: User) -> None:
    ahead = Fact(key="kajabi:1", kind=FactKind.PURCHASED, occurred_at=timezone.now() + DAY / 4)
    subscriptions.record(user, plan, ahead, cause=Cause(text="kajabi 1"))
    assert run() == ["0 would change: 0 gain access, 0 lose it."]
