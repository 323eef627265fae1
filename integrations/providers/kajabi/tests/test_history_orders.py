"""Orders of a file: who has access by them, until when, and that a file and a hook are one sale."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.utils import timezone

from accounts.commerce.models import Payment
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.people.models import User
from integrations.history.models import HistoryRow
from integrations.providers.kajabi.tests.history_files import (
    day,
    paid,
    subscription,
    subscriptions,
    transactions,
    words,
)
from integrations.providers.kajabi.tests.plugin import OFFER_ID

pytestmark = pytest.mark.django_db
A_YEAR = relativedelta(years=1)


@pytest.fixture(autouse=True)
def _the_plan(plan: Any) -> None:
    """Every sale here is of the plan of a fresh installation."""


def states() -> dict[str, str]:
    return dict(Subscription.objects.values_list("user__email", "status"))


def end_of(who: int) -> Any:
    return Subscription.objects.get(user__email=f"member{who}@example.com").current_period_end


def outcomes(history: Any) -> list[str]:
    return list(history.rows.order_by("line").values_list("outcome", flat=True))


def test_yearly_payment_of_five_months_ago_gives_access_until_its_end(imported: Any) -> None:
    sold = day(150)
    history = imported(transactions(paid("1", 150, Type="Subscription")))
    assert (history.kind, history.status, outcomes(history)) == ("orders", "done", ["new"])
    assert states() == {"member1@example.com": "active"}
    assert abs(end_of(1) - (sold + A_YEAR)) < timedelta(minutes=1)
    payment = Payment.objects.get()
    assert (payment.external_id, payment.amount, payment.currency, payment.kind) == ("1", 29900, "USD", "charge")


def test_payment_of_two_years_ago_gives_no_access(imported: Any) -> None:
    imported(transactions(paid("1", 730)))
    assert states() == {"member1@example.com": "expired"}
    assert not EmailMessage.objects.exists(), "nobody is welcomed to what has ended"


@pytest.mark.parametrize(
    "rows",
    [
        [paid("1", 60), paid("2", 50, Type="Refund", Amount="-299.00")],
        [paid("1", 60, Status="Refunded")],
        [paid("1", 60, Status="Disputed")],
        [paid("1", 60), paid("2", 50, Type="", Amount="($299.00)")],
    ],
)
def test_refunded_payment_gives_no_access(imported: Any, rows: list[dict[str, Any]]) -> None:
    imported(transactions(*rows))
    assert states() == {"member1@example.com": "refunded"}


def test_refund_of_the_first_year_keeps_the_second(imported: Any) -> None:
    imported(transactions(paid("1", 400, Status="Refunded"), paid("2", 30)))
    assert states() == {"member1@example.com": "active"}


@pytest.mark.parametrize("status", ["Failed", "Pending", "Declined", "Voided"])
def test_payment_that_came_to_nothing_is_left_out(imported: Any, status: str) -> None:
    history = imported(transactions(paid("1", 10, Status=status)))
    assert outcomes(history) == ["skipped"]
    assert not User.objects.exists()


def test_status_that_is_not_known_is_a_question(imported: Any) -> None:
    history = imported(transactions(paid("1", 10, Status="Frobnicated")))
    assert outcomes(history) == ["question"]
    assert 'the status "Frobnicated" is not known' in history.rows.get().detail


def test_same_file_twice_changes_nothing(imported: Any) -> None:
    file = transactions(paid("1", 400), paid("2", 35), paid("3", 60, who=2, Status="Refunded"))
    imported(file)
    before = (states(), SubscriptionFact.objects.count(), Payment.objects.count())
    again = imported(file)
    assert outcomes(again) == ["nothing", "nothing", "nothing"]
    assert (states(), SubscriptionFact.objects.count(), Payment.objects.count()) == before


def test_active_subscription_has_access_until_its_next_payment(imported: Any) -> None:
    next_payment = day(-200)
    imported(subscriptions(subscription("71", 900, Next_Payment_Date=words(next_payment))))
    assert states() == {"member1@example.com": "active"}
    assert end_of(1).date() == (next_payment + timedelta(days=1)).date(), "the day of the payment is paid too"


def test_canceled_subscription_has_access_until_the_end_of_what_is_paid(imported: Any) -> None:
    began = day(400)
    imported(subscriptions(subscription("71", 400, Status="Canceled", Canceled_On=words(day(20)))))
    subscription_here = Subscription.objects.get()
    assert (subscription_here.status, subscription_here.has_access) == ("canceled", True)
    assert subscription_here.current_period_end.date() == (began + 2 * A_YEAR + timedelta(days=1)).date()


def test_subscription_canceled_long_ago_gives_no_access(imported: Any) -> None:
    imported(subscriptions(subscription("71", 900, Status="Canceled", Canceled_On=words(day(600)))))
    assert states() == {"member1@example.com": "expired"}


def test_active_subscription_whose_payment_is_overdue_is_a_question(imported: Any) -> None:
    rows = [subscription("71", 900, Next_Payment_Date=words(day(40))), subscription("72", 2, who=2)]
    history = imported(subscriptions(*rows), exported_at=timezone.now())
    assert outcomes(history)[0] == "question"
    assert "its next payment was due on" in history.rows.get(line=2).detail


def test_refund_after_the_last_payment_holds_against_an_active_subscription(imported: Any) -> None:
    """Kajabi may leave a subscription active whose money went back."""
    running = subscriptions(subscription("71", 100, Next_Payment_Date=words(day(-265))))
    refund = transactions(paid("1", 100), paid("2", 50, Type="Refund", Amount="-299.00"))
    imported(running)
    imported(refund)
    assert states() == {"member1@example.com": "refunded"}


def test_files_end_in_the_same_state_in_whatever_order(imported: Any) -> None:
    files = [
        transactions(paid("1", 800, who=1), paid("2", 434, who=1), paid("3", 69, who=1)),
        subscriptions(subscription("71", 800, Next_Payment_Date=words(day(-296)))),
    ]
    ends = set()
    for order in permutations(files):
        Subscription.objects.all().delete()
        for file in order:
            imported(file)
        ends.add((states()["member1@example.com"], end_of(1)))
    assert len(ends) == 1


def test_file_and_webhook_of_one_sale_are_one_in_both_orders(imported: Any, process: Any, relay: Any) -> None:
    sold = day(100)
    file = transactions(paid("1", 100, who=1))
    hook = relay("offer.purchased", "evt_1", "member1@example.com", occurred_at=sold.isoformat())
    found = []
    for file_is_first in (True, False):
        Subscription.objects.all().delete()
        User.objects.filter(is_staff=False).delete()
        HistoryRow.objects.all().delete()
        steps = [lambda: imported(file), lambda number=file_is_first: process(hook | {"id": f"evt_{number}"})]
        for step in steps if file_is_first else reversed(steps):
            step()
        found.append((states(), end_of(1)))
    assert found[0] == found[1]
    assert found[0][0] == {"member1@example.com": "active"}


def test_renewal_by_webhook_after_the_import_pays_for_one_period_more(imported: Any, process: Any, relay: Any) -> None:
    next_payment = day(0.5)
    imported(subscriptions(subscription("71", 730, Next_Payment_Date=words(day(-1)))), exported_at=day(3))
    renewed = relay("member.subscription.renewed", "evt_9", "member1@example.com", occurred_at=day(0).isoformat())
    process(renewed)
    assert timedelta(days=364) < end_of(1) - next_payment < timedelta(days=369)


def test_renewals_received_before_the_import_are_not_counted_twice(imported: Any, process: Any, relay: Any) -> None:
    for number, days_ago in enumerate((830, 465, 100)):
        event_type = "member.subscription.renewed" if number else "offer.purchased"
        event = relay(event_type, f"evt_{number}", "member1@example.com", occurred_at=day(days_ago).isoformat())
        process(event)
    end = end_of(1)
    imported(subscriptions(subscription("71", 830, Next_Payment_Date=words(day(-265)))))
    assert abs(end_of(1) - end) < timedelta(days=3)


def test_api_list_after_the_file_reports_nothing_twice(imported: Any, kajabi: Any, reconciled: Any) -> None:
    from integrations.providers.kajabi.tests.sales import pay, sell

    sell(kajabi, 1, days_ago=100)
    pay(kajabi, 1, "61", days_ago=100)
    imported(transactions(paid("61", 100)))
    before = (states(), end_of(1), Payment.objects.count())
    reconciled()
    assert (states(), end_of(1), Payment.objects.count()) == before
    assert SubscriptionFact.objects.filter(key="kajabi:transaction:61").count() == 1


def test_members_of_a_file_get_no_mail_before_staff_say_so(imported: Any, drain: Any, mailoutbox: Any) -> None:
    imported(transactions(paid("1", 30), paid("2", 800, who=2)))
    drain()
    assert list(EmailMessage.objects.values_list("to", "kind", "status")) == [
        ("member1@example.com", "welcome", "held")
    ]
    assert mailoutbox == []


def test_set_up_mails_go_one_after_the_other_where_staff_chose_so(imported: Any, settings: Any) -> None:
    settings.ADMIN_EMAIL = ["boss@example.com"]
    imported(transactions(*(paid(str(number), 30, who=number) for number in range(1, 4))), sends_mails=True)
    due = list(EmailMessage.objects.filter(status="pending").order_by("pk").values_list("next_attempt_at", flat=True))
    assert len(due) == EmailMessage.objects.count() == 3, "none to staff for each of them"
    assert due == sorted(due)
    assert due[2] - due[0] >= timedelta(seconds=1.5)


def test_offer_by_its_title_alone_is_a_question_until_it_is_mapped(taken: Any, plan: Any) -> None:
    from integrations.history import actions
    from integrations.providers.kajabi.tests.conftest import worked

    rows = [paid(str(number), 30, who=number, Offer_ID="", Offer_Title=" Silver  CIRCLE ") for number in (1, 2)]
    history = taken(transactions(*rows, paid("3", 30, who=3)))
    assert outcomes(history) == ["question", "question", "new"]
    assert actions.questions_by_offer(history) == {"title:silver circle": ("Silver CIRCLE", 2)}
    assert actions.map_offers(history, {"title:silver circle": str(plan.pk)}) == 1
    history = worked(history)
    assert (history.status, outcomes(history)) == ("ready", ["new", "new", "new"])
    assert not Subscription.objects.exists(), "it is still a preview"


def test_offer_mapped_after_the_import_is_done_again(imported: Any, plan: Any) -> None:
    from integrations.history import actions
    from integrations.providers.kajabi.tests.conftest import worked

    history = imported(transactions(paid("1", 30, Offer_ID="990", Offer_Title="Silver"), paid("2", 30, who=2)))
    assert (outcomes(history), Subscription.objects.count()) == (["question", "new"], 1)
    assert Payment.objects.count() == 2, "the money is known, whatever it was for"
    actions.map_offers(history, {"990": str(plan.pk)})
    history = worked(history)
    assert (history.status, outcomes(history), Subscription.objects.count()) == ("done", ["new", "new"], 2)


def test_offer_that_is_no_membership_is_asked_about_no_more(taken: Any) -> None:
    from integrations.history import actions
    from integrations.providers.kajabi.tests.conftest import worked

    history = taken(transactions(paid("1", 30, Offer_ID="990", Offer_Title="A print")))
    actions.map_offers(history, {"990": actions.NO_MEMBERSHIP})
    history = worked(history)
    assert outcomes(history) == ["changed"], "the payment is one all the same"
    assert actions.questions_by_offer(history) == {}


def test_row_without_ids_is_one_sale_in_two_files(imported: Any) -> None:
    row = {"E-mail": "ada@example.com", "Oferta": "x", "Offer ID": OFFER_ID, "Fecha": f"{day(30):%Y-%m-%d}"}
    headings = ["E-mail", "Oferta", "Offer ID", "Fecha", "Importe"]
    from integrations.providers.kajabi.tests.history_files import file_of

    imported(file_of(headings, row))
    history = imported(file_of(headings[::-1], row))
    assert outcomes(history) == ["nothing"]
    assert SubscriptionFact.objects.count() == 1
