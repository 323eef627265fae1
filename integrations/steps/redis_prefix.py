"""Provisioning step: claim the company's key space in Redis, and check that it is writable."""

import redis
from django.conf import settings

from accounts.people.models import Company
from accounts.people.provisioning import CannotProvision, NotNeeded
from core.phrases import QUOTED, Phrase

_NOT_SET = Phrase("REDIS_URL is not set: there is no key space to check")
_TAKEN = Phrase("{key} in Redis belongs to {owner}; remove it, then run this step again", owner=QUOTED)

TIMEOUT = 5.0  # seconds


def check(company: Company) -> str:
    """Claim the key space: `<prefix>company` holds the company's id from now on.

    Of two runs at once one sets the key, and both read the same id. Raises NotNeeded without Redis,
    CannotProvision where the key holds somebody else's id.
    """
    if not settings.REDIS_URL:
        raise NotNeeded(_NOT_SET())
    key = f"{company.redis_prefix}company"
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True
    ) as client:
        client.set(key, company.company_id, nx=True)
        owner = client.get(key)
    if owner != company.company_id:
        raise CannotProvision(_TAKEN(key=key, owner=str(owner)[:80]))
    return f"{company.redis_prefix} is this company's alone"
