"""Histories of memberships, as relays and hooks report them: who has access in the end, and which mails were sent."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, PlanOffer, Purchase, Subscription, SubscriptionFact
from accounts.people.models import User

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NATIVE = "/kajabi-webhook"
LEAPS = "/api/kajabi/webhook"


class Story:
    """Sends the events of one member and reads what they amount to; times are in days from now."""

    def __init__(self, process: Callable[..., Any], relay: Callable[..., dict[str, Any]]) -> None:
        self._process, self._relay, self._number = process, relay, 0
        self.now = timezone.now()

    def at(self, days: float) -> str:
        return (self.now + days * DAY).isoformat()

    def p(self, days: float, *, email: str = "jane@example.com", **fields: Any) -> Any:
        return self._send("offer.purchased", days, email, fields)

    def s(self, kind: str, days: float, *, email: str = "jane@example.com", **fields: Any) -> Any:
        return self._send(f"member.subscription.{kind}", days, email, fields)

    def leaps(self, kind: str, days: float, purchase: str, **fields: Any) -> Any:
        self._number += 1
        data = {"email": "jane@example.com", "purchase": {"id": purchase, "offer_id": "off_456"}} | fields
        body = {"event_type": f"purchase.{kind}", "event_id": f"l_{self._number}", "created_at": self.at(days)}
        return self._process(body | {"data": data}, LEAPS)

    def in_app(self, event: str, days: float, **payload: Any) -> Any:
        self._number += 1
        base = {"offer_id": "2150456456", "member_id": 21, "member_email": "jane@example.com", "member_name": "Jane R"}
        dated = {"transaction_created_at": self.at(days), "transaction_id": f"{9000 + self._number}"}
        return self._process({"id": f"in_{self._number}", "event": event, "payload": base | dated | payload}, NATIVE)

    def _send(self, event_type: str, days: float, email: str, fields: dict[str, Any]) -> Any:
        self._number += 1
        body = self._relay(event_type, fields.pop("id", f"evt_{self._number}"), email) | {"created_at": self.at(days)}
        purchase = fields.pop("purchase", None)
        return self._process(body | ({"purchase": {"id": purchase}} if purchase else {}) | fields)

    @property
    def subscription(self) -> Subscription:
        return Subscription.objects.get(user__email="jane@example.com")

    @property
    def mails(self) -> list[str]:
        return sorted(EmailMessage.objects.filter(to="jane@example.com").values_list("kind", flat=True))

    def ends_in(self) -> int:
        end = self.subscription.current_period_end
        assert end is not None
        return round((end - self.now) / DAY)


@pytest.fixture
def story(process: Any, relay: Any) -> Story:
    return Story(process, relay)


def test_refund_of_one_purchase_keeps_the_other(story: Story) -> None:
    story.leaps("created", -10, "pur1")
    story.leaps("created", -9.996, "pur2")
    story.leaps("refunded", -1, "pur2")
    assert story.subscription.has_access
    assert dict(Purchase.objects.values_list("external_id", "status")) == {"pur1": "active", "pur2": "refunded"}
    story.leaps("refunded", -0.5, "pur1")
    assert not story.subscription.has_access


def test_expiry_of_an_old_offer_keeps_the_new_one(story: Story) -> None:
    plan = Plan.objects.get()
    PlanOffer.objects.create(plan=plan, provider="kajabi", external_id="2151340480")
    story.p(-100, purchase="A")
    story.p(-2, purchase="B", offer={"id": "2151340480"})
    story.s("expired", -1, purchase="A")
    assert story.subscription.has_access
    assert story.subscription.external_purchase_id == "B"


def test_second_purchase_with_ids_of_its_own_extends_access(story: Story) -> None:
    story.p(-150, purchase="A", transaction_id="t1")
    story.p(-1, purchase="B", transaction_id="t2")
    assert Purchase.objects.count() == 2
    assert story.ends_in() > 300


def test_renewal_without_ids_belongs_to_the_purchase_that_is_refunded(story: Story) -> None:
    story.leaps("created", -400, "pur")
    story.s("renewed", -35)
    assert story.subscription.has_access
    story.leaps("refunded", -1, "pur")
    assert (story.subscription.status, story.subscription.has_access) == ("refunded", False)


def test_canceled_trial_ends_with_the_trial(story: Story) -> None:
    story.in_app("purchase.created", -5, trial=True, trial_period_days=14, interval="year")
    assert (story.subscription.status, story.ends_in()) == ("trialing", 9)
    story.s("canceled", -1)
    assert (story.subscription.status, story.ends_in()) == ("canceled", 9)


def test_converted_trial_ends_a_year_after_the_payment(story: Story) -> None:
    story.in_app("purchase.created", -16, trial=True, trial_period_days=14, interval="year")
    story.in_app("payment.succeeded", -2)
    assert story.subscription.status == "active"
    end = story.subscription.current_period_end
    assert end is not None
    assert end.date() == (story.now - 2 * DAY + relativedelta(years=1)).date()


def test_native_purchase_that_begins_later_gives_access_then(story: Story, process: Any, fixture: Any) -> None:
    body = fixture("purchase__native")
    body["payload"][0]["attributes"] |= {"created_at": story.at(-1), "effective_start_at": story.at(20)}
    process(body, NATIVE)
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.has_access) == ("scheduled", False)
    assert subscription.access_from is not None
    assert round((subscription.access_from - story.now) / DAY) == 20


@pytest.mark.parametrize(
    ("written", "end"),
    [
        ("2127-08-01 18:00:00 UTC", "2127-08-01T18:00:00+00:00"),
        ("Sun, 01 Aug 2127 18:00:00 GMT", "2127-08-01T18:00:00+00:00"),
        ("2127-08-01 18:00:00 -0500", "2127-08-01T23:00:00+00:00"),
        ("4973500800", "2127-08-09T16:00:00+00:00"),
        ("4973500800000", "2127-08-09T16:00:00+00:00"),
    ],
)
def test_stated_end_is_read_in_every_form(story: Story, written: str, end: str) -> None:
    event = story.p(-1, current_period_end=written)
    assert event.status == "processed", event.reason
    assert story.subscription.current_period_end == datetime.fromisoformat(end)


@pytest.mark.parametrize("written", ["03/04/2127", "tomorrow", "2127-13-01", "31-31-2127"])
@pytest.mark.parametrize("field", ["current_period_end", "created_at"])
def test_date_that_cannot_be_read_is_reviewed_and_loses_nobody(story: Story, field: str, written: str) -> None:
    event = story.p(-1, **{field: written})
    assert event.status == "unmatched"
    assert written in event.reason
    assert story.subscription.has_access


def test_day_with_one_reading_is_read_and_shown_for_review(story: Story) -> None:
    event = story.p(-1, current_period_end="03/31/2127")
    end = story.subscription.current_period_end
    assert end is not None
    assert end.date().isoformat() == "2127-04-01", "through that day"
    assert "2127-03-31" in event.reason


def test_event_that_is_still_to_come_counts_and_is_reviewed(story: Story) -> None:
    assert story.p(0.9).status == "processed", "clocks and time zones differ"
    event = story.p(400, email="other@example.com")
    assert event.status == "unmatched"
    assert "which is still to come" in event.reason
    assert EmailMessage.objects.filter(kind="staff_question").count() == 1


def test_sale_that_states_an_end_before_it_is_reviewed(story: Story) -> None:
    event = story.p(-1, current_period_end=(story.now - 40 * DAY).isoformat())
    assert (event.status, story.subscription.has_access) == ("unmatched", False)
    assert "before the day of the payment" in event.reason
    canceled = story.s("canceled", -1, current_period_end=(story.now - 40 * DAY).isoformat())
    assert canceled.status == "processed", "what ended may have ended"


@pytest.mark.parametrize("field", ["trial_ends_at", "trial_end"])
def test_stated_end_of_a_trial_is_that_of_the_trial(story: Story, field: str) -> None:
    story.p(-1, trial=True, interval="year", **{field: (story.now + 13 * DAY).isoformat()})
    assert (story.subscription.status, round(story.ends_in())) == ("trialing", 13)
    story.s("canceled", 0)
    assert (story.subscription.status, round(story.ends_in())) == ("canceled", 13)
    story.s("renewed", 13.01, **{field: (story.now - 300 * DAY).isoformat()})
    assert story.ends_in() > 300, "in a renewal it is that of long ago"


def test_second_renewal_within_an_hour_is_the_same(story: Story) -> None:
    story.p(-370)
    story.s("renewed", -5)
    story.s("renewed", -5 + 1 / 24)
    assert 355 <= story.ends_in() <= 366


def test_day_without_a_time_lasts_to_its_end(story: Story, settings: Any) -> None:
    settings.TIME_ZONE = "America/Bogota"
    today = timezone.now().date()
    story.p(-30, current_period_end=today.isoformat())
    end = story.subscription.current_period_end
    assert end is not None
    assert end > timezone.now()
    assert story.subscription.has_access


def test_late_charge_is_past_due_within_the_grace_days(story: Story) -> None:
    Plan.objects.update(period_months=1)
    story.p(-32)
    assert (story.subscription.status, story.subscription.has_access) == ("past_due", True)
    story.s("renewed", -0.01)
    assert (story.subscription.status, story.subscription.has_access) == ("active", True)


def test_failed_payment_after_the_grace_days_ends_access(story: Story) -> None:
    Plan.objects.update(period_months=1)
    story.p(-40)
    story.s("past_due", -9)
    assert (story.subscription.status, story.subscription.has_access) == ("expired", False)


def test_partial_refund_keeps_access_and_is_shown(story: Story) -> None:
    story.p(-31, purchase="A", amount_in_cents=29900)
    story._send("purchase.refunded", -3, "jane@example.com", {"purchase": "A", "amount_refunded_in_cents": 2000})
    assert story.subscription.has_access
    assert Purchase.objects.get().refunded == 2000
    Plan.objects.update(partial_refunds="end")
    story._send("purchase.refunded", -2, "jane@example.com", {"purchase": "A", "amount_refunded_in_cents": 2000})
    assert not story.subscription.has_access


@pytest.mark.parametrize(("policy", "access"), [("suspend", False), ("keep", True)])
def test_dispute_follows_the_plans_policy_and_a_won_one_restores(story: Story, policy: str, access: bool) -> None:
    Plan.objects.update(disputes=policy)
    story.p(-31, purchase="A")
    story._send("dispute.opened", -3, "jane@example.com", {"purchase": "A"})
    assert (story.subscription.status, story.subscription.has_access) == ("disputed", access)
    story._send("dispute.won", -1, "jane@example.com", {"purchase": "A"})
    assert (story.subscription.status, story.subscription.has_access) == ("active", True)


def test_payment_thirty_days_before_the_end_extends_a_subscription_and_no_instalments(story: Story) -> None:
    story.p(-335)
    story._send("payment.succeeded", -0.01, "jane@example.com", {"transaction_id": "t9"})
    assert story.ends_in() > 380


def test_payment_of_an_instalment_plan_does_not_extend(story: Story) -> None:
    story.in_app("purchase.created", -335, offer_type="payment plan")
    story.in_app("payment.succeeded", -0.01)
    assert story.ends_in() == 30


def test_refund_that_could_be_of_two_purchases_is_a_question_and_access_stays(story: Story) -> None:
    story.p(-20, purchase="A")
    story.p(-10, purchase="B")
    event = story._send("purchase.refunded", -1, "jane@example.com", {})
    assert event.status == "unmatched"
    assert story.subscription.has_access
    assert SubscriptionFact.objects.get(kind="refunded").question == "which_purchase"


def test_two_buyers_with_a_placeholder_id_are_two_members(story: Story) -> None:
    story.p(-2, email="a@example.com", member={"id": "null", "email": "a@example.com", "first_name": "Ann"})
    story.p(-1, email="b@example.com", member={"id": "null", "email": "b@example.com", "first_name": "Bob"})
    assert set(User.objects.values_list("email", "first_name")) == {("a@example.com", "Ann"), ("b@example.com", "Bob")}


def test_two_buyers_under_one_event_id_are_two_events(story: Story) -> None:
    story.p(-2, email="a@example.com", id="same", member={"id": "1", "email": "a@example.com"})
    story.p(-1, email="b@example.com", id="same", member={"id": "2", "email": "b@example.com"})
    assert Subscription.objects.count() == 2


@pytest.mark.parametrize("name", ["null", "undefined", "N/A", "{{member.first_name}}", "None"])
def test_placeholder_is_no_name(story: Story, name: str) -> None:
    story.p(-1, member={"id": "7", "email": "jane@example.com", "first_name": name, "last_name": name})
    assert User.objects.values_list("first_name", "last_name").get() == ("", "")


def test_quantity_is_recorded(story: Story) -> None:
    story.in_app("purchase.created", -1, quantity=5)
    assert Purchase.objects.get().quantity == 5


def test_member_who_never_set_a_password_and_buys_again_gets_a_new_link(story: Story) -> None:
    story.p(-430)
    before = len(story.mails)
    story.p(-0.01)
    assert len(story.mails) == before + 1


def test_refund_that_arrives_first_sends_no_welcome(story: Story) -> None:
    story.leaps("refunded", -0.02, "A")
    story.leaps("created", -2, "A")
    assert "welcome" not in story.mails
    assert not EmailMessage.objects.filter(kind="staff_new_member").exists()
