"""The address and number columns of an insured are one ordered set: a new main value erases no other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.providers.nowcerts.fields import parse_insured, write_insured

A, B, C, D = "a@example.com", "b@example.com", "c@example.com", "d@example.com"
P, Q, R = "+13055550100", "+17865550101", "+14075550102"


def changed(record: dict[str, Any], **values: str) -> dict[str, Any]:
    """Return the columns that a change writes."""
    return write_insured(values, record)


@pytest.mark.parametrize(
    ("record", "email", "written"),
    [
        ({"eMail": A}, B, {"eMail": B}),
        ({"eMail": A, "eMail2": B}, B, {"eMail": B, "eMail2": A}),
        ({"eMail": A, "eMail2": B, "eMail3": C}, C, {"eMail": C, "eMail3": A}),
        ({"eMail": A, "eMail2": B}, D, {"eMail": D}),
        ({"eMail": f"{A}; {B}"}, B, {"eMail": f"{B}; {A}"}),
        ({"eMail": f"{A}; {B}"}, D, {"eMail": f"{D}; {B}"}),
        ({"eMail": "", "eMail2": B}, D, {"eMail": D}),
        ({"eMail": "josé@example.com"}, D, {"eMail2": D}),
        ({"eMail": "N/A"}, D, {"eMail": D}),
        ({"eMail": A, "eMail2": B}, "", {"eMail": ""}),
        ({"eMail": "", "eMail2": B}, "", {"eMail2": ""}),
        ({"eMail": f"{A}; {B}"}, "", {"eMail": B}),
        ({}, "", {}),
    ],
)
def test_main_address_changes_places_and_replaces_no_other(
    record: dict[str, str], email: str, written: dict[str, str]
) -> None:
    assert changed(record, email=email) == written


@pytest.mark.parametrize(
    ("record", "phone", "written"),
    [
        ({"phone": P, "cellPhone": "(786) 555-0101"}, Q, {"phone": Q, "cellPhone": P}),
        ({"cellPhone": Q}, R, {"phone": R}),
        ({"phone": "555-0100", "cellPhone": ""}, R, {"cellPhone": R}),
        ({"phone": "call the office", "cellPhone": Q}, R, {"cellPhone": R}),
        ({"phone": P, "smsPhone": Q}, R, {"phone": R}),
    ],
)
def test_main_number_changes_places_as_an_address_does(
    record: dict[str, str], phone: str, written: dict[str, str]
) -> None:
    assert changed(record, phone=phone) == written


TEXTS = st.sampled_from(["", A, B, C, f"{A}; {B}", f"{C}, {A}", "josé@example.com", "N/A", "B@Example.com"])


@given(TEXTS, TEXTS, TEXTS, st.sampled_from([A, B, C, D]))
def test_written_main_address_is_read_back_and_no_further_one_is_lost(
    first: str, second: str, third: str, main: str
) -> None:
    record = {"eMail": first, "eMail2": second, "eMail3": third}
    before = parse_insured(record)
    after = parse_insured(record | changed(record, email=main))
    is_full = before.values.get("email", "") == "" and all(text and text != "N/A" for text in record.values())
    assert after.values["email"].lower() == main
    if not is_full:
        further = {address.lower() for address in before.further.get("email", ())}
        assert further <= {main, *(address.lower() for address in after.further.get("email", ()))}
        assert set(before.left_out.values()) <= set(after.left_out.values())
