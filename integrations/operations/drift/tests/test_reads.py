"""Which fields a parser reads: found out from the recorded payloads, by what the facts lose without each field."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from integrations import registry
from integrations.contracts.webhook import StoredWebhook
from integrations.operations.drift.paths import MOST_PATHS, TooLarge, at, types_of, without
from integrations.operations.drift.reads import EVERYTHING, reads_of

PROVIDERS = Path(__file__).parents[3] / "providers"
RECORDED = sorted(PROVIDERS.glob("*/tests/fixtures/*.json"))


def recorded(name: str) -> tuple[str, dict[str, Any]]:
    (path,) = (one for one in RECORDED if one.stem == name)
    return path.parts[-4], json.loads(path.read_text(encoding="utf-8"))


def reads(provider_key: str, payload: dict[str, Any], endpoint_name: str = "") -> dict[str, tuple[str, ...]]:
    provider = registry.provider(provider_key)
    assert provider.simulation is not None
    name = endpoint_name or provider.simulation.endpoint_for(payload)
    endpoint = registry.endpoint_of(provider_key, name)
    envelope = endpoint.read(payload)
    webhook = StoredWebhook(
        endpoint=name,
        event_type=envelope.event_type,
        external_id=envelope.external_id,
        payload=payload,
        received_at=timezone.now(),
    )
    return {".".join(path): parts for path, parts in reads_of(provider, endpoint, webhook).items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "course.completed__nssa_relay",
            "completed_at course.id course.name created_at id member.email member.first_name member.id "
            "member.last_name type",
        ),
        (
            "account_created__wrapped",
            "data.id data.name data.users.[user].email data.users.[user].id data.users.[user].name",
        ),  # fmt: skip
        (
            "contact.created__sync",
            "contact.address1 contact.city contact.email contact.firstName contact.lastName "
            "contact.phone contact.postalCode contact.state event",
        ),  # fmt: skip
    ],
)
def test_fields_that_are_read_are_found_in_recorded_payloads(name: str, expected: str) -> None:
    assert " ".join(sorted(reads(*recorded(name)))) == " ".join(sorted(expected.split()))


def test_resources_of_different_kinds_in_one_list_are_different_fields() -> None:
    found = reads(*recorded("purchase__native"))
    kinds = {path.split(".")[1] for path in found if path.startswith("payload.")}
    assert {"[purchases]", "[customers]"} <= kinds


def test_field_without_which_nothing_is_understood_gives_everything() -> None:
    assert reads(*recorded("contact.created__sync"))["contact.email"] == (EVERYTHING,)


def test_field_that_no_parser_asks_for_is_not_read() -> None:
    provider, payload = recorded("course.completed__nssa_relay")
    with_more = payload | {"utm": {"source": "mail", "campaign": 7}, "checkout_ip": "10.0.0.1"}
    assert reads(provider, with_more) == reads(provider, payload)


def test_one_of_two_spellings_is_enough_and_either_gives_the_same_parts(settings: Any) -> None:
    provider, payload = recorded("contact.created__sync")
    contact = payload["contact"]
    both = payload | {"contact": contact | {"first_name": contact["firstName"]}}
    read = {path for path in reads(provider, both) if path.endswith(("firstName", "first_name"))}
    assert len(read) == 1
    other = {name: value for name, value in both["contact"].items() if name != "firstName"}
    parts = reads(provider, payload | {"contact": other})["contact.first_name"]
    assert parts == reads(provider, payload)["contact.firstName"]


def test_number_as_text_is_read_where_the_parser_reads_it_and_an_object_is_not() -> None:
    provider, payload = recorded("course.completed__nssa_relay")
    as_number, as_text, as_object = (
        reads(provider, payload | {"course": payload["course"] | {"id": value}}) for value in (77, "77", {"id": 77})
    )
    assert "course.id" in as_number
    assert as_number == as_text
    assert not any(path.startswith("course.id") for path in as_object)


def test_parts_of_facts_are_named_by_our_words_and_never_by_values() -> None:
    provider, payload = recorded("ContactCreate__app")
    custom = [{"id": "jane@example.com", "value": "x"}]
    named = {part for parts in reads(provider, payload | {"customFields": custom}).values() for part in parts}
    assert "ContactReported.custom_fields.*" in named
    assert not [part for part in named if "@" in part]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_recorded_payload_can_be_looked_through_and_is_not_changed(path: Path) -> None:
    payload = json.loads(path.read_text(encoding="utf-8"))
    before = json.dumps(payload)
    found = reads(path.parts[-4], payload)
    assert json.dumps(payload) == before
    types = {".".join(place) for place in types_of(payload)}
    assert set(found) <= types


# Paths ----------------------------------------------------------------------------------------------------------------


def test_types_are_those_of_json_and_what_is_empty_has_none() -> None:
    payload = {"a": "x", "b": 1, "c": 1.5, "d": True, "e": None, "f": "  ", "g": [], "h": {}, "i": [{"j": 0}]}
    assert types_of(payload) == {
        ("a",): "text",
        ("b",): "number",
        ("c",): "number",
        ("d",): "boolean",
        ("g",): "list",
        ("h",): "object",
        ("i",): "list",
        ("i", "[]"): "object",
        ("i", "[]", "j"): "number",
    }


@pytest.mark.parametrize(
    "key", ["jane@example.com", "+13055550100", "Jane Rivera", "José", "x" * 61, "a.b", "", "m12345"]
)
def test_key_that_may_be_a_value_names_no_field(key: str) -> None:
    assert types_of({key: "x", "ok": {key: 1}}) == {("ok",): "object"}


@pytest.mark.parametrize(
    "payload",
    [
        {f"field{'abcdefghij'[n % 10]}{n // 10}": n for n in range(MOST_PATHS + 1)},
        {"items": [{"a": 1}] * 4000},
    ],
    ids=["paths", "values"],
)
def test_payload_that_is_too_large_is_not_looked_at(payload: dict[str, Any]) -> None:
    with pytest.raises(TooLarge):
        types_of(payload)


def test_deep_payload_is_looked_at_down_to_a_limit() -> None:
    payload: dict[str, Any] = {"a": 1}
    for _level in range(50):
        payload = {"a": payload}
    assert max(map(len, types_of(payload))) == 8


def test_without_leaves_out_one_path_in_every_item_and_shares_the_rest() -> None:
    payload = {"people": [{"type": "user", "id": 1, "n": 2}, {"id": 3, "n": 4}, "x"], "other": {"id": 5}}
    less = without(payload, ("people", "[user]", "id"))
    assert less == {"people": [{"type": "user", "n": 2}, {"id": 3, "n": 4}, "x"], "other": {"id": 5}}
    assert less["other"] is payload["other"]
    assert without(payload, ("people", "[]")) == {"people": [{"type": "user", "id": 1, "n": 2}], "other": {"id": 5}}
    assert without(payload, ("nothing", "id")) == payload
    assert at(payload, ("people", "[]", "id")) == [3]
