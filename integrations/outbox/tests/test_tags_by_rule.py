"""A rule with GoHighLevel's `tags` connects them with a custom field of NowCerts: one list, whoever changes it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.people.models import Contact, ContactChange, ContactTag
from accounts.tests.admin_clients import page_of, signed_in
from core.cause import Cause
from integrations.fields.models import FieldPlace, FieldRule
from integrations.outbox import repair
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.preview import preview
from tests.fakes.gohighlevel import Answer, too_many
from tests.fakes.http_server import Lost, Reset
from tests.harness.held_sides import A_MOMENT, HeldSides

pytestmark = pytest.mark.django_db
ANA = {"firstName": "Ana", "lastName": "Ruiz"}
MARK = "deleted elsewhere"
LABELS = "custom_fields.labels"


def connect(*, authority: str = "") -> FieldRule:
    rule = FieldRule.objects.create(name="labels", authority=authority)
    FieldPlace.objects.create(rule=rule, provider="gohighlevel", remote_name="tags")
    FieldPlace.objects.create(rule=rule, provider="nowcerts", remote_name="Labels")
    return rule


def labelled(text: str) -> dict[str, Any]:
    return {"customFieldsSimple": [{"text": "Labels", "value": text}]}


def labels_of(insured: Any) -> str | None:
    return {field["text"]: field["value"] for field in insured.get("customFieldsSimple") or []}.get("Labels")


def only(records: dict[str, Any]) -> Any:
    (record,) = records.values()
    return record


def calls(sides: HeldSides) -> list[tuple[str, str]]:
    """Return the writes that GoHighLevel received since the last time: method, and what comes after /contacts/{id}."""
    made = [exchange.asked for exchange in sides.ghl.exchanges if "search" not in exchange.asked.path]
    sides.ghl.exchanges.clear()
    return [(one.method, "/".join(one.path.split("/")[3:])) for one in made if one.method != "GET"]


@pytest.fixture
def pair(sides: HeldSides) -> tuple[Any, Any]:
    """One person with a rule for tags, equal on both sides: (insured, contact), with the tags lead and vip."""
    connect()
    insured = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", **labelled("VIP; lead"))
    sides.settle()
    contact = only(sides.ghl.contacts)
    assert (contact["tags"], labels_of(insured)) == (["lead", "vip"], "VIP; lead"), "an equal list is not rewritten"
    sides.ghl.exchanges.clear()
    return insured, contact


def test_tags_go_both_ways_from_creation_to_the_last_one_taken_away(sides: HeldSides) -> None:
    connect()
    contact = sides.ghl.add_contact(**ANA, email="ana@example.com", tags=["vip", "Lead"])
    sides.settle()
    insured = only(sides.nowcerts.insureds)
    assert labels_of(insured) == "lead, vip"
    assert calls(sides) == [], "reading alone"

    sides.nowcerts.edit(insured["id"], **labelled("vip, renewal"))
    sides.settle()
    assert contact["tags"] == ["vip", "renewal"]
    assert calls(sides) == [("POST", "tags"), ("DELETE", "tags")], "no PUT where nothing else differs"
    write = OutgoingWrite.objects.filter(provider="gohighlevel").latest("pk")
    assert (write.before, write.after) == ({LABELS: "lead, vip"}, {LABELS: "renewal, vip"})
    assert [write.request["body"], write.request["then"][0]["body"]] == [{"tags": ["renewal"]}, {"tags": ["Lead"]}]

    sides.ghl.edit(contact["id"], tags=[])
    sides.settle()
    assert labels_of(insured) == ""
    sides.nowcerts.edit(insured["id"], **labelled("vip"))
    sides.settle()
    assert contact["tags"] == ["vip"]
    sides.nowcerts.edit(insured["id"], **labelled(""))
    sides.settle()
    assert (contact["tags"], Contact.objects.get().custom_fields.get("labels")) == ([], None)
    assert set(OutgoingWrite.objects.values_list("status", flat=True)) == {"done"}


def test_tags_that_are_equal_cost_no_call(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.nowcerts.edit(insured["id"], city="Tampa", **labelled("lead,\nVIP"))
    sides.settle()
    assert (contact["city"], calls(sides)) == ("Tampa", [("PUT", "")])
    assert (labels_of(insured), len(sides.writes(sides.nowcerts))) == ("lead,\nVIP", 0)


def test_one_change_of_fields_and_tags_is_one_write(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.nowcerts.edit(insured["id"], city="Tampa", **labelled("vip, gold"))
    sides.settle()
    assert (contact["city"], contact["tags"]) == ("Tampa", ["vip", "gold"])
    assert calls(sides) == [("PUT", ""), ("POST", "tags"), ("DELETE", "tags")]
    assert OutgoingWrite.objects.filter(provider="gohighlevel", operation="update").count() == 1


def test_tag_that_was_added_a_moment_ago_stays_and_comes_over(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.muted = True
    sides.ghl.edit(contact["id"], tags=["lead", "vip", "webinar"])
    sides.muted = False
    sides.nowcerts.edit(insured["id"], **labelled("vip, lead, gold"))
    sides.settle()
    assert sorted(contact["tags"]) == ["gold", "lead", "vip", "webinar"]
    assert labels_of(insured) == "gold, lead, vip, webinar"


@pytest.mark.parametrize("first", ["nowcerts", "gohighlevel"])
def test_what_both_sides_changed_at_once_is_merged_tag_by_tag(
    sides: HeldSides, pair: tuple[Any, Any], first: str
) -> None:
    insured, contact = pair
    sides.ghl.edit(contact["id"], tags=["vip", "webinar"])
    sides.forward(A_MOMENT)
    sides.nowcerts.edit(insured["id"], **labelled("lead, gold"))
    sides.hooks.sort(key=lambda hook: ("nowcerts" in hook[0]) != (first == "nowcerts"))
    sides.settle()
    assert (sorted(contact["tags"]), labels_of(insured)) == (["gold", "webinar"], "gold, webinar")
    assert not ContactChange.objects.filter(kind__in=["won", "lost", "frozen"]).exists()


def test_authority_for_tags_wins_with_its_whole_list(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    FieldRule.objects.update(authority="gohighlevel")
    insured, contact = pair
    sides.ghl.edit(contact["id"], tags=["vip", "webinar"])
    sides.forward(A_MOMENT)
    sides.nowcerts.edit(insured["id"], **labelled("lead, gold"))
    sides.settle()
    assert (sorted(contact["tags"]), labels_of(insured)) == (["vip", "webinar"], "vip, webinar")


def test_rule_that_begins_on_known_contacts_loses_no_tag(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", **labelled("Gold"))
    sides.settle()
    contact = only(sides.ghl.contacts)
    sides.ghl.edit(contact["id"], tags=["vip"])
    sides.settle()
    assert (labels_of(insured), "ghl:tags" in Contact.objects.get().custom_fields) == ("Gold", False)
    connect()
    sides.ghl.edit(contact["id"], city="Tampa")
    sides.settle()
    assert (sorted(contact["tags"]), labels_of(insured)) == (["gold", "vip"], "gold, vip")


def test_tags_without_a_rule_are_no_field_and_no_history(sides: HeldSides) -> None:
    sides.ghl.add_contact(**ANA, email="ana@example.com", tags=["vip"])
    sides.settle()
    assert (Contact.objects.get().custom_fields, ContactChange.objects.count()) == ({}, 0)
    assert list(ContactTag.objects.values_list("tag__name", "provider")) == [("vip", "gohighlevel")]
    assert "customFieldsSimple" not in only(sides.nowcerts.insureds)


def test_own_mark_is_no_tag_of_theirs_and_is_never_taken_away(
    sides: HeldSides, pair: tuple[Any, Any], settings: Any
) -> None:
    settings.CONTACT_DELETIONS = "mark"
    insured, contact = pair
    sides.nowcerts.delete_insured(insured["id"])
    sides.settle()
    assert contact["tags"] == ["lead", "vip", MARK]
    assert Contact.objects.get().custom_fields["labels"] == "lead, vip"
    anew = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", **labelled("lead, vip"))
    sides.settle()
    assert (contact["tags"], labels_of(anew)) == (["lead", "vip"], "lead, vip")

    sides.ghl.edit(contact["id"], tags=["vip", MARK])
    sides.nowcerts.edit(anew["id"], **labelled(f"lead, vip, gold, {MARK}"))
    sides.settle()
    assert sorted(contact["tags"]) == [MARK, "gold", "vip"], "what somebody set there stays there"
    assert (Contact.objects.get().custom_fields["labels"], labels_of(anew)) == ("gold, vip", "gold, vip")


@pytest.mark.parametrize("trouble", [Lost, Reset, too_many, lambda: Answer(status=503)])
@pytest.mark.parametrize("number", [0, 1])
def test_write_that_is_interrupted_between_its_calls_ends_right(
    sides: HeldSides, pair: tuple[Any, Any], trouble: Callable[[], Any], number: int, settings: Any
) -> None:
    settings.MAX_RETRIES = 0
    insured, contact = pair
    path = f"/contacts/{contact['id']}/tags"
    harmless = list(range(number))
    sides.nowcerts.edit(insured["id"], city="Tampa", **labelled("vip, gold"))
    if harmless:  # the first of the two calls about tags gets through
        real = sides.ghl._change_tags

        def fails_later(method: str, contact_id: str, body: Any) -> Any:
            answer = real(method, contact_id, body)
            if harmless:
                harmless.pop()
                sides.ghl.misbehave(trouble(), on=path)
            return answer

        sides.ghl._change_tags = fails_later  # type: ignore[method-assign]
    else:
        sides.ghl.misbehave(trouble(), on=path)
    sides.settle()
    assert (contact["city"], sorted(contact["tags"])) == ("Tampa", ["gold", "vip"])
    assert labels_of(insured) == "vip, gold"
    assert len(calls(sides)) == (3 if trouble is Lost else 4), "what was done is not repeated"
    assert not OutgoingWrite.objects.filter(status__in=["pending", "failed"]).exists()


def test_tags_that_are_refused_are_left_out_and_the_rest_is_written(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    refusal = Answer(status=422, body=b'{"statusCode": 422, "message": ["tags must be shorter"]}')
    sides.ghl.misbehave(refusal, on=f"/contacts/{contact['id']}/tags")
    sides.nowcerts.edit(insured["id"], city="Tampa", **labelled("lead, vip, gold"))
    sides.settle()
    write = OutgoingWrite.objects.latest("pk")
    assert (contact["city"], write.status) == ("Tampa", "failed")
    assert write.left_out[LABELS] == {"value": "gold, lead, vip", "reason": "refused there: tags must be shorter"}
    sides.nowcerts.edit(insured["id"], state="FL")
    sides.settle()
    assert (contact["state"], sorted(contact["tags"])) == ("FL", ["gold", "lead", "vip"])


def test_echo_of_a_write_of_tags_changes_nothing_and_ends_after_one_reading(
    sides: HeldSides, pair: tuple[Any, Any]
) -> None:
    insured, contact = pair
    sides.nowcerts.edit(insured["id"], **labelled("lead, vip, gold"))
    sides.settle()
    history = ContactChange.objects.filter(name=LABELS)
    assert [change.after for change in history] == ["gold, lead, vip"]
    paths = [(one.asked.method, one.asked.path.rpartition("/")[2]) for one in sides.ghl.exchanges]
    assert paths == [("GET", contact["id"]), ("POST", "tags"), ("GET", contact["id"])]
    assert {row.tag.name for row in ContactTag.objects.filter(is_present=True)} == {"gold", "lead", "vip"}


def test_preview_shows_the_tags_before_and_after(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.muted = True
    sides.ghl.edit(contact["id"], tags=["vip"])
    sides.nowcerts.edit(insured["id"], **labelled("lead, vip, gold"))
    shown = preview(Contact.objects.get())
    there = {difference.provider: difference.changes for difference in shown.remote}
    assert there["gohighlevel"] == {"labels": ("vip", "gold, vip")}
    assert there["nowcerts"] == {"labels": ("gold, lead, vip", "gold, vip")}
    assert calls(sides) == []


def test_undo_restores_the_tags_on_both_sides(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.nowcerts.edit(insured["id"], **labelled("gold, vip"))
    sides.settle()
    repair.undo(OutgoingWrite.objects.get(provider="gohighlevel", operation="update"), cause=Cause(text="test"))
    sides.settle()
    assert (sorted(contact["tags"]), labels_of(insured)) == (["lead", "vip"], "lead, vip")


def test_tag_that_keeps_coming_back_is_frozen_and_then_neither_read_nor_written(
    sides: HeldSides, pair: tuple[Any, Any]
) -> None:
    insured, contact = pair
    for _time in range(5):
        sides.ghl.edit(contact["id"], tags=["lead", "vip", "hot"])
        sides.settle()
        sides.forward(timedelta(seconds=20))
        sides.ghl.edit(contact["id"], tags=["lead", "vip"])
        sides.settle()
    assert ContactChange.objects.get(kind="frozen").name == LABELS
    before = labels_of(insured)
    calls(sides)
    sides.ghl.edit(contact["id"], tags=["other"], city="Tampa")
    sides.nowcerts.edit(insured["id"], state="FL")
    sides.settle()
    assert (labels_of(insured), insured["city"], contact["state"], contact["tags"]) == (
        before, "Tampa", "FL", ["other"]
    )  # fmt: skip
    assert calls(sides) == [("PUT", "")]


def test_page_of_a_write_shows_the_tags_and_every_call(sides: HeldSides, pair: tuple[Any, Any], staff: Any) -> None:
    insured, _contact = pair
    sides.nowcerts.edit(insured["id"], city="Tampa", **labelled("vip, gold"))
    sides.settle()
    console: Client = signed_in(staff)
    page = console.get(page_of(OutgoingWrite.objects.latest("pk"))).content.decode()
    assert "gold, vip" in page
    assert page.count("/tags&quot;") == 2
