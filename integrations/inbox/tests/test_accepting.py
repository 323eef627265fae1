"""The inbox's front: stored rows, answers and costs."""

import json
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.people.models import User
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db
RELAY = "/api/webhook/kajabi/"
REFUSED = {"detail": "Invalid webhook signature"}


def test_purchase_is_stored_whole_and_waits_for_a_worker(post: Any, relay: Any, sign: Any) -> None:
    body = json.dumps(relay(), indent=3).encode()
    response = post(body, REMOTE_ADDR="192.0.2.7", headers={"X-Relay": "zap"})

    assert (response.status_code, response.json()) == (200, {"status": "success"})
    event = InboxEvent.objects.get()
    assert bytes(event.body) == body
    assert event.payload == relay()
    assert (event.provider, event.endpoint, event.event_type) == ("kajabi", "relay", "offer.purchased")
    assert (event.external_id, event.key) == ("evt_1", "nssa:evt_1")
    assert (event.status, event.attempts, event.duplicates, event.conflicts) == ("pending", 0, 0, 0)
    assert event.source_address == "192.0.2.7"
    assert event.headers["x-relay"] == "zap"
    assert event.next_attempt_at == event.received_at
    assert event.finished_at is None
    assert User.objects.count() == 0, "the answer comes before the work"


def test_accepting_costs_one_insert_and_a_copy_the_count_of_the_day_too(
    post: Any, relay: Any, django_assert_num_queries: Any
) -> None:
    post(relay(event_id="evt_before"))
    with django_assert_num_queries(1) as captured:
        assert post(relay()).status_code == 200
    assert captured.captured_queries[0]["sql"].startswith("INSERT INTO")
    with django_assert_num_queries(2):
        assert post(relay()).json() == {"status": "success", "duplicate": True}


