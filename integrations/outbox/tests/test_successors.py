"""A record that was deleted or merged at its provider: its successor there is found, reported or not, and followed in
both directions. What proves nothing is a question; where nobody is found, nothing is written and nothing has failed.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.people import contact_duplicates, outbound
from accounts.people.models import Contact, ContactMapping, PossibleDuplicate
from core.cause import Cause
from integrations import registry
from integrations.contracts.events import ContactGone
from integrations.handlers import Context, handle
from integrations.inbox.models import ContactRefresh
from integrations.outbox import contacts, enqueue, manual
from integrations.outbox.models import OutgoingWrite
from integrations.reconcile import runs
from tests.fakes.http_server import Answer, Asked
from tests.harness.fake_sides import contact_as, insured_as
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "city": "Miami"}
NUMBER = "+13055550100"
CAUSE = Cause(text="test")


@pytest.fixture
def ana(sides: HeldSides) -> Any:
    """Return Ana's insured; her contact is there, too."""
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    return insured


def mapped(provider: str = "gohighlevel") -> list[tuple[str, bool, bool]]:
    """Return the mappings of a provider, the main one last: id, whether it is the main one, whether it is there."""
    rows = ContactMapping.objects.filter(provider=provider, kind="contact").order_by("is_main")
    return [(row.external_id, row.is_main, row.gone_at is None) for row in rows]


def unsettled() -> list[str]:
    return list(OutgoingWrite.objects.filter(status__in=["pending", "failed"]).values_list("last_error", flat=True))


def the(records: Any) -> Any:
    (only,) = records.values()
    return only


def are_synced(sides: HeldSides, insured: Any, contact: Any) -> bool:
    """Return whether a change on either side reaches the other."""
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    there = contact["city"]
    sides.ghl.edit(contact["id"], city="Orlando")
    sides.settle()
    return (there, insured["city"]) == ("Tampa", "Orlando")


def before(fake: Any, call: str, happens: Callable[[], object]) -> None:
    """Let something happen just before a fake answers the next call that begins so ("PUT /contacts")."""
    usual = fake.answer

    def answer(asked: Asked) -> Answer:
        if f"{asked.method} {asked.path}".startswith(call):
            fake.answer = usual
            happens()
        return usual(asked)  # type: ignore[no-any-return]

    fake.answer = answer


@pytest.mark.parametrize("hears", ["deletion first", "survivor first", "deletion", "survivor", "nothing"])
def test_survivor_of_a_merge_in_gohighlevel_is_followed(sides: HeldSides, ana: Any, hears: str) -> None:
    loser = the(sides.ghl.contacts)["id"]
    sides.muted = True
    survivor: Any = sides.ghl.add_contact(email="ana@work.example", firstName="Ana", lastName="Ruiz")
    sides.muted = hears == "nothing"
    sides.ghl.merge_contacts(survivor["id"], loser)
    named = [(hook[1]["type"], hook) for hook in sides.hooks]
    assert {name for name, _hook in named} <= {"ContactDelete", "ContactUpdate"}
    kept = {"deletion": "ContactDelete", "survivor": "ContactUpdate"}.get(hears.split()[0], "")
    if kept:
        named.sort(key=lambda one: one[0] != kept)
        sides.hooks[:] = [hook for name, hook in named if "first" in hears or name == kept]
    for hook in list(sides.hooks):  # one after the other
        sides.hooks[:] = [hook]
        sides.settle()
    sides.muted = False
    assert are_synced(sides, ana, survivor)
    assert mapped() == [(loser, False, False), (survivor["id"], True, True)]
    assert (Contact.objects.count(), len(sides.nowcerts.insureds), unsettled()) == (1, 1, [])


@pytest.mark.parametrize("hears", ["webhooks", "list", "nothing"])
def test_survivor_of_a_merge_in_nowcerts_is_followed(sides: HeldSides, hears: str) -> None:
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    sides.settle()
    loser = the(sides.nowcerts.insureds)["id"]
    sides.muted = True
    survivor = sides.nowcerts.add_insured(eMail="ana@work.example", firstName="Ana", lastName="Ruiz")
    sides.muted = hears != "webhooks"
    sides.nowcerts.merge_insureds(survivor["id"], loser)
    if hears == "list":
        runs.start(registry.provider("nowcerts"), cause=CAUSE)
    sides.muted = False
    sides.settle()
    assert are_synced(sides, survivor, contact)
    assert mapped("nowcerts") == [(loser, False, False), (survivor["id"], True, True)]
    assert (Contact.objects.count(), len(sides.ghl.contacts), unsettled()) == (1, 1, [])


