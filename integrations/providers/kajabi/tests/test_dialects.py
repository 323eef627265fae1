"""Each dialect of Kajabi and its relays, read into exact events."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from integrations.contracts.events import (
    CompletedCourse,
    ContactReported,
    Event,
    FormSubmitted,
    MoneyMoved,
    OrderLine,
    OrderPlaced,
)
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.membership_events import (
    Buyer,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    OfferPurchased,
    PaymentFailed,
    PaymentSucceeded,
    PurchaseRefunded,
    SubscriptionCanceled,
    SubscriptionExpired,
    SubscriptionPaused,
    SubscriptionRenewed,
    SubscriptionResumed,
)
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.kajabi import memberships, webhooks
from integrations.providers.kajabi.provider import PROVIDER

RECEIVED = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)
SOLD = datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC)
RELAYED = Buyer(email="jane@example.com", first_name="Jane", last_name="Rivera", identities={"relay": "mem_1001"})
MEMBER = Buyer(email="jane@example.com", first_name="Jane", last_name="Rivera", identities={"member": "2148001001"})
CUSTOMER = Buyer(email="jane@example.com", first_name="Jane", last_name="Rivera", identities={"customer": "2148900001"})
NSSA = {"book": "relay", "offer_title": "NSSA Annual Membership"}
IN_APP: dict[str, Any] = {
    "book": "member",
    "offer_title": "NSSA Annual Membership",
    "billing": "subscription",
    "amount": 29900,
}
MADE = datetime(2026, 3, 2, 10, 29, 57, 120256, tzinfo=UTC)


def read(payload: Mapping[str, Any], received_at: datetime = RECEIVED) -> list[Event]:
    """Read a payload as the inbox does: the envelope, then the events."""
    envelope = webhooks.read(payload)
    return PROVIDER.parse(
        StoredWebhook(
            endpoint="relay",
            event_type=envelope.event_type,
            external_id=envelope.external_id,
            payload=payload,
            received_at=received_at,
        )
    )


@pytest.mark.parametrize(
    ("name", "event"),
    [
        (
            "offer.purchased__nssa_relay",
            OfferPurchased(occurred_at=RECEIVED, buyer=RELAYED, offers=("off_456",), **NSSA),
        ),
        (
            "member.subscription.canceled__nssa_relay",
            SubscriptionCanceled(occurred_at=RECEIVED, buyer=RELAYED, offers=("off_456",), **NSSA),
        ),
        (
            "member.subscription.renewed__nssa_relay",
            SubscriptionRenewed(occurred_at=RECEIVED, buyer=RELAYED, offers=("off_456",), **NSSA),
        ),
        (
            "member.subscription.expired__nssa_relay",
            SubscriptionExpired(occurred_at=RECEIVED, buyer=RELAYED, offers=("off_456",), **NSSA),
        ),
        (
            "purchase.created__leaps_relay",
            OfferPurchased(occurred_at=SOLD, buyer=RELAYED, offers=("off_456",), purchase_id="3100001", **NSSA),
        ),
        (
            "purchase.refunded__leaps_relay",
            PurchaseRefunded(
                occurred_at=datetime(2026, 3, 9, 7, 59, 30, tzinfo=UTC),
                buyer=RELAYED,
                offers=("off_456",),
                purchase_id="3100001",
                **NSSA,
            ),
        ),
        (
            "purchase.created__in_app",
            OfferPurchased(
                occurred_at=SOLD,
                buyer=MEMBER,
                offers=("2150456456",),
                transaction_id="2149700001",
                subscription_id="2147500001",
                interval=("year", 1),
                trial_days=0,
                quantity=1,
                **IN_APP,
            ),
        ),
        (
            "purchase.created__in_app_nested",
            OfferPurchased(
                occurred_at=SOLD, buyer=MEMBER, offers=("2150456456",), transaction_id="2149700001", **IN_APP
            ),
        ),
    ],
)
def test_fixture_becomes_exactly_its_event(fixture: Callable[[str], Any], name: str, event: Event) -> None:
    assert read(fixture(name)) == [event]


def test_native_purchase_reports_the_sale_and_the_customer(fixture: Any) -> None:
    sold, person = read(fixture("purchase__native"))
    assert sold == OfferPurchased(
        occurred_at=SOLD,
        buyer=CUSTOMER,
        book="customer",
        offers=("2150456456", "2147200001"),
        offer_title="NSSA Annual Membership",
        purchase_id="3100001",
        billing="subscription",
        amount=29900,
        quantity=1,
    )
    assert person == ContactReported(
        occurred_at=SOLD - timedelta(seconds=1),
        email="jane@example.com",
        identities={"customer": "2148900001", "contact": "2149000001"},
        fields={"first_name": "Jane", "last_name": "Rivera"},
    )


def test_relays_contact_is_read_with_everything_that_it_says(fixture: Any) -> None:
    assert read(fixture("contact.updated__leaps_relay")) == [
        ContactReported(
            occurred_at=RECEIVED,
            email="jane@example.com",
            aliases=("jane.rivera@example.com",),
            identities={"contact": "2149000001"},
            fields={
                "first_name": "Jane",
                "last_name": "Rivera-Diaz",
                "phone": "+1 207 555 0100",
                "city": "Portland",
            },
            custom_fields={"license": "ME-1042"},
            tags=("Annual members", "Newsletter"),
        )
    ]


def test_relays_form_is_read_with_its_answers(fixture: Any) -> None:
    payload = fixture("form.submitted__leaps_relay")
    submitted, person = read(payload)
    assert submitted == FormSubmitted(
        occurred_at=RECEIVED,
        external_id="sub_123",
        email="jane@example.com",
        form_id="form_123",
        form_title="Course Completion Form",
        answers=payload["data"]["submission"]["fields"],
        completed=CompletedCourse(
            course="AI Foundations for Educators",
            completed_on=date(2026, 3, 2),
            certificate_url="https://academy.example.com/certificates/2149800001",
            student_name="Jane Rivera",
        ),
    )
    assert person == ContactReported(
        occurred_at=RECEIVED, email="jane@example.com", fields={"first_name": "Jane", "last_name": "Rivera"}
    )


def test_native_order_reports_the_order_its_lines_and_its_payment(fixture: Any) -> None:
    person, order, money = read(fixture("order_created__native"))
    belongs = {"email": "jane@example.com", "identities": {"customer": "2148900001"}}
    assert person == ContactReported(
        occurred_at=SOLD - timedelta(seconds=1),
        email="jane@example.com",
        identities={"customer": "2148900001", "contact": "2149000001"},
        fields={"first_name": "Jane", "last_name": "Rivera"},
    )
    line = OrderLine(external_id="2150200001", title="NSSA Annual Membership", offer_id="2150456456", total=29900)
    assert order == OrderPlaced(
        occurred_at=SOLD, external_id="2150100001", number="1042", currency="USD", total=29900, lines=(line,), **belongs
    )
    assert money == MoneyMoved(
        occurred_at=SOLD,
        external_id="2149700001",
        kind="charge",
        state="succeeded",
        amount=29900,
        currency="USD",
        order_id="2150100001",
        **belongs,
    )


@pytest.mark.parametrize(("event", "added", "removed"), [("tag_added", 1, 0), ("tag_removed", 0, 1)])
def test_native_tag_reports_the_contact_and_the_tag(fixture: Any, event: str, added: int, removed: int) -> None:
    (person,) = read(fixture(f"{event}__native"), received_at=RECEIVED + timedelta(minutes=5))
    assert isinstance(person, ContactReported)
    assert person.occurred_at == RECEIVED, "as it changed last: deliveries overtake each other"
    assert (person.email, person.identities) == ("jane@example.com", {"contact": "2149000001"})
    assert (person.tags_added, person.tags_removed) == (("Annual members",) * added, ("Annual members",) * removed)
    assert person.fields["city"] == "Portland"
    assert person.fields["address_line_2"] is None


def test_payment_without_a_date_happened_when_its_version_1_uuid_was_made(fixture: Any) -> None:
    payload = fixture("payment.succeeded__in_app") | {"id": "5e1f0a80-1623-11f1-8000-0242ac120002"}
    (event,) = read(payload, received_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert isinstance(event, PaymentSucceeded)
    assert event.buyer == MEMBER
    assert event.offers == ("2150456456",)
    assert (event.purchase_id, event.transaction_id) == ("", "2149700001")
    assert event.occurred_at.date().isoformat() == "2026-03-02"
    assert event.occurred_at < datetime(2027, 1, 1, tzinfo=UTC)


def test_payment_whose_id_is_from_the_future_happened_when_it_came(fixture: Any) -> None:
    early = datetime(2020, 1, 1, tzinfo=UTC)
    (event,) = read(fixture("payment.succeeded__in_app"), received_at=early)
    assert event.occurred_at == early


@pytest.mark.parametrize(
    ("name", "key", "external_id"),
    [
        ("offer.purchased__nssa_relay", "nssa:evt_nssa_0001", "evt_nssa_0001"),
        ("purchase.created__leaps_relay", "leaps:evt_leaps_0001", "evt_leaps_0001"),
        (
            "purchase.created__in_app",
            "in-app:9f1f3c00-1622-11f1-8000-0242ac120002",
            "9f1f3c00-1622-11f1-8000-0242ac120002",
        ),
    ],
)
def test_senders_event_id_is_the_key_within_its_dialect(fixture: Any, name: str, key: str, external_id: str) -> None:
    envelope = webhooks.read(fixture(name))
    assert (envelope.key, envelope.external_id) == (key, external_id)


def test_native_id_names_a_resource_so_the_content_makes_the_key(fixture: Any) -> None:
    first, same, changed = (fixture("purchase__native") for _copy in range(3))
    changed["payload"][0]["attributes"]["deactivated_at"] = "2026-04-01T00:00:00Z"
    keys = [webhooks.read(payload).key for payload in (first, same, changed)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("native:purchase:3100001:")


def test_native_resources_are_found_by_their_type_not_their_place(fixture: Any) -> None:
    payload = fixture("purchase__native")
    payload["payload"].reverse()
    payload["payload"].insert(0, "something else")
    assert read(payload) == read(fixture("purchase__native"))


def test_native_purchase_with_an_effective_start_begins_then(fixture: Any) -> None:
    payload = fixture("purchase__native")
    payload["payload"][0]["attributes"]["effective_start_at"] = "2026-04-01T00:00:00Z"
    sold = read(payload)[0]
    assert (sold.occurred_at, sold.starts_at) == (SOLD, datetime(2026, 4, 1, tzinfo=UTC))


def test_native_purchase_without_a_customer_is_unmatched(fixture: Any) -> None:
    payload = fixture("purchase__native")
    payload["payload"].pop()
    with pytest.raises(Unmatched, match="names no e-mail"):
        read(payload)


@pytest.mark.parametrize("given", [0, "0"])
def test_id_zero_of_test_deliveries_is_an_offer_but_nobodys_identity(fixture: Any, given: Any) -> None:
    payload = fixture("payment.succeeded__in_app")
    payload["offer"]["id"] = payload["member"]["id"] = given
    (event,) = read(payload)
    assert (event.offers, event.buyer.identities) == (("0",), {})


@pytest.mark.parametrize(
    ("member", "names"),
    [
        ({"name": "Jane de la Rivera"}, ("Jane", "de la Rivera")),
        ({"name": "Jane"}, ("Jane", "")),
        ({"first_name": "Jane", "name": "Somebody Else"}, ("Jane", "")),
        ({}, ("", "")),
    ],
)
def test_name_in_one_piece_is_parted_at_its_first_space(
    relay: Any, member: dict[str, str], names: tuple[str, str]
) -> None:
    (event,) = read(relay(member={"email": "jane@example.com"} | member))
    assert (event.buyer.first_name, event.buyer.last_name) == names


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-02T10:29:58Z", SOLD),
        ("2026-03-02T05:29:58-05:00", SOLD),
        ("2026-03-02 10:29:58", SOLD),
        (1772447398, SOLD),
        (1772447398000, SOLD),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_date_is_read_in_any_of_the_forms_that_relays_use(relay: Any, written: Any, meant: datetime) -> None:
    assert read(relay(occurred_at=written))[0].occurred_at == meant


@pytest.mark.parametrize(
    "placed",
    [
        {"current_period_end": "2027-01-20T00:00:00Z"},
        {"subscription": {"current_period_end": "2027-01-20T00:00:00Z"}},
        {"subscription_end_date": "2027-01-20T00:00:00Z"},
        {"ends_at": "2027-01-19"},  # through that day
    ],
)
def test_stated_end_of_the_period_is_taken_over(relay: Any, placed: dict[str, Any]) -> None:
    (event,) = read(relay("member.subscription.canceled", **placed))
    assert event.period_end == datetime(2027, 1, 20, tzinfo=UTC)


def test_offer_comes_before_its_product(relay: Any) -> None:
    assert read(relay(product={"id": "prod_1"}))[0].offers == ("off_456", "prod_1")


@pytest.mark.parametrize(
    "payload", [{}, {"id": "1"}, {"type": ""}, {"type": {}}, {"event_type": 1.5, "type": "x"} | {"event_type": None}]
)
def test_payload_without_a_type_is_unreadable(payload: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="no event type"):
        webhooks.read(payload)


def test_every_handled_type_is_told_apart_from_the_ignored() -> None:
    assert PROVIDER.handled == memberships.TYPES.keys() | {
        *("offer.purchased", "purchase.created", "purchase", "payment.succeeded", "purchase.refunded"),
        *("member.subscription.canceled", "member.subscription.renewed", "member.subscription.expired"),
        *("payment_succeeded", "order_created", "form_submission", "tag_added", "tag_removed"),
        *("contact.created", "contact.updated", "form.submitted"),
        *("progress", "progress.updated", "course.progress", "course_progress"),
        *("course.completed", "course_completed", "assessment.completed", "assessment_completed"),
    }
    assert not PROVIDER.handled & set(PROVIDER.ignored)


@pytest.mark.parametrize(
    ("name", "event_class"),
    [
        ("payment.failed", PaymentFailed),
        ("member.subscription.past_due", PaymentFailed),
        ("member.subscription.paused", SubscriptionPaused),
        ("member.subscription.resumed", SubscriptionResumed),
        ("member.subscription.cancelled", SubscriptionCanceled),
        ("dispute.opened", DisputeOpened),
        ("dispute.won", DisputeWon),
        ("dispute.closed", DisputeLost),
    ],
)
def test_relay_reports_what_kajabi_has_no_event_for(relay: Any, name: str, event_class: type[Event]) -> None:
    (event,) = read(relay(name))
    assert type(event) is event_class


def test_closed_dispute_is_won_or_lost_by_its_status(relay: Any) -> None:
    assert isinstance(read(relay("charge.dispute.closed", dispute={"status": "won"}))[0], DisputeWon)
    assert isinstance(read(relay("charge.dispute.closed", dispute={"status": "lost"}))[0], DisputeLost)


def test_relays_event_in_the_shape_of_a_hook_names_nobody() -> None:
    with pytest.raises(Unmatched, match="names no e-mail"):
        read({"event": "offer.purchased", "id": "1", "payload": []})


def test_hook_that_holds_no_list_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="list of resources"):
        read({"event": "purchase", "id": "1", "payload": {"email": "jane@example.com"}})
