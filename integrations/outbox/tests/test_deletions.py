"""CONTACT_DELETIONS: what follows for a contact's records elsewhere where one was deleted and has no successor."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.people.models import Contact, ContactMapping
from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import act_url, press, rows_of
from core.cause import Cause
from integrations.outbox import deletions, repair
from integrations.outbox.admin.deletions import deletions_to_be_decided
from integrations.outbox.models import OutgoingWrite
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "city": "Miami"}
MARK = "deleted elsewhere"
CAUSE = Cause(text="test")


@pytest.fixture
def ana(sides: HeldSides) -> Any:
    """Return Ana's insured; her contact is there, too, with a tag of its own."""
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.edit(contact_there(sides)["id"], tags=["vip"])
    sides.settle()
    return insured


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def contact_there(sides: HeldSides) -> Any:
    (contact,) = sides.ghl.contacts.values()
    return contact


def record(provider: str) -> ContactMapping:
    """Return the contact's main mapping."""
    return ContactMapping.objects.get(provider=provider, kind="contact", is_main=True)


def marks() -> list[tuple[str, str, Any]]:
    rows = OutgoingWrite.objects.filter(kind="mark").order_by("pk")
    return list(rows.values_list("provider", "status", "after"))


def open_questions() -> int:
    """Return how many the console's first page counts."""
    (item,) = deletions_to_be_decided()
    assert item.rows is not None
    return item.rows.count()


def delete(sides: HeldSides, provider: str, insured: Any) -> None:
    if provider == "nowcerts":
        sides.nowcerts.delete_insured(insured["id"])
    else:
        sides.ghl.delete_contact(contact_there(sides)["id"])
    sides.settle()


@pytest.mark.parametrize("provider", ["nowcerts", "gohighlevel"])
def test_never_leaves_the_other_side_as_it_is(sides: HeldSides, ana: Any, provider: str) -> None:
    delete(sides, provider, ana)
    assert (record(provider).is_missing, record(provider).deletion, open_questions(), marks()) == (True, "", 0, [])
    if provider == "nowcerts":
        assert contact_there(sides)["tags"] == ["vip"]
        sides.ghl.edit(contact_there(sides)["id"], city="Tampa")
    else:
        sides.nowcerts.edit(ana["id"], city="Tampa")
    sides.settle()
    assert Contact.objects.get().city == "Tampa"
    assert len(sides.nowcerts.insureds) + len(sides.ghl.contacts) == 1


def test_mark_is_a_tag_in_gohighlevel_that_goes_when_the_insured_is_there_again(
    sides: HeldSides, ana: Any, settings: Any
) -> None:
    settings.CONTACT_DELETIONS = "mark"
    delete(sides, "nowcerts", ana)
    assert (contact_there(sides)["tags"], record("nowcerts").deletion) == (["vip", MARK], "marked")
    assert (marks(), open_questions()) == ([("gohighlevel", "done", {"mark": True})], 0)
    contact_there(sides)["tags"] = ["vip"]  # somebody there takes it away: it is not given again
    sides.ghl.edit(contact_there(sides)["id"], city="Tampa")
    sides.settle()
    assert (contact_there(sides)["tags"], len(marks())) == (["vip"], 1)

    sides.ghl.edit(contact_there(sides)["id"], tags=["vip", MARK])
    anew = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    assert (contact_there(sides)["tags"], record("nowcerts").external_id) == (["vip"], anew["id"])
    assert set(ContactMapping.objects.values_list("deletion", flat=True)) == {""}

    sides.nowcerts.delete_insured(anew["id"])
    sides.settle()
    assert contact_there(sides)["tags"] == ["vip", MARK], "every deletion counts"


def test_mark_goes_when_a_successor_turns_up_later(sides: HeldSides, ana: Any, settings: Any) -> None:
    settings.CONTACT_DELETIONS, settings.GHL_DELETED_TAG = "mark", "gone in nowcerts"
    delete(sides, "nowcerts", ana)
    assert contact_there(sides)["tags"] == ["vip", "gone in nowcerts"]
    sides.nowcerts.add_insured(eMail="ana@work.example", eMail2="ana@example.com", firstName="Ana", lastName="Ruiz")
    sides.settle()
    assert contact_there(sides)["tags"] == ["vip"]


def test_mark_is_a_question_where_the_api_has_none(sides: HeldSides, ana: Any, settings: Any) -> None:
    settings.CONTACT_DELETIONS = "mark"
    contact = contact_there(sides)["id"]
    delete(sides, "gohighlevel", ana)
    assert (record("gohighlevel").external_id, record("gohighlevel").is_question) == (contact, True)
    assert (open_questions(), marks()) == (1, [])
    assert not deletions.can_be_marked("nowcerts")