def test_survivor_whose_policy_is_reported_before_it_is_followed(sides: HeldSides) -> None:
    """A merge in NowCerts moves the policies, and each of them is reported."""
    sides.ghl.allows_duplicates = True
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    sides.settle()
    loser = the(sides.nowcerts.insureds)["id"]
    policy = sides.nowcerts.add_policy(number="POL-1", lineOfBusinessName="Auto", insuredDatabaseId=loser)
    sides.settle()
    sides.muted = True
    survivor = sides.nowcerts.add_insured(eMail="ana@work.example", firstName="Ana", lastName="Ruiz")
    sides.nowcerts.merge_insureds(survivor["id"], loser)
    sides.muted = False
    sides.nowcerts.edit_policy(policy["id"], premium=100)
    sides.settle()
    assert mapped("nowcerts") == [(loser, False, False), (survivor["id"], True, True)]
    assert (Contact.objects.count(), are_synced(sides, survivor, contact), unsettled()) == (1, True, [])


def test_two_live_records_with_one_address_stay_two_people(sides: HeldSides, ana: Any) -> None:
    sides.ghl.unique_by = ("phone",)
    sides.ghl.add_contact(email="luis@example.com", additionalEmails=[{"email": "ana@example.com"}], firstName="Luis")
    sides.settle()
    assert [row[1:] for row in mapped()] == [(True, True), (True, True)]
    assert sorted(one.first_name for one in Contact.objects.all()) == ["Ana", "Luis"]
    assert ana["firstName"] == "Ana"


def test_survivor_that_nobody_reports_and_the_index_shows_late_is_found(sides: HeldSides, ana: Any) -> None:
    loser = the(sides.ghl.contacts)["id"]
    sides.muted = True
    survivor = sides.ghl.add_contact(email="ana@work.example", phone=NUMBER, firstName="Ana", lastName="Ruiz")
    sides.muted = False
    sides.ghl.delete_contact(loser)  # its addresses go over half a minute later
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        sides.deliver(hook)
    sides.drain()
    waiting = OutgoingWrite.objects.get(status="pending")
    assert "is looked for once more" in waiting.last_error
    sides.muted = True
    sides.ghl.edit(survivor["id"], additionalEmails=[{"email": "ana@example.com"}])
    sides.muted = False
    sides.settle()
    assert mapped() == [(loser, False, False), (survivor["id"], True, True)]
    assert are_synced(sides, ana, survivor)


def test_successor_is_found_by_number_and_name(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA | {"phone": NUMBER})
    sides.settle()
    sides.muted = True
    second = sides.ghl.add_contact(firstName="ANA", lastName="ruiz")
    sides.muted = False
    sides.ghl.delete_contact(next(iter(sides.ghl.contacts)))
    sides.ghl.contacts[second["id"]]["phone"] = NUMBER
    sides.settle()
    assert are_synced(sides, insured, second)


def test_new_record_with_number_and_name_takes_over_from_the_one_that_is_gone(sides: HeldSides) -> None:
    """Three addresses fit into NowCerts: the survivor of several merges may have none that is known here."""
    insured = sides.nowcerts.add_insured(**ANA | {"phone": NUMBER})
    sides.settle()
    survivor = sides.nowcerts.add_insured(
        eMail="ana@work.example", firstName="ANA", lastName="ruiz", phone="(305) 555-0100"
    )
    sides.nowcerts.delete_insured(insured["id"])
    sides.settle()
    assert (len(sides.ghl.contacts), unsettled()) == (1, [])
    assert mapped("nowcerts") == [(insured["id"], False, False), (survivor["id"], True, True)]
    assert are_synced(sides, survivor, the(sides.ghl.contacts))


