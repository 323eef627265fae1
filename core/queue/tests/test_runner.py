"""One runner for every kind of job: each way in which an attempt can end, and what a kind declares."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import OperationalError
from django.utils import timezone

from accounts.signin.models import LinkRequest
from core.queue import runner, tasks, wakeup
from core.queue.delivery import LEASE, MAX_CRASHES, Delivery
from core.queue.outcomes import Permanent, TryAgain, Wait
from core.queue.runner import Failure, JobKind

pytestmark = pytest.mark.django_db
Declare = Callable[..., LinkRequest]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Puts another kind of job in the place of one, with the given work; gives a due row of it."""

    def put(work: Callable[[LinkRequest], None], **options: Any) -> LinkRequest:
        kind = JobKind(model=LinkRequest, work=work, **options)
        monkeypatch.setitem(runner.KINDS, "linkrequest", kind)
        return LinkRequest.objects.create(email="jane@example.com")

    return put


def raising(error: BaseException) -> Callable[[LinkRequest], None]:
    def work(row: LinkRequest) -> None:
        raise error

    return work


def attempted(row: LinkRequest) -> LinkRequest:
    assert runner.run(LinkRequest, row.pk)
    row.refresh_from_db()
    return row


def test_every_queue_has_a_registered_kind() -> None:
    queues = {model for model in apps.get_models() if issubclass(model, Delivery)}
    assert {kind.model for kind in runner.KINDS.values()} == queues


def test_row_that_is_not_due_is_not_attempted(declare: Declare) -> None:
    row = declare(raising(AssertionError("must not run")))
    LinkRequest.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    assert not runner.run(LinkRequest, row.pk)
    assert not runner.run(LinkRequest, 999_999)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Permanent("nobody will take it"), "failed", "nobody will take it"),
        (TryAgain("they rest"), "pending", "they rest"),
        (ValueError("a bug"), "pending", "ValueError: a bug"),
        (SystemExit(3), "pending", "SystemExit: 3"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_failure_is_noted_on_the_row(declare: Declare, error: BaseException, status: str, text: str) -> None:
    row = attempted(declare(raising(error)))
    assert (row.status, row.last_error, row.failures, row.crashes) == (status, text, 1, 0)


def test_wait_is_no_failure(declare: Declare) -> None:
    due = timezone.now() + timedelta(minutes=7)
    row = attempted(declare(raising(Wait("for the contact", due=due))))
    assert (row.status, row.last_error, row.failures, row.crashes) == ("pending", "for the contact", 0, 0)
    assert (row.next_attempt_at, row.wake_at) == (due, due)


def test_retry_comes_no_sooner_than_was_asked(declare: Declare) -> None:
    before = timezone.now()
    row = attempted(declare(raising(TryAgain("too many calls", retry_after=60))))
    assert timedelta(seconds=60) <= row.next_attempt_at - before <= timedelta(seconds=75)


def test_kind_may_give_up_sooner(declare: Declare) -> None:
    row = attempted(declare(raising(TryAgain("busy")), max_failures=2))
    LinkRequest.objects.update(next_attempt_at=timezone.now())
    assert (row.status, attempted(row).status) == ("pending", "failed")


def test_row_that_kills_its_worker_again_and_again_is_given_up(declare: Declare) -> None:
    row = declare(raising(AssertionError("must not run")))
    LinkRequest.objects.update(crashes=MAX_CRASHES)
    assert (attempted(row).status, row.last_error) == ("failed", "gave up: the worker died 3 times over this row")


def test_work_that_is_left_wakes_the_next_worker(
    declare: Declare, wakeups: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    row = declare(lambda row: row.save_progress())
    with django_capture_on_commit_callbacks(execute=True):
        attempted(row)
    assert wakeups == [("linkrequest", row.pk)]
    with django_capture_on_commit_callbacks(execute=True):
        assert runner.run(LinkRequest, row.pk, wake=False)
    assert len(wakeups) == 1


def test_row_that_somebody_closed_meanwhile_stays_as_it_is(declare: Declare) -> None:
    lost: list[int] = []

    def work(row: LinkRequest) -> None:
        LinkRequest.objects.update(status="failed", last_error="staff stopped it")
        row.close("done")

    row = attempted(declare(work, on_lost=lambda row: lost.append(row.pk)))
    assert (row.status, row.last_error, lost) == ("failed", "staff stopped it", [row.pk])


def test_late_error_does_not_touch_the_newer_attempt(declare: Declare, travel: Any) -> None:
    def work(row: LinkRequest) -> None:
        travel(LEASE + timedelta(seconds=1))
        assert LinkRequest.objects.claim(row.pk) is not None
        raise ValueError("too late")

    row = attempted(declare(work))
    assert (row.status, row.attempts, row.failures, row.last_error) == ("pending", 2, 0, "")


def test_database_that_is_away_leaves_the_row_to_its_lease(declare: Declare) -> None:
    row = declare(raising(OperationalError("server closed the connection")))
    with pytest.raises(OperationalError):
        runner.run(LinkRequest, row.pk)
    row.refresh_from_db()
    assert (row.status, row.failures, row.crashes) == ("pending", 0, 1)
    assert row.next_attempt_at > timezone.now()


def test_what_a_kind_does_with_a_failure_is_one_transaction_with_its_note(declare: Declare) -> None:
    def broken(row: LinkRequest, failure: Failure) -> None:
        assert failure == Failure(error="no", is_permanent=True, is_last=True)
        raise RuntimeError("a bug in the hook")

    row = declare(raising(Permanent("no")), on_failure=broken)
    with pytest.raises(RuntimeError):
        runner.run(LinkRequest, row.pk)
    row.refresh_from_db()
    assert (row.status, row.last_error) == ("pending", ""), "it falls due again by its lease"


def test_no_kind_starves_another_in_a_sweep(declare: Declare, wakeups: list[Any], travel: Any) -> None:
    declare(raising(TryAgain("busy")))
    LinkRequest.objects.bulk_create(
        LinkRequest(email=f"{number}@example.com", wake_at=timezone.now()) for number in range(600)
    )
    mail = apps.get_model("accounts", "EmailMessage").objects.create(kind="welcome", key="k", to="a@x.example")
    travel(timedelta(seconds=10))
    tasks.sweep_jobs()
    names = [name for name, _key in wakeups]
    assert (names.count("linkrequest"), wakeups[-1]) == (500, ("emailmessage", mail.pk))


def test_message_of_another_version_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    tasks.run_jobs("a_kind_of_the_future", [1])
    assert "unknown kind of job" in caplog.text
    assert tasks.run_jobs.name == wakeup.RUN_TASK
