"""Signatures that a provider makes with its private key: base64 in a header, over the raw body.

A key is a PEM text, or the path of a file that holds one. Anything else opens nothing, and is logged.
"""

import base64
import binascii
import logging
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from integrations.contracts.webhook import WebhookRequest
from integrations.toolkit.signatures import secrets_in

logger = logging.getLogger(__name__)

PublicKey = Ed25519PublicKey | RSAPublicKey
_BEGINNING = "-----BEGIN"


class Scheme(StrEnum):
    ED25519 = "Ed25519"
    RSA_SHA256 = "RSA-SHA256 with PKCS#1 v1.5"


@dataclass(frozen=True)
class PublicKeySignature:
    """`header: <base64 signature of the raw body>`; any key that is of the scheme's kind may fit.

    Keys are those of the setting and the `published` ones, which need no setting.

    Nothing here is secret, so nothing needs to take the same time. Only the sender can sign: there is no `proof`.
    """

    header: str
    scheme: Scheme
    setting: str
    published: tuple[str, ...] = ()
    signs = True

    @property
    def headers(self) -> dict[str, str]:
        return {self.header: "The sender's own signature of the raw body, in base64."}

    def is_offered(self, request: WebhookRequest) -> bool:
        return self.header.lower() in request.headers

    def accepts(self, request: WebhookRequest) -> bool:
        try:
            signature = base64.b64decode(request.headers.get(self.header.lower(), "").strip(), validate=True)
        except (ValueError, binascii.Error):
            return False
        keys = list(map(public_key, (*secrets_in(self.setting), *self.published)))
        return any(self._fits(key, signature, body) for body in request.signed_bodies for key in keys)

    def proof(self, body: bytes) -> dict[str, str]:
        return {}

    def _fits(self, key: PublicKey | None, signature: bytes, body: bytes) -> bool:
        try:
            match self.scheme, key:
                case Scheme.ED25519, Ed25519PublicKey():
                    key.verify(signature, body)
                case Scheme.RSA_SHA256, RSAPublicKey():
                    key.verify(signature, body, PKCS1v15(), SHA256())
                case _:
                    return False
        except InvalidSignature:
            return False
        return True


@cache
def public_key(text_or_path: str) -> PublicKey | None:
    """Return the key in a PEM text, whose line breaks may be written `\\n`, or in a file of that name, or None."""
    try:
        is_text = text_or_path.lstrip().startswith(_BEGINNING)
        pem = text_or_path.replace("\\n", "\n").encode() if is_text else Path(text_or_path).read_bytes()
        key = load_pem_public_key(pem.strip())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        logger.error("a public key for webhooks cannot be used (%s)", type(error).__name__)
        return None
    if isinstance(key, PublicKey):
        return key
    logger.error("a public key for webhooks is of a kind that no sender uses (%s)", type(key).__name__)
    return None
