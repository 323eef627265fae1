"""Bodies as senders and their relays write them: compressed, in other character sets, as forms, several in one."""

import gzip
import json
import zlib
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from integrations import registry
from integrations.contracts.provider import Endpoint, Provider
from integrations.inbox.models import InboxEvent
from integrations.toolkit.bodies import MAX_BATCH
from integrations.toolkit.signatures import Token

pytestmark = pytest.mark.django_db
RELAY = "/api/webhook/kajabi/"
LIMIT = 1024 * 1024
SECRET = "a-token-of-every-provider"
ENDPOINTS = [(provider, endpoint) for provider in registry.all_providers().values() for endpoint in provider.endpoints]
EACH_ENDPOINT = pytest.mark.parametrize(
    "case", ENDPOINTS, ids=[f"{provider.key}-{endpoint.name}" for provider, endpoint in ENDPOINTS]
)
Case = tuple[Provider, Endpoint]


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def one(count: int = 1) -> InboxEvent:
    """Return the only row, received `count` times."""
    event = InboxEvent.objects.get()
    assert event.duplicates == count - 1
    return event


@pytest.fixture
def _one_secret(settings: Any) -> None:
    for _provider, endpoint in ENDPOINTS:
        for verifier in endpoint.verifiers:
            if isinstance(verifier, Token):
                setattr(settings, verifier.setting, [SECRET])


def deliver(endpoint: Endpoint, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    proof = {"X-Webhook-Token": SECRET} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().generic("POST", f"/{endpoint.path}", body, content_type, headers=proof)


# Every endpoint ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_one_secret")
@EACH_ENDPOINT
def test_every_endpoint_reads_an_event_however_it_is_written(case: Case) -> None:
    _provider, endpoint = case
    payload = next(iter(endpoint.examples.values()))
    text = json.dumps(payload)
    written = [
        (text.encode(), "application/json", {}),
        (b"\xef\xbb\xbf" + text.encode(), "application/json", {}),
        (text.encode("utf-16"), "application/json", {}),
        (text.encode("utf-16-le"), "application/json; charset=utf-16le", {}),
        (packed(text.encode()), "application/json", {"Content_Encoding": "gzip"}),
        (zlib.compress(text.encode()), "application/json", {"Content_Encoding": "deflate"}),
        (raw_deflate(text.encode()), "application/json", {"Content_Encoding": "deflate"}),
        (urlencode({"payload": text}).encode(), "application/x-www-form-urlencoded", {}),
        (urlencode({"data": text}).encode(), "application/x-www-form-urlencoded", {}),
        (f"[{text}]".encode(), "application/json", {}),
    ]
    for body, content_type, headers in written:
        assert deliver(endpoint, body, content_type, **headers).status_code in (200, 409)
    assert one(len(written)).payload == payload


@pytest.mark.usefixtures("_one_secret")
@EACH_ENDPOINT
def test_every_endpoint_refuses_a_bomb_and_stores_a_broken_stream(case: Case) -> None:
    _provider, endpoint = case
    assert deliver(endpoint, packed(b" " * (LIMIT + 1)), Content_Encoding="gzip").status_code == 413
    assert InboxEvent.objects.count() == 0
    assert deliver(endpoint, packed(b"{}")[:-4], Content_Encoding="gzip").status_code in (400, 422)
    assert (one().status, one().last_error) == ("failed", "the gzip stream ends early")


# Compression ---------------------------------------------------------------------------------------------------------


def test_compressed_event_is_stored_as_it_was_before(post: Any, relay: Any) -> None:
    body = json.dumps(relay()).encode()
    assert post(packed(body), headers={"Content-Encoding": "gzip"}).status_code == 200
    assert bytes(one().body) == body
    assert post(body).json() == {"status": "success", "duplicate": True}
    assert (one(2).conflicts, one(2).payload) == (0, relay())


def test_signature_may_be_of_the_compressed_or_of_the_plain_body(post: Any, relay: Any, sign: Any) -> None:
    body = json.dumps(relay()).encode()
    compressed = packed(body)
    encoded = {"Content-Encoding": "gzip"}
    for signed in (compressed, body):
        proof = {"X-Kajabi-Signature": sign(signed)}
        assert post(compressed, sign=False, headers=encoded | proof).status_code == 200
    wrong = {"X-Kajabi-Signature": sign(body + b" ")}
    assert post(compressed, sign=False, headers=encoded | wrong).status_code == 403
    assert post(body, sign=False, headers={"X-Kajabi-Signature": sign(compressed)}).status_code == 403
    assert one(2).is_signed


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"{}", "gzip", "the body is no gzip stream: "),
        (b"", "gzip", "the gzip stream ends early"),
        (packed(b"{}")[:-1], "gzip", "the gzip stream ends early"),
        (packed(b"{}") + b"rest", "gzip", "the body is no gzip stream: "),
        (packed(b"") * 17, "gzip", "more than one body, or something else, stands after the gzip stream"),
        (b"\xff{}", "deflate", "the body is no deflate stream: "),
        (packed(packed(b"{}")), "gzip, gzip", "Content-Encoding 'gzip, gzip' is not read: one of gzip and deflate is"),
        (b"{}", "br", "Content-Encoding 'br' is not read: one of gzip and deflate is"),
    ],
    ids=["plain", "empty", "cut off", "a rest", "many streams", "no deflate", "nested", "unknown"],
)
def test_body_that_cannot_be_inflated_is_stored_as_it_came_and_answered_400(
    post: Any, drain: Any, body: bytes, encoding: str, reason: str
) -> None:
    answers = [post(body, headers={"Content-Encoding": encoding}) for _time in range(2)]
    drain()
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json()["detail"].startswith(f"Stored, but it cannot be read: {reason}")
    event = one(2)
    assert (event.status, bytes(event.body), event.payload) == ("failed", body, None)


