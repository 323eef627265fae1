"""OAuth tokens: one access token for all processes, renewed by one of them at a time.

Where a provider grants refresh tokens that rotate (each is good once), the last one lies beside the access token and is
spent under the same lock; where it is refused, or its answer is lost, whoever renews signs in again.

The token lies in Django's cache, as it is: Redis is trusted with it as it is trusted as the broker (a token lives for
hours, can be revoked, and whoever reads Redis could as well make workers do anything). In the embedded default the
cache is the memory of the one process. Without a cache (Redis down) each client gets a token of its own and keeps it.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import redis
from django.core.cache import cache

from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import Refused, TemporaryFailure

logger = logging.getLogger(__name__)

SAFETY_MARGIN = 60.0  # seconds before its end in which a token is renewed; a tenth of its life where that is shorter
LOCK_SECONDS = 30  # after which a process that died while it renewed holds up nobody any more
WAIT_FOR_ANOTHER = 10.0  # seconds that a process waits for a token which another one is getting
_LOOK_AGAIN = 0.05  # seconds
_LIFE_WHERE_UNSAID = 300.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A token as it was granted, its life in seconds, and what the next one can be had for ("": nothing)."""

    token: str = field(repr=False)
    expires_in: float
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A token in the cache; both moments are Unix times, which mean the same to every process."""

    token: str = field(repr=False)
    renew_at: float
    ends_at: float
    refresh_token: str = field(default="", repr=False)

    @classmethod
    def of(cls, grant: Grant, *, now: float, margin: float) -> "_Kept":
        margin = min(margin, grant.expires_in / 10)
        ends_at = now + grant.expires_in
        return cls(token=grant.token, renew_at=ends_at - margin, ends_at=ends_at, refresh_token=grant.refresh_token)


class _CacheAway(Exception):
    """The cache does not answer."""


class SharedToken:
    """A token that all processes with the same `identity` (whose credentials, for which server) use together.

    `fetch` gets a new one from the provider. Whatever it raises is raised to the one who needed the token. `refresh`
    gets one for a refresh token; where it fails, whatever the reason, `fetch` is called. Both together must end within
    LOCK_SECONDS. `margin` is the seconds before its end in which a token is renewed, a tenth of its life at the most.
    """

    def __init__(
        self,
        name: str,
        *,
        identity: tuple[str, ...],
        fetch: Callable[[], Grant],
        refresh: Callable[[str], Grant] | None = None,
        margin: float = SAFETY_MARGIN,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # Other credentials make another key: a rotated secret is in use at once. The digest tells nothing about it.
        digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:32]
        self._name, self._key, self._lock = name, f"token:{name}:{digest}", f"token-lock:{name}:{digest}"
        self._fetch, self._refresh, self._margin = fetch, refresh, margin
        self._clock, self._sleep = clock, sleep
        self._own: _Kept | None = None  # only where there is no cache

    def current(self) -> str:
        """A token that is not about to end."""
        return self._token(refused="")

    def replacement_for(self, refused: str) -> str:
        """Another token than `refused`: one that somebody else has got meanwhile, else a new one."""
        return self._token(refused=refused)

    def _token(self, *, refused: str) -> str:
        try:
            return self._shared(refused=refused)
        except _CacheAway:
            logger.warning("%s: the cache does not answer; this client uses a token of its own", self._name)
        if self._own is None or self._own.token == refused or self._own.renew_at <= self._clock():
            self._own = self._granted(self._own)
        return self._own.token

    def _shared(self, *, refused: str) -> str:
        gives_up_at = self._clock() + WAIT_FOR_ANOTHER
        while True:
            kept = self._kept()
            if kept and kept.token == refused:
                kept = None
            if kept and self._clock() < kept.renew_at:
                return kept.token
            holder = uuid4().hex
            if _asked(cache.add, self._lock, holder, timeout=LOCK_SECONDS):
                return self._renewed(refused, holder=holder)
            if kept and self._clock() < kept.ends_at:  # still good, while somebody gets the next one
                return kept.token
            if self._clock() >= gives_up_at:
                raise TemporaryFailure(f"{self._name}: another process is still getting a token; try again later")
            self._sleep(_LOOK_AGAIN)

    def _renewed(self, refused: str, *, holder: str) -> str:
        try:
            kept = self._kept()  # the lock may have come free because somebody had just finished
            if kept is None or kept.token == refused or self._clock() >= kept.renew_at:
                kept = self._granted(kept)
                self._keep(kept)
            return kept.token
        finally:
            self._unlock(holder)

    def _granted(self, last: _Kept | None) -> _Kept:
        """A new token: for the last one's refresh token, else, or where that fails, by signing in."""
        if self._refresh and last and last.refresh_token:
            try:
                return self._as_kept(self._refresh(last.refresh_token))
            except (Refused, TemporaryFailure) as error:
                logger.info("%s: the refresh token was of no use (%s); signing in again", self._name, error)
        return self._as_kept(self._fetch())

    def _as_kept(self, grant: Grant) -> _Kept:
        return _Kept.of(grant, now=self._clock(), margin=self._margin)

    def _kept(self) -> _Kept | None:
        value = _asked(cache.get, self._key)
        if not isinstance(value, list) or len(value) not in (3, 4):
            return None
        token, renew_at, ends_at, *refresh_token = value
        return _Kept(token=token, renew_at=renew_at, ends_at=ends_at, refresh_token="".join(refresh_token))

    def _keep(self, kept: _Kept) -> None:
        self._own = kept
        try:
            # Plain values: the next version of Enlace, which may know another class, reads them as well.
            value = [kept.token, kept.renew_at, kept.ends_at, kept.refresh_token if self._refresh else ""]
            _asked(cache.set, self._key, value, timeout=max(1, int(kept.ends_at - self._clock())))
        except _CacheAway:
            logger.warning("%s: the new token could not be shared, the cache does not answer", self._name)

    def _unlock(self, holder: str) -> None:
        """Free the lock, unless it ran out and is somebody else's by now."""
        try:
            if _asked(cache.get, self._lock) == holder:
                _asked(cache.delete, self._lock)
        except _CacheAway:
            logger.warning("%s: the lock ends by itself in %d s at the latest", self._name, LOCK_SECONDS)