@pytest.fixture
def others_marked(settings: Any) -> Callable[..., None]:
    """Return what stores so many records of others that were deleted and marked."""
    settings.CONTACT_DELETIONS = "mark"

    def store(count: int, *, provider: str = "nowcerts", ago: timedelta = timedelta(minutes=50)) -> None:
        for number in range(count):
            contact = Contact.objects.create(first_name="Other")
            moment = timezone.now() - ago
            ContactMapping.objects.create(
                contact=contact, provider=provider, kind="contact", external_id=f"{provider}{number}{ago}",
                gone_at=moment, deletion="marked", is_main=False,
            )  # fmt: skip

    return store


def test_deletion_after_many_within_an_hour_is_a_question_and_the_first_page_says_why(
    sides: HeldSides, ana: Any, others_marked: Callable[..., None], console: Client
) -> None:
    others_marked(deletions.MARKED_AT_MOST)
    delete(sides, "nowcerts", ana)
    assert (record("nowcerts").is_question, contact_there(sides)["tags"], marks()) == (True, ["vip"], [])
    (item,) = deletions_to_be_decided()
    assert str(item.label).endswith("or more than 50 within an hour")
    assert open_questions() == 1
    assert press(console, record("nowcerts"), "mark-others", reason="meant") == [
        "1 person is marked at other providers."
    ]
    sides.settle()
    assert contact_there(sides)["tags"] == ["vip", MARK]


@pytest.mark.parametrize(
    "others",
    [
        {"count": deletions.MARKED_AT_MOST - 1},
        {"count": deletions.MARKED_AT_MOST, "ago": timedelta(minutes=70)},
        {"count": deletions.MARKED_AT_MOST, "provider": "gohighlevel"},
    ],
    ids=["one less", "longer ago", "at another provider"],
)
def test_deletion_after_fewer_is_marked(
    sides: HeldSides, ana: Any, others_marked: Callable[..., None], others: dict[str, Any]
) -> None:
    others_marked(**others)
    delete(sides, "nowcerts", ana)
    assert (record("nowcerts").deletion, contact_there(sides)["tags"]) == ("marked", ["vip", MARK])


def test_deletions_that_are_heard_of_late_count_by_their_own_hour(
    sides: HeldSides, ana: Any, others_marked: Callable[..., None]
) -> None:
    others_marked(deletions.MARKED_AT_MOST, ago=timedelta(hours=5))
    ContactMapping.objects.filter(contact__first_name="Ana").filter(provider="nowcerts").update(
        gone_at=timezone.now() - timedelta(hours=5), reported_at=None
    )
    with transaction.atomic():
        deletions.follow(record("nowcerts"), cause=CAUSE)
    assert record("nowcerts").is_question


def test_mark_waits_for_its_permission_and_a_deletion_there_ends_it(sides: HeldSides, ana: Any, settings: Any) -> None:
    settings.CONTACT_DELETIONS = "mark"
    sides.ghl.without_scope = {f"/contacts/{contact_there(sides)['id']}/tags"}
    sides.nowcerts.delete_insured(ana["id"])
    for _moment in range(6):
        hooks, sides.hooks[:] = list(sides.hooks), []
        for hook in hooks:
            sides.deliver(hook)
        sides.drain()
        sides.forward(timedelta(minutes=1))
    assert marks() == [("gohighlevel", "pending", {"mark": True})]
    sides.ghl.without_scope = set()
    sides.muted = True
    sides.ghl.delete_contact(contact_there(sides)["id"])
    sides.settle()
    assert [status for _provider, status, _after in marks()] == ["skipped"]
    assert (record("gohighlevel").is_missing, OutgoingWrite.objects.filter(status="failed").count()) == (True, 0)


def test_question_shows_both_records_and_staff_leave_the_other_one(
    sides: HeldSides, ana: Any, settings: Any, console: Client
) -> None:
    settings.CONTACT_DELETIONS = "ask"
    delete(sides, "nowcerts", ana)
    asked = record("nowcerts")
    assert (asked.is_question, open_questions(), contact_there(sides)["tags"]) == (True, 1, ["vip"])
    assert rows_of(console, ContactMapping, gone="asked") == [asked]
    page = console.get(page_of(asked)).content.decode()
    assert "side by side" in page
    assert page.count("<td>Miami</td>") == 2
    form = console.get(act_url(asked, "leave-others")).content.decode()
    assert f"NowCerts {ana['id']} was deleted. Still there: GoHighLevel {contact_there(sides)['id']}" in form
    assert press(console, asked, "leave-others", reason="moved away") == ["1 deletion is decided."]
    sides.settle()
    assert (open_questions(), record("nowcerts").deletion, contact_there(sides)["tags"]) == (0, "left", ["vip"])
    assert deletions.answer(asked, "marked", cause=CAUSE) is False, "it is decided"