def test_refused_request_costs_no_query(post: Any, relay: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert post(relay(), sign=False).status_code == 403


def test_secrets_in_headers_are_not_stored(post: Any, relay: Any, sign: Any) -> None:
    proof = sign(json.dumps(relay()).encode())
    post(relay(), headers={"Authorization": "Bearer abcdefgh", "Cookie": "sessionid=abcdefgh", "X-Api-Key": "abcdefgh"})

    row = InboxEvent.objects.values().get()
    headers = row["headers"]
    hidden = {name for name, value in headers.items() if value == "•••"}
    assert hidden == {"authorization", "cookie", "x-api-key", "x-kajabi-signature"}
    assert "abcdefgh" not in str(row)
    assert proof not in str(row)


def test_worker_is_woken_once_after_the_commit(
    post: Any, relay: Any, wakeups: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        post(relay())
        assert wakeups == [], "not before the commit"
        post(relay())
    assert wakeups == [("inboxevent", InboxEvent.objects.get().pk)]


def test_duplicate_is_stored_once_counted_and_answered_like_the_first(process: Any, post: Any, relay: Any) -> None:
    event = process(relay())
    again = [post(relay()), post(json.dumps(relay(), indent=1, sort_keys=True).encode())]

    assert [answer.status_code for answer in again] == [200, 200]
    assert [answer.json() for answer in again] == [{"status": "success", "duplicate": True}] * 2
    assert InboxEvent.objects.count() == 1
    event.refresh_from_db()
    assert (event.duplicates, event.conflicts, event.attempts, event.status) == (2, 0, 1, "processed")
    assert event.last_duplicate_at is not None


def test_same_id_in_another_dialect_is_another_event(post: Any, relay: Any, fixture: Any) -> None:
    leaps = fixture("purchase.created__leaps_relay") | {"event_id": "evt_1"}
    post(relay(event_id="evt_1"))
    assert post(leaps, "/api/kajabi/webhook").json() == {"status": "success"}
    assert set(InboxEvent.objects.values_list("key", flat=True)) == {"nssa:evt_1", "leaps:evt_1"}


def test_same_id_with_another_body_leaves_the_first_and_stores_the_other(post: Any, relay: Any, drain: Any) -> None:
    assert post(relay()).status_code == 200
    other = relay(email="somebody.else@example.com")
    assert (post(other).status_code, post(other).json()) == (200, {"status": "success", "duplicate": True})
    drain()

    first, beside = InboxEvent.objects.order_by("pk")
    assert first.payload["member"]["email"] == "jane@example.com"
    assert (first.status, first.duplicates, first.conflicts) == ("processed", 2, 2)
    assert beside.payload["member"]["email"] == "somebody.else@example.com"
    assert (beside.status, beside.attempts, beside.duplicates) == ("ignored", 0, 1)
    assert beside.reason == f"contradicts event {first.pk}: the same id with another body; the first one stands"
    assert list(User.objects.values_list("email", flat=True)) == ["jane@example.com"]


def test_test_delivery_is_stored_as_ignored(post: Any, drain: Any) -> None:
    response = post({"type": "test", "id": "123"})
    drain()

    assert (response.status_code, response.json()) == (200, {"status": "success"})
    event = InboxEvent.objects.get()
    assert (event.status, event.reason, event.attempts) == ("ignored", "a test delivery", 0)
    assert event.finished_at is not None
    assert event.next_attempt_at is None


def test_unknown_type_is_stored_as_ignored_and_wakes_no_worker(
    post: Any, wakeups: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = post({"type": "offer.admired", "id": "evt_1"})
    assert (response.status_code, response.json()) == (200, {"status": "success"})
    event = InboxEvent.objects.get()
    assert (event.status, event.reason) == ("ignored", "unknown type offer.admired")
    assert wakeups == []


@pytest.mark.parametrize("path", [RELAY, RELAY.rstrip("/"), "/api/kajabi/webhook", "/api/kajabi/webhook/"])
def test_every_relay_path_works_with_and_without_the_slash_and_refuses_get(post: Any, relay: Any, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "GET" not allowed.'})
    assert answer["Allow"] == "POST, OPTIONS"
    assert post(relay(), path).status_code == 200
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(method: str) -> None:
    assert getattr(Client(), method)(RELAY).status_code == 405
    assert InboxEvent.objects.count() == 0


@pytest.mark.parametrize("path", ["/kajabi-webhook", "/kajabi-webhook/", "/kajabi-webhook/any-token"])
def test_native_endpoint_answers_the_probes_of_kajabi(path: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert Client().get(path).status_code == 200
        assert Client().head(path).status_code == 200


def test_native_endpoint_takes_its_token_from_the_path_or_a_header(post: Any, fixture: Any) -> None:
    token = "a-token-that-only-tests-know"
    first, second, third = (fixture("purchase__native") | {"id": str(number)} for number in range(3))
    assert post(first, f"/kajabi-webhook/{token}", sign=False).status_code == 200
    assert post(second, "/kajabi-webhook", sign=False, headers={"X-Webhook-Token": token}).status_code == 200
    assert post(third, "/kajabi-webhook").status_code == 200, "a signature does too"
    assert InboxEvent.objects.filter(endpoint="native", status="pending").count() == 3


@pytest.mark.parametrize("path", ["/kajabi-webhook", "/kajabi-webhook/", "/kajabi-webhook/wrong"])
def test_native_endpoint_refuses_without_the_right_token(post: Any, fixture: Any, path: str) -> None:
    answer = post(fixture("purchase__native"), path, sign=False)
    assert (answer.status_code, answer.json()) == (403, REFUSED)
    assert InboxEvent.objects.count() == 0


def test_body_over_one_mebibyte_is_refused_before_it_is_read(post: Any, django_assert_num_queries: Any) -> None:
    class Unreadable:
        def read(self, *arguments: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    with django_assert_num_queries(0):
        answer = post(b"{}", CONTENT_LENGTH=str(1024 * 1024 + 1), **{"wsgi.input": Unreadable()})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "The body has 1048577 bytes; at most 1048576 are accepted."}


def test_body_of_exactly_one_mebibyte_is_accepted(post: Any, relay: Any) -> None:
    empty = len(json.dumps(relay(padding="")))
    assert post(relay(padding="x" * (1024 * 1024 - empty))).status_code == 200
    assert InboxEvent.objects.get().status == "pending"


@pytest.mark.parametrize(
    "environ", [{"CONTENT_LENGTH": ""}, {"HTTP_TRANSFER_ENCODING": "chunked"}, {"CONTENT_LENGTH": "-1"}]
)
def test_body_without_a_length_is_refused(post: Any, relay: Any, environ: dict[str, str]) -> None:
    answer = post(relay(), **environ)
    assert answer.status_code == 411
    assert answer.json() == {"detail": "Send a Content-Length; chunked bodies are not accepted."}
    assert InboxEvent.objects.count() == 0


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html", "application/xml", "text/plain", "nonsense"]
)
def test_sender_may_accept_any_kind_of_answer(post: Any, relay: Any, accept: str) -> None:
    answer = post(relay(), headers={"Accept": accept})
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_content_type_does_not_matter(relay: Any, sign: Any, content_type: str) -> None:
    body = json.dumps(relay()).encode()
    answer = Client().generic("POST", RELAY, body, content_type, headers={"X-Kajabi-Signature": sign(body)})
    assert answer.status_code == 200
    assert bytes(InboxEvent.objects.get().body) == body


@pytest.mark.parametrize("duplicate", [False, True])
def test_database_that_is_away_is_answered_503_with_retry_after(
    post: Any, relay: Any, monkeypatch: pytest.MonkeyPatch, duplicate: bool
) -> None:
    if duplicate:
        post(relay())
    before = InboxEvent.objects.count()

    def away(*arguments: Any) -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr(InboxEvent, "store", away)
    answer = post(relay())
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert answer.json() == {"detail": "Not stored: the database is away. Please send it again."}
    assert InboxEvent.objects.count() == before
