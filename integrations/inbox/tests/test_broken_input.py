"""Bytes that break parsers and databases: any body of a verified sender is stored."""

import json
from typing import Any

import pytest

from accounts.people.models import User
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db

UNREADABLE = {
    "empty": (b"", "the body is empty; a JSON object was expected"),
    "only spaces": (b"  \n", "the body is empty; a JSON object was expected"),
    "not JSON": (b"type=offer.purchased", "the body is not JSON"),
    "cut off": (b'{"type": "offer.pur', "the body is not JSON"),
    "two objects": (b"{}{}", "the body is not JSON"),
    "not UTF-8": (b'{"type": "\xff"}', "the body is not UTF-8: byte 10 is 0xff"),
    "a broken UTF-16": ('{"type": "test"}'.encode("utf-16")[:-1], "the body is not utf-16"),
    "a byte order mark alone": (b"\xef\xbb\xbf", "the body is empty; a JSON object was expected"),
    "a raw control character": (b'{"type": "a\x00b"}', "the body is not JSON"),
    "NaN": (b'{"type": "test", "amount": NaN}', "NaN is no JSON number"),
    "Infinity": (b'{"type": "test", "amount": Infinity}', "Infinity is no JSON number"),
    "-Infinity": (b'{"type": "test", "amount": -Infinity}', "-Infinity is no JSON number"),
    "1e400": (b'{"type": "test", "amount": 1e400}', "the number 1e400 is too large"),
    "an integer of 5,000 digits": (b'{"type": "test", "amount": ' + b"9" * 5000 + b"}", "the body is not JSON"),
    "depth 33": (b'{"a":' * 33 + b"1" + b"}" * 33, "the JSON is nested deeper than 32 levels"),
    "depth 5,000": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "the JSON is nested deeper than 32 levels"),
    "depth 100,000": (b"[" * 100_000, "the JSON is nested deeper than 32 levels"),
    "duplicate keys": (b'{"type": "test", "type": "x"}', "the key 'type' stands twice in one object"),
    "duplicate keys inside": (b'{"type": "test", "a": [{"b": 1, "b": 1}]}', "the key 'b' stands twice in one object"),
    "an empty list": (b"[]", "a batch of 1 to 500 events was expected, one of 0 came"),
    "a text": (b'"test"', "a JSON object was expected, a str came"),
    "null": (b"null", "a JSON object was expected, a NoneType came"),
    "no type": (b'{"id": "evt_1"}', 'no event type: expected "type", "event_type" or "event" with a text'),
    "a type that is no text": (b'{"type": ["test"], "id": "1"}', "no event type"),
    "a null type": (b'{"type": null, "id": "1"}', "no event type"),
}


