"""JSON over HTTP as a provider's client needs it: patient with the network, strict with what comes back.

A call has a time-out, is repeated where that may help (`Retries`), follows no redirect, reads no more than it must, and
fails as a TemporaryFailure or a Refused that names the call, the answer and what to check. Messages hold the path
and the names of the query's parameters, never their values, a token, a secret or a whole e-mail address.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from config.logs import mask
from core.phrases import Phrase
from core.preview import forbid_network
from integrations.toolkit import answers, counting, log_lines, quota
from integrations.toolkit.exchange import (
    HttpAnswer,
    HttpCall,
    call_name,
    is_without_connection,
    parse_body,
    server_of,
)
from integrations.toolkit.failures import NotConfigured, Refused, TemporaryFailure, TooManyCalls, refusal
from integrations.toolkit.permissions import Permissions, note_answer
from integrations.toolkit.retries import Retries, read_retry_after, wait_of

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 15.0  # seconds without a byte
PATIENCE = 180.0  # seconds that one call may take, with all its repetitions and waits
LARGEST_ANSWER = 10 * 1024 * 1024  # bytes, unpacked
_WORTH_REPEATING = frozenset({500, 502, 503, 504})
# Repeating these after a lost answer does nothing twice; a POST is repeated only where it had no effect or is said to
# be repeatable.
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})
_HINTS = {
    401: Phrase("Check the credentials.")(),
    403: Phrase("Check what the credentials are allowed to do.")(),
    404: Phrase("Check that it still exists there.")(),
}


class Tokens(Protocol):
    """Source of a client's bearer token."""

    def current(self) -> str:
        """Return a token that should be accepted."""

    def replacement_for(self, refused: str) -> str:
        """Return another token, since `refused` was answered with 401."""


