"""Fuzzed bodies: no answer is an internal error, and a verified sender's body is stored byte for byte."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from core.queue import runner
from integrations.inbox.models import InboxEvent
from tests.harness.environment import examples

pytestmark = pytest.mark.django_db

TYPES = [
    "offer.purchased",
    "purchase.created",
    "purchase",
    "payment.succeeded",
    "purchase.refunded",
    "member.subscription.canceled",
    "member.subscription.renewed",
    "test",
    *("payment_succeeded", "order_created", "form_submission", "tag_added", "tag_removed"),
    *("contact.created", "contact.updated", "form.submitted"),
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "0", "\x00", "\ud800", "9" * 300, "jane@example.com", "2026-06-01", "off_456", "2150456456"]),
)
_CONTROL = {chr(number) for number in (*range(9), *range(10, 32), 127)}
VALUE = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        *("id", "type", "event", "event_type", "event_id", "data", "payload", "member", "member_id", "member_email"),
        *(
            "email",
            "name",
            "first_name",
            "offer",
            "offer_id",
            "purchase",
            "purchase_id",
            "transaction_id",
            "attributes",
        ),
        *("contact", "custom_fields", "custom_1", "tags", "emails", "form", "submission", "fields", "address_city"),
        *("amount_in_cents", "currency", "action", "quantity", "item_type", "item_id", "subscribed", "updated_at"),
        *("occurred_at", "created_at", "current_period_end", "relationships", "customer", "products", "subscription"),
    ]
)
KINDS = ["purchases", "offers", "customers", "contacts", "contact_tags", "transactions", "orders", "order_items",
         "form_submissions", "forms"]  # fmt: skip
LIKE_AN_EVENT = st.recursive(
    ODD | st.sampled_from(TYPES) | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=20,
)
BODY = st.dictionaries(WORDS, LIKE_AN_EVENT, max_size=8).flatmap(
    lambda body: st.sampled_from(TYPES).flatmap(
        lambda kind: st.sampled_from([{"type": kind}, {"event": kind}, {"event_type": kind}, {}]).map(
            lambda envelope: body | envelope
        )
    )
)


@contextmanager
def one_example() -> Iterator[None]:
    """Roll an example back: the next one starts with an empty inbox."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def stored(post: Any, body: bytes, path: str) -> InboxEvent:
    """Post the body twice; return its row, which must be the only one and hold every byte."""
    answers = [post(body, path) for _time in range(2)]
    event = InboxEvent.objects.get()
    assert bytes(event.body) == body
    assert event.duplicates == 1
    for answer in answers:
        assert answer.status_code == (400 if event.status == "failed" else 200), answer.content
        assert isinstance(answer.json(), dict)
    return event


@settings(max_examples=examples(80))
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_stored_and_answered(post: Any, settings: Any, body: bytes) -> None:
    settings.RATE_LIMIT_VERIFIED = 10**6
    with one_example():
        stored(post, body, "/api/webhook/kajabi/")


@settings(max_examples=examples(80))
@given(body=st.dictionaries(st.text(max_size=10), VALUE, max_size=5))
def test_any_json_is_stored_and_answered(post: Any, settings: Any, body: dict[str, Any]) -> None:
    settings.RATE_LIMIT_VERIFIED = 10**6
    with one_example():
        stored(post, json.dumps(body).encode(), "/kajabi-webhook")


@settings(max_examples=examples(120))
@given(body=BODY)
def test_event_like_body_finishes_without_a_retry(post: Any, settings: Any, body: dict[str, Any]) -> None:
    settings.RATE_LIMIT_VERIFIED = 10**6
    with one_example():
        event = stored(post, json.dumps(body).encode(), "/api/kajabi/webhook")
        runner.run(InboxEvent, event.pk)
        event.refresh_from_db()
        assert event.status != "pending", event.last_error


@settings(max_examples=examples(80))
@given(
    body=st.binary(max_size=100) | st.dictionaries(WORDS, ODD, max_size=5).map(lambda body: json.dumps(body).encode()),
    encoding=st.sampled_from(["gzip", "deflate", "gzip, deflate", "br", "identity", "\u00e9", " , "])
    | st.text(max_size=9),
    kind=st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "", ";=", "\u00e9"]
    ),
    charset=st.sampled_from(["utf-8", "utf-16", "latin-1", "windows-1252", "utf-7", '"', "x" * 500]),
    packs=st.booleans(),
)
def test_body_written_in_any_way_is_stored_or_refused(
    post: Any, settings: Any, body: bytes, encoding: str, kind: str, charset: str, packs: bool
) -> None:
    settings.RATE_LIMIT_VERIFIED = 10**6
    sent = gzip.compress(body) if packs else body
    environ = {"HTTP_CONTENT_ENCODING": encoding, "CONTENT_TYPE": f"{kind}; charset={charset}"}
    with one_example():
        for path in ("/api/webhook/kajabi/", "/kajabi-webhook?token=x&token=%FF"):
            answer = post(sent, path, **environ)
            assert answer.status_code in (200, 400)
            assert InboxEvent.objects.exists() or any(letter in _CONTROL for letter in encoding)


@settings(max_examples=examples(40))
@given(body=st.binary(max_size=100), proof=st.binary(max_size=80), token=st.text(max_size=30))
def test_unverified_body_is_refused_and_not_stored(
    post: Any, settings: Any, body: bytes, proof: bytes, token: str
) -> None:
    settings.RATE_LIMIT_UNVERIFIED = 10**6
    header = {"X-Kajabi-Signature": proof.decode("latin-1").replace("\r", "").replace("\n", "")}
    for path in ("/api/webhook/kajabi/", "/kajabi-webhook", "/api/kajabi/webhook"):
        # A header with a control character is refused before anybody looks at what it proves.
        refused = (400, 403) if any(letter in _CONTROL for letter in header["X-Kajabi-Signature"]) else (403,)
        assert post(body, path, sign=False, headers=header).status_code in refused
    answer = post(body, "/kajabi-webhook/" + token.replace("%", "").replace("?", "").replace("#", ""), sign=False)
    assert answer.status_code in (400, 403, 404)
    assert InboxEvent.objects.count() == 0


@settings(max_examples=examples(30))
@given(
    query=st.dictionaries(
        st.sampled_from(["token", "email", "next", "password", "search", "page"]), st.text(max_size=60)
    )
)
@pytest.mark.parametrize(
    "path", ["/nssa/setup-password", "/sign-in", "/forgot-password", "/language", "/api/kajabi/setup-password/"]
)
def test_any_form_value_leaves_the_page_working(path: str, query: dict[str, str]) -> None:
    printable = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    browser = Client(REMOTE_ADDR="192.0.2.1")
    assert browser.get(path, printable).status_code < 500
    assert browser.post(path, printable).status_code < 500
    assert browser.post(path, json.dumps(query), content_type="application/json").status_code < 500


@pytest.mark.parametrize(
    "length",
    [
        *("²", "٣", "9" * 50, "9" * 5000, "1_0", "+5", " 5", "0x10", "5.0"),
    ],
    ids=lambda text: text[:8],
)
def test_malformed_content_length_is_refused(post: Any, relay: Any, length: str) -> None:
    answer = post(relay(), CONTENT_LENGTH=length)
    assert answer.status_code in (400, 411, 413)
    assert InboxEvent.objects.count() == 0
