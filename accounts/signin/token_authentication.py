"""Authenticate a caller of the API by the token in `Authorization: Token <token>`."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from knox.auth import TokenAuthentication
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from accounts.signin import lockout
from accounts.staff import tokens
from accounts.staff.models import ApiToken
from core.web import limits
from core.web.client_address import client_key
from core.web.guesses import FrequentGuesses, TooMany

_TOKEN = re.compile(rb"[A-Za-z0-9_]{1,100}")
_INVALID = "Invalid token."
TRIES = 30  # wrong tokens of one client in a minute
GUESSES = FrequentGuesses("token.client", seconds=limits.MINUTE)


class ApiTokenAuthentication(TokenAuthentication):
    """knox's, which finds a token by its digest; ours is what makes one worthless.

    Whether the owner is active staff and has the password of then is looked at with each request, so that no way to
    change these can be forgotten. A token that is presented after that is deleted: it does not come back to life with
    its owner's rights.
    """

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """Return the owner and the token; None where the request has none. Raises Throttled after too many wrong ones,
        AuthenticationFailed.
        """
        scheme = get_authorization_header(request).split()[:1]
        if not scheme or scheme[0].lower() != self.authenticate_header(request).lower().encode():
            return None
        client = client_key(request.META)
        is_wrong = False
        try:
            GUESSES.count(client, limit=TRIES)
        except TooMany as error:
            raise _locked(request, error) from error
        try:
            found: tuple[Any, ApiToken] = super().authenticate(request)
        except AuthenticationFailed:
            is_wrong = True
            try:
                GUESSES.wrong(client, limit=TRIES)
            except TooMany as error:
                raise _locked(request, error) from error
            raise
        finally:
            if not is_wrong:
                GUESSES.forgive(client)
        tokens.note_use(found[1], request=request._request)
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[Any, ApiToken]:
        if not _TOKEN.fullmatch(token):  # other bytes would fail in their decoding, or in PostgreSQL
            raise AuthenticationFailed(_INVALID)
        found: tuple[Any, ApiToken] = super().authenticate_credentials(token)
        return found

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """Return whether the token is to be skipped. Nothing is deleted here: nobody has proved that they have it."""
        return False

    def validate_user(self, auth_token: ApiToken) -> tuple[Any, ApiToken]:
        """Called once the digest is right."""
        if not auth_token.has_its_owner():
            tokens.revoke(auth_token, because="its owner changed")
            raise AuthenticationFailed(_INVALID)
        if auth_token.is_expired():  # stays in the list, for its owner to see
            raise AuthenticationFailed(_INVALID)
        return auth_token.user, auth_token


def _locked(request: Request, error: TooMany) -> Throttled:
    lockout.report(request._request, error)
    return Throttled(error.retry_after)


class ApiTokenScheme(OpenApiAuthenticationExtension):
    """The scheme's name in the OpenAPI schema, as it has always been."""

    target_class = ApiTokenAuthentication
    name = "tokenAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        prefix = self.target.authenticate_header(None)
        scheme: dict[str, Any] = build_bearer_security_scheme_object("Authorization", prefix)
        return scheme
