"""Write the opportunity of a policy or a quote."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.commerce.models import Policy
from core.cause import Cause
from core.insert_once import insert_once
from core.phrases import KNOWN, Phrase
from core.queue.outcomes import Wait, wait_until
from integrations import registry
from integrations.contracts.exceptions import Gone, Permanent
from integrations.contracts.mirror import (
    Deals,
    Opportunity,
    OpportunityApi,
    RemoteOpportunity,
    Stage,
)
from integrations.fields.models import PipelineRule
from integrations.fields.policy_statuses import opportunity_status
from integrations.outbox.closing import close
from integrations.outbox.contacts import CALL_TIMEOUT, send
from integrations.outbox.deletions import RemoteDeleted
from integrations.outbox.enqueue import RECORD, enqueue_write
from integrations.outbox.matching import SEARCH_LAG
from integrations.outbox.models import OpportunityMapping, OutgoingWrite
from integrations.outbox.planning import PlannedWrite

_MAY_BE_MADE = Phrase("one may have been made, and is looked for again")

_ANOTHER_ID = Phrase("the policy has another id by now")
_NO_PIPELINE = Phrase("there is no pipeline with a stage: make one there, then retry")
_SEARCHED = Phrase("a record that the policy's contact was merged into is looked for")
_CONTACT_DELETED = Phrase("the contact {id} was deleted there; nothing is made anew by itself")
_NOT_THERE = Phrase("the policy's contact has neither an e-mail nor a phone number, so it is not there")
_NOT_WRITTEN = Phrase("the policy's contact could not be written: see outgoing write {write}, then retry")
_CONTACT_FIRST = Phrase("the policy's contact is written first")
_POLICY = Phrase("policy {number}")
_ANOTHER_OPPORTUNITY = Phrase("another opportunity")
_IS_ANOTHER = Phrase(
    "opportunity {id} there is {owner} here: let a contact have several opportunities there"
    " (Settings, Objects, Opportunities: allow duplicates), then retry",
    owner=KNOWN,
)

CONTACT_DELAY = timedelta(seconds=5)
ANY_LINE = "*"
Status = OutgoingWrite.Status


def opportunity_of(policy: Policy) -> Opportunity:
    """Return a policy as an opportunity ("Auto Policy - POL-123"), without what is not known."""
    kind = "Quote" if policy.is_quote else "Policy"
    name = f"{policy.line_of_business} {kind}".strip()
    details = {
        "policy_number": policy.number,
        "carrier": policy.carrier,
        "effective_date": policy.effective_on.isoformat() if policy.effective_on else "",
        "expiration_date": policy.expires_on.isoformat() if policy.expires_on else "",
    }
    return Opportunity(
        title=f"{name} - {policy.number}" if policy.number else name,
        amount=policy.premium,
        details={name: value for name, value in details.items() if value},
    )


def write(row: OutgoingWrite) -> None:
    """Make the opportunity of `row`'s policy equal with the policy, and close the row. Raises as contacts.write."""
    if row.policy is None:
        row.close(Status.SKIPPED, error=_ANOTHER_ID())
        return
    policy: Policy = Policy.objects.select_related("contact").get(pk=row.policy.pk)
    deals = registry.provider(row.provider).deals
    assert deals is not None
    contact_id = _remote_contact(row, policy)
    book = deals.open(CALL_TIMEOUT)
    try:
        remote = find_remote(policy, book, contact_id, provider=row.provider)
    except RemoteDeleted as error:
        known = OpportunityMapping.objects.filter(provider=row.provider, policy=policy, external_id=error.external_id)
        known.filter(gone_at=None).update(gone_at=timezone.now())
        raise
    ours = wanted(policy, remote, provider=row.provider)
    before, after = differences(remote, ours)
    if remote is not None:
        _map(policy, remote.external_id, provider=row.provider)
        if not after:
            with transaction.atomic():
                close(row, external_id=remote.external_id)
                _note_status(policy, provider=row.provider)
            return
        call = book.change(remote, ours)
    else:
        if row.operation == row.Operation.CREATE and row.requested_at and row.response is None:
            wait_until(row.requested_at + SEARCH_LAG, _MAY_BE_MADE())
        stage = first_stage(policy, deals, book, provider=row.provider)
        call = book.creation(ours, contact_id=contact_id, stage=stage)
    sent = send(row, book, PlannedWrite(call=call, before=before, after=after))
    with transaction.atomic():
        held = Policy.objects.select_for_update().get(pk=policy.pk)
        _map(held, sent.external_id, provider=row.provider)
        if sent.existed:
            row.go_on_with(sent)
            return
        close(row, response=dict(sent.answer), external_id=sent.external_id)
        _note_status(policy, provider=row.provider)
        if (
            opportunity_of(held) != opportunity_of(policy) or held.status != policy.status
        ):  # the policy changed while it was written
            enqueue_write(held.contact, row.provider, policy=held, cause=Cause(text=row.cause, staff=row.staff))


def wanted(policy: Policy, remote: RemoteOpportunity | None, *, provider: str) -> Opportunity:
    """Return a policy as an opportunity, with a status where that follows from a change since it was synced last.

    People may set the status themselves, so each change is written once. What they had set before it was ever synced
    stays, unless the opportunity is open.
    """
    ours = opportunity_of(policy)
    status = opportunity_status(policy.status, is_quote=policy.is_quote)
    if remote is not None and status:
        known = OpportunityMapping.objects.filter(provider=provider, policy=policy.pk).first()
        if known is None or known.policy_status is None:
            is_news = remote.status in ("", "open")
        else:
            is_news = status != opportunity_status(known.policy_status, is_quote=policy.is_quote)
        status = status if is_news else ""
    return replace(ours, status=status)


