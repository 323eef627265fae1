"""The webhook endpoints: one view for all of them, configured by the provider's manifest."""

import logging
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.signin import lockout
from core.text import ENTRIES
from core.web import limits
from core.web.client_address import client_address, client_key
from core.web.guards import LengthUnknown, declared_length
from core.web.guesses import FrequentGuesses, TooMany
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.reply import Reply
from integrations.contracts.webhook import WebhookRequest
from integrations.inbox import immediate, receive, refusals
from integrations.toolkit import bodies, counting, log_lines
from integrations.toolkit.signatures import Token

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024  # bytes
RETRY_AFTER = "30"  # seconds, while the database is away
# Texts of answers; /docs shows them too.
NOT_VERIFIED = "Invalid webhook signature"
NO_LENGTH = "Send a Content-Length; chunked bodies are not accepted."
TOO_LONG = f"The body has {{length}} bytes; at most {MAX_BODY} are accepted."
INFLATED_TOO_LONG = f"The body inflates to more than {MAX_BODY} bytes, which are accepted at most."
TOO_MANY = "Too many requests. Try again in {seconds} seconds."
AWAY = "Not stored: the database is away. Please send it again."
_PROBES = frozenset({"GET", "HEAD", "OPTIONS"})
# A right signature is taken from anybody; tokens, which could be guessed, are not judged once too many were wrong.
UNVERIFIED = FrequentGuesses("webhook.client", seconds=limits.MINUTE)
VERIFIED = limits.GenerousLimit("webhook", seconds=limits.MINUTE)


@extend_schema(exclude=True)  # described from its manifest: integrations/api/description
class WebhookView(APIView):
    """Verify, store, answer. The raw body is read before anything parses it, and never twice."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    provider: Provider = None  # type: ignore[assignment]  # given by as_view
    endpoint: Endpoint = None  # type: ignore[assignment]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Skip negotiation, authentication and permissions: answers are JSON, and the body proves the sender."""
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, and count the answer, whatever it is; probes (GET, HEAD, OPTIONS) do not count."""
        began = time.perf_counter()
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)
        try:
            answer = super().dispatch(request, *args, **kwargs)
            status = answer.status_code
            return answer
        finally:
            if request.method not in _PROBES:
                counting.REQUESTS.add(self.provider.key, str(status))
                counting.REQUEST_SECONDS.observe(time.perf_counter() - began, self.provider.key)

    def post(self, request: Request, token: str = "") -> Response:
        refused = _refuse_by_length(request._request)
        if refused is None:
            try:
                webhook = _read(request._request, token)
            except bodies.TooLong:
                refused = Response({"detail": INFLATED_TOO_LONG}, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if refused is not None:
            self._log_refusal(request._request, str(refused.data["detail"]))
            return refused
        # The first proof that is offered decides. A token is sent as it is, and so could be guessed.
        verifier = next((verifier for verifier in self.endpoint.verifiers if verifier.is_offered(webhook)), None)
        is_guess = verifier is not None and not verifier.signs
        try:
            if is_guess:
                UNVERIFIED.count(client_key(request.META), limit=settings.RATE_LIMIT_UNVERIFIED)
            is_signed = receive.verify(self.provider, verifier, webhook)
        except receive.NotVerified as reason:
            return self._not_verified(request._request, str(reason))
        except TooMany as error:
            return _locked(request._request, error)
        if is_guess:
            UNVERIFIED.forgive(client_key(request.META))
        wait = VERIFIED.retry_after(self.provider.key, limit=settings.RATE_LIMIT_VERIFIED)
        if wait:
            self._log_refusal(request._request, f"more than {settings.RATE_LIMIT_VERIFIED} a minute")
            return _try_later(wait)
        try:
            receipt = receive.receive(self.provider, self.endpoint, webhook, is_signed=is_signed)
        except (DatabaseError, InterfaceError):
            logger.exception(
                "a webhook could not be stored; its sender is asked to send it again",
                extra={"provider": self.provider.key},
            )
            return Response(
                {"detail": AWAY},
                status=self.endpoint.busy_status,
                headers={"Retry-After": RETRY_AFTER},
            )
        reply = self._reply(receipt)
        return Response(dict(reply.content), status=reply.status)

    def _reply(self, receipt: receive.Receipt) -> Reply:
        """Return the answer to a stored delivery; to a batch, the answer to each event and the status that all share.

        200 where they differ: all are stored, and nothing is to be sent again.
        """
        if not receipt.batch:
            accepted = receipt.accepted
            if self.endpoint.immediate and not accepted.unreadable:
                accepted = immediate.process_now(receipt)
            return self.endpoint.reply(accepted)
        replies = [self.endpoint.reply(event.accepted) for event in receipt.batch]
        statuses = {reply.status for reply in replies}
        answers = [{"status": int(reply.status), "answer": dict(reply.content)} for reply in replies]
        return Reply(status=statuses.pop() if len(statuses) == 1 else HTTPStatus.OK, content={"batch": answers})

    def _not_verified(self, request: HttpRequest, reason: str) -> Response:
        self._log_refusal(request, reason)
        try:
            UNVERIFIED.wrong(client_key(request.META), limit=settings.RATE_LIMIT_UNVERIFIED)
        except TooMany as error:
            return _locked(request, error)
        return Response({"detail": NOT_VERIFIED}, status=HTTPStatus.FORBIDDEN)

    def _log_refusal(self, request: HttpRequest, reason: str) -> None:
        log_lines.refused(self.provider, self.endpoint.name, reason, sender=client_address(request.META))
        refusals.note(self.provider.key, reason)


@extend_schema(exclude=True)
class ProbedWebhookView(WebhookView):
    """The view for senders that probe the address before they post."""

    def get(self, request: Request, token: str = "") -> Response:
        return Response({"status": "ready"})


def _refuse_by_length(request: HttpRequest) -> Response | None:
    """Return 411 or 413 by the headers alone, before the body is read: some servers hand Django a chunked one empty."""
    try:
        length = declared_length(request.META, required=True)
    except LengthUnknown:
        return Response({"detail": NO_LENGTH}, status=HTTPStatus.LENGTH_REQUIRED)
    if length > MAX_BODY:
        detail = TOO_LONG.format(length=length)
        return Response({"detail": detail}, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return None


def _read(request: HttpRequest, token: str) -> WebhookRequest:
    """Return a request with its body inflated. Raises bodies.TooLong.

    A body that cannot be inflated is judged like any other, and stored as unreadable.
    """
    webhook = WebhookRequest(
        body=request.body,
        headers={name.lower(): value for name, value in request.headers.items()},
        token=token,
        query_token=_token_in_query(request.META.get("QUERY_STRING", "")),
        source_address=client_address(request.META),
    )
    try:
        inflated = bodies.inflate(webhook.body, webhook.headers.get("content-encoding", ""), limit=MAX_BODY)
    except bodies.Compressed as error:
        return replace(webhook, problem=str(error))
    return replace(webhook, inflated=inflated)


def _token_in_query(query: str) -> str:
    """Return the last token in a query, "" without one.

    `request.GET` is read in the character set that the sender declares for the body.
    """
    try:
        fields = dict(parse_qsl(query, max_num_fields=ENTRIES))
    except ValueError:
        return ""
    return fields.get(Token.query, "")


def _locked(request: HttpRequest, error: TooMany) -> Response:
    lockout.report(request, error)
    return _try_later(error.retry_after)


def _try_later(seconds: int) -> Response:
    return Response(
        {"detail": TOO_MANY.format(seconds=seconds)},
        status=HTTPStatus.TOO_MANY_REQUESTS,
        headers={"Retry-After": str(seconds)},
    )
