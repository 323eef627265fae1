"""JSON about points: a member's statement, and completions that a staff script reports."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import RowSerializer
from accounts.courses import certificates, completions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, PointsEntry
from accounts.people.models import User
from accounts.staff.audit import record
from core.cause import Cause
from core.days import today

CHANNEL = "api"
LONGEST_KEY = 150


class PointsEntrySerializer(RowSerializer[PointsEntry]):
    activity = serializers.CharField(source="activity.code")

    class Meta:
        model = PointsEntry
        fields = ["points", "activity", "source", "created_at"]


class StatementSerializer(serializers.Serializer[Any]):
    balance = serializers.IntegerField()
    entries = PointsEntrySerializer(many=True)


class MemberPoints(APIView):
    """A member's balance, and the lines of the ledger that it is the sum of, the newest first."""

    @extend_schema(tags=["Staff"], responses=StatementSerializer)
    def get(self, request: Request, user_id: int) -> Response:
        user = get_object_or_404(User, pk=user_id)
        entries = user.points.select_related("activity").order_by("-pk")
        return Response(StatementSerializer({"balance": points.balance(user), "entries": entries}).data)


class CompletionSerializer(serializers.Serializer[Any]):
    """`key` names what was done, so that reporting it again changes nothing; the header Idempotency-Key may hold it."""

    key = serializers.CharField(max_length=LONGEST_KEY, required=False)
    email = serializers.CharField(max_length=254, help_text="As the student wrote it; a person judges what is none.")
    course = serializers.CharField(max_length=255)
    completed_on = serializers.DateField(required=False, help_text="Default: today.")
    certificate_url = serializers.CharField(max_length=certificates.LONGEST, required=False, allow_blank=True)
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    activity = serializers.SlugRelatedField[Activity](
        slug_field="code", queryset=Activity.objects.filter(is_active=True), required=False, help_text="Default: LEARN."
    )

    def validate_certificate_url(self, value: str) -> str:
        try:
            return certificates.checked(value)
        except certificates.NoCertificateAddress as error:
            raise serializers.ValidationError(str(error)) from error


class KeptSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="completion.pk")
    state = serializers.CharField(source="completion.state")
    duplicate = serializers.BooleanField()


class OtherCompletionSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
    id = serializers.IntegerField(help_text="The completion that the key names.")


class Completions(APIView):
    """Report a completed course. 201: kept; 200: known already by its key; 409: the key names another completion."""

    @extend_schema(
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        request=CompletionSerializer,
        responses={201: KeptSerializer, 200: KeptSerializer, 409: OtherCompletionSerializer},
        tags=["Staff"],
    )
    def post(self, request: Request) -> Response:
        request_data = CompletionSerializer(data=request.data)
        request_data.is_valid(raise_exception=True)
        data = request_data.validated_data
        key = request.headers.get("Idempotency-Key", "").strip() or data.get("key", "")
        if not key or len(key) > LONGEST_KEY or not key.isprintable():
            problem = f"Name what was done, in 1 to {LONGEST_KEY} letters, here or in the header Idempotency-Key."
            raise ValidationError({"key": [problem]})
        activity = data.get("activity") or Activity.objects.filter(code="LEARN", is_active=True).first()
        if activity is None:
            raise ValidationError({"activity": ["Name an active activity: there is no LEARN."]})
        received = completions.receive(
            ReportedCompletion(
                source=f"{CHANNEL}:{key}",
                channel=CHANNEL,
                email=data["email"],
                name=data.get("name", ""),
                course=data["course"],
                completed_on=data.get("completed_on") or today(),
                certificate_url=data.get("certificate_url", ""),
            ),
            activity,
            cause=_cause(request.user),
        )
        completion = received.completion
        if not received.is_new and completion.email_received != data["email"].strip()[:254]:
            return Response(
                {"detail": "This key names a completion of another person.", "id": completion.pk},
                status=status.HTTP_409_CONFLICT,
            )
        if received.is_new:
            record("completion.reported", request=request._request, actor=request.user, target=completion)
        body = KeptSerializer({"completion": completion, "duplicate": not received.is_new}).data
        return Response(body, status=status.HTTP_201_CREATED if received.is_new else status.HTTP_200_OK)


def _cause(staff: Any) -> Cause:
    """Return the cause: a script reports in the name of staff; nobody decided by hand."""
    return Cause(text=f"API: {staff.email}")
