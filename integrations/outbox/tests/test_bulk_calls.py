"""Calls that a bulk of new contacts takes, all of both providers counted: limits and patience are made of calls."""

import pytest
from django.core.management import call_command

from accounts.people.models import PossibleDuplicate
from tests.harness.environment import IS_LONG
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
MANY = 300 if IS_LONG else 36


def calls(sides: HeldSides) -> float:
    """The calls for each contact, sign-ins left out."""
    exchanges = [*sides.nowcerts.exchanges, *sides.ghl.exchanges]
    return sum(exchange.asked.path != "/api/token" for exchange in exchanges) / MANY


def add_many(sides: HeldSides, side: str) -> None:
    for number in range(MANY):
        name, phone = {"firstName": "Ana", "lastName": f"Ruiz {number}"}, f"305-555-{number:04}"
        if side == "nowcerts":
            sides.nowcerts.add_insured(eMail=f"person{number}@example.com", phone=phone, **name)
        else:
            sides.ghl.add_contact(email=f"person{number}@example.com", phone=f"+1{phone.replace('-', '')}", **name)


@pytest.mark.parametrize("side", ["nowcerts", "gohighlevel"])
def test_bulk_of_webhooks_takes_few_calls(sides: HeldSides, side: str) -> None:
    add_many(sides, side)
    sides.settle(rounds=100)
    assert (len(sides.ghl.contacts), len(sides.nowcerts.insureds)) == (MANY, MANY)
    assert calls(sides) <= 2.5, f"{calls(sides):.2f} calls a contact"


@pytest.mark.parametrize("side", ["nowcerts", "gohighlevel"])
def test_first_run_over_a_list_takes_few_calls(sides: HeldSides, side: str) -> None:
    sides.muted = True
    add_many(sides, side)
    sides.muted = False
    call_command("reconcile", side)
    sides.settle(rounds=100)
    assert (len(sides.ghl.contacts), len(sides.nowcerts.insureds)) == (MANY, MANY)
    assert calls(sides) <= 2.5


@pytest.mark.parametrize("same", [{"phone": "+13055550110"}, {"email": "ana@example.com"}])
def test_two_of_one_name_and_number_or_address_in_a_bulk_are_a_question(sides: HeldSides, same: dict[str, str]) -> None:
    """Neither was there when both were searched for."""
    sides.ghl.allows_duplicates = True
    sides.muted = True
    for _time in range(2):
        sides.ghl.add_contact(firstName="Ana", lastName="Ruiz", **same)
    sides.muted = False
    call_command("reconcile", "gohighlevel")
    sides.settle()
    assert len(sides.nowcerts.insureds) == 1
    assert PossibleDuplicate.objects.count() == 1
