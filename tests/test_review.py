"""Review: every kind of question in one list, decided by the topic's own actions, once, by whom it may."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.memberships.models import Plan, PlanOffer, Subscription, SubscriptionFact
from accounts.people.lookup import ANOTHER_MEMBER
from accounts.people.models import Contact, ContactMapping, PossibleDuplicate, User
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, signed_in
from accounts.tests.presses import queries_of
from core.console import attention, review
from core.console.review import SHOWN, Kind
from core.dates import NO_DATE
from integrations.contracts.reasons import AT_FIELD
from integrations.reconcile.models import SyncFinding, SyncRun
from tests.test_needs_attention import completion, deleted, duplicate, event, frozen, refused_value, unusable

pytestmark = pytest.mark.django_db
QUEUE = "/admin/review/"


@dataclass(frozen=True, kw_only=True)
class Case:
    """How a question of a kind comes to be, and a decision with its answers that closes it."""

    key: str
    make: Callable[[int], Any]
    decision: str
    answers: dict[str, Any] = field(default_factory=lambda: {"reason": "looked at it"})


def waiting(number: int) -> Any:
    return completion(number, state="received", email_received=f"c{number}@example.com", email=f"c{number}@example.com")


def doubtful(number: int) -> Any:
    learner = User.objects.get_or_create(email=f"learner{number}@example.com")[0]
    columns = {"source": f"certificate{number}", "state": "matched", "user": learner, "certificate_state": "refused"}
    return completion(number, certificate_url="https://example.com/c", certificate_checked_at=timezone.now(), **columns)


def question(number: int) -> SubscriptionFact:
    user = User.objects.create_user(f"asked{number}@example.com")
    plan = Plan.objects.get_or_create(code="gold", defaults={"name": "Gold"})[0]
    return SubscriptionFact.objects.create(
        subscription=Subscription.objects.create(user=user, plan=plan, status="active"),
        key="1",
        kind="purchased",
        occurred_at=timezone.now(),
        question="which_purchase",
        cause="test",
    )


def finding(number: int, kind: str = "status") -> SyncFinding:
    run = SyncRun.objects.filter(kind="audit").first() or SyncRun.objects.create(
        provider="kajabi", kind="audit", status="done", cause="test"
    )
    return SyncFinding.objects.create(
        run=run, key=str(number), kind=kind, remedy="look", person=f"f{number}@example.com"
    )


def deleted_elsewhere(number: int) -> Any:
    mapping = deleted(number)
    ContactMapping.objects.create(
        contact=mapping.contact, provider="gohighlevel", kind="contact", external_id=str(number)
    )
    return mapping


CASES = [
    Case(
        key="unmatched_events",
        make=lambda n: event(n, status="unmatched", person_email=f"p{n}@example.com"),
        decision="ignore",
    ),
    Case(
        key="repeated_ids",
        make=lambda n: event(
            n,
            key=f"i{n}",
            status="unmatched",
            person_email=f"i{n}@example.com",
            reason=ANOTHER_MEMBER(known="a", named="b"),
        ),
        decision="ignore",
    ),
    Case(
        key="unreadable_dates",
        make=lambda n: event(
            n,
            key=f"d{n}",
            status="unmatched",
            person_email=f"d{n}@example.com",
            reason=AT_FIELD(field="date", problem=NO_DATE(text="x")),
        ),
        decision="ignore",
    ),
    Case(
        key="membership_questions",
        make=question,
        decision="decide",
        answers={"answer": "as-it-is", "reason": "looked at it"},
    ),
    Case(key="waiting_completions", make=waiting, decision="dismiss"),
    Case(key="certificates_in_doubt", make=doubtful, decision="accept-certificate"),
    Case(key="possible_duplicates", make=duplicate, decision="keep-apart"),
    Case(key="deleted_records", make=deleted_elsewhere, decision="leave-others"),
    Case(key="frozen_values", make=frozen, decision="release"),
    Case(key="unusable_values", make=unusable, decision="leave-out"),
    Case(key="refused_values", make=refused_value, decision="leave-out"),
    Case(key="differences", make=finding, decision="set-aside"),
]
every_kind = pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def member_of(role: str) -> Client:
    user = User.objects.create_user(f"{role}@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    return signed_in(user)


def kind_of(key: str) -> Kind:
    return next(kind for kind in review.kinds() if kind.key == key)


def address(key: str, row: Any, **query: str) -> str:
    return reverse("admin:review_question", args=[key, row.pk], query=query or None)


def decide(client: Client, key: str, row: Any, decision: str, **answers: Any) -> Any:
    """Decide as a browser does on the question's page: with the address and the fields of its form there."""
    page = client.get(address(key, row)).context
    (form,) = (one for one in page["decisions"] if one["action"].name == decision)
    return client.post(form["url"], {"answered": "1", **answers}, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def listed(client: Client, **query: str) -> list[tuple[str, int]]:
    return [(one["entry"].kind.key, one["entry"].key) for one in client.get(QUEUE, query).context["entries"]]


# Each kind ------------------------------------------------------------------------------------------------------------


def test_every_kind_is_specified_and_its_item_on_the_home_page_counts_the_same_rows() -> None:
    kinds = {kind.key: kind for kind in review.kinds()}
    assert kinds.keys() == {case.key for case in CASES}
    for case in CASES:
        case.make(1)
    items = {item.key: item for ask in attention._sources for item in ask()}
    for key, kind in kinds.items():
        rows = items[key].rows
        assert rows is not None
        assert (set(kind.rows()), items[key].permission) == (set(rows), kind.permission), key


def test_letters_of_the_decisions_of_a_kind_are_different_and_leave_those_for_going_on() -> None:
    for kind in review.kinds():
        letters = [one.key for one in kind.decisions]
        assert len(set(letters)) == len(letters), kind.key
        assert not {"j", "k"} & set(letters), kind.key


@every_kind
def test_question_is_decided_on_its_page_and_the_next_one_opens(case: Case, console: Client, staff: Any) -> None:
    first, second = case.make(1), case.make(2)
    page = console.get(QUEUE, {"kind": case.key}).context
    assert [one["entry"].key for one in page["entries"]] == [first.pk, second.pk], "the oldest first"
    assert page["entries"][0]["is_here"]
    assert page["question"].title

    response = decide(console, case.key, first, case.decision, **case.answers)
    assert response.redirect_chain[-1][0] == address(case.key, second)
    assert not kind_of(case.key).rows().filter(pk=first.pk).exists()
    entry = AuditEntry.objects.filter(target_id=str(first.pk), actor=staff).latest("pk")
    assert entry.action.endswith(case.decision.replace("-", "_"))
    assert len(console.get(f"{QUEUE}decided/").context["lines"]) == 1


@every_kind
def test_question_that_somebody_else_decided_meanwhile_says_so_and_goes_on(case: Case, console: Client) -> None:
    row, second = case.make(1), case.make(2)
    colleague = member_of("operator")
    seen = console.get(address(case.key, row)).context
    (form,) = (one for one in seen["decisions"] if one["action"].name == case.decision)
    assert decide(colleague, case.key, row, case.decision, **case.answers).status_code == 200

    gone = ["operator@example.com decided this meanwhile. Here is the next one."]
    late = console.post(form["url"], {"answered": "1", **case.answers}, follow=True)
    assert (said(late), late.redirect_chain[-1][0]) == (gone, address(case.key, second))
    assert said(console.get(address(case.key, row), follow=True)) == gone
    assert (
        AuditEntry.objects.filter(target_id=str(row.pk), action__endswith=case.decision.replace("-", "_")).count() == 1
    )


@every_kind
def test_question_decided_at_the_same_moment_is_decided_once(
    case: Case, console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = case.make(1)
    stale = kind_of(case.key).open_row(row.pk)
    assert decide(member_of("operator"), case.key, row, case.decision, **case.answers).status_code == 200
    url = reverse("admin:review_decide", args=[case.key, row.pk, case.decision])
    monkeypatch.setattr(Kind, "open_row", lambda kind, key: stale)  # both had read it before either decided
    console.post(url, {"answered": "1", **case.answers})
    codes = AuditEntry.objects.filter(target_id=str(row.pk), action__endswith=case.decision.replace("-", "_"))
    # An answer about a membership is a fact beside the question: the same one twice ends in the same state.
    assert codes.count() == (2 if case.key == "membership_questions" else 1)


@every_kind
def test_page_says_before_a_decision_whether_it_can_be_undone(case: Case, console: Client) -> None:
    shown = console.get(address(case.key, case.make(1)))
    for one in shown.context["decisions"]:
        assert str(one["undo"]) in shown.content.decode().replace("&#x27;", "'")


def test_question_whose_cause_ended_by_itself_is_gone(console: Client) -> None:
    row = frozen(1)
    type(row).objects.filter(pk=row.pk).update(settled_at=timezone.now())
    assert said(console.get(address("frozen_values", row), follow=True)) == [
        "This question needs no decision any more. Here is the next one."
    ]
    assert b"No question is open." in console.get(QUEUE).content


# The list -------------------------------------------------------------------------------------------------------------


def test_who_paid_and_has_no_access_comes_before_everything_else(console: Client) -> None:
    pair, old = duplicate(1), event(1, status="unmatched")
    difference, without_access = finding(1), finding(2, "ended_here")
    paid = event(2, status="unmatched", reason="no plan for offer off_1 (Gold); map it to a plan, then retry")
    assert listed(console) == [
        ("unmatched_events", paid.pk),
        ("differences", without_access.pk),
        ("unmatched_events", old.pk),
        ("differences", difference.pk),
        ("possible_duplicates", pair.pk),
    ]


def test_list_names_only_kinds_that_occur_with_their_counts(console: Client) -> None:
    for number in range(3):
        duplicate(number)
    frozen(1)
    kinds = {one["key"]: one["shown"] for one in console.get(QUEUE).context["kinds"]}
    assert kinds == {"possible_duplicates": "3", "frozen_values": "1"}
    assert {key for key, _row in listed(console, kind="frozen_values")} == {"frozen_values"}
    assert len(listed(console, kind="no-such-kind")) == 4


def test_long_list_goes_on_after_its_last_question(console: Client) -> None:
    rows = [duplicate(number) for number in range(SHOWN + 2)]
    page = console.get(QUEUE, {"kind": "possible_duplicates"}).context
    assert len(page["entries"]) == SHOWN
    further = console.get(page["further_url"]).context
    assert [one["entry"].key for one in further["entries"]] == [row.pk for row in rows[SHOWN:]]
    last = console.get(page["entries"][-1]["url"]).context
    assert last["after_url"] == page["further_url"]
    assert further["first_url"] == f"{QUEUE}?kind=possible_duplicates"


@pytest.mark.parametrize("after", ["x", "1", "1.x", "-1.4", "9" * 40, f"1.{'9' * 40}", "99.1", "٣.٣"])
def test_place_that_is_none_begins_or_ends_the_list(after: str, console: Client) -> None:
    duplicate(1)
    assert console.get(QUEUE, {"after": after}).status_code == 200


@pytest.mark.parametrize(
    "path", ["no-such-kind/1/", f"possible_duplicates/{'9' * 30}/", "possible_duplicates/1/reset/"]
)
def test_address_that_names_no_question_is_answered(path: str, console: Client) -> None:
    expected = 302 if "999" in path else 404
    assert console.get(f"{QUEUE}{path}").status_code == expected


def test_home_page_leads_to_the_queue_with_the_kind_chosen(console: Client) -> None:
    first = duplicate(1)
    (item,) = console.get("/admin/").context["attention"]
    assert item.action_url == address("possible_duplicates", first)
    duplicate(2)
    (item,) = console.get("/admin/").context["attention"]
    assert item.action_url == f"{QUEUE}?kind=possible_duplicates"
    assert item.url == "/admin/accounts/possibleduplicate/?status__exact=open", "the list is one level deeper"
    assert item.url in console.get(item.action_url).content.decode()


def test_queue_costs_the_same_with_many_questions_of_every_kind(console: Client) -> None:
    for case in CASES:
        for number in range(12):
            case.make(number)
    for case in CASES:
        row = kind_of(case.key).rows().first()
        assert len(queries_of(console, address(case.key, row))) <= 12, case.key
    assert len(queries_of(console, QUEUE)) <= 12
    lists = [sql for sql in queries_of(console, QUEUE) if "counted_key" in sql or "entry_key" in sql]
    assert len(lists) == 2, "the counts, and the list"


def test_keys_that_are_turned_off_stay_so_from_question_to_question(console: Client) -> None:
    first, second = frozen(1), frozen(2)
    page = console.get(address("frozen_values", first)).context
    off = console.get(page["keys_url"])
    assert (page["has_keys"], off.context["has_keys"], b"<kbd>" in off.content) == (True, False, False)
    (release,) = off.context["decisions"]
    following = console.post(release["url"], {"answered": "1", "reason": "ours"}, follow=True)
    assert following.redirect_chain[-1][0] == address("frozen_values", second, keys="off")
    assert console.get(following.context["keys_url"]).context["has_keys"]


# Who decides ----------------------------------------------------------------------------------------------------------


def test_auditor_sees_every_question_and_decides_none() -> None:
    auditor = member_of("auditor")
    for case in CASES:
        row = case.make(1)
        shown = auditor.get(address(case.key, row))
        assert (shown.status_code, shown.context["decisions"]) == (200, []), case.key
        url = reverse("admin:review_decide", args=[case.key, row.pk, case.decision])
        assert auditor.post(url, {"answered": "1", **case.answers}).status_code == 403, case.key
        assert kind_of(case.key).rows().filter(pk=row.pk).exists()


def test_support_decides_what_the_role_may() -> None:
    support, row, pair = member_of("support"), waiting(1), duplicate(1)
    names = [one["action"].name for one in support.get(address("waiting_completions", row)).context["decisions"]]
    assert names == ["link"]
    assert support.get(address("possible_duplicates", pair)).context["decisions"] == []
    assert support.get(address("differences", finding(1))).status_code == 404


def test_who_may_see_no_kind_has_an_empty_queue() -> None:
    row = duplicate(1)
    nobody = clerk()
    assert nobody.get(QUEUE).context["entries"] == []
    assert nobody.get(address("possible_duplicates", row)).status_code == 404


def test_decision_that_does_not_apply_to_an_open_question_leaves_it(console: Client) -> None:
    row = deleted(1)  # with no record elsewhere that could be marked
    url = reverse("admin:review_decide", args=["deleted_records", row.pk, "mark-others"])
    answered = console.post(url, {"answered": "1", "reason": "x"}, follow=True)
    assert said(answered) == ["1 row was left as it is: this does not apply to it."]
    assert listed(console) == [("deleted_records", row.pk)]


def test_value_that_cannot_be_used_is_shown_with_its_reason_beside_what_is_here(console: Client) -> None:
    row = unusable(1)
    Contact.objects.filter(pk=row.contact_id).update(phone="+15551234567")
    shown = console.get(address("unusable_values", row)).context["question"]
    assert shown.facts == [("phone", "'12' is no telephone number")]
    assert ["–", "+15551234567"] in [[str(value) or "–" for value in values] for _label, values in shown.lines]


def test_decision_without_a_token_against_forgery_is_refused(staff: Any) -> None:
    browser, row = Client(enforce_csrf_checks=True), duplicate(1)
    browser.force_login(staff)
    url = reverse("admin:review_decide", args=["possible_duplicates", row.pk, "keep-apart"])
    assert browser.post(url, {"answered": "1", "reason": "x"}).status_code == 403


def test_decision_leads_back_to_this_site_only(console: Client) -> None:
    row = duplicate(1)
    url = reverse("admin:review_decide", args=["possible_duplicates", row.pk, "keep-apart"])
    response = console.post(f"{url}?back=https://evil.example/", {"answered": "1", "reason": "x"})
    assert response["Location"] == f"{QUEUE}?kind=possible_duplicates"


def test_decision_for_want_of_a_reason_asks_for_it_and_goes_on_then(console: Client) -> None:
    row, second = duplicate(1), duplicate(2)
    (_merge, apart) = console.get(address("possible_duplicates", row)).context["decisions"]
    assert console.post(apart["url"], {"answered": "1", "reason": " "}).status_code == 422
    response = console.post(apart["url"], {"answered": "1", "reason": "twins"}, follow=True)
    assert response.redirect_chain[-1][0] == address("possible_duplicates", second)


# Suggestions, rules, undo ---------------------------------------------------------------------------------------------


def pair_of(one: dict[str, Any], other: dict[str, Any]) -> PossibleDuplicate:
    first, second = (Contact.objects.create(**columns) for columns in (one, other))
    return PossibleDuplicate.objects.create(contact=first, other=second, other_name="x", reason="same number")


ANA = {"first_name": "Ana", "last_name": "Gil", "phone": "+15551234567"}


@pytest.mark.parametrize(
    ("other", "is_suggested"),
    [
        (ANA, True),
        (ANA | {"first_name": "ANA"}, True),
        (ANA | {"phone": "", "business_phone": ANA["phone"]}, True),
        (ANA | {"first_name": "Eva"}, False),
        (ANA | {"phone": "+15550000000"}, False),
        (ANA | {"phone": ""}, False),
    ],
)
def test_merge_is_suggested_for_one_name_with_one_number_only(
    other: dict[str, Any], is_suggested: bool, console: Client
) -> None:
    shown = console.get(address("possible_duplicates", pair_of(ANA, other)))
    assert (shown.context["question"].suggestion is not None) == is_suggested
    opened = [one["action"].name for one in shown.context["decisions"] if one["is_open"]]
    assert opened == (["merge"] if is_suggested else [])


def test_merge_of_two_logins_is_not_suggested(console: Client) -> None:
    users = [User.objects.create_user(f"{name}@example.com") for name in ("one", "other")]
    row = pair_of(ANA | {"user": users[0]}, ANA | {"user": users[1]})
    assert console.get(address("possible_duplicates", row)).context["question"].suggestion is None


def test_differences_of_the_two_sides_are_marked(console: Client) -> None:
    page = console.get(address("possible_duplicates", pair_of(ANA, ANA | {"city": "Quito"}))).content.decode()
    assert '<tr class="differs"><th scope="row">city</th><td>–</td><td>Quito</td></tr>' in page
    assert '<tr class="same"><th scope="row">first name</th><td>Ana</td><td>Ana</td></tr>' in page


def test_completion_of_a_mistyped_address_suggests_its_member_and_fills_in_the_form(console: Client) -> None:
    User.objects.create_user("jane.doe@example.com")
    row = completion(1, state="received", email_received="jane.doee@example.com", email="jane.doee@example.com")
    shown = console.get(address("waiting_completions", row))
    assert str(shown.context["question"].suggestion.reason) == "1 letter differs"
    assert 'value="jane.doe@example.com"' in shown.content.decode()
    response = decide(console, "waiting_completions", row, "link", member="jane.doe@example.com")
    assert said(response) == ["1 completion was linked."]


def test_name_alone_suggests_nobody_and_offers_the_choice(console: Client) -> None:
    User.objects.create_user("other@example.com", first_name="Jane", last_name="Doe")
    row = completion(1, state="received", email_received="x1@example.com", email="x1@example.com", name="Jane Doe")
    shown = console.get(address("waiting_completions", row))
    assert shown.context["question"].suggestion is None
    (choice,) = re.findall(r'href="([^"]+choose=link[^"]+)"', shown.content.decode())
    chosen = console.get(choice.replace("&amp;", "&"))
    assert 'value="other@example.com"' in chosen.content.decode()
    assert [one["action"].name for one in chosen.context["decisions"] if one["is_open"]] == ["link"]


def test_seats_without_people_are_asked_about_with_the_way_to_give_them_access(
    console: Client, process: Any, relay: Any, plan: Any
) -> None:
    bought = process(relay(quantity=3))
    assert bought.status == "processed"
    shown = console.get(QUEUE, {"kind": "membership_questions"})
    asked = SubscriptionFact.objects.get(question="seats")
    assert listed(console) == [("membership_questions", asked.pk)]
    assert reverse("admin:accounts_subscription_add") in shown.content.decode()
    assert ("seats: 3") in str(dict(shown.context["question"].facts)["stated terms"])
    response = decide(console, "membership_questions", asked, "decide", answer="as-it-is", reason="two colleagues")
    assert said(response) == ["1 question was answered."]
    assert listed(console) == []


def test_question_about_seats_ends_with_their_purchase(console: Client, process: Any, relay: Any, plan: Any) -> None:
    process(relay(quantity=3))
    assert [kind for kind, _key in listed(console)] == ["membership_questions"]
    process(relay("purchase.refunded", "evt_2"))
    assert listed(console) == []


@pytest.fixture
def purchase(process: Any, relay: Any, plan: Any) -> Any:
    return process(relay(offer={"id": "off_789", "name": "Coaching"}))


def test_plan_of_the_offers_name_is_suggested_and_the_rule_named_before_it_is_stored(
    console: Client, purchase: Any, drain: Any
) -> None:
    coaching = Plan.objects.create(code="coaching", name="coaching", period_months=1)
    shown = console.get(QUEUE).context
    assert shown["question"].title == "Which plan does the offer off_789 (Coaching) sell?"
    assert shown["question"].suggestion.answers == {"plan": coaching.pk}
    assert str(shown["question"].rules["choose-plan"].text) == (
        "the offer off_789 (Coaching) sells the plan that you choose: whoever buys it gets access."
    )
    decide(console, "unmatched_events", purchase, "choose-plan", plan=coaching.pk)
    assert PlanOffer.objects.get(external_id="off_789").plan == coaching
    assert listed(console) == [], "it is processed again"
    drain()
    purchase.refresh_from_db()
    assert purchase.status == "processed"


def test_two_plans_of_one_name_suggest_none(console: Client, purchase: Any) -> None:
    for code in ("one", "two"):
        Plan.objects.create(code=code, name="Coaching")
    assert console.get(QUEUE).context["question"].suggestion is None


def test_retry_shows_what_would_follow_and_leads_back_to_the_queue(console: Client, purchase: Any, drain: Any) -> None:
    following = event(2, status="unmatched", person_email="p2@example.com")
    page = console.get(address("unmatched_events", purchase)).context
    (retry,) = (one for one in page["decisions"] if one["action"].name == "retry")
    plan = console.post(retry["url"], {"answered": "1"}, follow=True)
    start = plan.context["start"]
    assert f'href="{plan.context["back"]}" class="closelink"' in plan.content.decode()
    sent = {name: start[name].value() for name in start.fields}
    done = console.post(plan.redirect_chain[-1][0], sent, follow=True)
    assert done.redirect_chain[-1][0] == address("unmatched_events", following)
    assert said(done) == ["1 event was queued again."]


def last_decision(client: Client) -> dict[str, Any]:
    line: dict[str, Any] = client.get(f"{QUEUE}decided/").context["lines"][0]
    return line


def test_two_people_become_a_question_again(console: Client) -> None:
    row = duplicate(1)
    decide(console, "possible_duplicates", row, "keep-apart", reason="twins")
    (button,) = last_decision(console)["buttons"]
    response = console.post(button["url"], {"answered": "1", "reason": "not twins"}, follow=True)
    assert said(response) == ["1 pair is a question again."]
    assert listed(console) == [("possible_duplicates", row.pk)]
    row.refresh_from_db()
    assert (row.status, row.decided_at, row.staff) == ("open", None, None)
    assert last_decision(console)["buttons"] == [], "it is open"


def test_linked_completion_is_taken_back(console: Client) -> None:
    User.objects.create_user("jane@example.com")
    row = waiting(1)
    decide(console, "waiting_completions", row, "link", member="jane@example.com")
    (button,) = last_decision(console)["buttons"]
    assert button["name"] == "reverse"
    console.post(button["url"], {"answered": "1", "reason": "wrong Jane"})
    row.refresh_from_db()
    assert row.state == "reversed"


def test_merge_says_that_it_cannot_be_undone(console: Client) -> None:
    row = pair_of(ANA, ANA)
    decide(console, "possible_duplicates", row, "merge", reason="one person")
    line = last_decision(console)
    assert (str(line["label"]), line["buttons"], str(line["undo"])) == ("Merge", [], "This cannot be undone.")


def test_decisions_of_others_are_shown_to_who_may_see_the_audit_log(console: Client) -> None:
    operator = member_of("operator")
    decide(console, "frozen_values", frozen(1), "release", reason="ours")
    decide(operator, "frozen_values", frozen(2), "release", reason="ours")
    assert len(console.get(f"{QUEUE}decided/").context["lines"]) == 2
    assert [line["staff"].email for line in operator.get(f"{QUEUE}decided/").context["lines"]] == [
        "operator@example.com"
    ]


def test_page_of_decisions_costs_few_queries(console: Client) -> None:
    for case in CASES:
        decide(console, case.key, case.make(1), case.decision, **case.answers)
    assert len(queries_of(console, f"{QUEUE}decided/")) <= 12
