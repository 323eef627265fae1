"""OAuth tokens: one access token for all processes, renewed by one of them at a time.

Where a provider grants refresh tokens that rotate (each is good once), the last one lies beside the access token and is
spent under the same lock; where it is refused, or its answer is lost, the process that renews it signs in again.

The token lies in Django's cache, as it is: Redis is trusted with it as it is trusted as the broker (a token lives for
hours, can be revoked, and a reader of Redis could as well make workers do anything). In the embedded default the
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

from integrations.toolkit import answers
from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import NotPermitted, Refused, TemporaryFailure

logger = logging.getLogger(__name__)

SAFETY_MARGIN = 60.0  # seconds before its end in which a token is renewed; a tenth of its life where that is shorter
LOCK_SECONDS = 30  # after which a process that died while it renewed blocks the others no more
WAIT_FOR_ANOTHER = 10.0  # seconds that a process waits for a token which another one is getting
_POLL_INTERVAL = 0.05  # seconds
_DEFAULT_LIFETIME = 300.0  # seconds
_CACHE_ERRORS = (redis.RedisError, OSError)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A granted token, its life in seconds, and the refresh token for the next one ("": none)."""

    token: str = field(repr=False)
    expires_in: float
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class _StoredToken:
    """A token in the cache; both moments are Unix times, which mean the same to every process."""

    token: str = field(repr=False)
    renew_at: float
    ends_at: float
    refresh_token: str = field(default="", repr=False)


class _CacheUnavailable(Exception):
    """The cache does not answer."""


class SharedToken:
    """A token that all processes with the same `identity` (whose credentials, for which server) use together.

    `fetch` gets a new one from the provider; what it raises is raised to the caller. `refresh` gets one for a refresh
    token; where it fails, whatever the reason, `fetch` is called. Both together must end within LOCK_SECONDS. `margin`
    is the seconds before its end in which a token is renewed, a tenth of its life at the most.
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
        # Other credentials make another key: a rotated secret is in use at once. The digest reveals nothing of it.
        digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:32]
        self._name, self._key, self._lock = name, f"token:{name}:{digest}", f"token-lock:{name}:{digest}"
        self._fetch, self._refresh, self._margin = fetch, refresh, margin
        self._clock, self._sleep = clock, sleep
        self._own: _StoredToken | None = None  # only where there is no cache

    def current(self, *, refused: str = "") -> str:
        """Return a token that is not about to end, and is not `refused`."""
        gives_up_at = self._clock() + WAIT_FOR_ANOTHER
        try:
            while True:
                stored = self._stored()
                if stored and stored.token == refused:
                    stored = None
                if stored and self._clock() < stored.renew_at:
                    return stored.token
                holder = uuid4().hex
                if self._acquire_lock(holder):
                    return self._renewed(refused, holder=holder)
                if stored and self._clock() < stored.ends_at:  # still good, while another process gets the next one
                    return stored.token
                if self._clock() >= gives_up_at:
                    raise TemporaryFailure(answers.STILL_GETTING(provider=self._name))
                self._sleep(_POLL_INTERVAL)
        except _CacheUnavailable:
            logger.warning("%s: the cache does not answer; this client uses a token of its own", self._name)
        if self._own is None or self._own.token == refused or self._own.renew_at <= self._clock():
            self._own = self._new_token(self._own)
        return self._own.token

    def replacement_for(self, refused: str) -> str:
        """Return another token than `refused`: one that another process has got meanwhile, else a new one."""
        return self.current(refused=refused)

    def _renewed(self, refused: str, *, holder: str) -> str:
        """Return the token that is stored after the lock was acquired, a new one where it is not good any more."""
        try:
            stored = self._stored()  # the lock may have come free because another process had just finished
            if stored is None or stored.token == refused or self._clock() >= stored.renew_at:
                stored = self._new_token(stored)
                self._store(stored)
            return stored.token
        finally:
            self._release_lock(holder)

    def _new_token(self, last: _StoredToken | None) -> _StoredToken:
        """Return a new token: for the last one's refresh token, else, or where that fails, by signing in."""
        grant = None
        if self._refresh and last and last.refresh_token:
            try:
                grant = self._refresh(last.refresh_token)
            except (Refused, TemporaryFailure) as error:
                logger.info("%s: the refresh token was of no use (%s); signing in again", self._name, error)
        grant = grant or self._fetch()
        ends_at = self._clock() + grant.expires_in
        renew_at = ends_at - min(self._margin, grant.expires_in / 10)
        return _StoredToken(token=grant.token, renew_at=renew_at, ends_at=ends_at, refresh_token=grant.refresh_token)

    def _stored(self) -> _StoredToken | None:
        try:
            value = cache.get(self._key)
        except _CACHE_ERRORS as error:
            raise _CacheUnavailable from error
        if not isinstance(value, list) or len(value) not in (3, 4):
            return None
        token, renew_at, ends_at, *refresh_token = value
        return _StoredToken(token=token, renew_at=renew_at, ends_at=ends_at, refresh_token="".join(refresh_token))

    def _store(self, stored: _StoredToken) -> None:
        self._own = stored
        # Plain values: the next version of Enlace, which may know another class, reads them as well.
        value = [stored.token, stored.renew_at, stored.ends_at, stored.refresh_token if self._refresh else ""]
        try:
            cache.set(self._key, value, timeout=max(1, int(stored.ends_at - self._clock())))
        except _CACHE_ERRORS:
            logger.warning("%s: the new token could not be shared, the cache does not answer", self._name)

    def _acquire_lock(self, holder: str) -> bool:
        try:
            return bool(cache.add(self._lock, holder, timeout=LOCK_SECONDS))
        except _CACHE_ERRORS as error:
            raise _CacheUnavailable from error

    def _release_lock(self, holder: str) -> None:
        """Free the lock, unless it ran out and another process holds it by now."""
        try:
            if cache.get(self._lock) == holder:
                cache.delete(self._lock)
        except _CACHE_ERRORS:
            logger.warning("%s: the lock ends by itself in %d s at the latest", self._name, LOCK_SECONDS)


