"""API for staff: compare one member's subscriptions with the provider's purchases, and make them equal."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.models import User
from accounts.staff.audit import record
from core.cause import Cause
from core.moments import iso
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PurchaseStatus
from integrations.reconcile import subscription_check, syncs
from integrations.reconcile.models import SubscriptionSync
from integrations.reconcile.subscription_check import Verdict
from integrations.toolkit.failures import NotConfigured

logger = logging.getLogger(__name__)
Outcome = SubscriptionSync.Outcome
_STATUS_OF: Mapping[str, HTTPStatus] = {
    Outcome.CONFLICT: HTTPStatus.CONFLICT,
    Outcome.NOT_CONFIGURED: HTTPStatus.SERVICE_UNAVAILABLE,
}


class VerdictSerializer(serializers.Serializer[Any]):
    """`database_status` is what stands here; beside it `<provider>_status` with the purchases there."""

    user = serializers.DictField()
    database_status = serializers.DictField()
    mismatch = serializers.BooleanField()
    recommended_action = serializers.CharField(allow_null=True, help_text="sync, check_by_hand or null")
    differences = serializers.ListField()


class SyncedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    old_status = serializers.CharField()
    new_status = serializers.CharField()


class WaitingSerializer(serializers.Serializer[Any]):
    """A sync that has not ended yet; `error` says why its last try failed."""

    success = serializers.BooleanField(default=False)
    message = serializers.CharField()
    status = serializers.CharField(default="pending")
    status_url = serializers.CharField()
    error = serializers.CharField(allow_null=True)


class RefusedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField(default=False)
    message = serializers.CharField()
    detail = serializers.CharField()


class SubscriptionCheck(APIView):
    """Base of the views. If `provider` cannot be reached, nothing is changed: 502, or 503 if it is not configured."""

    provider: Provider | None = None

    def _provider(self) -> Provider:
        assert self.provider is not None, "given by the route"
        return self.provider


_PROBLEMS = dict.fromkeys((502, 503), RefusedSerializer)
_ENDS = {200: SyncedSerializer, 202: WaitingSerializer, 409: RefusedSerializer, **_PROBLEMS}


class VerifySubscription(SubscriptionCheck):
    """Compare a member's subscription with what the provider says now; changes nothing."""

    @extend_schema(tags=["Staff"], responses={200: VerdictSerializer, **_PROBLEMS})
    def get(self, request: Request, user_id: str) -> Response:
        user = get_object_or_404(User, pk=_to_key(user_id))
        try:
            return Response(to_json(subscription_check.verify(user, provider=self._provider())))
        except NotConfigured as error:
            return _refused(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        except (Retryable, Permanent) as error:
            logger.warning("provider not asked: %s", error, extra={"user": user.pk})
            return _refused(str(error), HTTPStatus.BAD_GATEWAY)


class SyncSubscription(SubscriptionCheck):
    """Make a member's subscription equal to what the provider says now.

    A worker does it. Waits up to ten seconds for the end; else 202, with the address that says how it goes.
    """

    @extend_schema(tags=["Staff"], request=None, responses=_ENDS)
    def post(self, request: Request, user_id: str) -> Response:
        user = get_object_or_404(User, pk=_to_key(user_id))
        assert isinstance(request.user, User)
        sync = syncs.request(user, provider=self._provider(), cause=Cause.by_staff(request.user))
        record("subscription.sync_asked", request=request._request, actor=request.user, target=user, sync=sync.pk)
        return _answer(syncs.wait(sync), title=self._provider().title)


class SyncSubscriptionStatus(SubscriptionCheck):
    """Progress of a subscription sync; once it has ended, the sync's own answer."""

    @extend_schema(tags=["Staff"], responses=_ENDS)
    def get(self, request: Request, user_id: str, sync_id: str) -> Response:
        provider = self._provider()
        sync = get_object_or_404(SubscriptionSync, pk=_to_key(sync_id), user_id=_to_key(user_id), provider=provider.key)
        return _answer(sync, title=provider.title)


def _to_key(text: str) -> int:
    return int(text) if len(text) < 19 else 0


def _answer(sync: SubscriptionSync, *, title: str) -> Response:
    if sync.status == SubscriptionSync.Status.PENDING:
        url = reverse(f"sync-{sync.provider}-subscription-status", args=[sync.user_id, sync.pk])
        message = _("The sync has not ended yet. Look again at status_url.")
        if sync.last_error:
            retried = _(
                "%(provider)s could not be reached: %(error)s. It is retried automatically. Look again at status_url."
            )
            message = retried % {"provider": title, "error": sync.last_error}
        pending = {
            "success": False,
            "message": message,
            "status": "pending",
            "status_url": url,
            "error": sync.last_error or None,
        }
        return Response(pending, status=HTTPStatus.ACCEPTED, headers={"Location": url})
    if sync.status == SubscriptionSync.Status.FAILED:
        return _refused(syncs.failure_message(sync), _STATUS_OF.get(sync.outcome, HTTPStatus.BAD_GATEWAY))
    has_no_purchase = sync.outcome == Outcome.NO_PURCHASE
    return Response(
        {
            "success": not has_no_purchase,
            "message": _("The provider has no purchase for this access; nothing was changed.")
            if has_no_purchase
            else _("Subscription status synced successfully"),
            "old_status": sync.old_status,
            "new_status": sync.new_status,
        }
    )


def _refused(message: str, status: HTTPStatus) -> Response:
    return Response({"success": False, "message": message, "detail": message}, status=status)


def _member_id(verdict: Verdict) -> str | None:
    """Return the member's id of their subscription; where there is none, the id that was looked up."""
    user, provider = verdict.remote.user, verdict.remote.provider
    subscriptions = user.subscriptions.filter(provider=provider.key).exclude(external_member_id="")
    known = subscriptions.order_by("-pk").values_list("external_member_id", flat=True).first()
    return known or next(iter(verdict.remote.people), None)


def to_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON for staff."""
    user, provider = verdict.remote.user, verdict.remote.provider
    subject = verdict.subject.subscription if verdict.subject else None
    end = subject.current_period_end if subject else None
    return {
        "user": {
            "id": user.pk,
            "email": user.email,
            f"{provider.key}_member_id": _member_id(verdict),
        },
        "database_status": {
            "subscription_status": subject.status if subject else None,
            "subscription_plan": subject.plan.code if subject else None,
            "subscription_end_date": iso(end),
        },
        f"{provider.key}_status": {
            "is_active": verdict.status in (PurchaseStatus.ACTIVE, PurchaseStatus.CANCELED),
            "status": verdict.status,
            "subscriptions": [dict(purchase.details) for purchase in verdict.remote.purchases],
        },
        "mismatch": bool(verdict.differing),
        "recommended_action": verdict.recommended_action,
        "differences": [
            {"plan": comparison.plan.code, "difference": str(comparison.kind.label)}
            for comparison in verdict.differing
            if comparison.kind
        ],
    }