class Pace(Protocol):
    """Rate limit of calls to a provider, over all processes."""

    def wait(self, *, at_most: float) -> None:
        """Return when the next call may be made; raises TemporaryFailure where that is later than in `at_most` seconds.

        Each return is one call.
        """

    def learn(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Remember what an answer says about how many calls are left; return the seconds for which nobody may call."""


class JsonClient:
    """Calls of one provider's API, for one thread.

    `headers` go with every call: for those who want their key elsewhere than in a bearer token. `pace` is asked before
    each of its requests, repetitions too.
    `hints`: status → what to check. `explain` returns the provider's message in a parsed error. `secrets` are masked
    in messages wherever they stand. `permissions`: what calls need beside valid credentials. `patience`: seconds for
    one call with all its repetitions; a caller under a lease gives less than the lease is long.
    """

    def __init__(
        self,
        base_url: str,
        *,
        title: str,
        tokens: Tokens | None = None,
        pace: Pace | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        hints: Mapping[int, str] | None = None,
        explain: Callable[[Any], str] = lambda document: "",
        secrets: Collection[str] = (),
        permissions: Permissions | None = None,
        retries: Retries | None = None,
        patience: float = PATIENCE,
        read_timeout: float = READ_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        if urlsplit(self.base_url).scheme not in {"http", "https"} or not urlsplit(self.base_url).hostname:
            raise NotConfigured(answers.NO_BASE_URL(provider=title))
        self._title, self._tokens, self._content_type = title, tokens, content_type
        self._hints, self._explain, self._secrets = _HINTS | dict(hints or {}), explain, secrets
        self._headers, self._pace = dict(headers or {}), pace
        self._permissions = permissions or Permissions()
        self._retries, self._patience = retries, patience
        self._read_timeout, self._sleep = read_timeout, sleep
        self._session = requests.Session()

    def call(
        self,
        method: str,
        address: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Return the parsed answer of `address` (a path below the base, or a whole URL of the same server); None if
        empty.

        `body` is sent as JSON, `form` form-encoded. `repeatable` says whether doing it twice is harmless; by default
        everything but POST is. Raises TemporaryFailure or Refused.
        """
        is_path = address.startswith("/")
        url = self.base_url + address if is_path else self.url_of(address, relative_to=self.base_url)
        query = query or {}
        call = HttpCall(
            name=call_name(method, url, query),
            route=call_name(method, url, query, hide_ids=True),
            method=method,
            url=url,
            query=query,
            content=dict(form) if form is not None else None if body is None else json.dumps(body).encode(),
            permission=self._permissions.needed_by(method, urlsplit(url).path),
            content_type=self._content_type if form is None and body is not None else "",
            repeatable=method in _REPEATABLE_METHODS if repeatable is None else repeatable,
        )
        ends_at = time.monotonic() + self._patience
        token = self._tokens.current() if self._tokens else ""
        attempt, is_replaced = 0, False
        delays: Iterator[float] | None = None
        while True:
            attempt += 1
            try:
                return self._attempt(call, token=token, ends_at=ends_at, attempt=attempt)
            except Refused as error:
                if error.status != 401 or self._tokens is None or is_replaced:
                    raise
                token = self._tokens.replacement_for(token)
                is_replaced, delays = True, None  # another token has all repetitions left
            except TemporaryFailure as error:
                delays = delays or (self._retries or Retries.from_settings()).delays()
                delay = next(delays, None)
                if delay is None or not _may_be_repeated(error, call):
                    raise
                wait = wait_of(delay, retry_after=error.retry_after)
                if time.monotonic() + wait >= ends_at:  # the caller has to come back later
                    raise
                log_lines.repeated(self._title, call.route, wait=wait)
                self._sleep(wait)

    def url_of(self, link: str, *, relative_to: str) -> str:
        """Return the whole URL of a link found in the answer of `relative_to`.

        Raises Refused for another server than the base's: the token is for that one alone.
        """
        try:
            url = urljoin(relative_to, link)
        except ValueError:
            url = ""
        ours, linked = server_of(self.base_url), server_of(url)
        if linked != ours:
            raise Refused(self._masked(answers.NOT_FOLLOWED(provider=self._title, ours=ours, other=linked), ""))
        return url

    def _attempt(self, call: HttpCall, *, token: str, ends_at: float, attempt: int) -> Any:
        """Make one request, count and log it; return the JSON of its answer."""
        if self._pace:
            self._pace.wait(at_most=ends_at - time.monotonic())
        began = time.perf_counter()
        status, problem, result = 0, "", "no_answer"
        try:
            answer = self._send(call, token=token, ends_at=ends_at)
            status = answer.status
            pause = self._pace.learn(status, answer.headers) if self._pace else None
            note_answer(call.permission, status)
            document, fault = parse_body(answer.headers, answer.body)
            if fault or not 200 <= status < 300:
                raise self._failure(call, answer, document, fault, token=token, pause=pause)
            result = "ok"
            return document
        except (TemporaryFailure, Refused) as error:
            status, result = error.status, _result_of(error.status)
            problem = getattr(error, "problem", "") or ("the answer cannot be used" if 200 <= status < 300 else "")
            raise
        finally:
            seconds = time.perf_counter() - began
            counting.CALLS.add(self._title, result)
            counting.CALL_SECONDS.observe(seconds, self._title)
            log_lines.called(self._title, call.route, status=status, problem=problem, seconds=seconds, attempt=attempt)

    def _send(self, call: HttpCall, *, token: str, ends_at: float) -> HttpAnswer:
        """Send the request and read its answer, as much and as long as is allowed."""
        headers = {**self._headers, "Accept": self._content_type}
        if call.content_type:
            headers["Content-Type"] = call.content_type
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # `from None` below: the text of these errors holds the whole URL, and with it perhaps somebody's e-mail.
        try:
            forbid_network(f"{self._title}: {call.name}")  # the connection may be open already
            left = max(ends_at - time.monotonic(), 0.1)
            with self._session.request(
                call.method,
                call.url,
                params=call.query,
                data=call.content,
                headers=headers,
                # Without an `auth` requests would look into ~/.netrc, and replace the token by that.
                auth=lambda request: request,
                timeout=(min(CONNECT_TIMEOUT, left), min(self._read_timeout, left)),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = bytearray()
                # read1 gives what is there: an answer that drips would keep a read of a whole block busy for hours.
                while chunk := response.raw.read1(65536, decode_content=True):
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        limit = LARGEST_ANSWER // 1024 // 1024
                        text = answers.TOO_LARGE(provider=self._title, call=call.name, limit=limit)
                        raise Refused(text, status=response.status_code)
                    if time.monotonic() > ends_at:
                        raise TimeoutError
                return HttpAnswer(status=response.status_code, headers=response.headers, body=bytes(body))
        except requests.ConnectTimeout:
            raise self._lost(
                call, answers.NO_CONNECTION_WITHIN(seconds=f"{CONNECT_TIMEOUT:.0f}"), token, sent=False
            ) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
            raise self._lost(call, answers.NOT_IN_TIME(), token) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            message = answers.NO_URL(provider=self._title, call=call.name)
            raise Refused(self._masked(message, token)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            sent = not is_without_connection(error)
            problem = answers.BROKE_OFF if sent else answers.NO_CONNECTION
            raise self._lost(call, problem(error=type(error).__name__), token, sent=sent) from None

    def _failure(
        self, call: HttpCall, answer: HttpAnswer, document: Any, fault: str, *, token: str, pause: float | None
    ) -> TemporaryFailure | Refused:
        """Return the error that an answer amounts to.

        `fault` says that it is no JSON. `pause`: for how long the provider's limit allows no call, where that is known
        without a Retry-After.
        """
        status = answer.status
        is_redirect = 300 <= status < 400
        missing = self._permissions.missing(call.permission, status=status, document=document)
        hint = (
            self._permissions.advice(name=missing.name)
            if missing and self._permissions.advice
            else self._hints.get(status, "")
        )
        hint = answers.REDIRECT() if is_redirect else fault or hint
        reason = "" if fault else self._explain(document)[:300]
        message = self._masked(answers.answered(self._title, call.name, status, reason=reason, hint=hint), token)
        retry_after = read_retry_after(answer.headers.get("Retry-After", ""))
        if status == 429:
            quota.note_refusal(self._title)
            return TooManyCalls(message, status=status, retry_after=pause if retry_after is None else retry_after)
        if status >= 500 or 200 <= status < 300:
            return TemporaryFailure(message, status=status, retry_after=retry_after)
        return refusal(message, status=status, document=document, is_json=not fault, permission=missing)

    def _lost(self, call: HttpCall, problem: str, token: str, *, sent: bool = True) -> TemporaryFailure:
        names = {"provider": self._title, "call": call.name, "server": server_of(self.base_url)}
        message = answers.NO_ANSWER(**names, problem=problem)
        return TemporaryFailure(self._masked(message, token), reached_server=sent, problem=problem)

    def _masked(self, message: str, token: str) -> str:
        return mask(message, [secret for secret in (token, *self._secrets) if secret])


def _result_of(status: int) -> str:
    """Return how a call that failed is counted, by the status of its answer (0: none).

    An unreadable 2xx is an error of the server.
    """
    if status == 0:
        return "no_answer"
    if status == 429:
        return "rate_limited"
    return "server_error" if status >= 500 or status < 300 else "refused"


def _may_be_repeated(error: TemporaryFailure, call: HttpCall) -> bool:
    if error.had_no_effect:
        return True
    return call.repeatable and (error.status < 300 or error.status in _WORTH_REPEATING)
