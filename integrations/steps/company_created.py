"""Provisioning step: post a signed webhook about a new company to the backend that stores companies' documents."""

import json

from django.conf import settings

from accounts.people.models import Company
from accounts.people.provisioning import CannotProvision, NotNeeded
from core.moments import iso
from core.phrases import Phrase
from integrations.contracts.exceptions import Permanent
from integrations.toolkit.outgoing import post_signed
from integrations.toolkit.signatures import secrets_in

_NOT_SET = Phrase("COMPANY_WEBHOOK_URL is not set: no backend to notify")


def send(company: Company) -> str:
    """Post "company.created" to COMPANY_WEBHOOK_URL; its id is always the same, so that the backend can skip copies.

    Raises NotNeeded, CannotProvision, Retryable.
    """
    if not settings.COMPANY_WEBHOOK_URL:
        raise NotNeeded(_NOT_SET())
    message = {
        "type": "company.created",
        "timestamp": iso(company.created_at),
        "data": {
            "company_id": company.company_id,
            "company_name": company.name,
            "chatwoot_account_id": company.chatwoot_account_id,
            "redis_prefix": company.redis_prefix,
            "vectorstore_index": company.vectorstore_index,
        },
    }
    try:
        status = post_signed(
            settings.COMPANY_WEBHOOK_URL,
            json.dumps(message).encode(),
            message_id=f"company.created.{company.company_id}",
            secrets=secrets_in("COMPANY_WEBHOOK_SECRET"),
        )
    except Permanent as error:
        raise CannotProvision(str(error)) from error
    return f"posted {company.company_id}, answered with {status}"
