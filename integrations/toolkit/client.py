"""JSON over HTTP as a provider's client needs it: patient with the network, strict with what comes back.

A call has a time-out, is repeated where that may help (`Retries`), follows no redirect, reads no more than it must, and
fails as a TemporaryFailure or a Refused that says what was called, what came and what to check. Messages hold the path
and the names of the query's parameters, never their values, a token, a secret or a whole e-mail address.
"""

import itertools
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from config.logs import mask
from core.preview import forbid_network
from integrations.toolkit import counting, log_lines, quota
from integrations.toolkit.exchange import Bearer, HttpAnswer, HttpCall, is_without_connection, server_of
from integrations.toolkit.failures import NotConfigured, NotFound, Refused, TemporaryFailure, TooManyCalls
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
    401: "Check the credentials.",
    403: "Check what the credentials are allowed to do.",
    404: "Check that it still exists there.",
}
_A_PAGE_CAME = "A web page came instead of JSON: check the base URL, and what stands in front of the API."


class Tokens(Protocol):
    """Source of a client's bearer token."""

    def current(self) -> str:
        """A token that should be accepted."""

    def replacement_for(self, refused: str) -> str:
        """Another token, since `refused` was answered with 401."""


class Pace(Protocol):
    """Rate limit of calls to a provider, over all processes."""

    def wait(self, *, at_most: float) -> None:
        """Return when the next call may be made; raises TemporaryFailure where that is later than in `at_most` seconds.

        Each return is one call.
        """

    def learn(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Take note of what an answer says about how many calls are left; the seconds for which nobody may call."""


class JsonClient:
    """Calls of one provider's API, for one thread.

    `headers` go with every call: for those who want their key elsewhere than in a bearer token. `pace` is asked before
    each of its requests, repetitions too.
    `hints`: status → what to check. `explain` reads the provider's own words off a parsed error. `secrets` are masked
    in messages wherever they stand. `patience`: seconds for one call with all its repetitions; whoever calls under a
    lease gives less than the lease is long.
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
        retries: Retries | None = None,
        patience: float = PATIENCE,
        read_timeout: float = READ_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        if urlsplit(self.base_url).scheme not in {"http", "https"} or not urlsplit(self.base_url).hostname:
            raise NotConfigured(f"{title}: the base URL must begin with https:// and name a host")
        self._title, self._tokens, self._content_type = title, tokens, content_type
        self._hints, self._explain, self._secrets = _HINTS | dict(hints or {}), explain, secrets
        self._headers, self._pace = dict(headers or {}), pace
        self._retries, self._patience = retries or Retries.from_settings(), patience
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
        """Return what `address` (a path below the base, or a whole URL of the same server) answers, parsed; None if
        empty.

        `body` is sent as JSON, `form` form-encoded. `repeatable` says whether doing it twice is harmless; by default
        everything but POST is. Raises TemporaryFailure or Refused.
        """
        call = HttpCall(
            method=method,
            url=self.url_of(address),
            query=query or {},
            content=dict(form) if form is not None else None if body is None else json.dumps(body).encode(),
            content_type=self._content_type if form is None and body is not None else "",
            accept=self._content_type,
            repeatable=method in _REPEATABLE_METHODS if repeatable is None else repeatable,
        )
        ends_at = time.monotonic() + self._patience
        token = self._tokens.current() if self._tokens else ""
        attempts = itertools.count(1)
        try:
            return self._with_repetitions(call, token=token, ends_at=ends_at, attempts=attempts)
        except Refused as error:
            if error.status != 401 or self._tokens is None:
                raise
        token = self._tokens.replacement_for(token)
        return self._with_repetitions(call, token=token, ends_at=ends_at, attempts=attempts)

    def url_of(self, address: str, *, relative_to: str = "") -> str:
        """The whole URL of a path below the base, or of a link found in the answer of `relative_to`.

        Raises Refused for another server than the base's: the token is for that one alone.
        """
        if address.startswith("/") and not relative_to:
            return self.base_url + address
        try:
            url = urljoin(relative_to or self.base_url, address)
        except ValueError:
            url = ""
        if server_of(url) != server_of(self.base_url):
            asked, named = server_of(self.base_url), server_of(url)
            raise Refused(self._masked(f"{self._title}: a link leads from {asked} to {named}; it is not followed", ""))
        return url

    def _with_repetitions(self, call: HttpCall, *, token: str, ends_at: float, attempts: Iterator[int]) -> Any:
        delays = self._retries.delays()
        while True:
            try:
                return self._once(call, token=token, ends_at=ends_at, attempt=next(attempts))
            except TemporaryFailure as error:
                delay = next(delays, None)
                if delay is None or not _may_be_repeated(error, call):
                    raise
                wait = wait_of(delay, retry_after=error.retry_after)
                if time.monotonic() + wait >= ends_at:  # whoever called has to come back later
                    raise
                log_lines.repeated(self._title, call.without_ids, wait=wait)
                self._sleep(wait)

    def _once(self, call: HttpCall, *, token: str, ends_at: float, attempt: int) -> Any:
        if self._pace:
            self._pace.wait(at_most=ends_at - time.monotonic())
        began = time.perf_counter()
        status, problem, result = 0, "", "no_answer"
        try:
            answer = self._answered(call, token=token, ends_at=ends_at)
            status = answer.status
            pause = self._pace.learn(status, answer.headers) if self._pace else None
            document = self._judged(call, answer, token=token, pause=pause)
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
            log_lines.called(
                self._title, call.without_ids, status=status, problem=problem, seconds=seconds, attempt=attempt
            )

    def _answered(self, call: HttpCall, *, token: str, ends_at: float) -> HttpAnswer:
        # `from None` below: the text of these errors holds the whole URL, and with it perhaps somebody's e-mail.
        try:
            answer = self._exchange(call, token=token, ends_at=ends_at)
        except requests.ConnectTimeout:
            raise self._lost(call, f"no connection within {CONNECT_TIMEOUT:.0f} s", token, sent=False) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
            raise self._lost(call, "the answer did not come in time", token) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise Refused(self._masked(f"{self._title}: {call} has no valid URL. Check the base URL.", token)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            sent = not is_without_connection(error)
            what = "the connection broke off" if sent else "no connection could be made"
            raise self._lost(call, f"{what} ({type(error).__name__})", token, sent=sent) from None
        return answer

    def _exchange(self, call: HttpCall, *, token: str, ends_at: float) -> HttpAnswer:
        forbid_network(f"{self._title}: {call}")  # the connection may be open already
        left = max(ends_at - time.monotonic(), 0.1)
        headers = (
            self._headers | {"Accept": call.accept} | ({"Content-Type": call.content_type} if call.content_type else {})
        )
        with self._session.request(
            call.method,
            call.url,
            params=call.query,
            data=call.content,
            headers=headers,
            auth=Bearer(token),
            timeout=(min(CONNECT_TIMEOUT, left), min(self._read_timeout, left)),
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            # read1 gives what is there: an answer that drips would keep a read of a whole block busy for hours.
            while chunk := response.raw.read1(65536, decode_content=True):
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    limit = f"larger than {LARGEST_ANSWER // 1024 // 1024} MiB. Ask for smaller pages."
                    raise Refused(f"{self._title}: the answer to {call} is {limit}", status=response.status_code)
                if time.monotonic() > ends_at:
                    raise TimeoutError
            return HttpAnswer(status=response.status_code, headers=response.headers, body=bytes(body))

    def _judged(self, call: HttpCall, answer: HttpAnswer, *, token: str, pause: float | None) -> Any:
        """The answer's JSON where it is a good one; raises what it amounts to otherwise.

        `pause`: for how long the provider's limit allows no call, where that is known without a Retry-After.
        """
        status = answer.status
        document, is_json = None, not answer.is_html
        if is_json:
            try:
                document = answer.read()
            except ValueError:  # UnicodeDecodeError is one
                is_json = False
        if 200 <= status < 300 and is_json:
            return document
        if 300 <= status < 400:
            hint = "Redirects are not followed: check the base URL."
        elif answer.is_html:
            hint = _A_PAGE_CAME
        elif not is_json:
            hint = "The answer is not JSON."
        else:
            hint = self._hints.get(status, "")
        said = self._explain(document) if is_json else ""
        message = f"{self._title}: {call} was answered with {status}{f': {said[:300]}' if said else ''}. {hint}".strip()
        message = self._masked(message, token)
        asked = read_retry_after(answer.headers.get("Retry-After", ""))
        if status == 429:
            quota.note_refusal(self._title)
            raise TooManyCalls(message, status=status, retry_after=pause if asked is None else asked)
        if status >= 500 or 200 <= status < 300:
            raise TemporaryFailure(message, status=status, retry_after=asked)
        raise (NotFound if status == 404 and is_json else Refused)(message, status=status, document=document)

    def _lost(self, call: HttpCall, what: str, token: str, *, sent: bool = True) -> TemporaryFailure:
        message = f"{self._title}: {call} got no answer: {what}. Check that {server_of(self.base_url)} can be reached."
        return TemporaryFailure(self._masked(message, token), reached_server=sent, problem=what)

    def _masked(self, message: str, token: str) -> str:
        return mask(message, [secret for secret in (token, *self._secrets) if secret])


def _result_of(status: int) -> str:
    """Return how a call that failed is counted, by the status of its answer (0: none).

    An unreadable 2xx is their error.
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