@pytest.mark.parametrize("encoding", ["identity", "", "GZIP", " x-gzip "])
def test_names_of_encodings_are_read_loosely(post: Any, relay: Any, encoding: str) -> None:
    body = json.dumps(relay()).encode()
    sent = packed(body) if "zip" in encoding.lower() else body
    assert post(sent, headers={"Content-Encoding": encoding}).status_code == 200
    assert one().payload == relay()


def test_two_gzip_streams_are_one_body(post: Any, relay: Any) -> None:
    body = json.dumps(relay()).encode()
    assert post(packed(body[:20]) + packed(body[20:]), headers={"Content-Encoding": "gzip"}).status_code == 200
    assert one().payload == relay()


def test_inflated_body_has_the_limit_of_a_plain_one(post: Any, relay: Any) -> None:
    room = LIMIT - len(json.dumps(relay(padding="")))
    for padding, status in ((room, 200), (room + 1, 413)):
        body = packed(json.dumps(relay(padding="x" * padding)).encode())
        assert post(body, headers={"Content-Encoding": "gzip"}).status_code == status
    assert one().status == "pending"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bomb_is_inflated_to_the_limit_and_no_further(
    post: Any, monkeypatch: pytest.MonkeyPatch, encoding: str, django_assert_num_queries: Any
) -> None:
    """Count what comes out of zlib."""
    out: list[int] = []
    make = zlib.decompressobj

    class Counted:
        def __init__(self, wbits: int) -> None:
            self._stream = make(wbits)

        def decompress(self, data: bytes, most: int) -> bytes:
            inflated = self._stream.decompress(data, most)
            out.append(len(inflated))
            return inflated

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    bomb = b"[" * 200 * LIMIT
    body = packed(bomb) if encoding == "gzip" else zlib.compress(bomb)
    assert len(body) < LIMIT
    monkeypatch.setattr(zlib, "decompressobj", Counted)
    with django_assert_num_queries(0):
        answer = post(body, headers={"Content-Encoding": encoding})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "The body inflates to more than 1048576 bytes, which are accepted at most."}
    assert sum(out) == LIMIT + 1


# Character sets ------------------------------------------------------------------------------------------------------

NAME = "José “Ñandú”"


def named(relay: Any, name: str = NAME) -> str:
    return json.dumps(relay(note=name), ensure_ascii=False)


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8", "utf-8"),
        ("utf-8", "iso-8859-1"),  # declared by many senders that send UTF-8
        ("utf-8", "klingon"),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16", "utf-16"),
        ("utf-16-be", "UTF-16BE"),
        ("utf-16-le", '"utf-16le"'),
        ("cp1252", "windows-1252"),
    ],
)
def test_character_set_is_read(post: Any, relay: Any, encoding: str, declared: str) -> None:
    content_type = f"application/json; charset={declared}" if declared else "application/json"
    body = named(relay).encode(encoding)
    assert post(body, CONTENT_TYPE=content_type).status_code == 200
    assert one().payload["note"] == NAME
    assert bytes(one().body) == body


def test_latin_1_is_read_where_it_is_declared_and_not_guessed(post: Any, relay: Any) -> None:
    body = named(relay, "José").encode("latin-1")
    assert post(body).json()["detail"].startswith("Stored, but it cannot be read: the body is not UTF-8: byte")
    assert post(body, CONTENT_TYPE="application/json; charset=ISO-8859-1").status_code == 200
    assert InboxEvent.objects.get(status="pending").payload["note"] == "José"


