"""SES' reports as SNS posts them.

Genuine is what SNS signed for one of our topics: one that SES_TOPIC_ARN names or, without that setting, one whose
subscription knows the secret of this address. Of messages without an envelope (“raw message delivery”) nothing is
signed: there the secret alone counts.
"""

import logging
from http import HTTPStatus
from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.utils import get_request_basic_auth
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.crypto import constant_time_compare

from accounts.mail import reports as mail_reports
from accounts.mail.amazon_ses import hosts, reports, sns
from core import strict_json

logger = logging.getLogger(__name__)
COME_AGAIN = 20  # seconds, after which SNS comes again by itself


class NotVerified(Exception):
    """Nobody can say now whether the request is genuine: whoever sent it comes again."""


def receive(request: HttpRequest) -> HttpResponse:
    """Apply what SES reports, or confirm a subscription, and answer SNS, which repeats what ends in 429 or 5xx.

    Raises AnymailWebhookValidationFailure for what is not genuine, and NotVerified.
    """
    if request.method != "POST":
        return HttpResponse() if request.method == "HEAD" else HttpResponseNotAllowed(["POST"])
    try:
        document = strict_json.read(request.body, must_be_object=True)
    except strict_json.InvalidJson as error:
        raise AnymailWebhookValidationFailure(str(error)) from error
    if "Type" not in document:
        return _apply(document) if knows_secret(request) else _without_secret(request)
    try:
        message = sns.read(document)
        if settings.SES_TOPIC_ARN and message.topic not in settings.SES_TOPIC_ARN:
            raise sns.NotGenuine("the topic is none of SES_TOPIC_ARN")
        if not settings.SES_TOPIC_ARN and not knows_secret(request):
            return _without_secret(request)
        sns.verify(message)
    except sns.NotGenuine as error:
        raise AnymailWebhookValidationFailure(f"not a message of Amazon SNS: {error}") from error
    except hosts.NoAnswer as error:
        raise NotVerified(str(error)) from error
    return _process(message)


def knows_secret(request: HttpRequest) -> bool:
    """Return whether the request brings one of ANYMAIL_WEBHOOK_SECRET."""
    given = get_request_basic_auth(request) or ""
    secrets: Any = settings.ANYMAIL["WEBHOOK_SECRET"]
    return any(constant_time_compare(given, secret) for secret in secrets)


def _without_secret(request: HttpRequest) -> HttpResponse:
    """Ask for the secret of the address, which SNS sends only when it is asked; a wrong one is refused."""
    if request.headers.get("Authorization"):
        raise AnymailWebhookValidationFailure("the secret is wrong")
    asked = {"WWW-Authenticate": 'Basic realm="ANYMAIL_WEBHOOK_SECRET"'}
    return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers=asked)


def _process(message: sns.SnsMessage) -> HttpResponse:
    """Process a genuine message."""
    match message.kind:
        case sns.MessageKind.SUBSCRIPTION:
            return _confirm(message)
        case sns.MessageKind.UNSUBSCRIBED:
            logger.warning("an SNS topic is not subscribed any more", extra={"topic": message.topic})
            return HttpResponse()
        case sns.MessageKind.NOTIFICATION:
            try:
                document = strict_json.read(message.text.encode("utf-8", "surrogatepass"), must_be_object=True)
            except strict_json.InvalidJson:  # “Successfully validated SNS topic …”, or what somebody typed to try it
                logger.info("a message of SNS that is no report of SES", extra={"topic": message.topic})
                return HttpResponse()
            return _apply(document)


def _confirm(message: sns.SnsMessage) -> HttpResponse:
    """Visit the address by which SNS begins to send. Done in the request: where it fails SNS comes again."""
    try:
        hosts.get(message.subscribe_url)
    except hosts.NoAnswer as error:
        logger.warning("an SNS subscription is not confirmed yet: %s", error, extra={"topic": message.topic})
        return come_again()
    except (hosts.NotAmazon, hosts.NotGiven) as error:
        logger.warning("an SNS subscription cannot be confirmed: %s", error, extra={"topic": message.topic})
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    logger.info("an SNS subscription is confirmed", extra={"topic": message.topic})
    return HttpResponse()


def _apply(document: dict[str, Any]) -> HttpResponse:
    """Note a report of SES. One that may be about a mail whose id is not noted yet has to come again."""
    try:
        report = reports.read(document)
    except reports.UnreadableReport as error:
        logger.warning("a report of SES cannot be read: %s", error)
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    try:
        with transaction.atomic():
            found = [mail_reports.note(event, is_ours=report.is_ours) for event in report.events]
            is_early = not all(found) and mail_reports.may_become_ours(report.recipients)
    except (OperationalError, InterfaceError) as error:
        logger.warning("a report of SES could not be stored: %s", type(error).__name__)
        return come_again()
    return come_again() if is_early else HttpResponse()


def come_again() -> HttpResponse:
    """Return the answer on which SNS sends a message again."""
    return HttpResponse(status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(COME_AGAIN)})
