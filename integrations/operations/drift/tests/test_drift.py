"""Drift over stored events: learnt by the clock, told once as one issue, ended by itself, or accepted by staff."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.demo.marks import mark
from accounts.mail.models import EmailMessage
from accounts.privacy import prune
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, signed_in
from core.cause import Cause
from core.queue import runner
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox.models import InboxEvent
from integrations.issues import failed
from integrations.issues.models import Issue
from integrations.operations import issue_states
from integrations.operations.drift import drifts, sweep, texts
from integrations.operations.models import FieldDrift, LearntUntil, Notice, PayloadStructure

pytestmark = pytest.mark.django_db
Payload = dict[str, Any]
Change = Callable[[Payload], Any]
_numbers = count(1)


@pytest.fixture
def come(relay: Any, receive: Any) -> Callable[..., list[InboxEvent]]:
    """Receive events of the NSSA relay, each `changed`, and let the clock learn from them."""

    def send(
        number: int = 1, changed: Change = lambda payload: None, *, kind: str = "offer.purchased", learns: bool = True
    ) -> list[InboxEvent]:
        events = []
        for _time in range(number):
            key = next(_numbers)
            payload = relay(kind, f"evt_{key}", f"jane{key}@example.com", created_at="2026-05-12T10:00:00Z")
            payload = deepcopy(payload)
            changed(payload)
            events.append(receive(payload))
        if learns:
            sweep.sweep(seconds=60)
        return events

    return send


def renamed(payload: Payload) -> None:
    payload["member"]["e_mail_address"] = payload["member"].pop("email")


def removed(payload: Payload) -> None:
    del payload["member"]["email"]


def structured(payload: Payload) -> None:
    payload["offer"]["id"] = {"value": payload["offer"]["id"]}


def drift() -> FieldDrift:
    return FieldDrift.objects.get()


def questions() -> list[EmailMessage]:
    return [mail for mail in EmailMessage.objects.order_by("pk") if mail.context.get("question") == "drift"]


# What is told ---------------------------------------------------------------------------------------------------------


def test_vendor_that_renames_a_field_is_one_issue_with_an_example(come: Any, settings: Any) -> None:
    settings.SLACK_WEBHOOK_URL = "https://hooks.slack.example/x"
    come(30)
    assert not Issue.objects.filter(kind="drift").exists()
    first, *_rest = come(4, renamed)
    assert not Issue.objects.filter(kind="drift").exists(), "four may be a coincidence"
    come(1, renamed)
    come(9, renamed)

    issue = Issue.objects.get(kind="drift")
    assert (issue.provider, issue.type, issue.status) == ("kajabi", "offer.purchased", "open")
    row = drift()
    assert (row.issue, row.kind, row.path, row.place) == (issue, "moved", "member.email", "member.e_mail_address")
    assert (row.before, row.events_before, row.lost, row.of, row.event) == ("text", 30, 14, 14, first)
    assert (row.since, row.ended_at) == (first.received_at, None)
    (mail,) = questions()
    since = f"{first.received_at:%B} {first.received_at.day}"
    assert mail.context["details"] == [
        f"Kajabi: offer.purchased: the field member.email is missing since {since}, in 5 of the last 5 events. "
        f"member.e_mail_address is new. Example: event {first.pk}. It was a text in 30 events before."
    ]
    assert mail.context["admin_path"] == f"/admin/integrations/issue/{issue.pk}/change/"
    issue_states.follow()
    (notice,) = Notice.objects.filter(key__startswith=f"issue:{issue.pk}:")
    assert notice.text.startswith("ISSUE: Kajabi: offer.purchased: the field member.email is missing since")


def test_field_that_disappears_is_missing(come: Any) -> None:
    come(25)
    come(5, removed)
    row = drift()
    assert (row.kind, row.path, row.place, row.issue.cause) == ("missing", "member.email", "", "fields are missing")


def test_field_that_is_always_empty_now_is_missing(come: Any) -> None:
    come(25)
    come(5, lambda payload: payload["offer"].update(id=None))
    assert (drift().kind, drift().path) == ("missing", "offer.id")


def test_text_that_becomes_an_object_is_another_type(come: Any) -> None:
    come(25)
    come(5, structured)
    row = drift()
    assert (row.kind, row.path, row.before, row.now) == ("type", "offer.id", "text", "object")
    assert "the field offer.id is a group of fields since" in texts.sentence(row)


def test_object_that_becomes_a_text_names_itself(come: Any) -> None:
    come(25)
    come(5, lambda payload: payload.update(offer="off_456"))
    row = FieldDrift.objects.get(path="offer.id")
    assert (row.kind, row.place, row.now) == ("type", "offer", "text")
    assert "in 5 of the last 5 events. offer is a text." in texts.sentence(row)


def test_number_that_the_parser_reads_as_well_is_no_drift(come: Any) -> None:
    come(25)
    come(10, lambda payload: payload["member"].update(id=1001))
    assert not FieldDrift.objects.exists()


def test_other_spelling_that_the_parser_knows_is_no_drift(come: Any) -> None:
    come(25)

    def flat(payload: Payload) -> None:
        payload["member_email"] = payload["member"].pop("email")

    come(10, flat)
    assert not FieldDrift.objects.exists()


def test_optional_field_that_is_missing_raises_nothing(come: Any) -> None:
    come(3, lambda payload: payload.update(quantity=2))
    come(25)
    assert not FieldDrift.objects.exists()
    (structure,) = PayloadStructure.objects.all()
    assert structure.fields["quantity"]["missed"] == 25, "it is known, and known as optional"


def test_odd_event_raises_nothing(come: Any) -> None:
    come(25)
    come(1, removed)
    come(3)
    come(1, structured)
    assert not Issue.objects.filter(kind="drift").exists()


def test_whole_object_that_is_renamed_is_one_issue_with_its_fields(come: Any) -> None:
    come(25)
    come(6, lambda payload: payload.update(person=payload.pop("member")))
    issue = Issue.objects.get(kind="drift")
    places = dict(FieldDrift.objects.filter(issue=issue).values_list("path", "place"))
    assert places["member.email"] == "person.email"
    assert set(places) >= {"member.email", "member.id"}
    (mail,) = questions()
    assert len(mail.context["details"]) == len(places)


def test_types_of_events_are_learnt_apart_and_each_has_its_issue(come: Any) -> None:
    renewed = "member.subscription.renewed"
    come(25)
    come(25, kind=renewed)
    come(5, removed)
    assert [issue.type for issue in Issue.objects.filter(kind="drift")] == ["offer.purchased"]
    come(5, removed, kind=renewed)
    come(5, structured, kind=renewed)
    found = set(Issue.objects.filter(kind="drift").values_list("type", "cause"))
    assert found == {
        ("offer.purchased", "fields are missing"),
        (renewed, "fields are missing"),
        (renewed, "fields have another type"),
    }
    assert len(questions()) == 3


def test_dialects_of_one_type_are_learnt_apart(come: Any, receive: Any, fixture: Any) -> None:
    def leaps(change: Change = lambda payload: None) -> None:
        payload = fixture("purchase.created__leaps_relay")
        payload["event_id"] = f"evt_{next(_numbers)}"
        change(payload)
        receive(payload)

    def in_app() -> None:
        receive(fixture("purchase.created__in_app") | {"id": f"hook_{next(_numbers)}"})

    for _time in range(25):
        leaps()
        in_app()
    sweep.sweep(seconds=60)
    assert PayloadStructure.objects.filter(event_type="purchase.created").count() == 2

    def without_person(payload: Payload) -> None:
        payload["data"]["member"].pop("email")

    for _time in range(6):
        leaps(without_person)
        in_app()
    sweep.sweep(seconds=60)
    assert drift().path == "data.member.email"
    assert drift().structure.dialect == "leaps"


# How it ends ----------------------------------------------------------------------------------------------------------


def test_issue_ends_by_itself_when_the_field_is_back_and_opens_again(come: Any) -> None:
    come(25)
    come(6, removed)
    issue = Issue.objects.get(kind="drift")
    issue_states.follow()
    issue.refresh_from_db()
    assert issue.status == "open"
    *_four, last = come(5)
    assert drift().ended_at == last.received_at
    issue_states.follow()
    issue.refresh_from_db()
    assert issue.status == "resolved"

    come(5, removed)
    issue.refresh_from_db()
    assert issue.status == "open"
    assert FieldDrift.objects.count() == 2
    assert len(questions()) == 2


def test_field_that_comes_and_goes_does_not_fill_the_table(come: Any) -> None:
    come(25)
    for _time in range(8):
        come(5, removed, learns=False)
        come(5)
    assert FieldDrift.objects.filter(path="member.email").count() <= drifts.MOST_ENDED


def test_ignored_issue_stays_silent_while_events_are_counted(come: Any, staff: Any) -> None:
    come(25)
    come(5, removed)
    issue = Issue.objects.get(kind="drift")
    failed.decide(issue, Issue.Status.IGNORED, cause=Cause.by_staff(staff, "known"))
    come(5, removed)
    issue.refresh_from_db()
    assert (issue.status, issue.failures, drift().lost, len(questions())) == ("ignored", 10, 10, 1)


def test_accepted_structure_is_learnt_anew(come: Any, staff: Any) -> None:
    come(25)
    come(5, structured)
    issue = Issue.objects.get(kind="drift")
    assert drifts.accept(issue, cause=Cause.by_staff(staff, "they told us"))
    assert not drifts.accept(issue, cause=Cause.by_staff(staff, "twice"))
    issue.refresh_from_db()
    assert (issue.status, issue.reason, drift().is_accepted) == ("resolved", "they told us", True)
    assert "offer.id" not in PayloadStructure.objects.get().fields
    come(10, structured)
    issue.refresh_from_db()
    assert issue.status == "resolved", "nothing opens it again"
    come(25)
    come(5, removed)
    assert FieldDrift.objects.filter(path="offer.id").count() == 1
    assert FieldDrift.objects.filter(path="member.email", ended_at=None).exists()


# What teaches ---------------------------------------------------------------------------------------------------------


def test_tests_samples_and_unreadable_bodies_teach_nothing(post: Any, fixture: Any) -> None:
    post(fixture("test__nssa_relay"))
    post({"type": TEST_EVENT, "id": "evt_test"})
    post({"type": "of no type that is known", "id": "evt_9"})
    post(b'{"type": "offer.purchased",')
    sweep.sweep()
    assert InboxEvent.objects.count() == 4
    assert not PayloadStructure.objects.exists()


def test_event_of_the_demo_teaches_nothing(come: Any) -> None:
    mark(come(1, learns=False))
    sweep.sweep()
    assert not PayloadStructure.objects.exists()
    assert LearntUntil.objects.get(provider="kajabi").event_id == InboxEvent.objects.get().pk


def test_replayed_event_teaches_once(come: Any, drain: Any) -> None:
    (event,) = come(1)
    drain()
    event.refresh_from_db()
    event.requeue(reason="")
    drain()
    sweep.sweep()
    assert PayloadStructure.objects.get().events == 1


def test_event_whose_contents_were_removed_teaches_nothing(come: Any) -> None:
    come(1, learns=False)
    InboxEvent.objects.update(payload=None, pruned_at=timezone.now())
    sweep.sweep()
    assert not PayloadStructure.objects.exists()


def test_stored_history_teaches_at_first_up_to_a_limit(come: Any, monkeypatch: Any) -> None:
    come(12, learns=False)
    monkeypatch.setattr(sweep, "NEWEST", 10)
    monkeypatch.setattr(sweep, "BATCH", 3)
    sweep.sweep(seconds=60)
    assert PayloadStructure.objects.get().events == 10
    sweep.sweep(seconds=60)
    assert PayloadStructure.objects.get().events == 10


def test_parser_that_breaks_stops_no_other_event(come: Any, monkeypatch: Any, caplog: Any) -> None:
    come(3, learns=False)
    really, asked = sweep.types_of, count()

    def breaking(payload: Payload) -> Any:
        if next(asked) == 1:
            raise ZeroDivisionError("jane@example.com")
        return really(payload)

    monkeypatch.setattr(sweep, "types_of", breaking)
    sweep.sweep(seconds=60)
    assert PayloadStructure.objects.get().events == 2
    assert "ZeroDivisionError" in caplog.text
    assert "jane@example.com" not in caplog.text


def test_only_paths_types_and_counts_are_stored(come: Any, receive: Any, relay: Any) -> None:
    come(25)
    hostile = {f"jane{n}@example.com": "secret-value" for n in range(50)} | {"+13055550100": "Rivera"}
    for _time in range(6):
        payload = relay("offer.purchased", f"evt_{next(_numbers)}", custom_fields=hostile, **{"Jane Rivera": "x"})
        receive(payload | {"member": hostile})
    sweep.sweep(seconds=60)
    assert FieldDrift.objects.exists()
    stored = json.dumps([list(PayloadStructure.objects.values_list("fields", flat=True)), str(list(
        FieldDrift.objects.values_list("path", "place", "before", "now")))])  # fmt: skip
    for value in ("example.com", "Jane", "Rivera", "secret-value", "3055550100", "off_456", "NSSA Annual"):
        assert value not in stored


def test_payload_of_thousands_of_fields_neither_teaches_nor_grows_a_row(come: Any, receive: Any, relay: Any) -> None:
    come(1)
    before = len(json.dumps(PayloadStructure.objects.get().fields))
    letters = "abcdefghijklmnopqrstuvwxyz"
    receive(relay(event_id="evt_big", custom_fields={a + b: "x" for a in letters for b in letters}))
    sweep.sweep(seconds=60)
    assert PayloadStructure.objects.get().events == 1
    assert len(json.dumps(PayloadStructure.objects.get().fields)) == before


# Faults ---------------------------------------------------------------------------------------------------------------


def test_sweep_that_is_killed_before_its_commit_goes_on_where_it_was(come: Any, monkeypatch: Any) -> None:
    come(25)
    come(6, removed, learns=False)
    really = drifts.follow

    def dying(*arguments: Any) -> None:
        really(*arguments)
        raise SystemExit

    monkeypatch.setattr(drifts, "follow", dying)
    with pytest.raises(SystemExit):
        sweep.sweep()
    assert not FieldDrift.objects.exists()
    assert not questions()
    assert PayloadStructure.objects.get().events == 25
    monkeypatch.setattr(drifts, "follow", really)
    sweep.sweep()
    assert (PayloadStructure.objects.get().events, drift().lost, len(questions())) == (31, 6, 1)


def test_sweep_without_time_stores_what_it_looked_at_and_the_next_goes_on(come: Any, monkeypatch: Any) -> None:
    come(6, learns=False)
    really, now = sweep.types_of, [0.0]

    def slow(payload: Payload) -> Any:
        now[0] += 1
        return really(payload)

    monkeypatch.setattr(sweep, "types_of", slow)
    monkeypatch.setattr(sweep.time, "monotonic", lambda: now[0])
    sweep.sweep(seconds=8)  # two for each provider
    assert PayloadStructure.objects.get().events == 2
    monkeypatch.undo()
    sweep.sweep(seconds=60)
    assert PayloadStructure.objects.get().events == 6


def test_second_sweep_of_the_same_events_is_dropped(come: Any, monkeypatch: Any) -> None:
    come(25)
    come(6, removed, learns=False)
    really = sweep._store

    def overtaken(*arguments: Any, **options: Any) -> bool:
        monkeypatch.setattr(sweep, "_store", really)
        sweep.sweep(seconds=60)  # another process does the whole batch meanwhile
        return really(*arguments, **options)

    monkeypatch.setattr(sweep, "_store", overtaken)
    sweep.sweep(seconds=60)
    assert (PayloadStructure.objects.get().events, drift().lost, len(questions())) == (31, 6, 1)


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_count_each_event_once(come: Any, at_once: Any) -> None:
    come(25)
    come(8, removed, learns=False)
    at_once([lambda: sweep.sweep(seconds=60)] * 4)
    sweep.sweep(seconds=60)
    assert (PayloadStructure.objects.get().events, drift().lost, len(questions())) == (33, 8, 1)


def test_processing_an_event_asks_nothing_of_the_structures(come: Any) -> None:
    come(25)
    (event,) = come(1, removed, learns=False)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        runner.run(InboxEvent, event.pk)
    tables = [model._meta.db_table for model in (PayloadStructure, LearntUntil, FieldDrift)]
    assert not [one["sql"] for one in asked if any(table in one["sql"] for table in tables)]


def test_sweep_with_nothing_to_do_takes_few_statements(
    come: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    come(5)
    with django_assert_max_num_queries(12):  # three for each provider
        sweep.sweep()


def test_batch_takes_as_many_statements_for_forty_events_as_for_four(come: Any) -> None:
    come(30)
    taken = []
    for number in (4, 40):
        come(number, learns=False)
        with CaptureQueriesContext(connection) as asked:
            sweep.sweep(seconds=60)
        taken.append(len(asked))
    assert taken[0] == taken[1]


# Console --------------------------------------------------------------------------------------------------------------


def page(client: Any, path: str, language: str = "en") -> str:
    answer = client.get(path, headers={"accept-language": language})
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("language", "texts_of_page"),
    [
        (
            "en",
            ["fields have another type", "in 25 events", "a group of fields", "6 of 6", "Accept the new structure",
             "changed structure of events", "the field offer.id is a group of fields since"],
        ),
        (
            "es",
            ["hay campos de otro tipo", "en 25 eventos", "un grupo de campos", "6 de 6", "Aceptar la nueva estructura",
             "estructura de eventos cambiada", "el campo offer.id es un grupo de campos desde el"],
        ),
    ],
)  # fmt: skip
def test_page_of_the_issue_shows_field_before_now_since_and_example(
    come: Any, staff: Any, language: str, texts_of_page: list[str]
) -> None:
    come(25)
    first, *_rest = come(6, structured)
    issue = Issue.objects.get(kind="drift")
    shown = page(signed_in(staff), f"/admin/integrations/issue/{issue.pk}/change/", language)
    for text in texts_of_page:
        assert text in shown, text
    assert f'<a href="/admin/integrations/inboxevent/{first.pk}/change/">{first.pk}</a>' in shown
    assert "offer.id" in shown


def test_list_is_filtered_by_the_kind(come: Any, staff: Any) -> None:
    come(25)
    come(6, structured)
    other = InboxEvent.objects.create(provider="kajabi", key="k", body=b"", event_type="x", finished_at=timezone.now())
    failed.note_event(other, "broken")
    client = signed_in(staff)
    listed = page(client, "/admin/integrations/issue/?kind__exact=drift")
    assert "fields have another type" in listed
    assert "broken" not in listed
    assert "?kind__exact=drift" in page(client, "/admin/integrations/issue/")


def test_staff_accept_with_a_reason_which_the_audit_log_has(come: Any, staff: Any) -> None:
    come(25)
    come(6, structured)
    issue = Issue.objects.get(kind="drift")
    address = f"/admin/integrations/issue/{issue.pk}/act/accept/"
    client = signed_in(staff)
    assert "learnt anew" in page(client, address)
    assert clerk("view_issue").post(address, {"answered": "yes", "reason": "x"}).status_code == 403
    client.post(address, {"answered": "yes", "reason": "they told us"})
    issue.refresh_from_db()
    assert (issue.status, issue.reason, issue.staff) == ("resolved", "they told us", staff)
    assert AuditEntry.objects.filter(action__endswith="accept").exists()
    assert "accepted as right" in page(client, f"/admin/integrations/issue/{issue.pk}/change/")


def test_page_of_many_fields_takes_few_queries(
    come: Any, staff: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    come(25)
    come(6, lambda payload: (payload.pop("member"), payload.pop("offer")))
    assert FieldDrift.objects.count() > 3
    client = signed_in(staff)
    issue = Issue.objects.get(kind="drift")
    with django_assert_max_num_queries(12):
        client.get(f"/admin/integrations/issue/{issue.pk}/change/")


def test_issue_goes_with_its_fields_when_its_time_is_over(come: Any) -> None:
    come(25)
    come(6, removed)
    come(5)
    issue_states.follow()
    Issue.objects.update(last_seen_at=timezone.now() - timedelta(days=4000))
    prune.prune()
    assert not Issue.objects.filter(kind="drift").exists()
    assert not FieldDrift.objects.exists()
    assert PayloadStructure.objects.exists()
