"""JSON for staff: the members of a partner."""

from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination

from accounts.api.serializers import Moment, RowSerializer, SubscriptionSerializer
from accounts.memberships.models import Plan, Subscription
from accounts.memberships.purchase_state import Status
from accounts.people.models import User
from core.moments import iso
from core.text import InvalidAddress, normalise_email

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

    def _shown(self, user: Any) -> Subscription | None:
        """Return the subscription that the list is about; None where it was moved to another member a moment ago."""
        return next((one for one in user.subscriptions.all() if one.pk == user.shown_id), None)

    @extend_schema_field(serializers.ChoiceField(choices=Status.choices, allow_null=True))
    def get_subscription_status(self, user: User) -> str | None:
        shown = self._shown(user)
        return shown.status if shown else None

    def get_subscription_plan(self, user: User) -> str | None:
        shown = self._shown(user)
        return shown.plan.code if shown else None

    @extend_schema_field(Moment(allow_null=True))
    def get_subscription_end_date(self, user: User) -> str | None:
        shown = self._shown(user)
        return iso(shown.current_period_end) if shown else None

    @extend_schema_field(_METADATA)
    def get_metadata(self, user: User) -> dict[str, str | None]:
        shown = self._shown(user)
        if shown is None:
            return {}
        ids = {"member_id": shown.external_member_id, "offer_id": shown.external_offer_id}
        named = {f"{shown.provider}_{name}": value for name, value in ids.items() if shown.provider and value}
        return {"partner": shown.plan.partner, **named, "signup_date": iso(shown.started_at)}


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
        """Refuse a partner of no plan: a typing error is no empty list."""
        if not Plan.objects.filter(partner__iexact=value).exists():
            known = Plan.objects.exclude(partner="").order_by("partner").values_list("partner", flat=True).distinct()
            names = ", ".join(known) or "–"
            raise serializers.ValidationError(_("No plan has this partner. There are: %(names)s") % {"names": names})
        return value


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
        partner = filters.get("partner", PARTNER)
        of_partner = Subscription.objects.filter(user=OuterRef("pk"), plan__partner__iexact=partner)
        shown = of_partner.best_first()
        users = User.objects.filter(Exists(of_partner)).annotate(shown_id=Subquery(shown.values("pk")[:1]))
        if wanted := filters.get("subscription_status"):
            users = users.filter(Exists(Subscription.objects.filter(pk=OuterRef("shown_id"), status=wanted)))
        if filters["is_active"] is not None:
            can_sign_in = Q(is_active=True) & ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
            users = users.filter(can_sign_in if filters["is_active"] else ~can_sign_in)
        if search := filters.get("search"):
            users = users.filter(_matches(search))
        return (
            users.distinct()
            .order_by("-pk")
            .prefetch_related(
                Prefetch("subscriptions", queryset=Subscription.objects.select_related("plan").best_first())
            )
        )


def _matches(search: str) -> Q:
    text = search.strip()
    try:
        email = normalise_email(text)
    except InvalidAddress:
        email = text.lower()
    return (
        Q(email__startswith=email)
        | Q(first_name__istartswith=text)
        | Q(last_name__istartswith=text)
        | Q(contact__mappings__external_id=text)
    )
