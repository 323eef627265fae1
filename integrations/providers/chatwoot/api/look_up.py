"""Look-up of companies: in our rows, else, for an account whose webhook was lost, at the provider's API."""

import logging
from typing import Any

import redis
from django.core.cache import cache
from django.db import transaction
from django.db.models import Avg, Count, Max, Q

from accounts.people import companies
from accounts.people.companies import InvalidAccount
from accounts.people.models import Company
from config.logs import mask
from core.cause import Cause
from core.moments import iso
from core.phrases import PROVIDER as PROVIDER_KEY
from core.phrases import Phrase
from core.web import limits
from integrations.contracts.exceptions import Permanent, Retryable, Unmatched, Unreadable
from integrations.handlers import Context, handle
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.providers.chatwoot import accounts, webhooks
from integrations.providers.chatwoot.provider import PROVIDER

logger = logging.getLogger(__name__)
_READ = Phrase("{provider} account {account} as read from there", provider=PROVIDER_KEY)

API_CALLS = 30  # per minute, over all clients
UNKNOWN_FOR = 10  # seconds until an account that the provider does not know is asked for again
RECENT = 10  # errors in the metrics
_FAILED = (Status.FAILED, Status.UNMATCHED)
_API_ERRORS = (Retryable, Permanent, Unmatched, Unreadable)


def find_company(account_id: str) -> Company | None:
    """Return the company of an account, created where only the provider's API knows the account; None for neither."""
    try:
        account_id = companies.account_id_of(account_id)
    except InvalidAccount:
        return None
    company = companies.of_account(account_id)
    if company is not None or not accounts.is_connected() or not _may_call_api(account_id):
        return company
    try:
        events = accounts.read_account(account_id)
    except _API_ERRORS as error:
        logger.warning("company not read: %s", error, extra={"provider": PROVIDER.key, "account": account_id})
        return None
    cause = Cause(text=_READ(provider=PROVIDER.key, account=account_id))
    with transaction.atomic():
        for event in events:
            handle(event, Context(provider=PROVIDER.key, key=f"account:{account_id}", cause=cause))
    return companies.of_account(account_id)


def public_values(company: Company | None) -> dict[str, Any]:
    """Return the values for anybody with the account's number: nothing about people, and no name of a store."""
    if company is None:
        return {"exists": False}
    is_pending = company.steps.exclude(status__in=["done", "skipped"]).exists()
    return {
        "exists": True,
        "company_id": company.company_id,
        "company_name": company.name,
        "chatwoot_account_id": company.chatwoot_account_id,
        "status": company.status,
        "is_ready": company.status == Company.Status.ACTIVE and not is_pending,
        "created_at": iso(company.created_at),
    }


def metrics() -> dict[str, Any]:
    """Return the metrics of the accounts' events, each counted once however often it was sent.

    `total_syncs` are those that ended, well or badly: `success_count` and `failed_count` (failed, unmatched, or not
    readable at the endpoint of accounts). What is pending, and what was ignored (set aside by staff, or its person
    erased), has figures of its own. `success_rate` is in percent of the total, None where nothing ended yet.
    `avg_latency_ms` is the duration of a successful attempt.
    """
    unreadable = Q(event_type="", endpoint=webhooks.INSTALLATION)
    rows = InboxEvent.objects.filter(Q(event_type__in=webhooks.ABOUT_ACCOUNTS) | unreadable, provider=PROVIDER.key)
    counts = rows.aggregate(
        success=Count("pk", filter=Q(status=Status.PROCESSED)),
        failed=Count("pk", filter=Q(status__in=_FAILED)),
        pending=Count("pk", filter=Q(status=Status.PENDING)),
        ignored=Count("pk", filter=Q(status=Status.IGNORED)),
        last=Max("finished_at", filter=Q(status=Status.PROCESSED)),
    )
    handled = InboxAttempt.objects.filter(event__in=rows, outcome=InboxAttempt.Outcome.DONE)
    ended = counts["success"] + counts["failed"]
    latency = handled.aggregate(Avg("duration_ms"))["duration_ms__avg"]
    return {
        "total_syncs": ended,
        "success_count": counts["success"],
        "failed_count": counts["failed"],
        "pending_count": counts["pending"],
        "ignored_count": counts["ignored"],
        "success_rate": round(100 * counts["success"] / ended, 2) if ended else None,
        "avg_latency_ms": None if latency is None else round(latency, 1),
        "recent_errors": [
            {
                "event_id": event.pk,
                "event": event.event_type or "unreadable",
                "chatwoot_account_id": event.external_id or None,
                "error": mask(event.reason or event.last_error),
                "timestamp": iso(event.finished_at),
            }
            for event in rows.filter(status__in=_FAILED).order_by("-pk")[:RECENT]
        ],
        "last_sync": iso(counts["last"]),
    }


def _may_call_api(account_id: str) -> bool:
    """Return whether the provider's API may be called now: strangers choose the numbers, and must not choose our calls.

    False while the cache, which counts the calls, is unavailable.
    """
    try:
        is_first = cache.add(f"account-asked:{PROVIDER.key}:{account_id}", 1, timeout=UNKNOWN_FOR)
    except (redis.RedisError, OSError):
        return False
    return is_first and not limits.retry_after(
        f"read-account:{PROVIDER.key}", "all", limit=API_CALLS, seconds=limits.MINUTE
    )
