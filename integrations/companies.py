"""Companies for those who ask: from our rows, else, for an account of which no word came, from the provider's API."""

import logging
from typing import Any

import redis
from django.conf import settings
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
from integrations.contracts.provider import CompanyPages, Provider
from integrations.handlers import Context, handle
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status

logger = logging.getLogger(__name__)
READINGS = 30  # a minute, over all who ask
UNKNOWN_FOR = 10  # seconds: what the provider does not know is not asked for again
RECENT = 10  # errors in the metrics
_ENDED_BADLY = (Status.FAILED, Status.UNMATCHED)
_READING_ERRORS = (Retryable, Permanent, Unmatched, Unreadable)


def found(provider: Provider, pages: CompanyPages, account_id: str) -> Company | None:
    """The company of an account, made where the provider's API knows the account and we do not; else None."""
    try:
        account_id = companies.account_id_of(account_id)
    except InvalidAccount:
        return None
    company = companies.of_account(account_id)
    if company is not None or not pages.is_connected() or not _may_read(provider, account_id):
        return company
    try:
        told = pages.read_account(account_id)
    except _READING_ERRORS as error:
        logger.warning("company not read: %s", error, extra={"provider": provider.key, "account": account_id})
        return None
    cause = Cause(text=f"{provider.key} account {account_id} as read from there")
    with transaction.atomic():
        for fact in told:
            handle(fact, Context(provider=provider.key, key=f"account:{account_id}", cause=cause))
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


def metrics(provider: Provider, pages: CompanyPages) -> dict[str, Any]:
    """Return how the accounts' events went, once each however often they were sent.

    `total_syncs` are those that ended, well or badly: `success_count` and `failed_count` (failed, unmatched, or not to
    be read where accounts are posted to). What is pending, and what was ignored (set aside by staff, or its person
    erased), has figures of its own. `success_rate` is in percent of the total, None where nothing ended yet.
    `avg_latency_ms` is how long handling one took, once it was taken up.
    """
    unreadable = Q(event_type="", endpoint=pages.posted_to)
    rows = InboxEvent.objects.filter(Q(event_type__in=pages.synced) | unreadable, provider=provider.key)
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


def system_info(providers: list[Provider]) -> dict[str, Any]:
    """Return what this is and what it can do; nothing that is secret, or that helps to find a hole."""
    endpoints = {"health": "/health", "api_schema": "/api/schema"}
    for provider in providers:
        path = provider.company_pages.path if provider.company_pages else provider.endpoints[0].path
        endpoints[f"{provider.key}_webhooks"] = f"/{path}"
    return {
        "name": settings.SPECTACULAR_SETTINGS["TITLE"],
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "features": [feature for provider in providers for feature in provider.features],
        "endpoints": endpoints,
    }


def _may_read(provider: Provider, account_id: str) -> bool:
    """Return whether the provider's API may be asked now: strangers choose the numbers, and must not choose our calls.

    No while the cache, which counts, is away.
    """
    try:
        is_first = cache.add(f"account-asked:{provider.key}:{account_id}", 1, timeout=UNKNOWN_FOR)
    except (redis.RedisError, OSError):
        return False
    return is_first and not limits.retry_after(
        f"read-account:{provider.key}", "all", limit=READINGS, seconds=limits.MINUTE
    )