@pytest.mark.parametrize(
    ("differs", "is_gone"),
    [
        ({"firstName": "Luis"}, True),
        ({"phone": "(305) 555-0199"}, True),
        ({"firstName": "", "lastName": ""}, True),
        ({}, False),
    ],
    ids=["another name", "another number", "no name", "whose record exists"],
)
def test_new_record_without_that_evidence_is_another_person(
    sides: HeldSides, differs: dict[str, str], is_gone: bool
) -> None:
    sides.ghl.unique_by = ("email",)
    insured = sides.nowcerts.add_insured(**ANA | {"phone": NUMBER})
    sides.settle()
    other = {"eMail": "other@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": NUMBER} | differs
    sides.nowcerts.add_insured(**other)
    if is_gone:
        sides.nowcerts.delete_insured(insured["id"])
    sides.settle()
    assert Contact.objects.count() == 2
    assert Contact.objects.get(email="ana@example.com").first_name == "Ana"


def test_two_namesakes_with_one_number_whose_records_are_gone_are_not_guessed(sides: HeldSides) -> None:
    sides.ghl.unique_by = ("email",)
    for email in ("ana@example.com", "ana@second.example"):
        sides.nowcerts.add_insured(**ANA | {"eMail": email, "phone": NUMBER})
        sides.settle()
    assert Contact.objects.count() == 2
    for external_id in list(sides.nowcerts.insureds):
        sides.nowcerts.delete_insured(external_id)
    sides.settle()
    sides.nowcerts.add_insured(**ANA | {"eMail": "ana@third.example", "phone": NUMBER})
    sides.settle()
    assert set(Contact.objects.values_list("email", flat=True)) >= {"ana@example.com", "ana@second.example"}
    assert not ContactMapping.objects.filter(
        provider="nowcerts", gone_at=None, contact__email="ana@example.com"
    ).exists()


def test_record_with_the_number_alone_is_a_question(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA | {"phone": NUMBER})
    sides.settle()
    sides.muted = True
    other = sides.ghl.add_contact(firstName="Luis", lastName="Ruiz", phone=NUMBER)
    sides.muted = False
    sides.ghl.delete_contact(next(iter(sides.ghl.contacts)))
    sides.settle()
    (asked,) = unsettled()
    assert f"Luis Ruiz, {NUMBER} (id {other['id']} there) has the number" in asked
    assert (other["firstName"], mapped()[0][1:]) == ("Luis", (True, False))


def test_relative_of_ours_with_the_number_is_no_question(sides: HeldSides) -> None:
    sides.ghl.unique_by = ("email",)
    for name in ("Ana", "Luis"):
        sides.nowcerts.add_insured(eMail=f"{name.lower()}@example.com", firstName=name, lastName="Ruiz", phone=NUMBER)
    sides.settle()
    deleted = next(one["id"] for one in sides.ghl.contacts.values() if one["firstName"] == "Ana")
    sides.ghl.delete_contact(deleted)
    sides.settle()
    assert ([one["firstName"] for one in sides.ghl.contacts.values()], unsettled()) == (["Luis"], [])


def test_several_successors_are_a_question_and_the_one_that_remains_takes_over(sides: HeldSides) -> None:
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    sides.settle()
    loser = the(sides.nowcerts.insureds)["id"]
    sides.muted = True
    twins = [sides.nowcerts.add_insured(**ANA) for _number in range(2)]
    sides.muted = False
    sides.nowcerts.delete_insured(loser)
    sides.settle()
    (asked,) = unsettled()
    assert asked.startswith("2 contacts there have the address ana@example.com")
    sides.nowcerts.merge_insureds(twins[0]["id"], twins[1]["id"])  # as it asks for; the survivor is reported
    sides.settle()
    assert (unsettled(), are_synced(sides, twins[0], contact)) == ([], True)


def test_successor_that_is_another_contact_of_ours_is_followed_after_staff_merged_them(sides: HeldSides) -> None:
    sides.ghl.unique_by = ("email",)
    insured = sides.nowcerts.add_insured(**ANA)
    second = sides.nowcerts.add_insured(eMail="ana@work.example", firstName="Ana", lastName="R.")
    sides.settle()
    loser, survivor = list(sides.ghl.contacts)
    sides.ghl.merge_contacts(survivor, loser)
    sides.settle()
    question = PossibleDuplicate.objects.get()
    with transaction.atomic():
        changed = contact_duplicates.merge(question, cause=CAUSE)
        assert changed is not None
        outbound.hand_over(changed)
    sides.settle()
    assert mapped() == [(loser, False, False), (survivor, True, True)]
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert sides.ghl.contacts[survivor]["city"] == "Tampa"
    assert (unsettled(), len(sides.ghl.contacts), second["id"] in sides.nowcerts.insureds) == ([], 1, True)


