"""The client's address: the one place that trusts, or does not trust, X-Forwarded-For.

`client_address` is the address for people, logs and rows; `client_key` is what limits count by.
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

    What a proxy names that is no address is not believed: the address is then the proxy's own.
    """
    direct = str(meta.get("REMOTE_ADDR") or "")
    proxies = settings.TRUSTED_PROXY_COUNT
    if proxies:
        hops = [hop for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
        found = _address(hops[-proxies]) if len(hops) >= proxies else None
        if found is not None:
            return str(found)
    found = _address(direct)
    return direct[:45] if found is None else str(found)  # "" behind a Unix socket


def client_key(meta: Mapping[str, Any]) -> str:
    """Return what the limits count a client by: its IPv4 address, or the /64 of its IPv6 address."""
    address = client_address(meta)
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, _IPV6_PREFIX), strict=False))
    return address


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address in `text`, if any, without quotes, port and zone; an IPv4-mapped one as IPv4."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    if with_port := _BRACKETED.fullmatch(text) or _IPV4_WITH_PORT.fullmatch(text):
        text = with_port[1]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