def client_credentials(http: JsonClient, path: str, *, client_id: str, client_secret: str) -> Grant:
    """A token by the client-credentials grant (RFC 6749, 4.4), with the credentials in the form.

    Raises Refused where they are wrong, TemporaryFailure where no token came.
    """
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return granted(http, path, form=form, repeatable=True)


def granted(
    http: JsonClient,
    path: str,
    *,
    form: Mapping[str, str] | None = None,
    body: Mapping[str, str] | None = None,
    repeatable: bool,
) -> Grant:
    """The token that `path` grants for `form`, or for `body` as JSON. `repeatable`: not for what is good once.

    Raises Refused where it is refused, TemporaryFailure where no token came.
    """
    answer = http.call("POST", path, form=form, body=body, repeatable=repeatable)
    said = answer if isinstance(answer, dict) else {}
    token = _usable(said.get("access_token"))
    if not token:
        raise TemporaryFailure(f"POST {path} answered without a usable access_token; check the address of the API")
    return Grant(
        token=token, expires_in=_seconds(said.get("expires_in")), refresh_token=_usable(said.get("refresh_token"))
    )


def _usable(token: Any) -> str:
    """A token as it may stand in a header or a form, "" for anything else."""
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""


def _seconds(expires_in: Any) -> float:
    """A token's life as it is stated; where nothing sensible is, five minutes."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return _LIFE_WHERE_UNSAID
    return seconds if 0 < seconds < 10 * 365 * 24 * 3600 else _LIFE_WHERE_UNSAID


def _asked(operation: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return operation(*arguments, **options)
    except (redis.RedisError, OSError) as error:
        raise _CacheAway from error
