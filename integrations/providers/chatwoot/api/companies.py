"""Companies of accounts, for front ends that are embedded elsewhere and for operators; metrics, for monitors."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import View
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.web import limits
from core.web.client_address import client_key
from core.web.guesses import TooMany
from core.web.refusals import refusal
from integrations.api.permissions import AsListedOrMonitor
from integrations.providers.chatwoot.api import look_up
from integrations.providers.chatwoot.api.signed_accounts import NotSigned, require_signature

LOOK_UPS = 120  # per minute and address
_METHODS = "GET, HEAD, OPTIONS"


class CompanyView(View):
    """Company of an account (`GET …/company/<account id>`), also for browsers of the origins in the settings.

    No cookie, session or token is read, so another site learns no more by a visitor's browser than by its own request.
    With CHATWOOT_EMBED_SECRET configured the account's signature is required.
    """

    http_method_names = ("get", "head", "options")

    def get(self, request: HttpRequest, account_id: str) -> HttpResponse:
        wait = limits.retry_after("company", client_key(request.META), limit=LOOK_UPS, seconds=limits.MINUTE)
        if wait:
            return _try_later(wait)
        try:
            require_signature(request, account_id)
        except TooMany as error:
            return _try_later(error.retry_after)
        except NotSigned:
            return JsonResponse(refusal("Invalid account signature", code="not_signed"), status=HTTPStatus.FORBIDDEN)
        company = look_up.find_company(account_id)
        return JsonResponse({"success": True, "data": look_up.public_values(company)})

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Allow": _METHODS})


class ErrorSerializer(serializers.Serializer[Any]):
    event_id = serializers.IntegerField()
    event = serializers.CharField()
    chatwoot_account_id = serializers.CharField(allow_null=True)
    error = serializers.CharField()
    timestamp = serializers.DateTimeField(allow_null=True)


class CountsSerializer(serializers.Serializer[Any]):
    total_syncs = serializers.IntegerField()
    success_count = serializers.IntegerField()
    failed_count = serializers.IntegerField()
    pending_count = serializers.IntegerField()
    ignored_count = serializers.IntegerField()
    success_rate = serializers.FloatField(allow_null=True, help_text="In percent; null before the first ended.")
    avg_latency_ms = serializers.FloatField(allow_null=True)
    recent_errors = ErrorSerializer(many=True)
    last_sync = serializers.DateTimeField(allow_null=True)


class MetricsSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    data = CountsSerializer()  # type: ignore[assignment]  # the class has none of its own once this is a field


@extend_schema(tags=["Monitoring"], responses=MetricsSerializer)
class MetricsView(APIView):
    """Metrics of the accounts' events (`GET …/metrics`)."""

    permission_classes = (AsListedOrMonitor,)

    def get(self, request: Request) -> Response:
        answer = {"success": True, "data": look_up.metrics()}
        return Response(answer, headers={"Cache-Control": "no-store"})


def _try_later(seconds: int) -> HttpResponse:
    return JsonResponse(
        refusal(f"Too many requests. Try again in {seconds} seconds.", code="throttled"),
        status=HTTPStatus.TOO_MANY_REQUESTS,
        headers={"Retry-After": str(seconds)},
    )
