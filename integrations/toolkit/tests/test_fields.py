"""Field maps: tolerant reading, exact writing, and round trips without loss."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.contracts.exceptions import Unreadable
from integrations.providers.gohighlevel import fields as ghl
from integrations.providers.nowcerts import fields as nowcerts
from integrations.toolkit.fields import Field, FieldMap, as_day, as_phone, as_text, for_report, loose

MAP = FieldMap((Field("city", "cityName", alternatives=(("address", "city"),)), Field("phone", "tel", read=as_phone)))
COMMON = nowcerts.INSURED.local_names & ghl.FIELDS.local_names

TEXT = st.text(max_size=30)
NUMBERS = st.sampled_from(["+13055550100", "(305) 555-0100", "1 305 555 0100", "ext. 12", "", "0305", "+442079460018"])
DAYS = st.dates().map(str) | st.sampled_from(["05/17/1990", "1990-05-17T00:00:00Z", "0001-01-01T00:00:00", "", "soon"])
OF_FIELD = {"phone": NUMBERS, "custom_fields.cell_phone": NUMBERS, "custom_fields.date_of_birth": DAYS}


def values_of(names: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for some local values, filled or empty, in any form."""
    return st.fixed_dictionaries({}, optional={name: OF_FIELD.get(name, TEXT) | TEXT for name in sorted(names)})


def in_our_form(values: dict[str, Any]) -> dict[str, Any]:
    """Return each value as it is after it was read once."""
    form = {"phone": as_phone, "custom_fields.cell_phone": as_phone, "custom_fields.date_of_birth": as_day}
    return {name: form.get(name, as_text)(value) for name, value in values.items()}


# There and back -------------------------------------------------------------------------------------------------------


@given(
    values_of(nowcerts.INSURED.local_names),
    st.dictionaries(st.text("abc ", min_size=1).map(str.strip), TEXT, max_size=3),
)
def test_round_trip_to_nowcerts_loses_nothing(values: dict[str, Any], own: dict[str, str]) -> None:
    ours = in_our_form(values | {f"custom_fields.nowcerts:{name}": text for name, text in own.items() if name})
    assert nowcerts.read_insured(nowcerts.write_insured(ours)) == ours


@given(
    values_of(ghl.FIELDS.local_names),
    st.dictionaries(st.text("abcXYZ12", min_size=1), TEXT | st.integers(), max_size=3),
)
def test_round_trip_to_gohighlevel_loses_nothing(values: dict[str, Any], own: dict[str, Any]) -> None:
    ours = in_our_form(values) | {f"custom_fields.ghl:{external_id}": value for external_id, value in own.items()}
    assert ghl.read(ghl.write(ours)) == ours


@given(values_of(COMMON))
def test_round_trip_between_both_loses_no_common_field(values: dict[str, Any]) -> None:
    ours = in_our_form(values)
    there = ghl.read(ghl.write(nowcerts.read_insured(nowcerts.write_insured(ours))))
    assert nowcerts.read_insured(nowcerts.write_insured(there)) == ours
    assert set(there) == set(values)


def test_fields_of_one_provider_alone_are_listed() -> None:
    """A change here is a decision: such a value stays in the hub when the other side is written."""
    assert nowcerts.INSURED.local_names - COMMON == {
        "address_line_2",
        "custom_fields.middle_name",
        "custom_fields.cell_phone",
    }
    assert ghl.FIELDS.local_names - COMMON == {"country"}


@pytest.mark.parametrize("field_map", [nowcerts.INSURED, nowcerts.POLICY, ghl.FIELDS])
def test_names_in_a_map_are_unique(field_map: FieldMap) -> None:
    assert len(field_map.local_names) == len(field_map.fields)
    assert len({loose(field.remote) for field in field_map.fields}) == len(field_map.fields)


@given(NUMBERS | TEXT)
def test_phone_that_was_read_does_not_change_when_read_again(text: str) -> None:
    assert as_phone(as_phone(text)) == as_phone(text)


@given(DAYS | TEXT)
def test_day_that_was_read_does_not_change_when_read_again(text: str) -> None:
    assert as_day(as_day(text)) == as_day(text)


# Reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("(305) 555-0100", "+13055550100"),
        ("1-305-555-0100", "+13055550100"),
        ("+44 20 7946 0018", "+442079460018"),
        ("305-555-0100 x12", "305-555-0100 x12"),
        ("555-0100", "555-0100"),
        (3055550100, "+13055550100"),
        (None, ""),
    ],
)
def test_phone_is_e164_where_that_is_certain(written: Any, meant: str) -> None:
    assert as_phone(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1990-05-17T00:00:00.000Z", "1990-05-17"),
        ("5/7/1990", "1990-05-07"),
        ("1950-01-01", "1950-01-01"),
        ("0001-01-01T00:00:00", ""),
        ("1990-13-40", "1990-13-40"),
        ("spring", "spring"),
    ],
)
def test_day_is_iso_where_that_is_certain(written: str, meant: str) -> None:
    assert as_day(written) == meant


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"cityName": " Miami "}, {"city": "Miami"}),
        ({"city_name": "Miami"}, {"city": "Miami"}),
        ({"CityName": None}, {"city": ""}),
        ({"cityName": "", "address": {"City": "Miami"}}, {"city": "Miami"}),
        ({"address": {"street": "x"}}, {}),
        ({"address": "123 Main St"}, {}),
        ({"tel": 3055550100}, {"phone": "+13055550100"}),
        ({}, {}),
    ],
)
def test_record_gives_its_own_fields_and_no_others(record: dict[str, Any], told: dict[str, str]) -> None:
    assert MAP.read(record) == told


@pytest.mark.parametrize("value", [[], {}, True, ["Miami"]])
def test_value_that_is_not_text_is_unreadable_with_its_path(value: Any) -> None:
    with pytest.raises(Unreadable, match=r"address\.city: a text is expected") as caught:
        MAP.read({"address": {"city": value}})
    assert caught.value.at == ("address", "city")


def test_only_known_values_are_written() -> None:
    assert MAP.write({"city": "Miami", "state": "FL"}) == {"cityName": "Miami"}


def test_values_are_split_for_a_report() -> None:
    assert for_report({"email": "a@example.com", "city": "Miami", "custom_fields.pet": "cat"}) == {
        "email": "a@example.com",
        "fields": {"city": "Miami"},
        "custom_fields": {"pet": "cat"},
    }