def client_credentials(http: JsonClient, path: str, *, client_id: str, client_secret: str) -> Grant:
    """Request a token by the client-credentials grant (RFC 6749, 4.4), with the credentials in the form.

    Raises Refused where they are wrong, TemporaryFailure where no token came.
    """
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return request_grant(http, path, form=form, repeatable=True)


def request_grant(
    http: JsonClient,
    path: str,
    *,
    form: Mapping[str, str] | None = None,
    body: Mapping[str, str] | None = None,
    repeatable: bool,
) -> Grant:
    """Return the token that `path` grants for `form`, or for `body` as JSON. `repeatable`: not for what is good once.

    Raises NotPermitted where the credentials are refused, which OAuth answers with 400 (RFC 6749, 5.2), Refused where
    the request is, TemporaryFailure where no token came.
    """
    try:
        answer = http.call("POST", path, form=form, body=body, repeatable=repeatable)
    except Refused as error:
        if error.status != 400:
            raise
        raise NotPermitted(str(error), status=400, document=error.document) from error
    answer = answer if isinstance(answer, dict) else {}
    token = _usable(answer.get("access_token"))
    if not token:
        raise TemporaryFailure(answers.NO_TOKEN(path=path))
    return Grant(
        token=token, expires_in=_lifetime(answer.get("expires_in")), refresh_token=_usable(answer.get("refresh_token"))
    )


def _usable(token: Any) -> str:
    """Return a token that may stand in a header or a form, "" for anything else."""
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""


def _lifetime(expires_in: Any) -> float:
    """Return the seconds that a token lives; five minutes where nothing sensible is stated."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return _DEFAULT_LIFETIME
    return seconds if 0 < seconds < 10 * 365 * 24 * 3600 else _DEFAULT_LIFETIME
