"""A policy that overtakes its insured waits for it, and ends as processed, however the insured becomes known."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.commerce.models import Policy
from accounts.people.models import Contact
from core.cause import Cause
from integrations import registry
from integrations.contracts.exceptions import UnknownContact
from integrations.inbox import awaited
from integrations.inbox.models import InboxEvent
from integrations.reconcile import runs
from tests.harness.fake_sides import NOWCERTS_HOOK
from tests.harness.held_sides import HeldSides

INSURED = "6d4ab7e9-6c2b-4c4e-9f53-94c7a2a0a001"
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz"}
POLICY = {
    "event_type": "POLICY_INSERT",
    "data": {"policyDatabaseId": "p-1", "number": "POL-1", "lineOfBusinessName": "Auto", "insuredDatabaseId": INSURED},
}
REPORTED = {"event_type": "INSURED_INSERT", "data": {"insuredDatabaseId": INSURED, **ANA}}


def policy_events() -> list[tuple[str, str]]:
    rows = InboxEvent.objects.filter(event_type__startswith="POLICY").order_by("pk")
    return list(rows.values_list("status", "awaits"))


@pytest.fixture
def without_api(sides: HeldSides, settings: Any) -> HeldSides:
    """NowCerts reports by webhooks alone."""
    settings.NOWCERTS_USERNAME = settings.NOWCERTS_PASSWORD = ""
    sides.ghl.allows_duplicates = True
    return sides


@pytest.mark.django_db
@pytest.mark.parametrize("copies", [1, 2])
def test_policy_waits_for_its_insured_and_is_processed_when_it_is_reported(without_api: HeldSides, copies: int) -> None:
    sides = without_api
    for _copy in range(copies):
        sides.deliver((NOWCERTS_HOOK, POLICY))
        sides.drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.awaits, event.failures) == ("pending", INSURED, 0)
    assert f"waits for contact {INSURED}" in event.reason
    assert Policy.objects.count() == 0

    sides.deliver((NOWCERTS_HOOK, REPORTED))
    sides.drain()  # no time passes
    assert policy_events() == [("processed", "")]
    assert Policy.objects.get().contact.email == "ana@example.com"
    sides.settle()
    assert [one["name"] for one in sides.ghl.opportunities.values()] == ["Auto Policy - POL-1"]


@pytest.mark.django_db
def test_several_policies_wait_for_one_insured_and_others_stay(without_api: HeldSides) -> None:
    sides = without_api
    for number in range(3):
        data = POLICY["data"] | {"policyDatabaseId": f"p-{number}", "number": f"POL-{number}"}  # type: ignore[operator]
        sides.deliver((NOWCERTS_HOOK, {"event_type": "POLICY_INSERT", "data": data}))
    other = POLICY["data"] | {"policyDatabaseId": "p-9", "insuredDatabaseId": "another"}  # type: ignore[operator]
    sides.deliver((NOWCERTS_HOOK, {"event_type": "QUOTE_INSERT", "data": other}))
    sides.drain()
    sides.deliver((NOWCERTS_HOOK, REPORTED))
    sides.drain()
    assert policy_events() == [("processed", "")] * 3
    assert InboxEvent.objects.get(event_type="QUOTE_INSERT").awaits == "another"


@pytest.mark.django_db
def test_insured_that_never_comes_is_a_question_after_a_day_and_is_still_waited_for(without_api: HeldSides) -> None:
    sides = without_api
    sides.deliver((NOWCERTS_HOOK, POLICY))
    sides.drain()
    for _hour in range(24):
        sides.forward(timedelta(hours=1, minutes=1))
        sides.drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.attempts < 40) == ("unmatched", True)
    assert INSURED in event.reason

    sides.deliver((NOWCERTS_HOOK, REPORTED))
    sides.drain()
    event.refresh_from_db()
    assert (event.status, Policy.objects.count()) == ("processed", 1)


@pytest.mark.django_db
def test_insured_is_read_at_once_where_the_api_can_be_asked(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(number="POL-1", lineOfBusinessName="Auto", insuredDatabaseId=insured["id"])
    sides.hooks.reverse()  # the policy overtakes its insured
    first = sides.hooks.pop(0)
    sides.deliver(first)
    sides.drain()
    assert policy_events() == [("processed", "")]
    assert Contact.objects.get().email == "ana@example.com"


@pytest.mark.django_db
def test_insured_that_the_api_lists_later_is_found_by_asking_again(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(number="POL-1", lineOfBusinessName="Auto", insuredDatabaseId=insured["id"])
    hidden = sides.nowcerts.insureds.pop(insured["id"])
    policy_hook = sides.hooks[-1]
    sides.hooks.clear()
    sides.deliver(policy_hook)
    sides.drain()
    assert policy_events() == [("pending", insured["id"])]
    sides.nowcerts.insureds[insured["id"]] = hidden
    sides.forward(timedelta(seconds=11))
    sides.drain()
    assert policy_events() == [("processed", "")]


@pytest.mark.django_db
def test_insured_that_a_list_reports_wakes_the_policy(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(number="POL-1", lineOfBusinessName="Auto", insuredDatabaseId=insured["id"])
    hidden = sides.nowcerts.insureds.pop(insured["id"])
    sides.deliver(sides.hooks[-1])
    sides.hooks.clear()
    sides.drain()
    sides.nowcerts.insureds[insured["id"]] = hidden
    sides.muted = True
    runs.start(registry.provider("nowcerts"), cause=Cause(text="test"))
    sides.drain()
    assert policy_events() == [("processed", "")]


@pytest.mark.django_db
def test_insured_that_we_make_wakes_the_policy_that_names_its_id(sides: HeldSides, settings: Any) -> None:
    """The policy of an insured that our own write has just made is reported before the answer to that write is here."""
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz")
    sides.settle()
    (insured_id,) = sides.nowcerts.insureds
    mapping = Contact.objects.get().mappings.get(provider="nowcerts", kind="contact")
    mapping.delete()
    hidden = sides.nowcerts.insureds.pop(insured_id)
    data = POLICY["data"] | {"insuredDatabaseId": insured_id}  # type: ignore[operator]
    sides.nowcerts.add_policy(id="p-1", number="POL-1", insuredDatabaseId=insured_id)
    sides.hooks.clear()
    sides.deliver((NOWCERTS_HOOK, {"event_type": "POLICY_INSERT", "data": data | {"policyDatabaseId": None}}))
    sides.drain()
    assert policy_events() == [("pending", insured_id)]
    sides.nowcerts.insureds[insured_id] = hidden
    sides.ghl.edit(contact["id"], city="Miami")
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        sides.deliver(hook)
    sides.drain()
    assert policy_events() == [("processed", "")]


@pytest.mark.django_db(transaction=True)
def test_insured_that_is_stored_while_the_policy_looks_for_it_is_not_missed(
    committing_sides: HeldSides, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contact is committed after the policy's event looked for it, and before that stored that it waits."""
    sides = committing_sides
    settings.NOWCERTS_USERNAME = settings.NOWCERTS_PASSWORD = ""
    sides.deliver((NOWCERTS_HOOK, POLICY))
    store = awaited.wait_for_contact

    def report() -> None:
        sides.deliver((NOWCERTS_HOOK, REPORTED))
        from core.queue import runner

        runner.run(InboxEvent, InboxEvent.objects.get(event_type="INSURED_INSERT").pk, wake=False)
        connection.close()

    def between(event: InboxEvent, unknown: UnknownContact) -> bool:
        thread = threading.Thread(target=report)
        thread.start()
        thread.join(20)
        return store(event, unknown)

    monkeypatch.setattr("integrations.inbox.process.wait_for_contact", between)
    sides.drain()
    assert policy_events() == [("processed", INSURED)] or policy_events() == [("processed", "")]