def first_stage(policy: Policy, deals: Deals, book: OpportunityApi, *, provider: str) -> Stage:
    """Return the first stage of a new opportunity: by the console's rules, else by the settings, else the first one.

    Raises Permanent where there is none.
    """
    rules = {
        rule.line_of_business.strip().casefold(): Stage(pipeline_id=rule.pipeline_id, stage_id=rule.stage_id)
        for rule in PipelineRule.objects.filter(provider=provider)
    }
    named = {
        name.strip().casefold(): Stage(pipeline_id=ids[0], stage_id=ids[1]) for name, ids in deals.stages().items()
    }
    lines = _lines_of(policy)
    chosen = next((stages[line] for stages in (rules, named) for line in [*lines, ANY_LINE] if line in stages), None)
    if chosen is None:
        stages = book.stages()
        if not stages:
            raise Permanent(_NO_PIPELINE())
        chosen = stages[0]
    return chosen


def differences(remote: RemoteOpportunity | None, ours: Opportunity) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that differ, by name, as (before, after); a detail that we do not know stays as it is there."""
    before = _values(replace(remote.values, status=remote.status)) if remote else {}
    after = _values(ours)
    changed = {name for name, value in after.items() if value is not None and before.get(name) != value}
    return {name: before.get(name) for name in changed}, {name: after[name] for name in changed}


def _values(opportunity: Opportunity) -> dict[str, Any]:
    """Return the values by name; None for what is not known, or is to stay."""
    named = {"title": opportunity.title, "amount": opportunity.amount, "status": opportunity.status or None}
    return {**named, **opportunity.details}


def _lines_of(policy: Policy) -> list[str]:
    """Return the lines of business as rules name them: all of them as one text, then each."""
    whole = policy.line_of_business.casefold()
    return [whole, *(line.strip() for line in whole.split(","))]


def _note_status(policy: Policy, *, provider: str) -> None:
    """Note that the opportunity follows the policy's status: people's own choices stay from now on."""
    rows = OpportunityMapping.objects.filter(provider=provider, policy=policy)
    rows.update(policy_status=policy.status)


def _remote_contact(row: OutgoingWrite, policy: Policy) -> str:
    """Return the remote id of the policy's contact; one that has none yet is written first. Raises Wait, Permanent."""
    contact = policy.contact
    record = contact.mappings.filter(provider=row.provider, kind=RECORD, is_main=True).first()
    if record is not None and record.gone_at is None:
        return record.external_id
    writes = OutgoingWrite.objects.filter(contact=contact, provider=row.provider, kind=OutgoingWrite.Kind.CONTACT)
    if record is not None:
        if writes.filter(status=Status.PENDING).exists():
            raise Wait(_SEARCHED(), due=timezone.now() + SEARCH_LAG)
        raise Permanent(_CONTACT_DELETED(id=record.external_id))
    if not contact.email and not contact.phone:
        raise Permanent(_NOT_THERE())
    newest = writes.order_by("-pk").first()
    if newest is not None and newest.status in (Status.FAILED, Status.SKIPPED) and newest.pk > row.pk:
        raise Permanent(_NOT_WRITTEN(write=newest.pk))
    enqueue_write(contact, row.provider, cause=Cause(text=row.cause, staff=row.staff))
    raise Wait(_CONTACT_FIRST(), due=timezone.now() + CONTACT_DELAY)


def find_remote(policy: Policy, book: OpportunityApi, contact_id: str, *, provider: str) -> RemoteOpportunity | None:
    """Return the remote opportunity of a policy: the known one, else one of its contact that has the policy's number or
    title and is no other policy's, made by somebody else or by us when the answer was lost.

    Nothing is written. `contact_id` is "" for a contact without a remote record. Raises RemoteDeleted, Retryable.
    """
    known = OpportunityMapping.objects.filter(provider=provider, policy=policy.pk).first()
    if known is not None:
        if known.gone_at is not None:
            raise RemoteDeleted(known.external_id, is_opportunity=True)
        try:
            return book.read(known.external_id)
        except Gone as error:
            raise RemoteDeleted(known.external_id, is_opportunity=True) from error
    if not contact_id:
        return None
    others = OpportunityMapping.objects.filter(provider=provider, policy__contact=policy.contact_id)
    taken = set(others.values_list("external_id", flat=True))
    title = opportunity_of(policy).title
    for remote in book.of_contact(contact_id):
        number = remote.values.details.get("policy_number", "")
        is_same = number == policy.number if number and policy.number else remote.values.title == title
        if remote.external_id not in taken and is_same:
            return remote
    return None


def _map(policy: Policy, external_id: str, *, provider: str) -> None:
    """Map a remote opportunity to the policy. Raises Permanent where it is mapped to another one."""
    if insert_once(OpportunityMapping(policy=policy, provider=provider, external_id=external_id)):
        return
    known = OpportunityMapping.objects.filter(provider=provider, external_id=external_id).first()
    if known is None or known.policy_id != policy.pk:
        owner = _POLICY(number=known.policy_id) if known else _ANOTHER_OPPORTUNITY()
        raise Permanent(_IS_ANOTHER(id=external_id, owner=owner))
