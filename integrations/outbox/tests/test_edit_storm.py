"""People edit both sides at once, webhooks come late, twice, reordered or not at all, calls fail: in the end both sides
say the same, nobody is there twice, and it took few writes.
"""

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.outbox.models import OutgoingWrite
from tests.harness.fake_sides import MAPPED, contact_as, insured_as
from tests.harness.held_sides import HeldSides
from tests.harness.weather import WEATHER, Weather

pytestmark = pytest.mark.django_db
FIELDS = [(insured, contact) for insured, contact in MAPPED if insured not in ("eMail", "phone")]
PEOPLE = 3
steps = st.one_of(
    st.tuples(st.just("edit"), st.integers(0, 1), st.integers(0, PEOPLE - 1), st.integers(0, len(FIELDS) - 1)),
    st.tuples(st.just("empty"), st.integers(0, 1), st.integers(0, PEOPLE - 1), st.integers(0, len(FIELDS) - 1)),
    *WEATHER,
)


class Storm(Weather):
    """Both sides with a few people who are on one of them to begin with."""

    def __init__(self, sides: HeldSides, *, seed: int) -> None:
        super().__init__(sides, seed=seed)
        self.number = 0
        self.last: dict[tuple[str, str], dict[int, str]] = {}  # (person, field) → side → its last edit
        for person in range(PEOPLE):
            email, phone = f"person{person}@example.com", f"+1305555010{person}"
            if person % 2:
                sides.ghl.add_contact(email=email, phone=phone, firstName="First", lastName=f"Last {person}")
            else:
                sides.nowcerts.add_insured(eMail=email, phone=phone, firstName="First", lastName=f"Last {person}")
        sides.settle()

    def run(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("edit", side, person, place):
                self.number += 1
                self.edit(side, person, place, f"value {self.number}")
            case ("empty", side, person, place):
                self.edit(side, person, place, "")
            case _:
                self.blow(step)

    def edit(self, side: int, person: int, place: int, value: str) -> None:
        email = f"person{person}@example.com"
        insured_name, contact_name = FIELDS[place]
        self.last.setdefault((email, insured_name), {})[side] = value
        if side:
            contact = next(one for one in self.sides.ghl.contacts.values() if one["email"] == email)
            self.sides.ghl.edit(contact["id"], **{contact_name: value})
        else:
            insured = next(one for one in self.sides.nowcerts.insureds.values() if one["eMail"] == email)
            self.sides.nowcerts.edit(insured["id"], **{insured_name: value})


def differing(sides: HeldSides) -> list[tuple[dict[str, str], dict[str, str]]]:
    """The pairs of records that do not say the same, by e-mail."""
    contacts = {one["email"]: contact_as(one) for one in sides.ghl.contacts.values()}
    insureds = {one["eMail"]: insured_as(one) for one in sides.nowcerts.insureds.values()}
    assert contacts.keys() == insureds.keys()
    return [(contacts[email], insureds[email]) for email in contacts if contacts[email] != insureds[email]]


@settings(max_examples=100 if os.environ.get("CHAOS") == "long" else 8)
@given(story=st.lists(steps, min_size=3, max_size=25), seed=st.integers(0, 1000))
def test_both_sides_end_equal_with_nobody_twice_and_few_writes(
    sides_again: Any, story: list[tuple[Any, ...]], seed: int
) -> None:
    with sides_again() as sides:
        storm = Storm(sides, seed=seed)
        for step in story:
            storm.run(step)
        before = OutgoingWrite.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        in_flight = set(OutgoingWrite.objects.filter(status="pending").values_list("pk", flat=True))
        sides.heal()
        sides.settle(rounds=120)
        assert differing(sides) == []
        assert (len(sides.ghl.contacts), len(sides.nowcerts.insureds)) == (PEOPLE, PEOPLE)
        people = {one["eMail"]: insured_as(one) for one in sides.nowcerts.insureds.values()}
        lost = {at: said for at, said in storm.last.items() if people[at[0]][at[1]] not in said.values()}
        assert lost == {}, "nobody wrote what stands there now"
        late = OutgoingWrite.objects.filter(pk__gt=before) | OutgoingWrite.objects.filter(pk__in=in_flight)
        written = Counter((row.contact_id, name) for row in late.filter(status="done") for name in row.after)
        assert [pair for pair, count in written.items() if count > 2] == []
        assert not OutgoingWrite.objects.filter(status="failed").exists()
