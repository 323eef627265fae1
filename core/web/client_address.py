"""The client's address: the only place that trusts, or does not trust, X-Forwarded-For.

`client_address` is the address for people, logs and rows; `client_key` is the key of limits.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

# One IPv6 customer has at least a /64, whose 2**64 addresses would each have tries of their own.
_IPV6_PREFIX = 64
_LONGEST = 80  # characters of an address with brackets, zone, port and quotes
_BRACKETED = re.compile(r"\[([^\[\]]*)\](?::[0-9]{1,5})?")
_IPV4_WITH_PORT = re.compile(r"([0-9.]{7,15}):[0-9]{1,5}")


def client_address(meta: Mapping[str, Any]) -> str:
    """Return the client's IP address from a request's META, counting TRUSTED_PROXY_COUNT proxies from the right.

    It comes without quotes, port and zone, an IPv4-mapped one as IPv4. Where the proxy's entry is no address, the
    client's address is the proxy's own.
    """
    direct = str(meta.get("REMOTE_ADDR") or "")
    candidates, proxies = [direct], settings.TRUSTED_PROXY_COUNT
    if proxies:
        hops = [hop for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
        candidates = [hops[-proxies], direct] if len(hops) >= proxies else [direct]
    for candidate in candidates:
        text = candidate.strip()
        if len(text) > _LONGEST:
            continue
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1].strip()
        if with_port := _BRACKETED.fullmatch(text) or _IPV4_WITH_PORT.fullmatch(text):
            text = with_port[1]
        try:
            found = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            continue
        return str(getattr(found, "ipv4_mapped", None) or found)
    return direct[:45]  # "" behind a Unix socket


def client_key(meta: Mapping[str, Any]) -> str:
    """Return the key by which limits count a client: its IPv4 address, or the /64 of its IPv6 address."""
    address = client_address(meta)
    try:
        return str(ipaddress.IPv6Network((address, _IPV6_PREFIX), strict=False))
    except ValueError:
        return address
