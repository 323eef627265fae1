"""Rows that a block writes are noted, whichever way they are written."""

import pytest
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from accounts.memberships.models import Plan, PlanOffer
from core.insert_once import insert_once
from core.written import Written, noting_writes

pytestmark = pytest.mark.django_db


def plans(*codes: str) -> list[Plan]:
    return [Plan.objects.create(code=code, name=code, partner="(WHERE) it's 100%") for code in codes]


def verbs(written: Written) -> list[tuple[str, list[str]]]:
    return [(row.verb, row.names) for row in written.changes()]


def test_created_rows_are_noted_however_they_are_inserted() -> None:
    (plan,) = plans("a")
    with noting_writes() as written:
        PlanOffer.objects.create(plan=plan, provider="p", external_id="1")
        PlanOffer.objects.bulk_create([PlanOffer(plan=plan, provider="p", external_id=key) for key in "23"])
        assert insert_once(PlanOffer(plan=plan, provider="p", external_id="4"))
        assert not insert_once(PlanOffer(plan=plan, provider="p", external_id="4"))
    assert [(row.verb, row.after["external_id"]) for row in written.changes() if row.after] == [
        ("created", key) for key in "1234"
    ]


def test_changed_rows_name_their_fields_however_they_are_updated() -> None:
    one, two, _three = plans("a", "b", "c")
    with noting_writes() as written:
        one.name = "other"
        one.save()
        Plan.objects.filter(code="b", partner="(WHERE) it's 100%").update(
            period_months=F("period_months") + 1, name=Concat(F("name"), Value(" WHERE %s ("))
        )
        two.price_cents = 5
        Plan.objects.bulk_update([two], ["price_cents"])
    assert verbs(written) == [("changed", ["name"]), ("changed", ["name", "price_cents", "period_months"])]


def test_update_by_a_related_row_is_noted() -> None:
    one, _two = plans("a", "b")
    PlanOffer.objects.create(plan=one, provider="p", external_id="1")
    with noting_writes() as written:
        Plan.objects.filter(offers__provider="p").update(name="sold")
    assert [(row.pk, row.names) for row in written.changes()] == [(one.pk, ["name"])]


def test_update_to_the_same_values_is_no_change() -> None:
    (plan,) = plans("a")
    with noting_writes() as written:
        plan.save()
        Plan.objects.update(name=F("name"))
    assert written.changes() == []


def test_rows_of_models_that_are_left_out_are_not_noted() -> None:
    with noting_writes(leaving_out=[Plan]) as written:
        (plan,) = plans("a")
        PlanOffer.objects.create(plan=plan, provider="p", external_id="1")
    assert [row.model for row in written.changes()] == [PlanOffer]


def test_deleted_row_keeps_its_values() -> None:
    (plan,) = plans("a")
    with noting_writes() as written:
        Plan.objects.filter(pk=plan.pk).delete()
    (row,) = written.changes()
    assert (row.verb, row.before and row.before["code"]) == ("deleted", "a")


def test_what_is_rolled_back_or_deleted_again_was_not_written() -> None:
    (plan,) = plans("a")
    with noting_writes() as written:
        with transaction.atomic():
            Plan.objects.update(name="other")
            plans("b")
            transaction.set_rollback(True)
        plans("c")[0].delete()
    assert written.changes() == []
    assert Plan.objects.filter(code="a", name="a", pk=plan.pk).exists()