@pytest.mark.parametrize("charset", ["utf-7", "hz", "idna", "rot13", "unicode_escape", "utf-32", "undefined", "hex"])
def test_other_character_sets_are_never_decoded_by(post: Any, relay: Any, charset: str) -> None:
    assert post(relay(), CONTENT_TYPE=f"application/json; charset={charset}").status_code == 200
    assert post(b'{"type": "\xff"}', CONTENT_TYPE=f"application/json; charset={charset}").status_code == 400


# Forms ---------------------------------------------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"


def test_fields_of_a_form_are_those_of_the_event(post: Any) -> None:
    form = urlencode({"type": "test", "id": "evt_1", "note": NAME, "tag": ["a", "b"], "empty": ""}, doseq=True)
    assert post(form.encode(), CONTENT_TYPE=FORM).status_code == 200
    assert one().payload == {"type": "test", "id": "evt_1", "note": NAME, "tag": ["a", "b"], "empty": ""}
    assert bytes(one().body) == form.encode()


def test_form_in_a_declared_character_set_is_read(post: Any) -> None:
    form = urlencode({"type": "test", "note": "José"}, encoding="latin-1")
    assert post(form.encode(), CONTENT_TYPE=f"{FORM}; charset=iso-8859-1").status_code == 200
    assert one().payload["note"] == "José"


def test_field_data_beside_others_stays_a_field(post: Any) -> None:
    form = urlencode({"type": "test", "id": "1", "data": '{"email": "jane@example.com"}'})
    assert post(form.encode(), CONTENT_TYPE=FORM).status_code == 200
    assert one().payload == {"type": "test", "id": "1", "data": {"email": "jane@example.com"}}


@pytest.mark.parametrize(
    ("fields", "payload"),
    [
        ([("contact[email]", "j@x.example"), ("contact[id]", "7")], {"contact": {"email": "j@x.example", "id": "7"}}),
        ([("contact[address][city]", "Miami")], {"contact": {"address": {"city": "Miami"}}}),
        ([("tags[]", "a"), ("tags[]", "b")], {"tags": ["a", "b"]}),
        ([("tags[]", "a")], {"tags": ["a"]}),
        ([("items[0][id]", "1"), ("items[1][id]", "2")], {"items": [{"id": "1"}, {"id": "2"}]}),
        ([("items[5]", "1"), ("items[7]", "2")], {"items": {"5": "1", "7": "2"}}),
        ([("contact", "7"), ("contact[email][work]", "x")], {"contact": "7", "contact[email][work]": "x"}),
        ([("items[][id]", "1"), ("a[b", "x"), ("[c]", "y")], {"items[][id]": "1", "a[b": "x", "[c]": "y"}),
        ([("data[id]", "1"), ("data[note]", "[x]")], {"data": {"id": "1", "note": "[x]"}}),
        ([("a" + "[b]" * 9, "too deep")], {"a" + "[b]" * 9: "too deep"}),
    ],
)
def test_fields_in_brackets_are_objects_and_lists(post: Any, fields: list[Any], payload: dict[str, Any]) -> None:
    form = urlencode([("type", "test"), *fields])
    assert post(form.encode(), CONTENT_TYPE=FORM).status_code == 200
    assert one().payload == {"type": "test", **payload}


def test_json_in_a_form_keeps_its_names(post: Any, relay: Any) -> None:
    form = urlencode({"payload": json.dumps(relay(**{"note[0]": NAME}))})
    assert post(form.encode(), CONTENT_TYPE=FORM).status_code == 200
    assert one().payload == relay(**{"note[0]": NAME})


def test_form_in_parts_is_read_without_its_files(post: Any, relay: Any) -> None:
    parts = [
        '--b\r\nContent-Disposition: form-data; name="payload"\r\n\r\n' + named(relay) + "\r\n",
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx\r\n',
        "--b--\r\n",
    ]
    assert post("".join(parts).encode(), CONTENT_TYPE="multipart/form-data; boundary=b").status_code == 200
    assert one().payload == relay(note=NAME)


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"type=%FF", FORM, "a field of the form is not utf-8"),
        (b"&".join(b"a%d=1" % number for number in range(501)), FORM, "the form cannot be read"),
        (urlencode({"payload": '{"type": NaN}'}).encode(), FORM, "the field 'payload' of the form: NaN is no JSON"),
        (urlencode({"payload": "[" * 1000}).encode(), FORM, "the field 'payload' of the form: the "),
        (b"--b\r\nnothing", "multipart/form-data; boundary=b", "no event type"),
        (b"--b\r\n", "multipart/form-data", "the form cannot be read"),
        (b"", FORM, "the body is empty"),
    ],
)
def test_form_that_cannot_be_read_is_stored_as_failed(post: Any, body: bytes, content_type: str, reason: str) -> None:
    answer = post(body, CONTENT_TYPE=content_type)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"Stored, but it cannot be read: {reason}")
    assert (one().status, bytes(one().body)) == ("failed", body)


