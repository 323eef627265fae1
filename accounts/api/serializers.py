from typing import Any

from rest_framework import serializers

from accounts.models import Subscription, User


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


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
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


class MemberSerializer(serializers.ModelSerializer[User]):
    """A member as staff see them; the newest subscription's status, plan and end stand beside the whole list."""

    is_active = serializers.BooleanField(source="can_sign_in", help_text="Not locked, and a password was set.")
    subscriptions = SubscriptionSerializer(many=True)
    subscription_status = serializers.SerializerMethodField()
    subscription_plan = serializers.SerializerMethodField()
    subscription_end_date = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "first_name",
            "last_name",
            "auth_provider",
            "is_active",
            "date_joined",
            "subscription_status",
            "subscription_plan",
            "subscription_end_date",
            "subscriptions",
        ]

    def _newest(self, user: User) -> Subscription | None:
        return max(user.subscriptions.all(), key=lambda subscription: subscription.pk, default=None)

    def get_subscription_status(self, user: User) -> str | None:
        newest = self._newest(user)
        return newest.status if newest else None

    def get_subscription_plan(self, user: User) -> str | None:
        newest = self._newest(user)
        return newest.plan.code if newest else None

    def get_subscription_end_date(self, user: User) -> str | None:
        newest = self._newest(user)
        return newest.current_period_end.isoformat() if newest and newest.current_period_end else None
