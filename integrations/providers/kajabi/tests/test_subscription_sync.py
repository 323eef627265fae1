"""A sync that staff ask for is a job: shared, retried, followed, and honest about what became of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.memberships import staff_actions
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.people.models import User
from accounts.staff.models import AuditEntry
from accounts.staff.tests.callers import bearer
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.cause import SCHEDULE, Cause
from core.queue import runner, waiting
from core.queue.tasks import run_jobs, sweep_jobs
from integrations import registry
from integrations.providers.kajabi.tests.sales import ago, change, sell, stamp
from integrations.reconcile import syncs
from integrations.reconcile.models import SubscriptionSync
from tests.fakes.kajabi import FakeKajabi, Reset, html, too_many

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient")]
SEED = {
    "success": True,
    "message": "Subscription status synced successfully",
    "old_status": "canceled",
    "new_status": "active",
}


@pytest.fixture
def member(kajabi: FakeKajabi, reconciled: Any) -> User:
    """The seed's member: canceled here, active there."""
    sell(kajabi, 1)
    reconciled()
    staff_actions.cancel(Subscription.objects.get(), cause=SCHEDULE)
    return User.objects.get(email="member1@example.com")


@pytest.fixture
def browser(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody does the work while a request waits."""
    monkeypatch.setattr(waiting, "WAITS", 0.0)


def url(user: User, sync: SubscriptionSync | None = None) -> str:
    return f"/api/admin/users/{user.pk}/sync-kajabi-subscription/" + (f"{sync.pk}" if sync else "")


def ask(user: User, staff: Any) -> SubscriptionSync:
    return syncs.request(user, provider=registry.provider("kajabi"), cause=Cause.by_staff(staff))


def status_of(user: User) -> str:
    return Subscription.objects.get(user=user).status


@pytest.mark.usefixtures("workers")
def test_sync_that_ends_in_time_gives_the_seeds_answer(member: User, browser: Client, staff: Any) -> None:
    answer = browser.post(url(member))
    assert (answer.status_code, answer.json()) == (200, SEED)
    sync = SubscriptionSync.objects.get()
    assert (sync.status, sync.outcome, sync.staff) == ("done", "synced", staff)
    done = AuditEntry.objects.get(action="subscription.synced")
    assert (done.actor, done.before, done.after) == (staff, {"status": "canceled"}, {"status": "active"})
    assert AuditEntry.objects.get(action="subscription.sync_asked").actor == staff


@pytest.mark.usefixtures("no_workers")
def test_sync_that_takes_longer_is_followed_at_its_address(member: User, browser: Client, drain: Any) -> None:
    answer = browser.post(url(member))
    sync = SubscriptionSync.objects.get()
    assert (answer.status_code, answer["Location"]) == (202, answer.json()["status_url"])
    assert answer.json() == {
        "success": False,
        "message": "The sync has not ended yet. Look again at status_url.",
        "status": "pending",
        "status_url": url(member, sync),
        "error": None,
    }
    assert browser.get(answer["Location"]).status_code == 202
    drain()
    ended = browser.get(answer["Location"])
    assert (ended.status_code, ended.json()) == (200, SEED)


@pytest.mark.usefixtures("no_workers")
def test_two_presses_for_one_member_are_one_job(
    member: User, browser: Client, wakeups: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answers = [browser.post(url(member)) for _press in range(2)]
    assert {answer["Location"] for answer in answers} == {url(member, SubscriptionSync.objects.get())}
    assert [key for kind, key in wakeups if kind == "subscriptionsync"] == [SubscriptionSync.objects.get().pk]


def test_presses_at_the_same_moment_are_one_job_and_change_it_once(
    transactional_db: None, kajabi: Any, plan: Any, staff: Any, at_once: Any, process: Any, relay: Any
) -> None:
    sold = sell(kajabi, 1)
    process(relay(email="member1@example.com", occurred_at=stamp(sold)))
    user = User.objects.get(email="member1@example.com")
    change(kajabi, 1, deactivated_at=stamp(ago(1)))
    asked = at_once([lambda: ask(user, staff)] * 4)
    assert {getattr(one, "pk", one) for one in asked} == {SubscriptionSync.objects.get().pk}
    at_once([lambda: runner.run(SubscriptionSync, asked[0].pk)] * 3)
    sync = SubscriptionSync.objects.get()
    assert (sync.status, sync.attempts, sync.new_status) == ("done", 1, "expired")
    assert SubscriptionFact.objects.filter(kind="expired").count() == 1


def test_worker_that_dies_in_the_middle_is_replaced_after_its_lease(
    member: User, browser: Client, staff: Any, travel: Any, drain: Any
) -> None:
    sync = ask(member, staff)
    assert SubscriptionSync.objects.claim(sync.pk) is not None, "and the worker dies"
    drain()
    assert status_of(member) == "canceled"
    travel(timedelta(seconds=31))
    assert sync.pk in SubscriptionSync.objects.claim_wake_ups()
    drain()
    assert browser.get(url(member, sync)).json() == SEED


def test_worker_that_slept_past_its_lease_changes_nothing(
    member: User, staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = ask(member, staff)
    read = syncs.subscription_check.read

    def slow(*arguments: Any, **options: Any) -> Any:
        found = read(*arguments, **options)
        SubscriptionSync.objects.filter(pk=sync.pk).update(attempts=2)  # another worker has it by now
        return found

    monkeypatch.setattr(syncs.subscription_check, "read", slow)
    runner.run(SubscriptionSync, sync.pk)
    sync.refresh_from_db()
    assert (sync.status, status_of(member)) == ("pending", "canceled")


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("trouble", [html(502), too_many(), Reset()], ids=["html", "429", "reset"])
def test_provider_that_is_down_is_named_and_asked_again(
    member: User, browser: Client, kajabi: FakeKajabi, travel: Any, trouble: Any, drain: Any
) -> None:
    kajabi.misbehave(*[trouble] * 2, on="/v1/transactions")
    answer = browser.post(url(member))
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.json()["message"].startswith("Kajabi could not be reached: ")
    assert "/v1/transactions" in answer.json()["error"]
    assert status_of(member) == "canceled"
    travel(timedelta(seconds=10))
    drain()
    assert browser.get(answer["Location"]).json() == SEED


@pytest.mark.usefixtures("workers")
def test_provider_that_stays_down_fails_the_sync_and_says_what_to_do(
    member: User, browser: Client, kajabi: FakeKajabi, travel: Any, drain: Any
) -> None:
    kajabi.misbehave(*[html(502)] * 50, on="/v1/transactions")
    answer = browser.post(url(member))
    for minutes in (1, 2, 5, 10, 20):
        travel(timedelta(minutes=minutes))
        drain()
    ended = browser.get(answer["Location"])
    said = ended.json()
    assert (ended.status_code, said["success"], said["message"]) == (502, False, said["detail"])
    assert said["message"].endswith("Nothing was changed. Try again in a few minutes.")
    assert (SubscriptionSync.objects.get().attempts, status_of(member)) == (syncs.MAX_FAILURES, "canceled")


@pytest.mark.usefixtures("workers")
def test_press_while_a_sync_waits_for_its_next_try_makes_it_due(
    member: User, browser: Client, kajabi: FakeKajabi
) -> None:
    kajabi.misbehave(*[html(502)] * 2, on="/v1/transactions")
    assert browser.post(url(member)).status_code == 202
    answer = browser.post(url(member))
    assert (answer.status_code, answer.json()) == (200, SEED)
    assert SubscriptionSync.objects.get().attempts == 2


@pytest.mark.usefixtures("workers")
def test_provider_that_refuses_is_not_asked_again(member: User, browser: Client, kajabi: FakeKajabi) -> None:
    kajabi.misbehave(*[html(403)] * 10, on="/v1/transactions")
    answer = browser.post(url(member))
    assert (answer.status_code, answer.json()["success"]) == (502, False)
    assert answer.json()["message"].startswith("Kajabi refused: ")
    assert SubscriptionSync.objects.get().attempts == 1


@pytest.mark.usefixtures("no_workers")
def test_address_of_a_sync_is_of_its_member_and_for_those_who_may_sync(
    member: User, user: User, browser: Client, staff: Any
) -> None:
    sync = ask(member, staff)
    assert browser.get(url(member, sync)).status_code == 202
    assert browser.get(url(user, sync)).status_code == 404
    assert browser.get(f"{url(member)}{10**30}").status_code == 404
    assert browser.post(url(member, sync)).status_code == 405
    for visitor in (Client(), signed_in(member)):
        assert visitor.get(url(member, sync)).status_code in (401, 403)
    reads = Client().get(url(member, sync), headers=bearer(staff, "read"))
    assert reads.status_code == 403, "it needs the scope sync"


def test_sweep_rings_for_a_sync_whose_wake_up_was_lost(
    member: User, staff: Any, travel: Any, wakeups: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = ask(member, staff)
    travel(timedelta(seconds=6))
    woken: list[Any] = []
    monkeypatch.setattr("core.queue.wakeup.wake", lambda model, keys: woken.extend((model, key) for key in keys))
    sweep_jobs()
    assert woken == [(SubscriptionSync, sync.pk)]
    run_jobs("subscriptionsync", [sync.pk])
    assert status_of(member) == "active"


# In the console -------------------------------------------------------------------------------------------------------


def press(browser: Client, user: User) -> tuple[str, str]:
    """Return the message of the button, as text and as the page has it."""
    answer = browser.post(reverse("admin:accounts_user_act", args=[user.pk, "sync-kajabi"]), follow=True)
    return " ".join(str(message) for message in answer.context["messages"]), answer.content.decode()


@pytest.mark.usefixtures("no_workers")
def test_button_leads_to_the_sync_that_has_not_ended(
    member: User, browser: Client, drain: Any, kajabi: FakeKajabi
) -> None:
    told, page = press(browser, member)
    sync = SubscriptionSync.objects.get()
    assert told.startswith("It has not ended yet: a worker continues it. ")
    assert f'<a href="{page_of(sync)}">Progress</a>' in page
    assert "pending" in browser.get(page_of(sync)).content.decode()
    drain()
    assert "canceled → active" in browser.get(page_of(sync)).content.decode()
    listed = browser.get("/admin/integrations/subscriptionsync/", {"q": "MEMBER1@"}).content.decode()
    assert "canceled → active" in listed


@pytest.mark.usefixtures("workers")
def test_button_says_what_failed_and_that_it_is_tried_again(
    member: User, browser: Client, kajabi: FakeKajabi, travel: Any, drain: Any
) -> None:
    kajabi.misbehave(*[html(502)] * 50, on="/v1/purchases")
    told, _page = press(browser, member)
    assert told.startswith("Kajabi could not be reached: ")
    assert "It is retried automatically." in told
    for minutes in (1, 2, 5, 10):
        travel(timedelta(minutes=minutes))
        drain()
    page = browser.get(page_of(SubscriptionSync.objects.get())).content.decode()
    assert "Nothing was changed. Try again in a few minutes." in page
    assert status_of(member) == "canceled"


def test_list_of_syncs_costs_the_same_for_one_and_for_many(
    member: User, browser: Client, staff: Any, django_assert_max_num_queries: Any
) -> None:
    ended = {"status": "done", "outcome": "synced", "next_attempt_at": None, "finished_at": timezone.now()}
    for number in range(12):
        other = User.objects.create_user(f"other{number}@example.com")
        SubscriptionSync.objects.create(provider="kajabi", user=other, cause="test", **ended)
    with django_assert_max_num_queries(12):
        assert browser.get("/admin/integrations/subscriptionsync/").status_code == 200
    assert clerk("view_user").get("/admin/integrations/subscriptionsync/").status_code == 403
