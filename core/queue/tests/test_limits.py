"""Every kind of job ends, by its time limits, before anybody else may begin it again."""

from datetime import timedelta

import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded

from accounts.signin.models import LinkRequest
from config.checks import check_time_limits
from core.queue import wakeup
from core.queue.attempts import attempt
from core.queue.delivery import LEASE
from core.queue.limits import HARD_SECONDS, LEASE_SECONDS, SOFT_SECONDS


def test_limits_of_every_job_are_below_the_lease() -> None:
    assert check_time_limits() == []
    jobs = {name for name in current_app.tasks if name.startswith(("accounts.", "integrations."))}
    assert {"accounts.send_emails", "integrations.process_events", "accounts.prune"} <= jobs


@pytest.mark.parametrize("name", ["accounts.send_emails", "integrations.process_events", "integrations.advance_runs"])
@pytest.mark.parametrize(("soft", "hard"), [(28, 28), (25, LEASE_SECONDS), (29, 28), (25, 45), (None, None), (0, 28)])
def test_limits_that_do_not_end_before_the_lease_are_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str, soft: int | None, hard: int | None
) -> None:
    monkeypatch.setattr(current_app.tasks[name], "soft_time_limit", soft)
    monkeypatch.setattr(current_app.tasks[name], "time_limit", hard)
    (message,) = check_time_limits()
    assert (message.id, name in str(message.msg)) == ("config.E002", True)


def test_settings_hold_for_jobs_without_limits_of_their_own() -> None:
    task = current_app.tasks["integrations.process_events"]
    assert (task.soft_time_limit, task.time_limit) == (SOFT_SECONDS, HARD_SECONDS)
    assert timedelta(seconds=LEASE_SECONDS) == LEASE


def test_rows_of_a_message_that_is_late_go_into_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(wakeup, "wake", lambda task, keys: woken.append((task, keys)))
    clock = iter([0.0, 4.0, 6.0])
    monkeypatch.setattr(wakeup.time, "monotonic", lambda: next(clock))
    done: list[int] = []
    wakeup.for_each("a.task", [1, 2, 3, 4], done.append)
    assert (done, woken) == ([1, 2], [("a.task", [3, 4])])


@pytest.mark.django_db
def test_a_soft_limit_in_an_attempt_is_recorded_on_its_row() -> None:
    made = LinkRequest.objects.create(email="jane@example.com")
    row = LinkRequest.objects.claim(made.pk)

    def work() -> None:
        raise SoftTimeLimitExceeded

    attempt(row, work)
    row.refresh_from_db()
    assert (row.status, row.failures, row.crashes) == ("pending", 1, 0)
    assert "SoftTimeLimitExceeded" in row.last_error