@pytest.mark.parametrize(("body", "told"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_body_is_stored_and_answered_400_with_the_reason(
    post: Any, drain: Any, body: bytes, told: str
) -> None:
    answer = post(body)
    drain()

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"Stored, but it cannot be read: {told}")
    event = InboxEvent.objects.get()
    assert bytes(event.body) == body
    assert (event.status, event.payload, event.attempts) == ("failed", None, 0)
    assert event.last_error.startswith(told)
    assert event.reason == event.last_error
    assert event.key == f"unreadable:{event.body_digest}"
    assert event.next_attempt_at is None
    assert User.objects.count() == 0


def test_repeated_unreadable_body_is_stored_once_and_answered_400_again(post: Any) -> None:
    answers = [post(b"{nonsense"), post(b"{nonsense"), post(b"{other nonsense")]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert answers[0].json() == answers[1].json()
    assert sorted(InboxEvent.objects.values_list("duplicates", "conflicts")) == [(0, 0), (1, 0)]


def test_unverified_sender_learns_no_reason_and_nothing_is_stored(post: Any) -> None:
    for body, _told in UNREADABLE.values():
        answer = post(body, sign=False)
        assert (answer.status_code, answer.json()) == (403, {"detail": "Invalid webhook signature"})
    assert InboxEvent.objects.count() == 0


@pytest.mark.parametrize(
    ("written", "shown"),
    [(r"Ja\u0000ne", "Ja\ufffdne"), (r"Ja\ud800ne", "Ja\ufffdne"), (r"\udfff\ud800", "\ufffd\ufffd")],
    ids=["NUL", "lone surrogate", "surrogates the wrong way round"],
)
def test_letters_that_a_database_refuses_do_not_lose_a_purchase(
    process: Any, relay: Any, written: str, shown: str
) -> None:
    member = {"id": "mem_1", "email": "jane@example.com", "first_name": "NAME", "last_name": "Rivera"}
    body = json.dumps(relay(member=member)).replace("NAME", written).encode()
    event = process(body)

    assert (event.status, event.last_error) == ("processed", "")
    assert bytes(event.body) == body, "the raw bytes keep what was written"
    assert event.payload["member"]["first_name"] == shown
    assert "\x00" not in User.objects.get().first_name


@pytest.mark.parametrize("place", ["type", "id"])
@pytest.mark.parametrize("letter", [r"\u0000", r"\ud800"])
def test_letters_that_a_database_refuses_may_be_in_the_type_and_the_id(
    post: Any, relay: Any, place: str, letter: str
) -> None:
    body = json.dumps(relay() | {place: "LETTER"}).replace("LETTER", f"x{letter}").encode()
    assert post(body).status_code == 200
    assert post(body).json() == {"status": "success", "duplicate": True}
    assert InboxEvent.objects.get().duplicates == 1


def test_ids_that_differ_only_in_a_letter_that_is_replaced_are_two_events(post: Any, relay: Any) -> None:
    for letter in (r"\u0000", r"\ud800", "\ufffd"):
        assert "duplicate" not in post(json.dumps(relay()).replace("evt_1", f"evt_{letter}").encode()).json()
    assert InboxEvent.objects.count() == 3


def test_letter_of_two_surrogates_is_an_ordinary_letter(process: Any, relay: Any) -> None:
    event = process(relay(note="\U0001f600"))
    assert (event.status, event.payload["note"]) == ("processed", "\U0001f600")


@pytest.mark.parametrize(
    ("amount", "kept"),
    [("9" * 4000, int("9" * 4000)), ("1e308", 1e308), ("-0", 0), ("0.1", 0.1)],
    ids=["4,000 digits", "1e308", "-0", "0.1"],
)
def test_large_numbers_that_fit_are_stored(process: Any, relay: Any, amount: str, kept: float) -> None:
    body = json.dumps(relay(amount="AMOUNT")).replace('"AMOUNT"', amount).encode()
    event = process(body)
    assert event.status == "processed"
    assert type(kept)(event.payload["amount"]) == kept


def test_depth_32_is_read(post: Any) -> None:
    inner = b'{"a":' * 31 + b"1" + b"}" * 31
    assert post(b'{"type": "test", "id": "1", "a":' + inner + b"}").status_code == 200


def test_id_longer_than_its_column_still_distinguishes_two_events(post: Any, relay: Any) -> None:
    answers = [post(relay(event_id="e" * 5000 + tail)) for tail in ("1", "2", "2")]
    assert [answer.json().get("duplicate", False) for answer in answers] == [False, False, True]
    assert InboxEvent.objects.count() == 2


@pytest.mark.parametrize(
    "occurred_at",
    [
        "yesterday",
        "",
        None,
        5,
        "2026-02-30",
        "99999-01-01",
        "9999-12-31T23:59:59Z",
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        "1e999",
        "²",
        {},
        True,
    ],
)
def test_invalid_date_counts_as_the_time_of_receipt(process: Any, relay: Any, occurred_at: Any) -> None:
    event = process(relay(occurred_at=occurred_at))
    is_missing = occurred_at in ("", None) or not isinstance(occurred_at, str | int) or occurred_at is True
    assert (event.status, event.last_error) == ("processed" if is_missing else "unmatched", "")
    assert ("occurred_at: " in event.reason) is not is_missing, "never replaced in silence"
    assert User.objects.get().subscriptions.get().started_at == event.received_at
