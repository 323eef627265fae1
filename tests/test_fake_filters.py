"""Filters of the fake of NowCerts: a client must not find more with the fake than with the vendor."""

import pytest

from tests.fakes.odata import BadFilter, condition

ANA = {"eMail": "ana@example.com", "eMail2": None, "phone": "(305) 555-0110", "lastName": "O'Neil", "active": True}


@pytest.mark.parametrize(
    "text",
    [
        "eMail eq 'ana@example.com'",
        "(eMail eq 'x') or (phone eq '(305) 555-0110')",
        "lastName eq 'O''Neil' and eMail2 eq null",
        "phone ne null and not (eMail eq 'x')",
        "contains(phone,'555') and contains(phone, '0110')",
        "eMail in ('b@example.com', 'ana@example.com')",
        "active eq true",
        "eMail eq 'x' or eMail eq 'ana@example.com' and phone ge '('",
    ],
)
def test_filter_that_the_record_meets(text: str) -> None:
    assert condition(text)(ANA)


@pytest.mark.parametrize(
    "text",
    [
        "phone eq '305-555-0110'",
        "eMail eq 'Ana@example.com'",
        "eMail2 ne null",
        "contains(phone,'5550110')",
        "(eMail eq 'x' or eMail eq 'ana@example.com') and phone eq null",
        "cellPhone in ('(305) 555-0110')",
    ],
)
def test_filter_that_the_record_does_not_meet(text: str) -> None:
    assert not condition(text)(ANA)


@pytest.mark.parametrize("text", ["", "eMail", "eMail eq", "(eMail eq 'x'", "eMail like 'x'", "eMail eq 'x", "eq 'x'"])
def test_text_that_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        condition(text)
