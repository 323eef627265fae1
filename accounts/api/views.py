"""JSON for other front ends (password set-up), for the member (`me`) and for staff (members)."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.addresses import InvalidAddress, normalise
from accounts.api.serializers import (
    AnswerSerializer,
    LearningSerializer,
    MemberSerializer,
    PasswordSetSerializer,
    ResendSerializer,
    SetupPasswordSerializer,
    SubscriptionSerializer,
)
from accounts.models import Subscription, User
from accounts.models.subscription import Status
from accounts.services import learning, password_links
from accounts.signin import devices, lockout
from accounts.staff.audit import record
from accounts.views import LINK_TRIES, MODEL_BACKEND
from core.web import limits
from core.web.client_address import client_key


class SetupPassword(APIView):
    """Set a password with the token of a link, and be signed in."""

    authentication_classes: list[Any] = []

    @extend_schema(request=SetupPasswordSerializer, responses={200: PasswordSetSerializer, 400: AnswerSerializer})
    def post(self, request: Request) -> Response:
        asked = SetupPasswordSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        client = client_key(request.META)
        try:
            lockout.count(request._request, "set_up.client", client, limit=LINK_TRIES, seconds=limits.MINUTE)
            user = password_links.set_password(**asked.validated_data, language=get_language() or "", request=request)
        except lockout.TooMany as error:
            raise Throttled(error.retry_after) from error
        except password_links.LinkNotValid:
            email = asked.validated_data["email"]
            record("password.set", request=request, target=email, outcome="failed", reason="link not valid")
            return _refused(
                _("This link has expired or was used. Please request a new setup link."), code="invalid_token"
            )
        except ValidationError as error:  # the link was right
            lockout.forgive("set_up.client", client)
            return _refused(" ".join(error.messages), code="weak_password")
        lockout.forgive("set_up.client", client)
        login(request._request, user, backend=MODEL_BACKEND)
        newest = user.subscriptions.select_related("plan").order_by("-pk").first()
        response = Response(
            {
                "success": True,
                "message": _("Password set successfully"),
                "user": {
                    "email": user.email,
                    "first_name": user.first_name,
                    "partner": newest.plan.partner if newest else None,
                },
            }
        )
        devices.remember(request._request, response, user)
        return response


class ResendSetupEmail(APIView):
    """Ask for a new link. The answer is the same for known and unknown addresses; at most 3 an hour for each."""

    authentication_classes: list[Any] = []

    @extend_schema(
        request=ResendSerializer, responses={200: AnswerSerializer, 400: AnswerSerializer, 429: AnswerSerializer}
    )
    def post(self, request: Request) -> Response:
        asked = ResendSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            password_links.request_link(
                asked.validated_data["email"],
                source_address=client_key(request.META),
                language=get_language() or settings.LANGUAGE_CODE,
            )
        except InvalidAddress:
            return _refused(_("This is no e-mail address. It looks like name@example.com."), code="invalid_email")
        except password_links.TooManyRequests as error:
            raise Throttled(error.retry_after) from error
        return Response(
            {
                "success": True,
                "message": _("If this address has a membership, a new link is on its way. It works for 24 hours."),
            }
        )


class Me(APIView):
    """The signed-in member's own subscriptions and whether they open their pages now."""

    @extend_schema(responses=SubscriptionSerializer(many=True))
    def get(self, request: Request) -> Response:
        subscriptions = Subscription.objects.of(request.user).order_by("pk")
        return Response(SubscriptionSerializer(subscriptions, many=True).data)


class MyCourses(APIView):
    """The signed-in member's own courses with their progress, and the learning paths that they belong to."""

    @extend_schema(responses=LearningSerializer)
    def get(self, request: Request) -> Response:
        return Response(LearningSerializer(learning.overview(request.user)).data)


class MemberPages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class MemberFilters(serializers.Serializer[Any]):
    subscription_status = serializers.ChoiceField(choices=Status.choices, required=False)
    is_active = serializers.BooleanField(required=False, allow_null=True, default=None)
    search = serializers.CharField(required=False, max_length=254)


@extend_schema(
    parameters=[
        OpenApiParameter("subscription_status", enum=Status.values),
        OpenApiParameter("is_active", bool, description="Not locked, and a password was set."),
        OpenApiParameter("search", description="E-mail, name or member id; the beginning is enough."),
    ]
)
class Members(ListAPIView[User]):
    """Everybody who has or had a subscription, newest first."""

    serializer_class = MemberSerializer
    pagination_class = MemberPages

    def get_queryset(self) -> QuerySet[User]:
        asked = MemberFilters(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        filters = asked.validated_data
        users = User.objects.filter(subscriptions__isnull=False)
        if wanted := filters.get("subscription_status"):
            users = users.filter(subscriptions__status=wanted)
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


def _refused(message: str, *, code: str) -> Response:
    body = {"success": False, "message": message, "detail": message, "code": code}
    return Response(body, status=status.HTTP_400_BAD_REQUEST)
