"""What NowCerts' API says of what a delivery names: an unsigned delivery is a hint, and a notice says nothing more."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotThereYet, Unmatched
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.nowcerts import webhooks
from integrations.providers.nowcerts.client import NowCertsClient
from integrations.toolkit.failures import NotFound

PATIENCE = 8  # seconds for one call with its repetitions; the two of a delivery must end well within its lease


def is_connected() -> bool:
    """Whether the API can be asked here."""
    return bool(settings.NOWCERTS_USERNAME and settings.NOWCERTS_PASSWORD)


def is_hint(webhook: StoredWebhook) -> bool:
    """Whether NowCerts is to be asked: nobody signed it, it says nothing, or it tells of an insured by their id.

    Even what a relay signed may be a late copy of our own write.
    """
    if not webhook.is_signed or webhooks.is_notice(webhook.payload, webhook.event_type):
        return True
    return webhook.event_type in webhooks.PEOPLE and bool(webhooks.insured_id(webhook.payload))


def confirm(webhook: StoredWebhook) -> StoredWebhook:
    """The delivery as NowCerts' records have it; one that names no id stays as it came, proved by its token alone.

    A policy is read here, with its insured. An insured is only named: they are read whole a moment later, once for a
    burst. A deletion stays one only where NowCerts has the insured no more; else it is a reading like any other. Raises
    NotThereYet where NowCerts does not know what is named.
    """
    if webhook.event_type in webhooks.DELETIONS:
        return _confirmed_deletion(webhook)
    if webhook.event_type in webhooks.PEOPLE:
        insured_id = webhooks.insured_id(webhook.payload)
        return _with(webhook, {"insuredDatabaseId": insured_id}) if insured_id else webhook
    policy_id = webhooks.policy_id(webhook.payload)
    if webhook.event_type not in webhooks.POLICIES or not policy_id:
        return webhook
    asked_at = timezone.now()
    client = NowCertsClient.from_settings(patience=PATIENCE)
    try:
        policy = client.policy(policy_id)
    except NotFound as error:
        raise NotThereYet(f"NowCerts does not know policy {policy_id}") from error
    confirmed = _with(webhook, {**_without_dates(policy), "policyDatabaseId": policy_id})
    insured = _insured_of(client, webhooks.insured_of_policy(confirmed.payload))
    if insured is not None:
        confirmed = replace(confirmed, payload={**confirmed.payload, webhooks.CONFIRMED_INSURED: insured})
    return replace(confirmed, received_at=asked_at)


def parse(webhook: StoredWebhook) -> list[Event]:
    """What a delivery tells of. Raises Unmatched for a notice where the API, which could say more, is not set up."""
    is_deletion = webhook.event_type in webhooks.DELETIONS
    if not is_deletion and not is_connected() and webhooks.is_notice(webhook.payload, webhook.event_type):
        raise Unmatched("the notice only names a record, and NowCerts' API is not configured to be asked")
    return webhooks.parse(webhook)


def read_contact(contact_id: str) -> list[Event]:
    """The whole insured or prospect as they are now. Raises NotThereYet where NowCerts has no such."""
    asked_at = timezone.now()
    try:
        record = NowCertsClient.from_settings(patience=PATIENCE).insured(contact_id)
    except NotFound as error:
        raise NotThereYet(f"NowCerts does not know insured {contact_id}") from error
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
    """What is read now is true now, whenever it was changed."""
    return {name: value for name, value in policy.items() if name not in ("changeDate", "timestamp")}
