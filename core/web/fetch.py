"""Fetch a document from a host on a list, and from nowhere else: its address was written by a stranger.

What keeps such an address from calling our own network: only https at port 443; the host is on the list; its name is
resolved once, each of its addresses is public, and the connection goes to an address that was judged so, whatever the
name resolves to a moment later. Each redirect is judged the same way. No proxy is asked, which would resolve the name
again. Nothing of ours goes along: no cookie, no password, no referrer.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Network, ip_address
from urllib.parse import quote, urljoin, urlsplit

from core.phrases import CODE, Phrase

_TOO_SLOW = Phrase("{host} took longer than {seconds} seconds", seconds=CODE)
_NO_ANSWER = Phrase("{host} gave no answer ({error})", error=CODE)
_TOO_OFTEN = Phrase("{host} redirects more than {count} times", count=CODE)
_NO_ADDRESS = Phrase("the address cannot be read")
_ONLY_HTTPS = Phrase("only https, at its own port and without a password")
_NOT_LISTED = Phrase("the host {host} is not on the list")
_NOT_KNOWN = Phrase("the name {host} is not known")
_NOT_PUBLIC = Phrase("{host} has an address that is not public")
_ANSWERED = Phrase("{host} answered with {status}", status=CODE)
_STRANGE = Phrase("what {host} sends is {kind}", kind=CODE)
_COMPRESSED = Phrase("{host} sends it compressed, although it was asked not to")
_TOO_LARGE = Phrase("what {host} sends is larger than {limit} MB", limit=CODE)

SECONDS = 7.0  # for all of it, redirects too
LARGEST = 5 * 1024 * 1024  # bytes
MOST_REDIRECTS = 3
_CONNECT_SECONDS = 3.0
_LONGEST_URL = 2000
_ADDRESSES_TRIED = 2  # of a host: the first may be of a network that this machine is not in
_UNICAST = IPv6Network("2000::/3")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({404, 408, 425, 429})  # 404: a document may be made a moment after it is linked to


class Refused(Exception):
    """The document must not be asked for, or not be taken; the message says why. Another try changes nothing."""


class Unreachable(Exception):
    """The document did not come; the message says why. `again`: another try may help."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, kw_only=True)
