"""Who is at the other end: the one place that believes, or does not believe, X-Forwarded-For."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings


def client_address(meta: Mapping[str, Any]) -> str:
    """The client's IP address from a request's META, counting TRUSTED_PROXY_COUNT proxies from the right."""
    direct = str(meta.get("REMOTE_ADDR") or "")
    proxies = settings.TRUSTED_PROXY_COUNT
    if not proxies:
        return direct[:45]
    hops = [hop.strip() for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    return (hops[-proxies] if len(hops) >= proxies else direct)[:45]
