"""JSON for staff: the members of a partner."""

from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination

from accounts.addresses import InvalidAddress, normalise
from accounts.api.serializers import Moment, RowSerializer, SubscriptionSerializer
from accounts.models import Plan, Subscription, User
from accounts.models.subscription import Status
from core.moments import iso

PARTNER = "NSSA"  # whose members the address names
LARGEST_PAGE = 200
LAST_PAGE = 1_000_000


# Beside partner and signup_date, by the provider's key: `<provider>_member_id`, `<provider>_offer_id`.
_METADATA = {
    "type": "object",
    "properties": {
        "partner": {"type": "string"},
        "signup_date": {"type": "string", "format": "date-time", "nullable": True},
    },
    "required": ["partner", "signup_date"],
    "additionalProperties": {"type": "string"},
}


class MemberSerializer(RowSerializer[User]):
    """A member as staff see them; `subscription_…` and `metadata` are of the subscription that the list is about."""

    is_active = serializers.BooleanField(source="can_sign_in", help_text="Not locked, and a password was set.")
    subscriptions = SubscriptionSerializer(many=True, help_text="All of the member's, of other partners too.")
    subscription_status = serializers.SerializerMethodField()
    subscription_plan = serializers.SerializerMethodField()
    subscription_end_date = serializers.SerializerMethodField()
    metadata = serializers.SerializerMethodField()

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
            "metadata",
            "subscriptions",
        ]

    def _shown(self, user: Any) -> Subscription:
        return next(one for one in user.subscriptions.all() if one.pk == user.shown_id)

    @extend_schema_field(serializers.ChoiceField(choices=Status.choices))
    def get_subscription_status(self, user: User) -> str:
        return self._shown(user).status

    def get_subscription_plan(self, user: User) -> str:
        return self._shown(user).plan.code

    @extend_schema_field(Moment(allow_null=True))
    def get_subscription_end_date(self, user: User) -> str | None:
        return iso(self._shown(user).current_period_end)

    @extend_schema_field(_METADATA)
    def get_metadata(self, user: User) -> dict[str, str | None]:
        shown = self._shown(user)
        ids = {"member_id": shown.external_member_id, "offer_id": shown.external_offer_id}
        told = {f"{shown.provider}_{name}": value for name, value in ids.items() if shown.provider and value}
        return {"partner": shown.plan.partner, **told, "signup_date": iso(shown.started_at)}


class MemberPages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = LARGEST_PAGE


class MemberFilters(serializers.Serializer[Any]):
    partner = serializers.CharField(required=False, max_length=100)
    subscription_status = serializers.ChoiceField(choices=Status.choices, required=False)
    is_active = serializers.BooleanField(required=False, allow_null=True, default=None)
    search = serializers.CharField(required=False, max_length=254)
    page = serializers.IntegerField(required=False, min_value=1, max_value=LAST_PAGE)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_PAGE)

    def validate_partner(self, value: str) -> str:
        """Return the partner as our plans spell it. Unknown ones are refused: a typing error is no empty list."""
        known = Plan.objects.exclude(partner="").order_by("partner").values_list("partner", flat=True).distinct()
        spelt = next((partner for partner in known if partner.casefold() == value.casefold()), None)
        if spelt is None:
            names = ", ".join(known) or "–"
            raise serializers.ValidationError(_("No plan has this partner. There are: %(names)s") % {"names": names})
        return spelt


@extend_schema(
    tags=["Staff"],
    parameters=[
        OpenApiParameter("partner", description=f"Whose members; {PARTNER} where nothing is said."),
        OpenApiParameter("subscription_status", enum=Status.values, description="As `subscription_status` of the row."),
        OpenApiParameter("is_active", bool, description="Not locked, and a password was set."),
        OpenApiParameter("search", description="E-mail, name or member id; the beginning is enough."),
        OpenApiParameter("page", {"type": "integer", "minimum": 1, "maximum": LAST_PAGE, "default": 1}),
        OpenApiParameter(
            "page_size",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": MemberPages.page_size},
        ),
    ],
)
class Members(ListAPIView[User]):
    """Everybody who has or had a subscription to a plan of the partner, newest first.

    Of several such subscriptions of a person one that gives access is shown, then the newest; filters go by it too.
    """

    serializer_class = MemberSerializer
    pagination_class = MemberPages
    queryset = User.objects.none()  # for the description alone

    def get_queryset(self) -> QuerySet[User]:
        asked = MemberFilters(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        filters = asked.validated_data
        of_partner = Subscription.objects.filter(user=OuterRef("pk"), plan__partner=filters.get("partner", PARTNER))
        gives_access = Q(status__in=[Status.ACTIVE, Status.CANCELED], current_period_end__gt=timezone.now())
        shown = of_partner.order_by(Case(When(gives_access, then=Value(0)), default=Value(1)), "-pk")
        users = User.objects.filter(Exists(of_partner)).annotate(shown_id=Subquery(shown.values("pk")[:1]))
        if wanted := filters.get("subscription_status"):
            users = users.filter(Exists(Subscription.objects.filter(pk=OuterRef("shown_id"), status=wanted)))
        if filters["is_active"] is not None:
            can_sign_in = Q(is_active=True) & ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
            users = users.filter(can_sign_in if filters["is_active"] else ~can_sign_in)
        if search := filters.get("search"):
            users = users.filter(_matches(search))
        return users.distinct().order_by("-pk").prefetch_related("subscriptions__plan")


def _matches(search: str) -> Q:
    text = search.strip()
    try:
        email = normalise(text)
    except InvalidAddress:
        email = text.lower()
    return (
        Q(email__startswith=email)
        | Q(first_name__istartswith=text)
        | Q(last_name__istartswith=text)
        | Q(identities__external_id=text)
    )