class Document:
    content: bytes
    kind: str  # of the content, as its host says: "application/pdf"
    charset: str


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system resolves its name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def is_public(address: str) -> bool:
    """Return whether an address is of the public internet: no private, local, reserved or tunnelled one."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    if ip.ipv4_mapped:
        return is_public(str(ip.ipv4_mapped))
    return ip in _UNICAST and ip.is_global and not ip.sixtofour and not ip.teredo


@dataclass(frozen=True, kw_only=True)
class Network:
    """Resolving and trusting of hosts. There is one, the internet; tests make others of this machine."""

    resolve: Callable[[str, int], list[str]] = resolve
    is_public: Callable[[str], bool] = is_public
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context
    port: int = 443


INTERNET = Network()


def is_listed(host: str, hosts: Collection[str]) -> bool:
    """Return whether `hosts` names this one; "*.example.com" names everything beneath example.com, and not itself."""
    return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in hosts)


def fetch(
    url: str,
    *,
    hosts: Collection[str],
    kinds: Collection[str],
    network: Network = INTERNET,
    seconds: float = SECONDS,
    largest: int = LARGEST,
) -> Document:
    """Return the document at `url`, of one of these `kinds` of content. Raises Refused and Unreachable."""
    ends_at = time.monotonic() + seconds
    for _hop in range(MOST_REDIRECTS + 1):
        host, path = _target(url, hosts)
        addresses = _addresses(host, network)
        try:
            with _answer(host, path, addresses, network, ends_at) as answer:
                if answer.status not in _REDIRECTS:
                    return _document(answer, host, kinds, largest, ends_at)
                url = urljoin(f"https://{host}{path}", answer.getheader("Location", ""))
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() >= ends_at:
                raise Unreachable(_TOO_SLOW(host=host, seconds=f"{seconds:g}")) from error
            raise Unreachable(_NO_ANSWER(host=host, error=type(error).__name__)) from error
    raise Refused(_TOO_OFTEN(host=host, count=MOST_REDIRECTS))


def _target(url: str, hosts: Collection[str]) -> tuple[str, str]:
    """Return the host and the path that may be asked for."""
    if len(url) > _LONGEST_URL or not url.isprintable():
        raise Refused(_NO_ADDRESS())
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").rstrip(".").encode("idna").decode("ascii").lower()
    except ValueError as error:
        raise Refused(_NO_ADDRESS()) from error
    if parts.scheme != "https" or not host or port not in (None, 443) or parts.username is not None:
        raise Refused(_ONLY_HTTPS())
    if not is_listed(host, hosts):
        raise Refused(_NOT_LISTED(host=host))
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    return host, path + (f"?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else "")


def _addresses(host: str, network: Network) -> list[str]:
    try:
        found = network.resolve(host, network.port)
    except OSError as error:
        raise Unreachable(_NOT_KNOWN(host=host)) from error
    if not found or not all(network.is_public(address) for address in found):
        raise Refused(_NOT_PUBLIC(host=host))
    return found[:_ADDRESSES_TRIED]


@contextmanager
def _answer(
    host: str, path: str, addresses: list[str], network: Network, ends_at: float
) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer's head, from one of the addresses; whatever is still open at `ends_at` is torn down by a timer.

    A time-out of the socket alone begins anew with each byte, so an answer that drips would never end.
    """
    raw = _connected(addresses, network.port, ends_at)
    with closing(network.trust().wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)) as secured:
        # Not SSLSocket's own shutdown, which takes the connection apart under the thread that reads.
        timer = threading.Timer(max(ends_at - time.monotonic(), 0.0), partial(_torn_down, secured))
        timer.daemon = True
        timer.start()
        try:
            secured.do_handshake()
            connection = http.client.HTTPConnection(host)
            connection.sock = secured
            headers = {
                "Host": host,
                "User-Agent": "Enlace",
                "Accept": "application/pdf, text/html",
                "Accept-Encoding": "identity",
                "Connection": "close",
            }
            connection.request("GET", path, headers=headers)
            with closing(connection.getresponse()) as answer:
                if time.monotonic() >= ends_at:  # a head that was cut off looks like a whole one
                    raise http.client.IncompleteRead(b"")
                yield answer
        finally:
            timer.cancel()


def _torn_down(secured: ssl.SSLSocket) -> None:
    try:
        socket.socket.shutdown(secured, socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _connected(addresses: list[str], port: int, ends_at: float) -> socket.socket:
    *first, last = addresses
    for address in first:
        try:
            return socket.create_connection((address, port), timeout=_left(ends_at))
        except OSError:
            continue
    return socket.create_connection((last, port), timeout=_left(ends_at))


def _left(ends_at: float) -> float:
    return max(min(_CONNECT_SECONDS, ends_at - time.monotonic()), 0.1)


def _document(
    answer: http.client.HTTPResponse, host: str, kinds: Collection[str], largest: int, ends_at: float
) -> Document:
    if answer.status != 200:
        again = answer.status >= 500 or answer.status in _TRY_LATER
        raise Unreachable(_ANSWERED(host=host, status=answer.status), again=again)
    kind = answer.headers.get_content_type().lower()
    if kind not in kinds:
        raise Refused(_STRANGE(host=host, kind=kind[:60]))
    if answer.getheader("Content-Encoding", "identity").strip().lower() != "identity":
        raise Refused(_COMPRESSED(host=host))
    content = bytearray()
    while chunk := answer.read1(64 * 1024):
        content += chunk
        if len(content) > largest:
            raise Refused(_TOO_LARGE(host=host, limit=largest // 1024 // 1024))
    if time.monotonic() >= ends_at or (answer.length or 0) > 0:
        raise http.client.IncompleteRead(b"")
    return Document(content=bytes(content), kind=kind, charset=answer.headers.get_content_charset("") or "")
