"""Messages of Amazon SNS and their signatures.

What SNS signs, and with which certificate, stands in
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. A signature proves that SNS sent the
message for the topic that it names, and not whose topic that is: anybody may have one.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from django.utils import timezone

from accounts.mail.amazon_ses import hosts
from accounts.mail.amazon_ses.moments import moment

OLDEST = timedelta(days=1)  # SNS tries for an hour at the most; what it kept for later may come after that
AHEAD = timedelta(minutes=15)  # of our clock
LARGEST_MESSAGE = 1024 * 1024  # letters; SNS takes 256 KiB
_LONGEST = 4000  # letters of any other text
_SMALLEST_KEY = 2048  # bits
_HASHES: Mapping[str, type[HashAlgorithm]] = {"1": SHA1, "2": SHA256}


class MessageKind(StrEnum):
    NOTIFICATION = "Notification"
    SUBSCRIPTION = "SubscriptionConfirmation"
    UNSUBSCRIBED = "UnsubscribeConfirmation"


_SIGNED = {
    MessageKind.NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    MessageKind.SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    MessageKind.UNSUBSCRIBED: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_MAY_LACK = {"Subject"}


class NotGenuine(Exception):
    """The message is not what SNS sent, or not now; the text says why and holds nothing of it."""


@dataclass(frozen=True, kw_only=True)
class SnsMessage:
    """A message that is not verified yet (`verify`)."""

    kind: MessageKind
    fields: Mapping[str, str]

    @property
    def topic(self) -> str:
        return self.fields["TopicArn"]

    @property
    def text(self) -> str:
        return self.fields["Message"]

    @property
    def subscribe_url(self) -> str:
        return self.fields["SubscribeURL"]

    def signed_text(self) -> bytes:
        names = (name for name in _SIGNED[self.kind] if name in self.fields)
        return "".join(f"{name}\n{self.fields[name]}\n" for name in names).encode("utf-8", "surrogatepass")


def read(document: Mapping[str, Any]) -> SnsMessage:
    """Return the message in a parsed body. Raises NotGenuine where it is of another form than those of SNS."""
    try:
        kind = MessageKind(str(document.get("Type")))
    except ValueError as error:
        raise NotGenuine("the type is none of SNS") from error
    needed = {*_SIGNED[kind], "Signature", "SignatureVersion", "SigningCertURL"}
    fields = {name: document[name] for name in needed if document.get(name) is not None}
    for name in needed - _MAY_LACK - fields.keys():
        raise NotGenuine(f"{name} is missing")
    for name, value in fields.items():
        if not isinstance(value, str) or len(value) > (LARGEST_MESSAGE if name == "Message" else _LONGEST):
            raise NotGenuine(f"{name} is no text, or too long a one")
    return SnsMessage(kind=kind, fields=fields)


def verify(message: SnsMessage) -> None:
    """Raise NotGenuine unless SNS signed `message` within the last day.

    It may ask SNS for the certificate: in no transaction. Raises hosts.NoAnswer where that cannot be had now.
    """
    now = timezone.now()
    sent = moment(message.fields["Timestamp"])
    if sent is None or not now - OLDEST <= sent <= now + AHEAD:
        raise NotGenuine("it was not sent within the last day")
    algorithm = _HASHES.get(message.fields["SignatureVersion"])
    if algorithm is None:
        raise NotGenuine("the version of the signature is unknown")
    try:
        signature = base64.b64decode(message.fields["Signature"], validate=True)
        key = _key_at(message.fields["SigningCertURL"], now)
        key.verify(signature, message.signed_text(), PKCS1v15(), algorithm())
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError) as error:
        raise NotGenuine("the signature does not fit") from error


def _key_at(url: str, now: datetime) -> RSAPublicKey:
    try:
        certificate = _certificate_at(url)
    except (hosts.NotAmazon, hosts.NotGiven) as error:
        raise NotGenuine(str(error)) from error
    if not certificate.not_valid_before_utc <= now.astimezone(UTC) <= certificate.not_valid_after_utc:
        raise NotGenuine("the certificate is not valid now")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_KEY:
        raise NotGenuine("the certificate has another key than those of SNS")
    return key


@lru_cache(maxsize=16)  # errors are not kept; a new certificate has another address
def _certificate_at(url: str) -> x509.Certificate:
    """Return SNS' certificate. Its proof is where it comes from: the connection is checked as every other is."""
    return x509.load_pem_x509_certificate(hosts.get(url, path_end=".pem"))
