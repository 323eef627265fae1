"""Kajabi's lists still hold somebody who was erased: no reading and no audit brings them back, a payment does."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.people import person
from accounts.people.models import User
from accounts.privacy import erase
from integrations.contracts.pull import RunKind
from integrations.operations.tests.traced_person import every_value, traces
from integrations.providers.kajabi.tests.sales import change, pay, sell
from integrations.reconcile.models import ProviderRecord, SyncFinding
from tests.fakes.kajabi import FakeKajabi

pytestmark = pytest.mark.django_db
EMAIL = "member770066@example.com"
TRACES = (EMAIL, "person:770066")


@pytest.fixture
def erased(kajabi: FakeKajabi, reconciled: Any) -> FakeKajabi:
    """Two members of the first reading, of whom one was erased since."""
    sell(kajabi, 770066)
    sell(kajabi, 2)
    reconciled()
    report = erase.forget(person.find(EMAIL))
    assert ("kajabi", "customer", "770066") in report.still_known
    assert traces(every_value(), of=TRACES) == []
    return kajabi


@pytest.mark.parametrize("kind", [RunKind.INCREMENTAL, RunKind.BACKFILL, RunKind.AUDIT])
def test_old_purchase_that_is_listed_again_brings_nobody_back(erased: Any, reconciled: Any, kind: RunKind) -> None:
    change(erased, 770066, at=timezone.now())
    run = reconciled(kind=kind)
    assert (run.status, run.errors, run.changed) == ("done", 0, 0), run.problems
    assert not SyncFinding.objects.exists()
    assert not ProviderRecord.objects.filter(person_id="770066").exists()
    assert traces(every_value(), of=TRACES) == []
    assert User.objects.filter(email="member2@example.com").exists()


def test_payment_of_after_the_erasure_makes_a_new_account(erased: Any, reconciled: Any) -> None:
    pay(erased, 770066, "61", days_ago=-0.0001)
    reconciled(kind=RunKind.BACKFILL)
    assert User.objects.get(email=EMAIL).subscriptions.get().has_access
