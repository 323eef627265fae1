"""The work on an import: it can die, be stopped, be begun twice, and be pruned; what is applied is applied once."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.commerce.models import Payment
from accounts.memberships.models import Subscription
from accounts.people import person
from accounts.people.models import Contact, User
from accounts.privacy import erase, prune
from accounts.staff.models import AuditEntry
from core.queue import runner
from integrations.history import actions, apply, work
from integrations.history.models import HistoryImport, HistoryRow
from integrations.providers.kajabi.tests.conftest import worked
from integrations.providers.kajabi.tests.history_files import (
    day,
    paid,
    subscription,
    subscriptions,
    transactions,
    words,
)

pytestmark = pytest.mark.django_db
ROWS = [paid(str(number), 30, who=number % 20) for number in range(100, 160)]


class Killed(BaseException):
    """An end of the worker that nothing reports."""


@pytest.fixture(autouse=True)
def _the_plan(plan: Any) -> None:
    """Every sale here is of the plan of a fresh installation."""


def counted() -> Counter[str]:
    return Counter(
        people=User.objects.count(),
        contacts=Contact.objects.count(),
        payments=Payment.objects.count(),
        subscriptions=Subscription.objects.count(),
    )


def test_preview_writes_nothing_but_what_rows_would_do(taken: Any) -> None:
    before = counted()
    history = taken(transactions(*ROWS))
    assert (history.status, history.done, history.total) == ("ready", 60, 60)
    assert counted() == before
    assert set(history.rows.values_list("outcome", flat=True)) == {"new", "changed"}


def test_preview_and_import_say_the_same(taken: Any) -> None:
    rows = [*ROWS, paid("90", 20, who=3, Type="Refund", Amount="-1"), paid("91", 20, who=4, Offer_ID="8")]
    history = taken(transactions(*rows))
    before = list(history.rows.order_by("line").values_list("outcome", "detail"))
    assert actions.confirm(history, sends_mails=False)
    worked(history)
    assert list(history.rows.order_by("line").values_list("outcome", "detail")) == before


@pytest.mark.parametrize("stage", ["preview", "applying"])
def test_worker_that_dies_in_the_middle_leaves_the_rest_for_another(
    taken: Any, travel: Any, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    real, told = apply.RowApplier.apply, []

    def dies(teller: Any, row: Any) -> None:
        if teller.history.stage == stage and len(told) < 31:
            told.append(row.line)
            if len(told) == 31:
                raise Killed
        real(teller, row)

    monkeypatch.setattr(apply.RowApplier, "apply", dies)
    if stage == "preview":
        with pytest.raises(Killed):
            taken(transactions(*ROWS))
        history = HistoryImport.objects.get()
    else:
        history = taken(transactions(*ROWS))
        actions.confirm(history, sends_mails=False)
        with pytest.raises(Killed):
            worked(history)
        assert 0 < counted()["people"] < 20, "whole persons were kept"
    assert not runner.run(HistoryImport, history.pk), "the dead worker's lease holds"
    travel(timedelta(seconds=60))
    history = worked(history)
    if stage == "preview":
        assert actions.confirm(history, sends_mails=False)
        history = worked(history)
    assert (history.status, history.done) == ("done", 60)
    assert counted() == Counter(people=20, contacts=20, payments=60, subscriptions=20)


def test_import_that_kills_its_worker_again_and_again_fails(
    taken: Any, travel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(teller: Any, row: Any) -> None:
        raise Killed

    history = taken(transactions(*ROWS))
    actions.confirm(history, sends_mails=False)
    with monkeypatch.context() as patched:
        patched.setattr(apply.RowApplier, "apply", dies)
        for minute in range(1, 5):
            try:
                runner.run(HistoryImport, history.pk)
            except Killed:
                travel(timedelta(minutes=minute))
    history.refresh_from_db()
    assert history.status == "failed"
    assert "the worker died" in history.last_error
    assert actions.resume(history)
    assert worked(history).status == "done"


def test_import_rests_when_it_is_stopped_and_goes_on_where_it_was(taken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SECONDS", 0.0)  # one person an attempt
    history = worked(taken(transactions(*ROWS)))
    actions.confirm(history, sends_mails=False)
    for _person in range(5):
        runner.run(HistoryImport, history.pk)
    assert actions.stop(history)
    assert not runner.run(HistoryImport, history.pk)
    assert counted()["people"] == 5
    history.refresh_from_db()
    assert (history.status, history.done) == ("stopped", 15)
    assert actions.resume(history)
    assert worked(history).status == "done"
    assert counted()["people"] == 20


def test_stop_during_an_attempt_takes_that_person_back(taken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    history = taken(transactions(*ROWS))
    actions.confirm(history, sends_mails=False)
    real = apply.RowApplier.apply

    def stopped(teller: Any, row: Any) -> None:
        real(teller, row)
        if row.person == "member3@example.com":
            HistoryImport.objects.filter(pk=history.pk).update(status="stopped")

    with monkeypatch.context() as patched:
        patched.setattr(apply.RowApplier, "apply", stopped)
        runner.run(HistoryImport, history.pk)
    assert not User.objects.filter(email="member3@example.com").exists()
    history.refresh_from_db()
    assert history.status in ("stopped", "pending")


@pytest.mark.django_db(transaction=True)
def test_two_confirmations_at_once_are_one_import(taken: Any, at_once: Any) -> None:
    history = taken(transactions(*ROWS[:3]))
    press: list[Callable[[], Any]] = [
        lambda: actions.confirm(HistoryImport.objects.get(pk=history.pk), sends_mails=False) for _press in range(4)
    ]
    assert sorted(map(bool, at_once(press))) == [False, False, False, True]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_apply_each_row_once(taken: Any, at_once: Any, plan: Any) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    histories = [taken(transactions(*ROWS)) for _upload in range(2)]
    for history in histories:
        actions.confirm(history, sends_mails=False)
    at_once([lambda history=history: worked(history) for history in [*histories, *histories]])
    for history in histories:
        assert worked(history).status == "done"
    assert counted() == Counter(people=20, contacts=20, payments=60, subscriptions=20)


def test_person_with_very_many_rows_is_done_in_parts(imported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "BATCH_SIZE", 7)
    history = imported(
        transactions(*(paid(str(number), number, who=1) for number in range(1, 20)), paid("99", 3, who=2))
    )
    assert (history.done, counted()["payments"], counted()["people"]) == (20, 20, 2)


def test_rows_are_gone_two_weeks_after_the_upload(imported: Any, taken: Any) -> None:
    done, waiting = imported(transactions(*ROWS[:2])), taken(transactions(*ROWS[:2]))
    HistoryImport.objects.update(created_at=timezone.now() - timedelta(days=15))
    fresh = taken(transactions(*ROWS[:2]))
    prune.prune()
    assert set(HistoryRow.objects.values_list("history", flat=True)) == {fresh.pk}
    for history, status in ((done, "done"), (waiting, "discarded")):
        history.refresh_from_db()
        assert (history.status, history.pruned_at is None) == (status, False)
        assert not actions.confirm(history, sends_mails=False)
    assert AuditEntry.objects.filter(action="retention.pruned").exists()


@pytest.mark.django_db(transaction=True)
def test_erasure_takes_a_persons_rows_and_later_files_do_not_bring_them_back(taken: Any, imported: Any) -> None:
    imported(transactions(*ROWS[:3]))
    waiting = taken(transactions(*ROWS[:3]))
    erase.forget(person.find("member1@example.com"))
    assert sorted(waiting.rows.values_list("person", flat=True)) == ["member0@example.com", "member2@example.com"]
    late = imported(subscriptions(subscription("71", 100, Next_Payment_Date=words(day(-200)))))
    assert (late.rows.get().outcome, late.rows.get().detail) == (
        "skipped",
        "about a person who was erased: nothing is stored",
    )
    assert late.rows.get().person == ""
    assert late.rows.get().cells == {}
    assert not User.objects.filter(email="member1@example.com").exists()
