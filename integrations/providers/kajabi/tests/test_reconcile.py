"""Reconciliation: what fires no hook is learned, missed hooks are healed, and what is known costs nothing."""

from datetime import timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.people.models import Contact, User
from accounts.people.tests.people import known_as
from integrations.providers.kajabi import pull_records
from integrations.providers.kajabi.tests.sales import ago, change, pay, sell, stamp
from integrations.reconcile.models import ProviderRecord, SyncRun
from integrations.reconcile.records import to_row
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi
from tests.harness.environment import IS_LONG

pytestmark = pytest.mark.django_db
A_YEAR = relativedelta(years=1)


def states() -> dict[str, str]:
    return dict(Subscription.objects.values_list("user__email", "status"))


def lists_asked(kajabi: FakeKajabi) -> list[str]:
    """The paths asked for since the last look, without the token's; in their order."""
    paths = [exchange.asked.path for exchange in kajabi.exchanges if "oauth" not in exchange.asked.path]
    kajabi.exchanges.clear()
    return paths


@pytest.fixture
def caught_up(kajabi: FakeKajabi, reconciled: Any) -> FakeKajabi:
    """A first run is done, with three members."""
    for number in (1, 2, 3):
        sell(kajabi, number, days_ago=40 - number)
    reconciled()
    SyncRun.objects.update(window_to=timezone.now() - timedelta(hours=2))
    kajabi.exchanges.clear()
    return kajabi


def test_first_run_makes_the_members_and_sends_nothing(kajabi: Any, reconciled: Any, drain: Any) -> None:
    sold = sell(kajabi, 1)
    sell(kajabi, 2, deactivated_at=stamp(ago(3)), deactivation_reason="Subscription ended")
    pay(kajabi, 1, "61", days_ago=30)
    run = reconciled()
    drain()
    assert (run.kind, run.status, run.window_from) == ("backfill", "done", None)
    assert (run.pages, run.seen, run.changed, run.healed, run.errors) == (3, 3, 3, 0, 0)
    assert states() == {"member1@example.com": "active", "member2@example.com": "expired"}
    assert Subscription.objects.get(user__email="member1@example.com").current_period_end == sold + A_YEAR
    assert sorted(EmailMessage.objects.values_list("to", "status")) == [("member1@example.com", "held")]
    assert lists_asked(kajabi) == ["/v1/customers", "/v1/purchases", "/v1/transactions"]


def test_what_has_not_changed_is_not_written(
    caught_up: Any, reconciled: Any, django_assert_max_num_queries: Any
) -> None:
    before = (SubscriptionFact.objects.count(), list(ProviderRecord.objects.values_list("pk", "read_at")))
    run = reconciled()
    assert (run.kind, run.status) == ("incremental", "done")
    assert (run.changed, run.healed, run.errors) == (0, 0, 0)
    assert (SubscriptionFact.objects.count(), list(ProviderRecord.objects.values_list("pk", "read_at"))) == before


def test_deactivation_that_fired_no_hook_is_learned(caught_up: Any, reconciled: Any) -> None:
    ended = ago(hours=1)
    change(caught_up, 2, deactivated_at=stamp(ended), deactivation_reason="Canceled by member")
    run = reconciled()
    assert states()["member2@example.com"] == "expired"
    assert (run.changed, run.healed) == (1, 0), "no hook could have told it"
    transition = Subscription.objects.get(user__email="member2@example.com").transitions.latest("pk")
    assert (transition.to_status, transition.occurred_at) == ("expired", ended)
    assert transition.cause == f"reconciliation kajabi {run.pk}"


@pytest.mark.parametrize("reason", ["Refunded", "chargeback lost", "payment dispute"])
def test_deactivation_for_money_that_went_back_is_a_refund(caught_up: Any, reconciled: Any, reason: str) -> None:
    change(caught_up, 2, deactivated_at=stamp(ago(hours=1)), deactivation_reason=reason)
    reconciled()
    assert states()["member2@example.com"] == "refunded"


def test_deactivation_to_come_is_a_cancellation(caught_up: Any, reconciled: Any) -> None:
    ends = ago(-20)
    change(caught_up, 2, deactivated_at=stamp(ends))
    reconciled()
    subscription = Subscription.objects.get(user__email="member2@example.com")
    assert (subscription.status, subscription.current_period_end) == ("canceled", ends)


def test_refund_is_learned_from_the_transactions(caught_up: Any, reconciled: Any) -> None:
    pay(caught_up, 3, "77", days_ago=0.02, action="refund", amount_in_cents=-29900)
    run = reconciled()
    assert states()["member3@example.com"] == "refunded"
    assert (run.changed, run.healed) == (1, 0)


