"""Confirm a delivery at NowCerts' API: an unsigned delivery is a hint, and a notice holds an id only."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotFoundYet, Unmatched
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.nowcerts import policy_lookup, webhooks
from integrations.providers.nowcerts.client import NowCertsClient
from integrations.toolkit.failures import NotFound
from integrations.toolkit.reading import text_at

PATIENCE = 8  # seconds for one call with its repetitions; the two of a delivery must end well within its lease


def is_connected() -> bool:
    """Return whether the API can be asked here."""
    return bool(settings.NOWCERTS_USERNAME and settings.NOWCERTS_PASSWORD)


def is_hint(webhook: StoredWebhook) -> bool:
    """Return whether NowCerts is to be asked: nobody signed it, it says nothing, it tells of an insured by their id, or
    of a
    policy without the address of the insured.

    Even what a relay signed may be a late copy of our own write.
    """
    if not webhook.is_signed or webhooks.is_notice(webhook.payload, webhook.event_type):
        return True
    if webhook.event_type in webhooks.POLICIES:
        return not webhooks.insured_email(webhook.payload)
    return webhook.event_type in webhooks.PEOPLE and bool(webhooks.insured_id(webhook.payload))


def confirm(webhook: StoredWebhook) -> StoredWebhook:
    """The delivery as NowCerts' records have it; one that names nothing by which it could be read stays as it came.

    A policy is read here, with its insured. An insured is only named: they are read whole a moment later, once for a
    burst. A deletion stays one only where NowCerts has the insured no more; else it is a reading like any other. Raises
    NotFoundYet where NowCerts does not know what is named, Unmatched where it could be several insureds' policy.
    """
    if webhook.event_type in webhooks.DELETIONS:
        return _confirmed_deletion(webhook)
    if webhook.event_type in webhooks.PEOPLE:
        insured_id = webhooks.insured_id(webhook.payload)
        return _with(webhook, {"insuredDatabaseId": insured_id}) if insured_id else webhook
    return _confirmed_policy(webhook) if webhook.event_type in webhooks.POLICIES else webhook


def _confirmed_policy(webhook: StoredWebhook) -> StoredWebhook:
    """A policy's delivery with the policy as NowCerts has it now, and the whole record of its insured.

    What a relay signed of a policy is believed where it says whose the policy is. What came with the person's address,
    too, where NowCerts does not list the number.
    """
    asked_at, confirmed = timezone.now(), webhook
    client = NowCertsClient.from_settings(patience=PATIENCE)
    is_notice = webhooks.is_notice(webhook.payload, webhook.event_type)
    if is_notice or not (webhook.is_signed and webhooks.insured_of_policy(webhook.payload)):
        record = _policy(client, webhook)
        if record is not None:
            named = {} if policy_lookup.insured_of(record) else _insured_named_by(webhook)
            confirmed = _with(webhook, {**_without_dates(record), **named, "policyDatabaseId": text_at(record, "id")})
            confirmed = replace(confirmed, received_at=asked_at)
    insured = _insured_of(client, webhooks.insured_of_policy(confirmed.payload))
    if insured is not None:
        confirmed = replace(confirmed, payload={**confirmed.payload, webhooks.CONFIRMED_INSURED: insured})
    return confirmed


def _policy(client: NowCertsClient, webhook: StoredWebhook) -> Mapping[str, Any] | None:
    """The policy that a delivery names, by its id or else by its number; None where it rests on what came.

    Raises as `confirm`.
    """
    policy_id = webhooks.policy_id(webhook.payload)
    if policy_id:
        try:
            return {**client.policy(policy_id), "id": policy_id}
        except NotFound as error:
            raise NotFoundYet(f"NowCerts does not know policy {policy_id}") from error
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


def parse(webhook: StoredWebhook) -> list[Event]:
    """Return what a delivery tells of.

    Raises Unmatched for a notice where the API, which could say more, is not set up.
    """
    is_deletion = webhook.event_type in webhooks.DELETIONS
    if not is_deletion and not is_connected() and webhooks.is_notice(webhook.payload, webhook.event_type):
        raise Unmatched("the notice only names a record, and NowCerts' API is not configured to be asked")
    return webhooks.parse(webhook)


def read_contact(contact_id: str) -> list[Event]:
    """The whole insured or prospect as they are now. Raises NotFoundYet where NowCerts has no such."""
    asked_at = timezone.now()
    try:
        record = NowCertsClient.from_settings(patience=PATIENCE).insured(contact_id)
    except NotFound as error:
        raise NotFoundYet(f"NowCerts does not know insured {contact_id}") from error
    return [webhooks.insured(record, contact_id, occurred_at=asked_at, is_whole=True)]


def _confirmed_deletion(webhook: StoredWebhook) -> StoredWebhook:
    insured_id = webhooks.insured_id(webhook.payload)
    if not insured_id:
        return webhook
    named, asked_at = {"insuredDatabaseId": insured_id}, timezone.now()
    try:
        NowCertsClient.from_settings(patience=PATIENCE).insured(insured_id)
    except NotFound:
        return replace(_with(webhook, named), received_at=asked_at)
    return _with(replace(webhook, event_type="INSURED_UPDATE"), named)


def _insured_of(client: NowCertsClient, insured_id: str) -> Mapping[str, Any] | None:
    """The whole record; None where no id is named, or nobody has it any more."""
    try:
        return client.insured(insured_id) if insured_id else None
    except NotFound:
        return None


def _with(webhook: StoredWebhook, record: Mapping[str, Any]) -> StoredWebhook:
    return replace(webhook, payload={"event_type": webhook.event_type, "data": dict(record)})


def _without_dates(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is read now is true now, whenever it was changed."""
    return {name: value for name, value in policy.items() if name not in ("changeDate", "timestamp")}
