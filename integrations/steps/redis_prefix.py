"""Provisioning step: claim the company's key space in Redis, and check that it is writable."""

import redis
from django.conf import settings

from accounts.people.models import Company
from accounts.people.provisioning import CannotProvision, NotNeeded

TIMEOUT = 5.0  # seconds


def check(company: Company) -> str:
    """Claim the key space: `<prefix>company` holds the company's id from now on.

    Of two runs at once one sets the key, and both read the same id. Raises NotNeeded without Redis,
    CannotProvision where the key holds somebody else's id.
    """
    if not settings.REDIS_URL:
        raise NotNeeded("REDIS_URL is not set: there is no key space to check")
    key = f"{company.redis_prefix}company"
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True
    ) as client:
        client.set(key, company.company_id, nx=True)
        owner = client.get(key)
    if owner != company.company_id:
        raise CannotProvision(f"{key} in Redis belongs to {str(owner)[:80]!r}; remove it, then run this step again")
    return f"{company.redis_prefix} is this company's alone"
