from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.db import models
from rest_framework import serializers

from accounts.memberships.models import Subscription
from core.moments import iso

Row = TypeVar("Row", bound=models.Model)


class Moment(serializers.DateTimeField):
    """A moment in the one form of our answers."""

    def to_representation(self, value: datetime) -> str:
        return iso(value)


class RowSerializer(serializers.ModelSerializer[Row]):
    """A row of ours; its moments are Moments."""

    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Moment,
    }


class SetupPasswordSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    token = serializers.CharField(max_length=200)
    password = serializers.CharField(max_length=1024, trim_whitespace=False)


class ResendSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)


class PublicUserSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    first_name = serializers.CharField()
    partner = serializers.CharField(allow_null=True)


class PasswordSetSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    user = PublicUserSerializer()


class AnswerSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()


class SubscriptionSerializer(RowSerializer[Subscription]):
    plan = serializers.SlugRelatedField[Any](slug_field="code", read_only=True)
    partner = serializers.CharField(source="plan.partner", read_only=True)
    has_access = serializers.BooleanField(read_only=True)

    class Meta:
        model = Subscription
        fields = [
            "plan",
            "partner",
            "status",
            "has_access",
            "started_at",
            "current_period_end",
            "canceled_at",
            "external_member_id",
            "external_offer_id",
            "external_purchase_id",
        ]


class CourseSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    percent = serializers.IntegerField(help_text="As of the latest report; 100 once it is completed.")
    completed_on = serializers.DateField(allow_null=True)
    as_of = serializers.DateTimeField(allow_null=True)


class RequiredCourseSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    share = serializers.IntegerField(help_text="So many percent of the course are required.")
    percent = serializers.IntegerField()
    is_met = serializers.BooleanField()


class PathSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    points = serializers.IntegerField()
    met = serializers.IntegerField(help_text="Courses that are done, of those needed.")
    needed = serializers.IntegerField()
    is_awarded = serializers.BooleanField(help_text="The points were given.")
    courses = RequiredCourseSerializer(many=True)


class LearningSerializer(serializers.Serializer[Any]):
    courses = CourseSerializer(many=True)
    paths = PathSerializer(many=True)
