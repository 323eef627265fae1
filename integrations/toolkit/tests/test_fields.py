"""Field maps: tolerant reading, exact writing, and round trips without loss."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.providers.gohighlevel import fields as ghl
from integrations.providers.nowcerts import fields as nowcerts
from integrations.toolkit.fields import (
    EACH,
    Field,
    FieldMap,
    ParsedRecord,
    as_day,
    as_phone,
    for_report,
    loose,
    parse_birthday,
    parse_emails,
    parse_phones,
    parse_text,
)

MAP = FieldMap(
    (
        Field("city", "cityName", alternatives=(("address", "city"),)),
        Field("phone", "tel", parse=parse_phones, further=(("tel2",),)),
        Field("email", "mail", parse=parse_emails, further=(("mails", EACH), ("mails", EACH, "address"))),
    )
)
COMMON = nowcerts.INSURED.local_names & ghl.FIELDS.local_names

TEXT = st.text(max_size=30)
NUMBERS = st.sampled_from(["+13055550100", "(305) 555-0100", "1 305 555 0100", "ext. 12", "", "0305", "+442079460018"])
DAYS = st.dates().map(str) | st.sampled_from(["05/17/1990", "1990-05-17T00:00:00Z", "0001-01-01T00:00:00", "", "soon"])
MAILS = st.sampled_from(
    ["ana@example.com", "Ana@Example.com", "Ana <ana@example.com>; b@example.com", "N/A", "josé@x.co"]
)
OF_FIELD = {
    "email": MAILS,
    "phone": NUMBERS,
    "custom_fields.cell_phone": NUMBERS,
    "custom_fields.date_of_birth": DAYS,
}
PARSERS = {
    "email": parse_emails,
    "phone": parse_phones,
    "custom_fields.cell_phone": parse_phones,
    "custom_fields.date_of_birth": parse_birthday,
}


def values_of(names: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for some local values, filled or empty, in any form."""
    return st.fixed_dictionaries({}, optional={name: OF_FIELD.get(name, TEXT) | TEXT for name in sorted(names)})


def in_our_form(values: dict[str, Any]) -> dict[str, Any]:
    """Return each value as it is after it was read once; what cannot be used is none."""
    parsed = {name: PARSERS.get(name, parse_text)(value) for name, value in values.items()}
    return {name: one.best for name, one in parsed.items() if one.values or not one.left_out}


def with_number(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as NowCerts gives them back: where there is no phone, the cell phone is the main number."""
    if values.get("phone") == "" and (cell := values.get("custom_fields.cell_phone")):
        return values | {"phone": cell}
    return values


# There and back -------------------------------------------------------------------------------------------------------


@given(
    values_of(nowcerts.INSURED.local_names),
    st.dictionaries(st.text("abc ", min_size=1).map(str.strip), TEXT, max_size=3),
)
def test_round_trip_to_nowcerts_loses_nothing(values: dict[str, Any], own: dict[str, str]) -> None:
    ours = in_our_form(values | {f"custom_fields.nowcerts:{name}": text for name, text in own.items() if name})
    assert nowcerts.read_insured(nowcerts.write_insured(ours)) == with_number(ours)


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
    assert set(there) == set(ours)


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
        ("305-555-0100 x12", "+13055550100"),
        ("305-555-0100 / 786-555-0101", "+13055550100"),
        (3055550100.0, "+13055550100"),
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
def test_value_that_is_not_text_is_left_out_with_its_path(value: Any) -> None:
    record = MAP.parse({"address": {"city": value}, "tel": "305 555 0100"})
    assert record.values == {"phone": "+13055550100"}
    assert record.left_out == {"address.city": f"a text is expected, a {type(value).__name__} came"}


@pytest.mark.parametrize(
    ("record", "values", "further"),
    [
        ({"tel": "305 555 0100", "tel2": "786 555 0101"}, {"phone": "+13055550100"}, {"phone": ("+17865550101",)}),
        ({"tel": "", "tel2": "786 555 0101"}, {"phone": "+17865550101"}, {}),
        ({"tel": "call me", "tel2": "786 555 0101"}, {"phone": "+17865550101"}, {}),
        ({"tel": "call me", "tel2": ""}, {}, {}),
        ({"tel": "none", "tel2": ""}, {"phone": ""}, {}),
        ({"tel2": "786 555 0101"}, {}, {"phone": ("+17865550101",)}),
        ({"tel": "305 555 0100", "tel2": "(305) 555-0100"}, {"phone": "+13055550100"}, {}),
        ({"mail": "a@x.co; b@x.co", "mails": ["c@x.co", {"address": "d@x.co"}, 5, None, {}]},
         {"email": "a@x.co"}, {"email": ("b@x.co", "c@x.co", "d@x.co")}),
        ({"mail": None, "mails": [{"address": "d@x.co"}]}, {"email": "d@x.co"}, {}),
        ({"mail": "N/A", "mails": "a@x.co"}, {"email": ""}, {}),
    ],
)  # fmt: skip
def test_values_of_one_kind_are_an_ordered_set(
    record: dict[str, Any], values: dict[str, str], further: dict[str, tuple[str, ...]]
) -> None:
    parsed = MAP.parse(record)
    assert (parsed.values, parsed.further) == (values, further)


def test_further_value_of_a_whole_record_is_the_main_one_where_that_is_missing() -> None:
    parsed = MAP.parse({"tel2": "786 555 0101"}, is_whole=True)
    assert (parsed.values, parsed.further) == ({"phone": "+17865550101"}, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NUMBERS | MAILS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("parse", [nowcerts.parse_insured, ghl.parse])
@given(data=st.data())
def test_no_value_sinks_a_record(parse: Any, data: st.DataObject) -> None:
    """Whatever stands in the fields beside it, a good value is read, and every bad one is named."""
    maps = {nowcerts.parse_insured: nowcerts.INSURED, ghl.parse: ghl.FIELDS}
    names = [one.remote for one in maps[parse].fields if one.local != "first_name"]
    names += [
        "eMail2",
        "smsPhone",
        "additionalEmails",
        "additionalPhones",
        "customFields",
        "customFieldsSimple",
        "name",
    ]
    record = data.draw(st.dictionaries(st.sampled_from(names), JSON)) | {"firstName": "Ana"}
    parsed = parse(record)
    assert parsed.values["first_name"] == "Ana"
    for one in maps[parse].fields:
        value = record.get(one.remote)
        if isinstance(value, bool | list | dict):
            assert one.remote in parsed.left_out


def test_only_known_values_are_written() -> None:
    assert MAP.write({"city": "Miami", "state": "FL"}) == {"cityName": "Miami"}


def test_values_are_split_for_a_report() -> None:
    record = ParsedRecord(
        values={"email": "a@example.com", "city": "Miami", "custom_fields.pet": "cat"},
        further={"email": ("b@example.com",), "phone": ("+13055550101",)},
        left_out={"state": "a text is expected, a list came"},
    )
    assert for_report(record) == {
        "email": "a@example.com",
        "aliases": ("b@example.com",),
        "phones": ("+13055550101",),
        "fields": {"city": "Miami"},
        "custom_fields": {"pet": "cat"},
        "left_out": {"state": "a text is expected, a list came"},
    }


def test_emptied_address_stands_among_the_fields_of_a_report() -> None:
    assert for_report(ParsedRecord(values={"email": ""}))["fields"] == {"email": ""}
    assert for_report(ParsedRecord())["fields"] == {}
