"""A new account: answered as its documents say, one company whatever happens, and nothing lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from accounts.people.models import Company
from integrations.inbox import immediate as answering
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db

ANSWER = {
    "success": True,
    "data": {
        "company_id": "chatwoot_123",
        "company_name": "Test Company S.A.",
        "redis_prefix": "chatwoot_123:",
        "vectorstore_index": "chatwoot_123_documents",
        "message": "Company created and services initialized",
        "created": True,
    },
}


@pytest.mark.parametrize("shape", ["installation", "with_account", "wrapped"])
def test_each_shape_becomes_the_company_and_is_answered_in_the_request(
    install: Any,
    fixture: Any,
    shape: str,
    wakeups: list[tuple[str, int]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = install(fixture(f"account_created__{shape}"))
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    company = Company.objects.get()
    assert (company.company_id, company.name, company.status) == ("chatwoot_123", "Test Company S.A.", "active")
    assert company.chatwoot_account_id == "123"
    assert company.administrators == [{"id": "7", "name": "Jane Doe", "email": "jane@example.com"}]
    event = InboxEvent.objects.get()
    assert (event.status, event.event_type, event.external_id, event.attempts) == (
        "processed",
        "account_created",
        "123",
        1,
    )
    assert [effect.description for effect in event.effects.all()] == ["company created"]
    assert company.event_id == event.pk
    assert wakeups == []  # no worker was needed


def test_account_without_administrators_and_without_an_event_name_is_taken(install: Any) -> None:
    assert install({"id": 5, "name": "Small", "users": []}).json()["data"]["created"] is True
    assert Company.objects.get().administrators == []


def test_same_delivery_again_is_counted_and_answered_that_the_company_is_known(install: Any, account: Any) -> None:
    install(account())
    again = install(account())
    assert again.json()["data"] == {
        **ANSWER["data"],  # type: ignore[dict-item]
        "message": "Company known already",
        "created": False,
    }
    assert Company.objects.count() == 1
    assert InboxEvent.objects.get().duplicates == 1


def test_second_event_updates_the_name(install: Any, account: Any) -> None:
    install(account())
    answer = install(account(name="Renamed S.A.")).json()["data"]
    assert (answer["company_name"], answer["created"]) == ("Renamed S.A.", False)
    assert Company.objects.get().name == "Renamed S.A."


def test_older_event_that_comes_late_does_not_update_the_name(
    install: Any, account: Any, drain: Any, monkeypatch: Any
) -> None:
    def busy(model: Any, event_id: int) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(answering.runner, "run", busy)
        install(account(name="First name"))
    install(account(name="Second name"))
    drain()
    assert Company.objects.get().name == "Second name"
    assert InboxEvent.objects.filter(status="processed").count() == 2


def test_what_the_request_cannot_do_a_worker_does(
    install: Any, account: Any, drain: Any, monkeypatch: Any, wakeups: list[tuple[str, int]]
) -> None:
    def busy(model: Any, event_id: int) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(answering.runner, "run", busy)
        answer = install(account())
    event = InboxEvent.objects.get()
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        **ANSWER["data"],  # type: ignore[dict-item]
        "message": "Kept; the company is made in a moment",
        "created": "pending",
    }
    assert wakeups == [("inboxevent", event.pk)]
    assert Company.objects.count() == 0
    drain()
    assert Company.objects.get().company_id == "chatwoot_123"


def test_error_while_it_is_handled_is_on_the_row_and_tried_again(
    install: Any, account: Any, drain: Any, monkeypatch: Any, travel: Any
) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("accounts.people.companies.apply_report", broken)
        assert install(account()).json()["data"]["created"] == "pending"
    event = InboxEvent.objects.get()
    assert (event.status, event.failures, event.last_error) == ("pending", 1, "RuntimeError: a bug")
    travel(timedelta(seconds=10))
    drain()
    assert Company.objects.get().company_id == "chatwoot_123"


def test_request_that_dies_after_the_row_was_kept_loses_nothing(
    install: Any, account: Any, drain: Any, monkeypatch: Any, travel: Any
) -> None:
    def dies(model: Any, event_id: int) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(answering.runner, "run", dies)
        with pytest.raises(SystemExit):
            install(account())
    travel(timedelta(seconds=6))
    assert InboxEvent.objects.claim_wake_ups() == [InboxEvent.objects.get().pk]  # the sweep finds it
    drain()
    assert Company.objects.get().company_id == "chatwoot_123"


@pytest.mark.parametrize("given", ["12:3", "../1", "", "0", "-1", True, None, [1], 1.5, "1" * 30, "１２"])
def test_what_is_no_account_id_is_kept_as_unreadable_and_makes_nothing(install: Any, account: Any, given: Any) -> None:
    assert install(account(given)).status_code == 400
    assert InboxEvent.objects.get().status == "failed"
    assert Company.objects.count() == 0


def test_account_that_is_gone_is_closed_whatever_comes_later(install: Any, account: Any, fixture: Any) -> None:
    install(account())
    answer = install(fixture("account_destroyed__installation"))
    assert answer.json()["data"]["created"] is False
    company = Company.objects.get()
    assert company.status == "closed"
    assert company.closed_at == InboxEvent.objects.latest("pk").received_at
    install(account(name="Late word"))
    company.refresh_from_db()
    assert (company.status, company.name) == ("closed", "Late word")


def test_deletion_that_overtakes_the_creation_leaves_one_closed_company(
    install: Any, account: Any, fixture: Any, settings: Any
) -> None:
    settings.COMPANY_PROVISIONING_STEPS = ["integrations.steps.redis_prefix.check"]
    install(fixture("account_deleted__with_account"))
    install(account())
    company = Company.objects.get()
    assert (company.status, company.name) == ("closed", "Test Company S.A.")
    assert company.steps.count() == 0


def test_hostile_name_is_one_line_of_text_that_fits(install: Any, account: Any) -> None:
    install(account(name="  Evil\u0000\n<script>" + "x" * 400))
    assert Company.objects.get().name == ("Evil� script " + "x" * 400)[:255]


def test_another_event_at_this_address_is_kept_and_ignored(install: Any, fixture: Any) -> None:
    answer = install(fixture("message_created__account_webhook"))
    assert answer.json() == {"success": True, "data": {"message": "Kept", "created": False}}
    event = InboxEvent.objects.get()
    assert (event.status, event.reason) == ("ignored", "conversations stay in Chatwoot")
    assert Company.objects.count() == 0
