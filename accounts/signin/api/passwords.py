"""JSON for other front ends (password set-up) and for the member (`me`)."""

from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import (
    AnswerSerializer,
    LearningSerializer,
    PasswordSetSerializer,
    ResendSerializer,
    SetupPasswordSerializer,
    SubscriptionSerializer,
)
from accounts.courses import learning
from accounts.memberships.models import Subscription
from accounts.signin import devices, lockout, password_links
from accounts.signin.api.front_ends import REFUSALS, TAG, FrontEndView
from accounts.signin.views import LINK_TRIES, MODEL_BACKEND
from accounts.staff.audit import record
from core.text import InvalidAddress
from core.web import limits
from core.web.client_address import client_key
from core.web.refusals import refusal

_ASKED = OpenApiExample(
    "asked",
    {"email": "user@example.com", "token": "secure-token-from-email", "password": "violet kettle under the stairs"},
    request_only=True,
)
_SET = OpenApiExample(
    "set",
    {
        "success": True,
        "message": "Password set successfully",
        "user": {"email": "user@example.com", "first_name": "John", "partner": "NSSA"},
    },
    response_only=True,
    status_codes=["200"],
)
_EXPIRED = OpenApiExample(
    "expired",
    refusal("This link has expired or was used. Please request a new setup link.", code="invalid_token"),
    response_only=True,
    status_codes=["400"],
)


class SetupPassword(FrontEndView):
    """Set a password with the token of a link, and be signed in; staff sign in at the console, with both factors."""

    @extend_schema(
        tags=[TAG],
        request=SetupPasswordSerializer,
        responses={200: PasswordSetSerializer, **REFUSALS},
        examples=[_ASKED, _SET, _EXPIRED],
    )
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
        if not user.is_staff:
            login(request._request, user, backend=MODEL_BACKEND)
        newest = Subscription.objects.of(user).best_first().first()
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


class ResendSetupEmail(FrontEndView):
    """Ask for a new link. The answer is the same for known and unknown addresses; at most 3 an hour for each."""

    @extend_schema(
        tags=[TAG],
        request=ResendSerializer,
        responses={200: AnswerSerializer, **REFUSALS},
        examples=[OpenApiExample("asked", {"email": "user@example.com"}, request_only=True)],
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

    @extend_schema(tags=["Members"], responses=SubscriptionSerializer(many=True))
    def get(self, request: Request) -> Response:
        subscriptions = Subscription.objects.of(request.user).best_first()
        return Response(SubscriptionSerializer(subscriptions, many=True).data)


class MyCourses(APIView):
    """The signed-in member's own courses with their progress, and the learning paths that they belong to."""

    @extend_schema(responses=LearningSerializer)
    def get(self, request: Request) -> Response:
        return Response(LearningSerializer(learning.overview(request.user)).data)


def _refused(message: str, *, code: str) -> Response:
    return Response(refusal(message, code=code), status=status.HTTP_400_BAD_REQUEST)