@pytest.mark.parametrize("provider", ["nowcerts", "gohighlevel"])
def test_deleted_record_that_is_made_anew_takes_over(sides: HeldSides, ana: Any, provider: str) -> None:
    contact = the(sides.ghl.contacts)
    if provider == "nowcerts":
        sides.nowcerts.delete_insured(ana["id"])
        sides.settle()
        ana = sides.nowcerts.add_insured(**ANA)
    else:
        sides.ghl.delete_contact(contact["id"])
        sides.settle()
        contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz")
    sides.settle()
    assert are_synced(sides, ana, contact)
    assert (Contact.objects.count(), len(sides.ghl.contacts), unsettled()) == (1, 1, [])


def test_deletion_without_a_successor_leaves_nothing_failed_and_a_manual_sync_says_so(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.delete_contact(the(sides.ghl.contacts)["id"])
    sides.settle()
    search = OutgoingWrite.objects.latest("pk")
    assert (search.status, "was deleted there" in search.last_error, unsettled()) == ("skipped", True, [])
    source, target = registry.provider("nowcerts"), registry.provider("gohighlevel")
    sync = manual.ManualSync(source=source, target=target, entity_type="contact", record=the(sides.nowcerts.insureds))
    event = manual.begin(sync, cause=CAUSE)
    sides.settle()
    progress = manual.follow(event)
    assert (progress.is_done, "was deleted there" in progress.problem) == (True, True)
    assert (sides.ghl.contacts, unsettled()) == ({}, [])


def test_deletion_that_is_heard_twice_is_searched_for_once(sides: HeldSides, ana: Any) -> None:
    sides.ghl.delete_contact(the(sides.ghl.contacts)["id"])
    (hook,) = sides.hooks
    for number in range(3):
        sides.hooks.append((hook[0], hook[1] | {"webhookId": f"again-{number}"}))
    sides.settle()
    sides.hooks.append((hook[0], hook[1] | {"webhookId": "much later"}))
    sides.settle()
    assert OutgoingWrite.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_deletion_that_two_workers_hear_at_once_is_searched_for_once(committing_sides: HeldSides) -> None:
    sides = committing_sides
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    deleted = the(sides.ghl.contacts)["id"]
    refreshed = ContactMapping.objects.get(external_id=deleted).reported_at
    assert refreshed is not None
    fact = ContactGone(occurred_at=refreshed + timedelta(seconds=1), contact_id=deleted)

    def hear(number: int) -> int:
        try:
            with transaction.atomic():
                return len(handle(fact, Context(provider="gohighlevel", key=f"k{number}", cause=CAUSE)))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        assert sorted(workers.map(hear, range(4))) == [0, 0, 0, 1]
    assert OutgoingWrite.objects.filter(status="pending").count() == 1


def test_deletion_of_a_record_that_is_not_the_main_one_changes_nothing(sides: HeldSides, ana: Any) -> None:
    contact = the(sides.ghl.contacts)
    ContactMapping.objects.create(
        contact=Contact.objects.get(), provider="gohighlevel", kind="contact", external_id="second", is_main=False
    )
    second = sides.ghl.add_contact(id="second", email="ana@work.example", firstName="Ana", lastName="Ruiz")
    sides.settle()
    writes = OutgoingWrite.objects.count()
    sides.ghl.delete_contact(second["id"])
    sides.settle()
    assert mapped() == [("second", False, False), (contact["id"], True, True)]
    assert (OutgoingWrite.objects.count(), are_synced(sides, ana, contact)) == (writes, True)


def test_deletion_that_nothing_reports_is_noted_when_the_record_is_read(sides: HeldSides, ana: Any) -> None:
    contact = the(sides.ghl.contacts)
    sides.muted = True
    sides.ghl.delete_contact(contact["id"])
    sides.muted = False
    ContactRefresh.objects.enqueue(provider="gohighlevel", external_id=contact["id"], at_once=True)
    sides.settle()
    assert (mapped(), unsettled()) == ([(contact["id"], True, False)], [])
    assert (OutgoingWrite.objects.latest("pk").status, len(sides.nowcerts.insureds)) == ("skipped", 1)


def test_deletion_between_reading_and_writing_is_met_and_the_survivor_gets_the_values(
    sides: HeldSides, ana: Any
) -> None:
    loser = the(sides.ghl.contacts)["id"]
    sides.muted = True
    survivor = sides.ghl.add_contact(email="ana@work.example", firstName="Ana", lastName="Ruiz")
    sides.muted = False
    sides.nowcerts.edit(ana["id"], city="Tampa")
    sides.muted = True
    before(sides.ghl, f"PUT /contacts/{loser}", lambda: sides.ghl.merge_contacts(survivor["id"], loser))
    sides.settle()
    sides.muted = False
    assert (survivor["city"], mapped()) == ("Tampa", [(loser, False, False), (survivor["id"], True, True)])
    assert (unsettled(), are_synced(sides, ana, survivor)) == ([], True)


@pytest.mark.parametrize("differs", [True, False])
def test_deletion_that_is_heard_while_the_record_is_synced_is_searched_for(
    sides: HeldSides, ana: Any, monkeypatch: pytest.MonkeyPatch, differs: bool
) -> None:
    """The write that is under way is the one that would have searched. Here the deletion was a mistake."""
    contact, usual = the(sides.ghl.contacts), contacts.plan

    def plan_while_it_is_heard(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(contacts, "plan", usual)
        row = ContactMapping.objects.get(external_id=contact["id"])
        row.gone_at = timezone.now()
        row.save()
        enqueue.search_successor(row, cause=CAUSE)  # one is pending: none is added
        return usual(*args, **options)

    if differs:
        sides.nowcerts.edit(ana["id"], city="Tampa")
        (hook,) = sides.hooks
        sides.deliver(hook)
    else:
        enqueue.enqueue_write(Contact.objects.get(), "gohighlevel", cause=CAUSE)
    sides.muted, sides.hooks[:] = True, []
    monkeypatch.setattr(contacts, "plan", plan_while_it_is_heard)
    sides.settle()
    assert contacts.plan is usual, "it was heard"
    assert (contact["city"], mapped()) == ("Tampa" if differs else "Miami", [(contact["id"], True, True)])


def test_new_record_that_nowcerts_makes_for_a_deleted_one_takes_over(sides: HeldSides, ana: Any) -> None:
    """NowCerts takes an id that it does not know any more for none, and inserts."""
    contact = the(sides.ghl.contacts)
    sides.ghl.edit(contact["id"], city="Tampa")
    before(sides.nowcerts, "POST /api/Insured/Insert", lambda: sides.nowcerts.delete_insured(ana["id"]))
    sides.settle()
    insured = the(sides.nowcerts.insureds)
    assert (insured["id"] != ana["id"], insured["city"]) == (True, "Tampa")
    assert mapped("nowcerts") == [(ana["id"], False, False), (insured["id"], True, True)]
    assert (unsettled(), are_synced(sides, insured, contact)) == ([], True)


@pytest.mark.parametrize("hears", [True, False])
@pytest.mark.parametrize("empties", [True, False])
def test_namesake_on_whom_nowcerts_wrote_gets_their_own_values_back(
    sides: HeldSides, ana: Any, hears: bool, empties: bool
) -> None:
    """NowCerts matches by name where it does not know the id any more, and overwrites whoever is called so."""
    contact = the(sides.ghl.contacts)
    other = sides.nowcerts.add_insured(eMail="other.ana@example.com", firstName="Ana", lastName="Ruiz", state="NY")
    sides.settle()
    own = insured_as(other)
    sides.nowcerts.upsert_empties_unnamed = empties
    sides.ghl.edit(contact["id"], city="Tampa", phone=NUMBER)
    before(sides.nowcerts, "POST /api/Insured/Insert", lambda: sides.nowcerts.delete_insured(ana["id"]))
    sides.muted = not hears
    sides.settle()
    sides.muted = False
    assert insured_as(other) == own
    (there,) = (one for one in sides.ghl.contacts.values() if one["id"] != contact["id"])
    assert contact_as(there) == own
    assert (contact["email"], contact["city"]) == ("ana@example.com", "Tampa")
