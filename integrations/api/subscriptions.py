"""For staff: one member's subscription compared with the provider's word, and made equal to it."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.services.cause import Cause
from accounts.staff.audit import record
from integrations.contracts.exceptions import Permanent, Retryable, Unmatched
from integrations.contracts.provider import Provider
from integrations.reconcile import check
from integrations.toolkit.failures import NotConfigured

logger = logging.getLogger(__name__)


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


class RefusedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField(default=False)
    message = serializers.CharField()


class SubscriptionCheck(APIView):
    """`provider` is whom it asks. Where it cannot be asked, nothing is changed: 502, or 503 where it is not set up."""

    provider: Provider | None = None

    def _answered(self, user_id: str, ask: Callable[[User, Provider], Response]) -> Response:
        assert self.provider is not None, "given by the route"
        user = get_object_or_404(User, pk=int(user_id) if len(user_id) < 19 else 0)
        try:
            return ask(user, self.provider)
        except NotConfigured as error:
            return _refused(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        except Unmatched as error:
            return _refused(str(error), HTTPStatus.CONFLICT)
        except (Retryable, Permanent) as error:
            logger.warning("provider not asked: %s", error, extra={"user": user.pk})
            return _refused(str(error), HTTPStatus.BAD_GATEWAY)


_PROBLEMS = dict.fromkeys((409, 502, 503), RefusedSerializer)


class VerifySubscription(SubscriptionCheck):
    """Compare a member's subscription with what the provider says now; changes nothing."""

    @extend_schema(tags=["Staff"], responses={200: VerdictSerializer, **_PROBLEMS})
    def get(self, request: Request, user_id: str) -> Response:
        return self._answered(
            user_id, lambda user, provider: Response(check.shown(check.verify(user, provider=provider)))
        )


class SyncSubscription(SubscriptionCheck):
    """Make a member's subscription equal to what the provider says now."""

    @extend_schema(tags=["Staff"], request=None, responses={200: SyncedSerializer, **_PROBLEMS})
    def post(self, request: Request, user_id: str) -> Response:
        staff: Any = request.user

        def ask(user: User, provider: Provider) -> Response:
            synced = check.sync(user, provider=provider, cause=Cause.by_staff(staff))
            left = synced.verdict.recommended_action is not None
            record(
                "subscription.synced",
                request=request._request,
                actor=staff,
                target=user,
                before={"status": synced.old_status},
                after={"status": synced.new_status},
                provider=provider.key,
            )
            return Response(
                {
                    "success": not left,
                    "message": _("The provider has no purchase for this access; nothing was changed.")
                    if left
                    else _("Subscription status synced successfully"),
                    "old_status": synced.old_status,
                    "new_status": synced.new_status,
                }
            )

        return self._answered(user_id, ask)


def _refused(message: str, status: HTTPStatus) -> Response:
    return Response({"success": False, "message": message, "detail": message}, status=status)