def test_missed_sale_is_healed_and_greeted(caught_up: Any, reconciled: Any, drain: Any, mailoutbox: Any) -> None:
    sold = sell(caught_up, 4, days_ago=0.05)
    run = reconciled()
    drain()
    assert states()["member4@example.com"] == "active"
    assert (run.changed, run.healed) == (1, 1)
    assert run.healed_listed == [
        {
            "event": "purchase",
            "key": "purchase:4004",
            "person": "member4@example.com",
            "happened": sold.isoformat(timespec="seconds"),
        }
    ]
    assert sorted(mail.to[0] for mail in mailoutbox) == ["member4@example.com", "staff@example.com"]


def test_sale_of_this_minute_is_applied_but_its_hook_is_not_missed_yet(caught_up: Any, reconciled: Any) -> None:
    sell(caught_up, 4, days_ago=0)
    run = reconciled()
    assert (states()["member4@example.com"], run.changed, run.healed) == ("active", 1, 0)


def test_grant_for_nothing_fires_no_hook_and_so_none_was_missed(caught_up: Any, reconciled: Any) -> None:
    sell(caught_up, 4, days_ago=0.05)
    caught_up.records["purchases"]["4004"]["attributes"]["amount_in_cents"] = 0
    run = reconciled()
    assert (states()["member4@example.com"], run.changed, run.healed) == ("active", 1, 0)


def test_sale_that_its_hook_has_told_is_seen_and_nothing_else(
    caught_up: Any, reconciled: Any, fixture: Any, process: Any, mailoutbox: Any
) -> None:
    sold = sell(caught_up, 4, days_ago=0.05)
    hook = fixture("purchase__native")
    bought, customer = caught_up.records["purchases"]["4004"], caught_up.records["customers"]["4"]
    assert process(hook | {"payload": [bought, customer]}, "/kajabi-webhook").status == "processed"
    run = reconciled()
    assert (run.changed, run.healed, run.errors) == (0, 0, 0)
    subscription = Subscription.objects.get(user__email="member4@example.com")
    assert (subscription.started_at, subscription.current_period_end) == (sold, sold + A_YEAR)
    assert len(mailoutbox) == 2


def test_renewal_by_payment_extends(caught_up: Any, reconciled: Any) -> None:
    sold = sell(caught_up, 5, days_ago=370)
    change(caught_up, 5, at=ago(hours=1))
    pay(caught_up, 5, "70", days_ago=0.05, action="subscription_charge")
    run = reconciled()
    subscription = Subscription.objects.get(user__email="member5@example.com")
    assert subscription.status == "active"
    assert subscription.current_period_end > timezone.now() + timedelta(days=360)
    assert subscription.started_at == sold
    assert [line["event"] for line in run.healed_listed] == ["purchase", "payment_succeeded"]


def test_what_is_reactivated_there_gives_access_again_as_often_as_that_happens(caught_up: Any, reconciled: Any) -> None:
    end = Subscription.objects.get(user__email="member2@example.com").current_period_end
    seen = []
    for day in (4, 2):
        change(caught_up, 2, at=ago(day), deactivated_at=stamp(ago(day)))
        SyncRun.objects.update(window_to=ago(5))
        reconciled()
        seen.append(states()["member2@example.com"])
        change(caught_up, 2, at=ago(day - 1), deactivated_at=None)
        SyncRun.objects.update(window_to=ago(5))
        run = reconciled()
        seen.append(states()["member2@example.com"])
        assert run.changed == 1
    assert seen == ["expired", "active", "expired", "active"]
    assert Subscription.objects.get(user__email="member2@example.com").current_period_end == end


def test_expiry_that_a_relay_told_is_undone_by_a_reactivation_after_it(
    caught_up: Any, reconciled: Any, relay: Any, process: Any
) -> None:
    member = {"id": "mem_2", "email": "member2@example.com", "first_name": "Jane"}
    expired = relay("member.subscription.expired", "evt_9", member=member, occurred_at=stamp(ago(1)))
    assert process(expired).status == "processed"
    assert states()["member2@example.com"] == "expired"
    reconciled()
    assert states()["member2@example.com"] == "expired", "nothing changed there since"
    change(caught_up, 2, at=ago(hours=1))
    reconciled()
    assert states()["member2@example.com"] == "active"


def test_offer_without_a_plan_costs_no_question_and_is_named_once(caught_up: Any, reconciled: Any) -> None:
    for number in (7, 8):
        sell(caught_up, number, days_ago=0.05, offer_id="999")
    run = reconciled()
    assert (run.status, run.unmatched, run.errors, run.changed) == ("done", 2, 0, 0)
    assert run.problems == [{"key": "offer:999", "why": "no plan for offer 999"}]
    assert lists_asked(caught_up) == ["/v1/purchases", "/v1/transactions"]
    assert User.objects.count() == 3


