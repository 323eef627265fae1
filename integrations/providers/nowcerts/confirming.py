"""Confirm a delivery at NowCerts' API: an unsigned delivery is a hint, and a notice holds an id only."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.utils import timezone

from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotFoundYet, Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.nowcerts import policy_lookup, webhooks
from integrations.providers.nowcerts.client import NowCertsClient
from integrations.providers.nowcerts.odata import is_id
from integrations.toolkit import answers
from integrations.toolkit.failures import NotFound
from integrations.toolkit.reading import text_at

PATIENCE = 8  # seconds for one call with its repetitions; the two of a delivery must end well within its lease


def is_hint(webhook: StoredWebhook) -> bool:
    """Return whether NowCerts' API is to be asked: nobody signed it, it is a notice, it has the id of an insured, or a
    policy without the address of the insured.

    Even what a relay signed may be a late copy of our own write.
    """
    if not webhook.is_signed or webhooks.is_notice(webhook.payload, webhook.event_type):
        return True
    if webhook.event_type in webhooks.POLICIES:
        return not webhooks.insured_email(webhook.payload)
    return webhook.event_type in webhooks.PEOPLE and bool(webhooks.insured_id(webhook.payload))


def confirm(webhook: StoredWebhook) -> StoredWebhook:
    """Return the delivery as NowCerts' records have it; one without an id or number to read it by stays as it came.

    A policy is read here, with its insured. An insured is only named: they are read whole a moment later, once for a
    burst. A deletion stays one only where NowCerts has the insured no more; else it is a reading like any other. Raises
    NotFoundYet where NowCerts does not know what is named, Unmatched where it could be several insureds' policy.
    """
    if webhook.event_type in webhooks.DELETIONS:
        return _confirmed_deletion(webhook)
    if webhook.event_type in webhooks.PEOPLE:
        insured_id = webhooks.insured_id(webhook.payload)
        if not insured_id:
            return webhook
        payload = {"event_type": webhook.event_type, "data": {"insuredDatabaseId": insured_id}}
        return replace(webhook, payload=payload)
    return _confirmed_policy(webhook) if webhook.event_type in webhooks.POLICIES else webhook


def _confirmed_policy(webhook: StoredWebhook) -> StoredWebhook:
    """Return a policy's delivery with the policy as NowCerts has it now, and the whole record of its insured.

    What the delivery says and NowCerts' record does not hold stays: the list leaves out what the event names. A policy
    that a relay signed is believed where it names its insured; one with the person's address, too, where
    NowCerts does not list the number.
    """
    asked_at, confirmed = timezone.now(), webhook
    client = NowCertsClient(patience=PATIENCE)
    is_notice = webhooks.is_notice(webhook.payload, webhook.event_type)
    if is_notice or not (webhook.is_signed and webhooks.insured_of_policy(webhook.payload)):
        record = _policy(client, webhook)
        if record is not None:
            named = {} if policy_lookup.insured_of(record) else _insured_named_by(webhook)
            held = {**_without_dates(record), **webhooks.not_held(webhook.payload, record)}
            data = {**held, **named, "policyDatabaseId": text_at(record, "id")}
            payload = {"event_type": webhook.event_type, "data": data}
            confirmed = replace(webhook, payload=payload, received_at=asked_at)
    insured = _insured_of(client, webhooks.insured_of_policy(confirmed.payload))
    if insured is not None:
        confirmed = replace(confirmed, payload={**confirmed.payload, webhooks.CONFIRMED_INSURED: insured})
    return confirmed


def _policy(client: NowCertsClient, webhook: StoredWebhook) -> Mapping[str, Any] | None:
    """Return the policy that a delivery names, by its id or else its number; None to rely on the delivery.

    Raises as `confirm`.
    """
    policy_id = webhooks.policy_id(webhook.payload)
    if policy_id:
        try:
            return {**client.policy(policy_id), "id": policy_id}
        except NotFound as error:
            raise NotFoundYet(answers.UNKNOWN(provider="NowCerts", kind="policy", id=policy_id)) from error
    number = str(webhooks.read_policy(webhook.payload).get("number", ""))
    if not number or len(number) > policy_lookup.LONGEST_NUMBER:
        return None
    try:
        return policy_lookup.policy_with_number(
            client, webhook.payload, is_quote=webhooks.is_quote(webhook.payload, webhook.event_type)
        )
    except NotFoundYet:
        if _insured_named_by(webhook):
            return None
        raise


def _insured_named_by(webhook: StoredWebhook) -> dict[str, str]:
    named = {
        "insuredDatabaseId": webhooks.insured_of_policy(webhook.payload),
        "insuredEmail": webhooks.insured_email(webhook.payload),
    }
    return {name: text for name, text in named.items() if text}


def read_contact(contact_id: str) -> list[Event]:
    """Return the whole insured or prospect as they are now. Raises NotFoundYet where NowCerts has none."""
    asked_at = timezone.now()
    try:
        record = NowCertsClient(patience=PATIENCE).insured(contact_id)
    except NotFound as error:
        raise NotFoundYet(answers.UNKNOWN(provider="NowCerts", kind="insured", id=contact_id)) from error
    return [webhooks.insured(record, contact_id, occurred_at=asked_at, is_whole=True)]


def _confirmed_deletion(webhook: StoredWebhook) -> StoredWebhook:
    insured_id = webhooks.insured_id(webhook.payload)
    if not insured_id:
        return webhook
    data, asked_at = {"insuredDatabaseId": insured_id}, timezone.now()
    try:
        NowCertsClient(patience=PATIENCE).insured(insured_id)
    except NotFound:
        payload = {"event_type": webhook.event_type, "data": data}
        return replace(webhook, payload=payload, received_at=asked_at)
    payload = {"event_type": "INSURED_UPDATE", "data": data}
    return replace(webhook, event_type="INSURED_UPDATE", payload=payload)


def _insured_of(client: NowCertsClient, insured_id: str) -> Mapping[str, Any] | None:
    """Return the whole record; None where no id is named, or no insured has it any more."""
    try:
        return client.insured(insured_id) if insured_id else None
    except NotFound:
        return None


def _without_dates(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy without its dates of change: what is read now is true now."""
    return {name: value for name, value in policy.items() if name not in ("changeDate", "timestamp")}


def read_contacts(insured_ids: Sequence[str]) -> dict[str, list[Event]]:
    """Return the whole insureds or prospects as they are now, by their ids; those that cannot be read are left out."""
    asked_at = timezone.now()
    found: dict[str, list[Event]] = {}
    for record in NowCertsClient(patience=PATIENCE).insureds_by_id(filter(is_id, insured_ids)):
        insured_id = text_at(record, "id")
        with suppress(Unreadable, Unmatched):
            found[insured_id] = [webhooks.insured(record, insured_id, occurred_at=asked_at, is_whole=True)]
    return found
