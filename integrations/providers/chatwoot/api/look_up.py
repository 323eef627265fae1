"""Companies for those who ask: from our rows, else, for an account of which no word came, from the provider's API."""

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
from core.web import limits
from integrations.contracts.exceptions import Permanent, Retryable, Unmatched, Unreadable
from integrations.handlers import Context, handle
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.providers.chatwoot import accounts, webhooks
from integrations.providers.chatwoot.provider import PROVIDER

logger = logging.getLogger(__name__)
READINGS = 30  # a minute, over all who ask
UNKNOWN_FOR = 10  # seconds: what the provider does not know is not asked for again
RECENT = 10  # errors in the metrics
_ENDED_BADLY = (Status.FAILED, Status.UNMATCHED)
_READING_ERRORS = (Retryable, Permanent, Unmatched, Unreadable)


def found(account_id: str) -> Company | None:
    """The company of an account, made where the provider's API knows the account and we do not; else None."""
    try:
        account_id = companies.account_id_of(account_id)
    except InvalidAccount:
        return None
    company = companies.of_account(account_id)
    if company is not None or not accounts.is_connected() or not _may_read(account_id):
        return company
    try:
        told = accounts.read_account(account_id)
    except _READING_ERRORS as error:
        logger.warning("company not read: %s", error, extra={"provider": PROVIDER.key, "account": account_id})
        return None
    cause = Cause(text=f"{PROVIDER.key} account {account_id} as read from there")
    with transaction.atomic():
        for fact in told:
            handle(fact, Context(provider=PROVIDER.key, key=f"account:{account_id}", cause=cause))
    return companies.of_account(account_id)


def public_values(company: Company | None) -> dict[str, Any]:
    """Return what anybody may know who knows the account's number: nothing about people, and no name of a store."""
    if company is None:
        return {"exists": False}
    waiting = company.steps.exclude(status__in=["done", "skipped"]).exists()
    return {
        "exists": True,
        "company_id": company.company_id,
        "company_name": company.name,
        "chatwoot_account_id": company.chatwoot_account_id,
        "status": company.status,
        "is_ready": company.status == Company.Status.ACTIVE and not waiting,
        "created_at": iso(company.created_at),
    }


def metrics() -> dict[str, Any]:
    """Return how the accounts' events went, once each however often they were sent.

    `total_syncs` are those that ended, well or badly: `success_count` and `failed_count` (failed, unmatched, or not to
    be read where accounts are posted to). What is pending, and what was ignored (set aside by staff, or its person
    erased), has figures of its own. `success_rate` is in percent of the total, None where nothing ended yet.
    `avg_latency_ms` is how long handling one took, once it was taken up.
    """
    unreadable = Q(event_type="", endpoint=webhooks.INSTALLATION)
    rows = InboxEvent.objects.filter(Q(event_type__in=webhooks.ABOUT_ACCOUNTS) | unreadable, provider=PROVIDER.key)
    counts = rows.aggregate(
        success=Count("pk", filter=Q(status=Status.PROCESSED)),
        failed=Count("pk", filter=Q(status__in=_ENDED_BADLY)),
        pending=Count("pk", filter=Q(status=Status.PENDING)),
        ignored=Count("pk", filter=Q(status=Status.IGNORED)),
        last=Max("finished_at", filter=Q(status=Status.PROCESSED)),
    )
    took = InboxAttempt.objects.filter(event__in=rows, outcome=InboxAttempt.Outcome.DONE).aggregate(Avg("duration_ms"))
    ended = counts["success"] + counts["failed"]
    latency = took["duration_ms__avg"]
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
            for event in rows.filter(status__in=_ENDED_BADLY).order_by("-pk")[:RECENT]
        ],
        "last_sync": iso(counts["last"]),
    }


def _may_read(account_id: str) -> bool:
    """Return whether the provider's API may be asked now: strangers choose the numbers, and must not choose our calls.

    No while the cache, which counts, is away.
    """
    try:
        is_first = cache.add(f"account-asked:{PROVIDER.key}:{account_id}", 1, timeout=UNKNOWN_FOR)
    except (redis.RedisError, OSError):
        return False
    return is_first and not limits.retry_after(
        f"read-account:{PROVIDER.key}", "all", limit=READINGS, seconds=limits.MINUTE
    )
