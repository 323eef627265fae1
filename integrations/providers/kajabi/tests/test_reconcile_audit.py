"""A full audit: every difference in both directions, named with its remedy; the console applies or sets aside."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.memberships import staff_actions
from accounts.memberships.models import Subscription
from accounts.people.models import User
from accounts.people.tests.people import known_as
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.cause import SCHEDULE
from integrations.contracts.pull import RunKind
from integrations.providers.kajabi.tests.sales import ago, change, pay, sell, stamp
from integrations.reconcile.models import SyncFinding, SyncRun
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, html

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient")]


@pytest.fixture
def caught_up(kajabi: FakeKajabi, reconciled: Any) -> FakeKajabi:
    """A first run is done, with six members."""
    for number in range(1, 7):
        sell(kajabi, number)
    reconciled()
    kajabi.exchanges.clear()
    return kajabi


@pytest.fixture
def audited(reconciled: Any) -> Any:
    """Does an audit; (kind, person) of what it found."""

    def audit() -> list[tuple[str, str]]:
        run = reconciled(kind=RunKind.AUDIT)
        assert run.status == "done", run.last_error
        return sorted(run.findings.values_list("kind", "person"))

    return audit


@pytest.fixture
def browser(staff: Any) -> Client:
    return signed_in(staff)


def mine(number: int) -> Subscription:
    return Subscription.objects.get(user__email=f"member{number}@example.com")


def press(browser: Client, finding: SyncFinding, name: str, **answers: str) -> str:
    url = reverse("admin:integrations_syncfinding_act", args=[finding.pk, name])
    answer = browser.post(url, answers, follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def test_where_both_agree_nothing_is_named(caught_up: Any, audited: Any) -> None:
    assert audited() == []
    assert [one.asked.path for one in caught_up.exchanges if "oauth" not in one.asked.path] == ["/v1/purchases"]


def test_every_difference_is_named_with_its_remedy_and_nothing_is_changed(
    caught_up: Any, audited: Any, user: User, plan: Any
) -> None:
    change(caught_up, 1, deactivated_at=stamp(ago(1)))
    staff_actions.expire(mine(2), cause=SCHEDULE)
    change(caught_up, 3, deactivated_at=stamp(ago(-5)))
    caught_up.remove("purchases", "4004")
    sell(caught_up, 8)
    sell(caught_up, 9, offer_id="999")
    sell(caught_up, 10, offer_id="999", deactivated_at=stamp(ago(1)))
    staff_actions.grant(user, plan, until=ago(-9), cause=SCHEDULE)
    before = list(Subscription.objects.order_by("pk").values_list("pk", "status", "current_period_end"))
    assert audited() == [
        ("ended_here", "member2@example.com"),
        ("ended_there", "member1@example.com"),
        ("missing_here", ""),
        ("no_plan", ""),
        ("status", "member3@example.com"),
        ("unknown_there", "member4@example.com"),
    ]
    assert list(Subscription.objects.order_by("pk").values_list("pk", "status", "current_period_end")) == before
    found = SyncFinding.objects.get(kind="ended_there")
    assert found.remote_value == f"purchase 4001 of offer off_456: expired since {ago(1):%Y-%m-%d}"
    assert found.local_value.startswith("active, access until ")
    assert found.remedy == "apply: access ends here"
    assert SyncFinding.objects.get(kind="no_plan").remote_value == "active purchases of offer 999"


def test_several_purchases_of_one_plan_count_as_the_best_of_them(caught_up: Any, audited: Any) -> None:
    change(caught_up, 1, deactivated_at=stamp(ago(1)))
    caught_up.add(records.purchase("5001", customer_id="1", offer_id="off_456", created_at=stamp(ago(2))))
    assert audited() == []


def test_refund_there_that_left_the_purchase_active_is_named_for_staff(
    caught_up: Any, audited: Any, reconciled: Any
) -> None:
    pay(caught_up, 1, "61", days_ago=0.05, action="refund", amount_in_cents=-29900)
    reconciled()
    assert mine(1).status == "refunded"
    assert audited() == [("refunded_here", "member1@example.com")]


def test_access_that_was_granted_by_hand_is_compared_where_there_is_a_purchase(
    kajabi: Any, audited: Any, user: User, plan: Any
) -> None:
    staff_actions.grant(user, plan, until=ago(-9), cause=SCHEDULE)
    assert audited() == []
    known_as(user, "customer", "1")
    sell(kajabi, 1)
    staff_actions.expire(Subscription.objects.get(), cause=SCHEDULE)
    assert audited() == [("ended_here", "jane@example.com")]


def test_member_known_by_their_address_alone_is_compared_too(
    kajabi: Any, reconciled: Any, audited: Any, relay: Any, process: Any
) -> None:
    assert process(relay(occurred_at=stamp(ago(3)))).status == "processed"
    kajabi.add(records.customer("1", email="Jane@example.com"))
    kajabi.add(
        records.purchase(
            "4001", customer_id="1", offer_id="off_456", created_at=stamp(ago(3)), updated_at=stamp(ago(3))
        )
    )
    reconciled()
    change(kajabi, 1, deactivated_at=stamp(ago(1)))
    assert audited() == [("ended_there", "jane@example.com")]


def test_apply_reads_the_person_anew_and_makes_us_equal(caught_up: Any, audited: Any, browser: Client) -> None:
    change(caught_up, 1, deactivated_at=stamp(ago(1)))
    staff_actions.expire(mine(2), cause=SCHEDULE)
    change(caught_up, 3, deactivated_at=stamp(ago(-5)))
    sell(caught_up, 8)
    audited()
    told = [press(browser, one, "apply") for one in SyncFinding.objects.order_by("kind")]
    assert told == [
        "Applied: expired → active.",
        "Applied: active → expired.",
        "Applied: none → active.",
        "Applied: active → canceled.",
    ]
    assert [mine(number).status for number in (1, 2, 3, 8)] == ["expired", "active", "canceled", "active"]
    assert set(SyncFinding.objects.values_list("status", "staff__email")) == {("applied", "staff@example.com")}
    assert audited() == []


def test_apply_does_what_is_true_now_and_not_what_the_audit_saw(caught_up: Any, audited: Any, browser: Client) -> None:
    change(caught_up, 1, deactivated_at=stamp(ago(1)))
    audited()
    change(caught_up, 1, deactivated_at=None)
    press(browser, SyncFinding.objects.get(), "apply")
    assert mine(1).status == "active"


def test_apply_with_kajabi_down_says_so_and_leaves_it_open(caught_up: Any, audited: Any, browser: Client) -> None:
    change(caught_up, 1, deactivated_at=stamp(ago(1)))
    audited()
    caught_up.misbehave(*[html()] * 10, on="/v1/purchases")
    assert "/v1/purchases" in press(browser, SyncFinding.objects.get(), "apply")
    assert (SyncFinding.objects.get().status, mine(1).status) == ("open", "active")


def test_difference_is_set_aside_with_a_reason(caught_up: Any, audited: Any, browser: Client) -> None:
    caught_up.remove("purchases", "4004")
    audited()
    finding = SyncFinding.objects.get()
    press(browser, finding, "set-aside", answered="1", reason="a present")
    finding.refresh_from_db()
    assert (finding.status, finding.outcome, finding.staff.email) == ("set_aside", "a present", "staff@example.com")
    assert mine(4).status == "active"


def test_console_shows_the_latest_audit_and_what_waits(caught_up: Any, audited: Any, browser: Client) -> None:
    change(caught_up, 1, deactivated_at=stamp(ago(1)))
    audited()
    change(caught_up, 2, deactivated_at=stamp(ago(1)))
    audited()
    page = browser.get(reverse("admin:integrations_syncfinding_changelist"))
    assert [one.person for one in page.context["cl"].result_list] == ["member2@example.com", "member1@example.com"]
    assert len(set(SyncFinding.objects.values_list("run", flat=True))) == 2
    first = SyncRun.objects.filter(kind="audit").earliest("pk")
    old = browser.get(reverse("admin:integrations_syncfinding_changelist"), {"run__id__exact": first.pk})
    assert [one.person for one in old.context["cl"].result_list] == ["member1@example.com"]
    waiting = {item.key: item.count for item in browser.get(reverse("admin:index")).context["attention"]}
    assert waiting["differences"] == 2
    for row in (*SyncFinding.objects.all(), *SyncRun.objects.all()):
        assert browser.get(page_of(row)).status_code == 200
    assert browser.get(reverse("admin:integrations_syncrun_changelist")).status_code == 200


def test_whoever_may_only_look_cannot_apply(caught_up: Any, audited: Any) -> None:
    change(caught_up, 1, deactivated_at=stamp(ago(1)))
    audited()
    finding = SyncFinding.objects.get()
    url = reverse("admin:integrations_syncfinding_act", args=[finding.pk, "apply"])
    assert clerk("view_syncfinding").post(url).status_code == 403
    assert mine(1).status == "active"