def test_search_that_found_nobody_says_so_to_staff(sides: HeldSides, ana: Any, console: Client) -> None:
    delete(sides, "nowcerts", ana)
    page = console.get(page_of(OutgoingWrite.objects.latest("pk"))).content.decode()
    assert f"Record {ana['id']} was deleted there, and no other record is this person" in page


def test_staff_have_the_others_marked(sides: HeldSides, ana: Any, settings: Any, console: Client) -> None:
    settings.CONTACT_DELETIONS = "ask"
    delete(sides, "nowcerts", ana)
    said = press(console, record("nowcerts"), "mark-others", reason="checked")
    assert said == ["1 person is marked at other providers."]
    sides.settle()
    assert (open_questions(), contact_there(sides)["tags"]) == (0, ["vip", MARK])
    write = OutgoingWrite.objects.get(kind="mark")
    assert "the mark is taken away once" in console.get(page_of(write)).content.decode()
    with pytest.raises(repair.CannotUndo, match="the mark follows the deletion"):
        repair.undo(write, cause=CAUSE)


def test_staff_forget_the_record_and_the_next_change_makes_it_anew(
    sides: HeldSides, ana: Any, settings: Any, console: Client
) -> None:
    settings.CONTACT_DELETIONS = "ask"
    delete(sides, "gohighlevel", ana)
    press(console, record("gohighlevel"), "remove-id", reason="deleted by mistake")
    assert open_questions() == 0
    sides.nowcerts.edit(ana["id"], city="Tampa")
    sides.settle()
    assert (contact_there(sides)["city"], record("gohighlevel").is_missing) == ("Tampa", False)


def test_mark_cannot_be_chosen_where_none_can_be_made(
    sides: HeldSides, ana: Any, settings: Any, console: Client
) -> None:
    settings.CONTACT_DELETIONS = "ask"
    delete(sides, "gohighlevel", ana)
    page = console.get(page_of(record("gohighlevel"))).content.decode()
    assert act_url(record("gohighlevel"), "leave-others") in page
    assert act_url(record("gohighlevel"), "mark-others") not in page


def test_viewer_cannot_decide(sides: HeldSides, ana: Any, settings: Any) -> None:
    settings.CONTACT_DELETIONS = "ask"
    delete(sides, "nowcerts", ana)
    assert clerk("view_contactmapping").post(act_url(record("nowcerts"), "leave-others")).status_code == 403
    assert record("nowcerts").is_question


@pytest.mark.parametrize("choice", ["never", "mark", "ask"])
def test_question_ends_when_the_record_is_there_again(sides: HeldSides, ana: Any, settings: Any, choice: str) -> None:
    settings.CONTACT_DELETIONS = choice
    contact = contact_there(sides)
    delete(sides, "gohighlevel", ana)
    sides.ghl.contacts[contact["id"]] = contact  # restored there
    sides.ghl.edit(contact["id"], city="Orlando")
    sides.settle()
    assert (record("gohighlevel").is_missing, record("gohighlevel").deletion, open_questions()) == (False, "", 0)
    assert ana["city"] == "Orlando"


@pytest.mark.parametrize("choice", ["mark", "ask"])
def test_merge_and_deletion_of_both_are_no_question(sides: HeldSides, ana: Any, settings: Any, choice: str) -> None:
    settings.CONTACT_DELETIONS = choice
    sides.muted = True
    survivor = sides.nowcerts.add_insured(eMail="ana@work.example", firstName="Ana", lastName="Ruiz")
    sides.muted = False
    sides.nowcerts.merge_insureds(survivor["id"], ana["id"])
    sides.settle()
    assert (open_questions(), marks(), contact_there(sides)["tags"]) == (0, [], ["vip"])
    sides.muted = True
    sides.ghl.delete_contact(contact_there(sides)["id"])
    sides.muted = False
    delete(sides, "nowcerts", survivor)
    asked = [row.provider for row in ContactMapping.objects.questions()]
    sides.nowcerts.insureds[survivor["id"]] = survivor
    assert (asked, sides.ghl.contacts) == ([] if choice == "mark" else ["nowcerts"], {})


def test_deletion_that_is_heard_again_after_the_answer_is_not_asked_about_again(
    sides: HeldSides, ana: Any, settings: Any
) -> None:
    settings.CONTACT_DELETIONS = "ask"
    sides.nowcerts.delete_insured(ana["id"])
    (hook,) = sides.hooks
    sides.settle()
    assert deletions.answer(record("nowcerts"), "left", cause=CAUSE)
    sides.deliver((hook[0], hook[1] | {"changeDate": "2026-12-24T10:00:00Z"}))
    repair.retry(OutgoingWrite.objects.filter(status="skipped"))
    sides.settle()
    assert (open_questions(), record("nowcerts").deletion) == (0, "left")
