"""Writing an opportunity: what a policy or a quote says, at the contact whose it is."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.commerce.models import Policy
from core.cause import Cause
from core.insert_once import insert_once
from core.queue.outcomes import Wait, wait_until
from integrations import registry
from integrations.contracts.exceptions import Gone, Permanent
from integrations.contracts.mirror import (
    Deals,
    Opportunity,
    OpportunityApi,
    RemoteOpportunity,
    Sent,
    Stage,
)
from integrations.fields.models import PipelineRule
from integrations.outbox.contacts import PATIENCE, SHOWS_UP_WITHIN, DeletedThere, end, send
from integrations.outbox.enqueue import enqueue_contact, enqueue_opportunity, main_records
from integrations.outbox.models import OpportunityMapping, OutgoingWrite

CONTACT_FIRST = timedelta(seconds=5)
ANY_LINE = "*"
Status = OutgoingWrite.Status


def wanted(policy: Policy) -> Opportunity:
    """Return what the opportunity of a policy says: "Auto Policy - POL-123". What is not known is not said."""
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
    """Make the opportunity of `row`'s policy say what the policy says, and close the row. Raises as contacts.write."""
    if row.policy is None:
        row.close(Status.SKIPPED, error="the policy is told under another id by now")
        return
    policy: Policy = Policy.objects.select_related("contact").get(pk=row.policy.pk)
    deals = registry.provider(row.provider).deals
    assert deals is not None
    contact_id = _contact_there(row, policy)
    book, says = deals.open(PATIENCE), wanted(policy)
    try:
        theirs = their_opportunity(policy, book, contact_id, provider=row.provider)
    except DeletedThere as error:
        known = OpportunityMapping.objects.filter(provider=row.provider, policy=policy, external_id=error.external_id)
        known.filter(gone_at=None).update(gone_at=timezone.now())
        raise
    before, after = differences(theirs.values if theirs else None, says)
    if theirs is not None:
        _adopt(policy, theirs.external_id, provider=row.provider)
        if not after:
            end(row, external_id=theirs.external_id)
            return
        call = book.change(theirs, says)
    else:
        if row.operation == row.Operation.CREATE and row.requested_at and row.response is None:
            wait_until(row.requested_at + SHOWS_UP_WITHIN, "one may have been made, and is looked for again")
        stage = first_stage(policy, deals, book, provider=row.provider)
        call = book.creation(says, contact_id=contact_id, stage=stage)
    row.note_request(call, before=before, after=after)
    _close(row, policy, says, send(row, book, call))


def first_stage(policy: Policy, deals: Deals, book: OpportunityApi, *, provider: str) -> Stage:
    """Return where an opportunity begins: by the console's table, else by the settings, else the first stage there is.

    Raises Permanent where there is none.
    """
    line = policy.line_of_business.casefold()
    rules = {
        rule.line_of_business.strip().casefold(): Stage(pipeline_id=rule.pipeline_id, stage_id=rule.stage_id)
        for rule in PipelineRule.objects.filter(provider=provider)
    }
    named = {
        name.strip().casefold(): Stage(pipeline_id=ids[0], stage_id=ids[1]) for name, ids in deals.stages().items()
    }
    chosen = rules.get(line) or rules.get(ANY_LINE) or named.get(line) or named.get(ANY_LINE)
    if chosen is None:
        stages = book.stages()
        if not stages:
            raise Permanent("there is no pipeline with a stage: make one there, then retry")
        chosen = stages[0]
    return chosen


def differences(theirs: Opportunity | None, ours: Opportunity) -> tuple[dict[str, Any], dict[str, Any]]:
    """(before, after) of what differs, by name; a detail that we do not know is left as it is there."""
    after = _flat(ours)
    before = _flat(theirs) if theirs else {}
    changed = {name for name, value in after.items() if value is not None and before.get(name) != value}
    return {name: before.get(name) for name in changed}, {name: after[name] for name in changed}


def _flat(says: Opportunity) -> dict[str, Any]:
    return {"title": says.title, "amount": says.amount, **says.details}


def _contact_there(row: OutgoingWrite, policy: Policy) -> str:
    """The id of the policy's contact there; who has none yet is written first. Raises Wait, Permanent."""
    contact = policy.contact
    record = main_records(list(contact.mappings.filter(provider=row.provider))).get(row.provider)
    if record is not None and record.gone_at is None:
        return record.external_id
    if record is not None:
        raise Permanent(f"the contact {record.external_id} was deleted there; nothing is made anew by itself")
    if not contact.email and not contact.phone:
        raise Permanent("the policy's contact has neither an e-mail nor a phone number, so it is not there")
    writes = OutgoingWrite.objects.filter(contact=contact, provider=row.provider, kind=OutgoingWrite.Kind.CONTACT)
    newest = writes.order_by("-pk").first()
    if newest is not None and newest.status in (Status.FAILED, Status.SKIPPED) and newest.pk > row.pk:
        raise Permanent(f"the policy's contact could not be written: see outgoing write {newest.pk}, then retry")
    enqueue_contact(contact, row.provider, cause=Cause(text=row.cause, staff=row.staff))
    raise Wait("the policy's contact is written first", due=timezone.now() + CONTACT_FIRST)


def their_opportunity(
    policy: Policy, book: OpportunityApi, contact_id: str, *, provider: str
) -> RemoteOpportunity | None:
    """Return the opportunity that is this policy: the known one, else one of the contact's there that says what the
    policy says and is no other policy's, made by somebody else or by us when the answer was lost.

    Nothing is written. `contact_id` is "" for a contact who is not there yet. Raises DeletedThere, Retryable.
    """
    known = OpportunityMapping.objects.filter(provider=provider, policy=policy.pk).first()
    if known is not None:
        if known.gone_at is not None:
            raise DeletedThere(known.external_id, what="opportunity ")
        try:
            return book.read(known.external_id)
        except Gone as error:
            raise DeletedThere(known.external_id, what="opportunity ") from error
    if not contact_id:
        return None
    others = OpportunityMapping.objects.filter(provider=provider, policy__contact=policy.contact_id)
    taken = set(others.values_list("external_id", flat=True))
    title = wanted(policy).title
    for theirs in book.of_contact(contact_id):
        number = theirs.values.details.get("policy_number", "")
        is_same = number == policy.number if number and policy.number else theirs.values.title == title
        if theirs.external_id not in taken and is_same:
            return theirs
    return None


def _close(row: OutgoingWrite, policy: Policy, says: Opportunity, sent: Sent) -> None:
    with transaction.atomic():
        held = Policy.objects.select_for_update().get(pk=policy.pk)
        _adopt(held, sent.external_id, provider=row.provider)
        if sent.existed:
            row.go_on_with(sent)
            return
        end(row, response=dict(sent.answer), external_id=sent.external_id)
        if wanted(held) != says:  # the policy changed while it was written
            enqueue_opportunity(held, row.provider, cause=Cause(text=row.cause, staff=row.staff))


def _adopt(policy: Policy, external_id: str, *, provider: str) -> None:
    """Note that this opportunity is the policy. Raises Permanent where it is another one."""
    if insert_once(OpportunityMapping(policy=policy, provider=provider, external_id=external_id)):
        return
    known = OpportunityMapping.objects.filter(provider=provider, external_id=external_id).first()
    if known is None or known.policy_id != policy.pk:
        whose = f"policy {known.policy_id}" if known else "another opportunity"
        raise Permanent(
            f"opportunity {external_id} there is {whose} here: let a contact have several opportunities there "
            "(Settings, Objects, Opportunities: allow duplicates), then retry"
        )