# Batches -------------------------------------------------------------------------------------------------------------


def test_array_is_several_events_each_with_its_own_key(post: Any, relay: Any, drain: Any) -> None:
    batch = [relay(event_id=f"evt_{number}", email=f"jane{number}@example.com") for number in range(3)]
    first, again = post(batch), post(batch)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == {"batch": [{"status": 200, "answer": {"status": "success"}}] * 3}
    assert again.json()["batch"] == [{"status": 200, "answer": {"status": "success", "duplicate": True}}] * 3
    drain()
    events = list(InboxEvent.objects.order_by("key"))
    assert [(event.key, event.status, event.duplicates) for event in events] == [
        (f"nssa:evt_{number}", "processed", 1) for number in range(3)
    ]
    assert [json.loads(bytes(event.body)) for event in events] == batch


def test_event_of_a_batch_that_comes_alone_is_a_duplicate(post: Any, relay: Any) -> None:
    assert post([relay()]).status_code == 200
    assert post(json.dumps(relay(), indent=2).encode()).json() == {"status": "success", "duplicate": True}
    assert one(2).conflicts == 0


def test_bad_event_of_a_batch_fails_visibly_and_the_others_are_processed(post: Any, relay: Any, drain: Any) -> None:
    answer = post([relay(), 5, {"id": "evt_9"}, relay(event_id="evt_2")])
    drain()
    assert answer.status_code == 200
    assert [line["status"] for line in answer.json()["batch"]] == [200, 400, 400, 200]
    assert sorted(InboxEvent.objects.values_list("status", "last_error")) == [
        ("failed", "event 2 of the batch: a JSON object was expected, a int came"),
        ("failed", 'no event type: expected "type", "event_type" or "event" with a text'),
        ("processed", ""),
        ("processed", ""),
    ]


def test_batch_of_bad_events_is_answered_as_each_of_them(post: Any) -> None:
    answer = post([5, "six"])
    assert (answer.status_code, InboxEvent.objects.filter(status="failed").count()) == (400, 2)


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1])
def test_empty_and_endless_batches_are_stored_as_one_failure(post: Any, count: int) -> None:
    answer = post([{"type": "test"}] * count)
    assert answer.status_code == 400
    expected = f"Stored, but it cannot be read: a batch of 1 to {MAX_BATCH} events was expected, one of {count} came"
    assert answer.json()["detail"] == expected
    assert one().status == "failed"


def test_batch_is_stored_whole_or_not_at_all(post: Any, relay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import DatabaseError

    store = InboxEvent.store

    def away(event: InboxEvent) -> bool:
        if event.external_id == "evt_2":
            raise DatabaseError("the server closed the connection")
        return store(event)

    monkeypatch.setattr(InboxEvent, "store", away)
    batch = [relay(event_id=f"evt_{number}") for number in range(1, 4)]
    assert post(batch).status_code == 503
    assert InboxEvent.objects.count() == 0
    monkeypatch.undo()
    assert post(batch).status_code == 200
    assert InboxEvent.objects.count() == 3


def test_batch_wakes_a_worker_for_each_event_after_the_commit(
    post: Any, relay: Any, wakeups: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        post([relay(), relay(event_id="evt_2")])
        assert wakeups == []
    assert sorted(wakeups) == sorted(("inboxevent", key) for key in InboxEvent.objects.values_list("pk", flat=True))


@pytest.mark.usefixtures("_one_secret")
def test_delivery_id_of_a_batch_is_no_key_of_all_its_events(settings: Any) -> None:
    """Chatwoot's header names the delivery, and a signed one is known by it."""
    from integrations.providers.chatwoot.tests.conftest import EVENTS, SECRET, signed

    settings.CHATWOOT_WEBHOOK_SECRET = [SECRET]
    body = json.dumps([{"event": "message_created", "id": number} for number in range(2)]).encode()
    headers = signed(body) | {"X-Chatwoot-Delivery": "d1"}
    for _time in range(2):
        assert Client().post(EVENTS, body, "application/json", headers=headers).status_code == 200
    assert sorted(InboxEvent.objects.values_list("key", "duplicates")) == [("delivery:d1/1", 1), ("delivery:d1/2", 1)]
