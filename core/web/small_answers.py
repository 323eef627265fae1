"""Ask somebody outside for something small, with limits on time and size. Never inside a transaction."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
import urllib3


class TooLong(ValueError):
    """The answer is larger than its limit."""


@dataclass(frozen=True, kw_only=True)
class SmallAnswer:
    status: int
    body: bytes  # of a 200; nothing else is read


def get(
    url: str, *, timeout: tuple[float, float], patience: float, largest: int, headers: Mapping[str, str] | None = None
) -> SmallAnswer:
    """Return what `url` answers; redirects are not followed, and no password of a ~/.netrc goes along.

    `timeout` is in seconds: to connect, and without a byte. `patience` is for the whole answer, which a time-out of the
    socket alone would let drip for ever; `largest` is in bytes. Raises TooLong, TimeoutError where the patience is at
    its end, and requests.RequestException.
    """
    try:
        return _read(url, timeout=timeout, patience=patience, largest=largest, headers=headers or {})
    except urllib3.exceptions.HTTPError as error:  # what breaks while the body is read
        raise requests.ConnectionError(type(error).__name__) from error


def _read(
    url: str, *, timeout: tuple[float, float], patience: float, largest: int, headers: Mapping[str, str]
) -> SmallAnswer:
    ends_at = time.monotonic() + patience
    body = bytearray()
    with requests.get(
        url,
        headers={"User-Agent": "Enlace", **headers},
        timeout=timeout,
        allow_redirects=False,
        stream=True,
        auth=_unchanged,  # without one requests looks into ~/.netrc
    ) as answer:
        if answer.status_code == requests.codes.ok:
            while chunk := answer.raw.read1(16384, decode_content=True):
                body += chunk
                if len(body) > largest:
                    raise TooLong(f"the answer is larger than {largest} bytes")
                if time.monotonic() > ends_at:
                    raise TimeoutError(f"the answer took more than {patience:g} seconds")
        return SmallAnswer(status=answer.status_code, body=bytes(body))


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