def test_people_are_asked_for_where_nothing_fresh_is_known(caught_up: Any, reconciled: Any) -> None:
    """4 is a contact; 5 was on a list long ago, and has another address now; 6 is new."""
    contact = Contact.objects.create(email="four@example.com", first_name="Jane")
    contact.mappings.create(provider="kajabi", kind="customer", external_id="4")
    contact.emails.create(email="four@example.com")
    old = ProviderRecord.objects.create(
        provider="kajabi", key="person:5", person_id="5", email="old@example.com", content={"email": "old@example.com"}
    )
    ProviderRecord.objects.filter(pk=old.pk).update(read_at=ago(2))
    for number in (4, 5, 6):
        sell(caught_up, number, days_ago=0.05)
    reconciled()
    asked = sorted(path for path in lists_asked(caught_up) if path.startswith("/v1/customers"))  # several at once
    assert asked == ["/v1/customers/5", "/v1/customers/6"]
    assert {"four@example.com", "member5@example.com", "member6@example.com"} <= set(states())


def test_one_bad_item_is_a_line_and_not_the_end(caught_up: Any, reconciled: Any, staff: Any) -> None:
    sell(caught_up, 4, days_ago=0.05)
    caught_up.add(records.customer("4", email=staff.email))
    sell(caught_up, 5, days_ago=0.04)
    del caught_up.records["purchases"]["4005"]["relationships"]["customer"]
    sell(caught_up, 6, days_ago=0.03)
    caught_up.remove("customers", "6")
    sell(caught_up, 7, days_ago=0.02)
    run = reconciled()
    assert (run.status, run.changed, run.errors) == ("done", 1, 3)
    why = {line["key"]: line["why"] for line in run.problems}
    assert why["purchase:4004"].startswith("staff@example.com is a staff account")
    assert why["purchase:4005"] == "it names no customer"
    assert why["purchase:4006"] == "no e-mail is known for customer 6"
    assert "member7@example.com" in states()


def test_what_could_not_be_applied_is_tried_again_when_it_is_read_again(
    caught_up: Any, reconciled: Any, plan: Any
) -> None:
    sell(caught_up, 4, days_ago=0.01, offer_id="999")
    reconciled()
    plan.offers.create(provider="kajabi", external_id="999")
    run = reconciled()
    assert (run.unmatched, run.changed, run.problems) == (0, 1, [])
    assert "member4@example.com" in states()


def test_transaction_of_a_bundle_pays_for_each_purchase_it_covers(caught_up: Any, reconciled: Any) -> None:
    caught_up.add(
        records.transaction(
            "80", customer_id="1", purchases=("4001", "4002"), action="subscription_charge", created_at=stamp(ago(0.05))
        )
    )
    run = reconciled()
    assert run.errors == 0
    assert sorted(SubscriptionFact.objects.filter(kind="paid").values_list("key", flat=True)) == [
        "kajabi:transaction:80/4001",
        "kajabi:transaction:80/4002",
    ]


@pytest.mark.parametrize("action", ["subscribe", "subscription_update", "free_purchase", "test"])
def test_transactions_that_move_no_money_tell_nothing(caught_up: Any, reconciled: Any, action: str) -> None:
    pay(caught_up, 1, "81", days_ago=0.05, action=action)
    assert reconciled().changed == 0
    assert SubscriptionFact.objects.filter(key="kajabi:transaction:81").count() == 0


@pytest.mark.once
def test_many_members_with_100_changes_cost_a_handful_of_calls(kajabi: Any, reconciled: Any, plan: Any) -> None:
    """Two pages of changed purchases (the second one reaches what is old), and one of transactions."""
    days = [stamp(ago(day)) for day in range(60, 90)]
    for number in range(50_000 if IS_LONG else 5_000):
        sold = days[number % 30]
        kajabi.add(records.purchase(str(4000 + number), customer_id=str(number), offer_id="off_456", created_at=sold))
    items = map(pull_records.purchase, kajabi.records["purchases"].values())
    known = [to_row(item, provider="kajabi") for item in items]
    ProviderRecord.objects.bulk_create(known, batch_size=5000)
    users = [User(email=f"member{number}@example.com", auth_provider="kajabi") for number in range(100)]
    users = User.objects.bulk_create(users)
    for number, user in enumerate(users):
        known_as(user, "customer", str(number))
    SyncRun.objects.create(
        provider="kajabi", kind="backfill", status="done", stage="", window_to=ago(hours=2), next_attempt_at=None
    )
    for number in range(100):
        change(kajabi, number, at=ago(minutes=number), deactivated_at=stamp(ago(minutes=number)))
        pay(kajabi, number, str(90_000 + number), days_ago=0.01, action="refund", amount_in_cents=-29900)

    run = reconciled()

    assert (run.status, run.changed, run.errors) == ("done", 200, 0)
    assert set(states().values()) == {"refunded"}
    assert lists_asked(kajabi) == ["/v1/purchases", "/v1/purchases", "/v1/transactions"]
