"""GoHighLevel's own signatures: made with one key for all its customers, so they open only together with the location.

The owner of any marketplace app can have GoHighLevel sign a body and post it here. The location within the signed body
is what no other owner can choose.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from integrations.contracts.webhook import WebhookRequest
from integrations.toolkit import bodies
from integrations.toolkit.public_keys import PublicKeySignature, Scheme
from integrations.toolkit.reading import read_moment, text_at

logger = logging.getLogger(__name__)

# Retries have the body and signature of the first try, for hours; younger copies are recognised by their id.
OLDEST = timedelta(days=7)

# Published by the vendor in its guide to webhooks. They rotate: GHL_PUBLIC_KEYS takes more.
ED25519_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=
-----END PUBLIC KEY-----"""
RSA_KEY = """-----BEGIN PUBLIC KEY-----
MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSC
Frm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIcBOK4u3cLSqJGOLaPuXw6
dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfB
csedpinheNnyYeFXolrJvcsjDtfAeRx5ByHQmTnSdFUzuAnC9/GepgLT9SM4nCpv
uxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF
3kvoV5rTnXV0IknLBXlcKKAQLZcY/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKU
J062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xkx2zE/Juc+yjLjTXp
IocmaiFeAO6fUtNjDeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzN
h/AMfHKIjE4xQA1SZuYJmNnmVZLIZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhC
HULgCsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJ
PQe7z0cvj7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB31IGKAyk
T1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ==
-----END PUBLIC KEY-----"""


@dataclass(frozen=True)
class FromOurLocation:
    """A valid signature of GoHighLevel over a body about GHL_LOCATION_ID, at most a week old."""

    signature: PublicKeySignature
    setting = "GHL_LOCATION_ID"
    signs = True

    @property
    def headers(self) -> dict[str, str]:
        return self.signature.headers

    def is_offered(self, request: WebhookRequest) -> bool:
        return self.signature.is_offered(request)

    def accepts(self, request: WebhookRequest) -> bool:
        if not settings.GHL_LOCATION_ID or not self.signature.accepts(request):
            return False
        for part in bodies.read(request):
            if text_at(part.payload, "locationId") != settings.GHL_LOCATION_ID:
                logger.warning("GoHighLevel signed a webhook about another location than GHL_LOCATION_ID")
                return False
            sent_at = read_moment(text_at(part.payload, "timestamp"))
            if sent_at is not None and sent_at < timezone.now() - OLDEST:
                logger.warning("a webhook that GoHighLevel signed more than a week ago is not believed")
                return False
        return True

    def proof(self, body: bytes) -> dict[str, str]:
        return {}


CURRENT = FromOurLocation(
    PublicKeySignature("X-GHL-Signature", Scheme.ED25519, setting="GHL_PUBLIC_KEYS", published=(ED25519_KEY,))
)
# Where both are sent the current one alone counts: it comes first in the manifest.
LEGACY = FromOurLocation(
    PublicKeySignature("X-WH-Signature", Scheme.RSA_SHA256, setting="GHL_PUBLIC_KEYS", published=(RSA_KEY,))
)
