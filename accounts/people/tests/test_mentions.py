"""Mentions of a person in every spelling, and of nobody else."""

import json
from urllib.parse import quote

import pytest

from accounts.people.mentions import REMOVED, Mentions

JANE = Mentions(
    emails=["jane+x@example.com"],
    phones=["+1 (207) 555-0142"],
    full_names=[("Zoë", "O'Brien")],
    parts=["Zoë", "O'Brien"],
    shared_parts=["O'Brien"],
    ids=["cus_981234", "17"],
    lines=["77 Harbor Street"],
)


@pytest.mark.parametrize(
    "text",
    [
        *("jane+x@example.com", "JANE+X@Example.COM", "mailto:jane+x@example.com.", "<jane+x@example.com>"),
        *("?email=jane%2Bx%40example.com&a=1", "email%3Djane%2bx%40example.com", "jane+x%40example.com"),
        "20261127-janex-at-example-com-1a2b.eml",
        *(
            "2075550142",
            "+12075550142",
            "207-555-0142",
            "(207) 555 0142",
            "001 207.555.0142",
            "%2B1%20207%20555%200142",
        ),
        *(
            "Zoë O'Brien",
            "zoë  o'brien",
            "O'Brien, Zoë",
            "Zoe\u0308 O'Brien",
            "Zo\\u00eb O'Brien",
            "Zo%C3%AB+O%27Brien",
        ),
        "Zoë O&#x27;Brien",
        *("customer cus_981234 is", "customer:CUS_981234:x", "77 Harbor Street, Bangor"),
    ],
)
def test_value_is_found_and_removed_in_every_spelling(text: str) -> None:
    assert JANE.match(text)
    assert not JANE.match(JANE.scrubbed(text, own=False))
    assert JANE.match(text.encode())
    assert JANE.match({"a": [{"b": text}]})


@pytest.mark.parametrize(
    "text",
    [
        *("maryjane+x@example.com", "mary.jane+x@example.com", "jane+x@example.com.mx", "jane+x@example.community"),
        *("12075550142999", "92075550143", "cus_9812345", "xcus_981234", "17", "order 17 of 17", "Zoë", "O'Brien"),
        *("Zoë Brien", "7 Harbor Street", "Zoëline O'Brien"),
    ],
)
def test_text_that_only_resembles_a_value_stays(text: str) -> None:
    assert not JANE.match(text)
    assert JANE.scrubbed(text, own=False) == text


def test_parts_of_a_name_go_where_it_is_clear_who_is_meant() -> None:
    assert JANE.scrubbed("Zoë called; O'Brien is a common name", own=False).startswith("Zoë called")
    assert JANE.scrubbed("Zoë called", own=True) == f"{REMOVED} called"
    # Named by the address, and by a part that only she has; her family keeps the name that they share.
    shared = "jane+x@example.com: Zoë, with Tom O'Brien"
    assert JANE.scrubbed(shared, own=False) == f"{REMOVED}: {REMOVED}, with Tom O'Brien"


def test_of_a_family_in_one_body_only_the_person_is_removed() -> None:
    told = {
        "type": "x",
        "insured": {"email": "JANE+X@example.com", "first": "Zoë", "last": "O'Brien", "spouse": {"of": "Zoë"}},
        "other": {"email": "tom@example.com", "first": "Tom", "last": "O'Brien", "phone": 2075550199},
        "list": [2075550142, "Zoë O'Brien", 17],
    }
    clean = JANE.scrubbed(told, own=False)
    assert clean["other"] == told["other"]
    assert clean["insured"] == {
        "email": REMOVED, "first": REMOVED, "last": REMOVED, "spouse": {"of": REMOVED}
    }  # fmt: skip
    assert clean["list"] == [REMOVED, REMOVED, 17]
    body = json.dumps(told).encode()
    assert json.loads(JANE.scrubbed(body, own=False)) == clean
    assert JANE.scrubbed(b"\xff jane+x@example.com", own=False).endswith(REMOVED.encode())


def test_person_without_values_matches_nothing() -> None:
    nobody = Mentions()
    assert not nobody.match("anything at all")
    assert nobody.scrubbed("anything at all", own=True) == "anything at all"


def test_address_with_percent_signs_does_not_break_the_pattern() -> None:
    odd = "a%b.c@example.com"
    assert Mentions(emails=[odd]).match(f"to {quote(odd, safe='')}")
