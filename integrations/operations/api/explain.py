"""`GET /api/admin/explain/?person=…`: a person, and why they have access or not."""

from typing import Any

from django.conf import settings
from django.utils import translation
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.person import NobodyFound, SeveralFound
from integrations.operations.explain import explain


class _IdSerializer(serializers.Serializer[Any]):
    provider = serializers.CharField()
    kind = serializers.CharField()
    id = serializers.CharField()


class _PersonSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    emails = serializers.ListField(child=serializers.CharField())
    user_id = serializers.IntegerField(allow_null=True)
    contact_ids = serializers.ListField(child=serializers.IntegerField())
    is_locked = serializers.BooleanField()
    has_password = serializers.BooleanField()
    ids = _IdSerializer(many=True)


class _FactSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    cause = serializers.CharField()
    event_id = serializers.IntegerField(allow_null=True)
    rule = serializers.CharField(help_text="Why it was assigned to its purchase, in words.")
    status_after = serializers.CharField()
    until_after = serializers.DateTimeField(allow_null=True)


class _QuestionSerializer(serializers.Serializer[Any]):
    fact_id = serializers.IntegerField()
    kind = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    question = serializers.CharField()
    event_id = serializers.IntegerField(allow_null=True)


class _PlanSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField()
    name = serializers.CharField()
    status = serializers.CharField()
    has_access = serializers.BooleanField()
    until = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()
    facts = _FactSerializer(many=True, help_text="In the order in which they count, with what each led to.")
    questions = _QuestionSerializer(many=True, help_text="Facts that staff have not decided about.")


class _EventSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    provider = serializers.CharField()
    type = serializers.CharField()
    status = serializers.CharField()
    reason = serializers.CharField()
    received_at = serializers.DateTimeField()


class ExplanationSerializer(serializers.Serializer[Any]):
    sentence = serializers.CharField()
    person = _PersonSerializer()
    plans = _PlanSerializer(many=True)
    events_not_processed = _EventSerializer(many=True, help_text="Pending, failed or unmatched; the newest 20.")


class _QuerySerializer(serializers.Serializer[Any]):
    person = serializers.CharField(max_length=254)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)


class Explain(APIView):
    """Say who somebody is and whether they have access to each plan, in a sentence and as facts."""

    @extend_schema(
        tags=["Staff"],
        parameters=[
            OpenApiParameter(
                "person",
                required=True,
                description="An e-mail, contact:ID, user:ID, PROVIDER:ID or an id.",
            ),
            OpenApiParameter(
                "language",
                enum=[code for code, _name in settings.LANGUAGES],
                description="Of the sentences; default: that of Accept-Language, else LANGUAGE_CODE.",
            ),
        ],
        responses=ExplanationSerializer,
    )
    def get(self, request: Request) -> Response:
        query = _QuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        try:
            with translation.override(query.validated_data.get("language") or translation.get_language()):
                return Response(explain(query.validated_data["person"]))
        except NobodyFound as error:
            raise NotFound(str(error)) from error
        except SeveralFound as error:
            raise serializers.ValidationError({"person": str(error)}) from error
