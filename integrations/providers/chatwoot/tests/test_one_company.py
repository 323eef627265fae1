"""Twenty at once, in any order, any number of times: one company."""

import itertools
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.people import companies
from accounts.people.companies import AccountReport
from accounts.people.models import Company, ProvisioningStep
from core.cause import Cause
from integrations.inbox.models import InboxEvent

CAUSE = Cause(text="test")
STEP = "integrations.steps.redis_prefix.check"


@pytest.mark.django_db(transaction=True)
def test_twenty_deliveries_at_once_make_one_company_and_one_row_of_each_step(
    install: Any, account: Any, at_once: Any, drain: Any, settings: Any
) -> None:
    settings.COMPANY_PROVISIONING_STEPS = [STEP]
    answers = at_once([lambda n=n: install(account(name=f"Name {n}")) for n in range(20)])
    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 20
    created = [answer.json()["data"]["created"] for answer in answers]
    assert set(created) <= {True, False, "pending"}
    assert created.count(True) <= 1
    for event in InboxEvent.objects.filter(status="pending"):
        event.requeue()  # those that waited too long for another's lock are due later
    drain()
    assert InboxEvent.objects.filter(status="processed").count() == 20
    company = Company.objects.get()
    newest = InboxEvent.objects.order_by("-received_at")[0]
    assert company.name == newest.payload["name"]
    assert ProvisioningStep.objects.get().company == company


@pytest.mark.django_db(transaction=True)
def test_twenty_copies_at_once_are_one_row_and_one_company(
    install: Any, account: Any, at_once: Any, drain: Any
) -> None:
    answers = at_once([lambda: install(account())] * 20)
    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 20
    for event in InboxEvent.objects.filter(status="pending"):
        event.requeue()
    drain()
    assert InboxEvent.objects.get().duplicates == 19
    assert Company.objects.get().name == "Test Company S.A."


@pytest.mark.django_db(transaction=True)
def test_lock_that_somebody_holds_delays_the_company_and_not_the_answer(
    install: Any, account: Any, drain: Any, travel: Any
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one lock, and the row itself would wait for it")
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            companies.apply_report(
                AccountReport(occurred_at=timezone.now(), account_id="123", name="Held"), cause=CAUSE
            )
            locked.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(30)
        answer = install(account())
        assert (answer.status_code, answer.json()["data"]["created"]) == (200, "pending")
        event = InboxEvent.objects.get()
        assert (event.status, event.failures) == ("pending", 1)
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)  # the next request is as patient as ever
    finally:
        done.set()
        holder.join(30)
    travel(timedelta(seconds=10))
    drain()
    assert Company.objects.get().name == "Test Company S.A."


@pytest.mark.django_db(transaction=True)
def test_twenty_services_at_once_make_one_company(at_once: Any) -> None:
    told = AccountReport(occurred_at=timezone.now(), account_id="123", name="Once")
    reported = at_once([lambda: companies.apply_report(told, cause=CAUSE)] * 20)
    assert [one.created for one in reported].count(True) == 1
    assert Company.objects.get().name == "Once"


@pytest.mark.django_db
def test_any_order_of_reports_and_a_closing_ends_the_same() -> None:
    now = timezone.now()
    jane = ({"id": "1", "name": "Jane Doe", "email": "jane@example.com"},)

    def report(minute: int, name: str, administrators: Any) -> None:
        told = AccountReport(
            occurred_at=now + timedelta(minutes=minute), account_id="7", name=name, administrators=administrators
        )
        companies.apply_report(told, cause=CAUSE)

    facts = [
        lambda: report(0, "First", jane),
        lambda: report(1, "Second", None),
        lambda: report(2, "", ()),
        lambda: companies.close("7", at=now + timedelta(minutes=3), cause=CAUSE),
    ]
    for order in itertools.permutations(facts):
        for fact in (*order, order[0]):
            fact()
        company = Company.objects.get()
        assert (company.name, company.administrators, company.status) == ("Second", [], "closed")
        company.delete()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "taken",
    [
        {"chatwoot_account_id": "2", "company_id": "chatwoot_1", "redis_prefix": "chatwoot_2:"},
        {"chatwoot_account_id": "2", "company_id": "chatwoot_2", "redis_prefix": "chatwoot_1:"},
        {"chatwoot_account_id": "1", "company_id": "chatwoot_2", "redis_prefix": "chatwoot_2:"},
        {"chatwoot_account_id": "2", "company_id": "other", "redis_prefix": "chatwoot_2:"},
    ],
)
def test_database_refuses_a_second_company_under_a_name_and_names_of_another_account(taken: Any) -> None:
    companies.apply_report(AccountReport(occurred_at=timezone.now(), account_id="1", name="A"), cause=CAUSE)
    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.create(vectorstore_index="chatwoot_2_documents", **taken)
    assert Company.objects.count() == 1


@pytest.mark.django_db
def test_table_answers_to_the_sql_of_those_who_read_it(install: Any, account: Any) -> None:
    install(account())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT company_id, company_name, chatwoot_account_id, created_at FROM companies "
            "WHERE chatwoot_account_id = '123'"
        )
        rows = cursor.fetchall()
    assert [row[:3] for row in rows] == [("chatwoot_123", "Test Company S.A.", "123")]
