"""Every kind of job ends, by its time limits, before anybody else may begin it again."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded

from accounts.signin.models import LinkRequest
from config.checks import check_time_limits
from core.queue import runner, tasks, wakeup
from core.queue.delivery import LEASE
from core.queue.limits import HARD_SECONDS, LEASE_SECONDS, SOFT_SECONDS
from core.queue.runner import JobKind


def test_limits_of_every_job_are_below_the_lease() -> None:
    assert check_time_limits() == []
    jobs = {name for name in current_app.tasks if name.startswith(("core.", "accounts.", "integrations."))}
    assert {"core.run_jobs", "core.sweep_jobs", "accounts.prune"} <= jobs


@pytest.mark.parametrize(("soft", "hard"), [(28, 28), (25, LEASE_SECONDS), (29, 28), (25, 45), (None, None), (0, 28)])
def test_limits_that_do_not_end_before_the_lease_are_an_error(
    monkeypatch: pytest.MonkeyPatch, soft: int | None, hard: int | None
) -> None:
    monkeypatch.setattr(current_app.tasks["core.run_jobs"], "soft_time_limit", soft)
    monkeypatch.setattr(current_app.tasks["core.run_jobs"], "time_limit", hard)
    (message,) = check_time_limits()
    assert (message.id, "core.run_jobs" in str(message.msg)) == ("config.E002", True)


def test_settings_hold_for_jobs_without_limits_of_their_own() -> None:
    task = current_app.tasks["core.run_jobs"]
    assert (task.soft_time_limit, task.time_limit) == (SOFT_SECONDS, HARD_SECONDS)
    assert timedelta(seconds=LEASE_SECONDS) == LEASE


def test_rows_of_a_message_that_is_late_go_into_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[tuple[Any, list[int]]] = []
    monkeypatch.setattr(wakeup, "wake", lambda model, keys: woken.append((model, keys)))
    clock = iter([0.0, 4.0, 6.0])
    monkeypatch.setattr(tasks.time, "monotonic", lambda: next(clock))
    done: list[int] = []
    monkeypatch.setattr(runner, "run", lambda model, key: done.append(key))
    tasks.run_jobs("linkrequest", [1, 2, 3, 4])
    assert (done, woken) == ([1, 2], [(LinkRequest, [3, 4])])


@pytest.mark.django_db
def test_a_soft_limit_in_an_attempt_is_recorded_on_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = LinkRequest.objects.create(email="jane@example.com")

    def work(row: LinkRequest) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setitem(runner.KINDS, "linkrequest", JobKind(model=LinkRequest, work=work))
    assert runner.run(LinkRequest, row.pk)
    row.refresh_from_db()
    assert (row.status, row.failures, row.crashes) == ("pending", 1, 0)
    assert "SoftTimeLimitExceeded" in row.last_error
