"""IDs that two people claim, and dates in doubt: both sides, what is suggested, the decision, and how it ends."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from accounts.memberships.models import Subscription
from accounts.people.models import Contact, ContactMapping, User
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import signed_in
from integrations.inbox import claims
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db
JANE, BOB = "jane@example.com", "bob@example.com"


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def person(external_id: str, email: str, **names: str) -> dict[str, str]:
    return {"id": external_id, "email": email, **names}


@pytest.fixture
def bought(process: Any, relay: Any, plan: Any) -> Callable[..., InboxEvent]:
    def buy(number: int, **who: str) -> InboxEvent:
        event: InboxEvent = process(relay("offer.purchased", f"evt_{number}", member=person(**who)))  # type: ignore[arg-type]
        return event

    return buy


@pytest.fixture
def claimed(bought: Any) -> InboxEvent:
    """Return a purchase with the id of Jane and the address of Bob."""
    bought(1, external_id="mem_1", email=JANE, first_name="Jane", last_name="Doe")
    bought(2, external_id="mem_2", email=BOB, first_name="Bob", last_name="Roe")
    event: InboxEvent = bought(3, external_id="mem_1", email=BOB, first_name="Bob", last_name="Roe")
    return event


def shown(console: Client, kind: str, event: InboxEvent) -> Any:
    return console.get(reverse("admin:review_question", args=[kind, event.pk])).context


def decide(console: Client, event: InboxEvent, **answers: Any) -> list[str]:
    url = reverse("admin:review_decide", args=["repeated_ids", event.pk, "choose-member"])
    response = console.post(url, {"answered": "1", "reason": "asked them", **answers}, follow=True)
    return [str(message) for message in response.context["messages"]]


def ids_of(email: str) -> dict[str, bool]:
    rows = ContactMapping.objects.filter(contact__user__email=email, provider="kajabi")
    return dict(rows.values_list("external_id", "is_main"))


def test_id_of_one_member_with_the_address_of_another_shows_both_and_suggests_whose_name_it_is(
    console: Client, claimed: InboxEvent
) -> None:
    question = shown(console, "repeated_ids", claimed)["question"]
    lines = {str(label): [str(value) for value in values] for label, values in question.lines}
    assert lines["e-mail"] == [BOB, BOB, JANE]
    assert lines["name"] == ["Bob Roe", "Bob Roe", "Jane Doe"]
    assert lines["Kajabi relay"] == ["mem_1", "mem_2", "mem_1"]
    bob = User.objects.get(email=BOB)
    assert (question.suggestion.action, question.suggestion.answers) == ("choose-member", {"member": bob.pk})
    assert "merge them" in str(question.why)


def test_id_is_given_to_the_member_and_the_event_is_processed(
    console: Client, claimed: InboxEvent, drain: Any, staff: User
) -> None:
    bob = User.objects.get(email=BOB)
    before = Subscription.objects.get(user=bob).facts.count()
    assert decide(console, claimed, member=bob.pk) == [f"The ID belongs to {BOB}. 1 event was queued again."]
    drain()
    claimed.refresh_from_db()
    assert (claimed.status, ids_of(BOB), ids_of(JANE)) == ("processed", {"mem_2": False, "mem_1": True}, {})
    assert Subscription.objects.get(user=bob).facts.count() == before + 1
    assert AuditEntry.objects.get(action__endswith="choose_member").actor == staff


def test_member_who_has_the_id_but_not_the_address_cannot_be_chosen(console: Client, claimed: InboxEvent) -> None:
    jane = User.objects.get(email=JANE)
    url = reverse("admin:review_decide", args=["repeated_ids", claimed.pk, "choose-member"])
    assert console.post(url, {"answered": "1", "reason": "x", "member": jane.pk}).status_code == 422
    with pytest.raises(LookupError):
        claims.give_ids(claimed, jane)
    assert (ids_of(BOB), ids_of(JANE)) == ({"mem_2": True}, {"mem_1": True})


def test_second_id_of_one_address_is_given_beside_the_first(console: Client, bought: Any, drain: Any) -> None:
    bought(1, external_id="mem_1", email=JANE, first_name="Jane", last_name="Doe")
    event = bought(2, external_id="mem_9", email=JANE, first_name="JANE", last_name="DOE")
    again = bought(3, external_id="mem_9", email=JANE)
    jane = User.objects.get(email=JANE)
    assert shown(console, "repeated_ids", event)["question"].suggestion.answers == {"member": jane.pk}
    assert decide(console, event, member=jane.pk) == [f"The ID belongs to {JANE}. 2 events were queued again."]
    drain()
    again.refresh_from_db()
    assert (again.status, ids_of(JANE)) == ("processed", {"mem_1": False, "mem_9": True})
    assert bought(4, external_id="mem_1", email=JANE).status == "processed", "both ids are hers"


def test_another_name_suggests_nobody(console: Client, bought: Any) -> None:
    bought(1, external_id="mem_1", email=JANE, first_name="Jane", last_name="Doe")
    event = bought(2, external_id="mem_9", email=JANE, first_name="Juan", last_name="Doe")
    assert shown(console, "repeated_ids", event)["question"].suggestion is None


def test_id_that_was_given_meanwhile_is_not_given_twice(console: Client, claimed: InboxEvent) -> None:
    bob = User.objects.get(email=BOB)
    assert claims.give_ids(claimed, bob) == 1
    with pytest.raises(LookupError):
        claims.give_ids(claimed, bob)
    assert decide(console, claimed, member=bob.pk) == [
        "This question needs no decision any more. Here is the next one."
    ]


@pytest.mark.parametrize("settled", ["removed", "moved"])
def test_conflict_that_ended_otherwise_is_processed_by_the_clock(settled: str, claimed: InboxEvent, drain: Any) -> None:
    assert claims.retry_settled() == 0, "it stands"
    if settled == "removed":
        ContactMapping.objects.filter(external_id="mem_1").delete()
        ContactMapping.objects.filter(external_id="mem_2").delete()
    else:
        bob = Contact.objects.get(email=BOB)
        ContactMapping.objects.filter(external_id="mem_1").update(contact=bob, is_main=False)
    assert claims.retry_settled() == 1
    drain()
    claimed.refresh_from_db()
    assert claimed.status == "processed"


def test_hostile_names_in_a_claim_are_shown_as_text(console: Client, bought: Any) -> None:
    bought(1, external_id="mem_1", email=JANE)
    event = bought(2, external_id="<b>mem</b>", email=JANE, first_name="<script>x</script>")
    page = console.get(reverse("admin:review_question", args=["repeated_ids", event.pk])).content.decode()
    assert "<b>mem</b>" not in page
    assert "<script>x" not in page
    assert "&lt;b&gt;mem&lt;/b&gt;" in page


def test_event_without_its_payload_says_what_its_reason_has(console: Client, claimed: InboxEvent) -> None:
    InboxEvent.objects.filter(pk=claimed.pk).update(payload=None)
    context = shown(console, "repeated_ids", claimed)
    assert (["known", [JANE]] in [[label, values] for label, values in context["question"].lines]) is True
    assert "choose-member" not in [one["action"].name for one in context["decisions"]]


@pytest.mark.django_db(transaction=True)
def test_two_staff_who_give_the_id_at_once_decide_it_once(claimed: InboxEvent, at_once: Any) -> None:
    bob = User.objects.get(email=BOB)

    def give() -> int:
        try:
            return claims.give_ids(InboxEvent.objects.get(pk=claimed.pk), bob)
        except LookupError:
            return 0
        finally:
            connections.close_all()

    assert sorted(at_once([give, give])) == [0, 1]
    assert ids_of(JANE) == {}


# Dates ----------------------------------------------------------------------------------------------------------------


def dated(process: Any, relay: Any, text: str) -> InboxEvent:
    event: InboxEvent = process(
        relay(
            "member.subscription.renewed", "evt_d", current_period_end=text, member=person("mem_d", "dan@example.com")
        )
    )
    return event


@pytest.mark.parametrize(
    ("text", "read", "is_suggested"),
    [("31/03/2031", "31 March 2031", True), ("03/04/2031", "", False), ("soon", "", False)],
)
def test_date_in_doubt_is_shown_beside_what_was_read(
    text: str, read: str, is_suggested: bool, console: Client, process: Any, relay: Any, plan: Any
) -> None:
    event = dated(process, relay, text)
    assert event.status == "unmatched"
    context = shown(console, "unreadable_dates", event)
    ((_label, values),) = context["question"].lines
    assert [str(value) for value in values] == [text, read]
    assert (context["question"].suggestion is not None) == is_suggested
    assert any("access to" in str(label) for label, _value in context["question"].facts)


def test_each_unmatched_event_is_one_kind_of_question(
    console: Client, claimed: InboxEvent, process: Any, relay: Any
) -> None:
    odd = dated(process, relay, "soon")
    offer = process(relay("offer.purchased", "evt_o", offer={"id": "off_x"}))
    for asks, event in {"ids": claimed, "dates": odd, "rest": offer}.items():
        changelist = console.get("/admin/integrations/inboxevent/", {"asks": asks}).context["cl"]
        assert [row.pk for row in changelist.result_list] == [event.pk], asks
