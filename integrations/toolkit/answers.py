"""Outcomes of calls to providers, as they are stored and staff read them."""

from django.utils.translation import gettext_lazy as _

from core.phrases import CODE, ERROR, KNOWN, OWNER, TEXT, Phrase, Words

KIND = Words(
    {
        "contact": _("contact"),
        "insured": _("insured"),
        "policy": _("policy"),
        "opportunity": _("opportunity"),
        "purchase": _("purchase"),
        "customer": _("customer"),
    }
)
_CALL = {"provider": CODE, "call": ERROR, "status": CODE}
_ANSWERED = Phrase("{provider}: {call} was answered with {status}.", **_CALL)
_ANSWERED_HINT = Phrase("{provider}: {call} was answered with {status}. {hint}", hint=KNOWN, **_CALL)
_ANSWERED_WHY = Phrase("{provider}: {call} was answered with {status}: {reason}.", reason=ERROR, **_CALL)
_ANSWERED_WHY_HINT = Phrase(
    "{provider}: {call} was answered with {status}: {reason}. {hint}", reason=ERROR, hint=KNOWN, **_CALL
)
NO_ANSWER = Phrase(
    "{provider}: {call} got no answer: {problem}. Check that {server} can be reached.",
    provider=CODE,
    call=ERROR,
    problem=KNOWN,
    server=CODE,
)
NO_CONNECTION_WITHIN = Phrase("no connection within {seconds} s", seconds=CODE)
NOT_IN_TIME = Phrase("the answer did not come in time")
BROKE_OFF = Phrase("the connection broke off ({error})", error=CODE)
NO_CONNECTION = Phrase("no connection could be made ({error})", error=CODE)
TOO_LARGE = Phrase(
    "{provider}: the answer to {call} is larger than {limit} MiB. Ask for smaller pages.",
    provider=CODE,
    call=ERROR,
    limit=CODE,
)
NO_URL = Phrase("{provider}: {call} has no valid URL. Check the base URL.", provider=CODE, call=ERROR)
NOT_FOLLOWED = Phrase("{provider}: a link leads from {ours} to {other}; it is not followed", provider=CODE)
NO_BASE_URL = Phrase("{provider}: the base URL must begin with https:// and name a host", provider=CODE)
REDIRECT = Phrase("Redirects are not followed: check the base URL.")
WEB_PAGE = Phrase("A web page came instead of JSON: check the base URL, and what stands in front of the API.")
NOT_JSON = Phrase("The answer is not JSON.")
TWICE = Phrase("{provider} gave the same page twice, whatever was to be left out", provider=CODE)
ALL_TAKEN = Phrase(
    "{provider}: {limit} calls in {window} s are all taken; try again in {left} s", provider=CODE, limit=CODE
)
STILL_GETTING = Phrase("{provider}: another process is still getting a token; try again later", provider=CODE)
NO_TOKEN = Phrase("POST {path} answered without a usable access_token; check the address of the API", path=CODE)
NOT_CONFIGURED = Phrase.worded(
    "{provider} API is not configured: set {names}",
    _("The API of {provider} is not configured: set {names}"),
    provider=OWNER,
    names=CODE,
)
WITHOUT = Phrase("{provider}: {call} was answered without {name}", provider=CODE, call=ERROR, name=CODE)
WITHOUT_RECORD = Phrase("{provider}: {call} was answered without a {name} and its id", provider=CODE, call=ERROR)
WITHOUT_LIST = Phrase('{provider}: {call} was answered without a list under "{name}"', provider=CODE, call=ERROR)
FAILED_WITH_200 = Phrase("{provider}: {call} failed, with HTTP 200: {reason}", provider=CODE, call=ERROR, reason=TEXT)
NO_REASON = Phrase("no reason is given")
NO_RECORD = Phrase("{provider}: {call} knows no record {id}", provider=CODE, call=ERROR)


def answered(provider: str, call: str, status: int, *, reason: str, hint: str) -> str:
    """Return what an answer that is no success amounts to; `reason` are the provider's words, `hint` what to check."""
    values = {"provider": provider, "call": call, "status": status}
    if reason:
        values["reason"] = reason
        return _ANSWERED_WHY_HINT(**values, hint=hint) if hint else _ANSWERED_WHY(**values)
    return _ANSWERED_HINT(**values, hint=hint) if hint else _ANSWERED(**values)


UNKNOWN = Phrase("{provider} does not know {kind} {id}", provider=CODE, kind=KIND)
NO_MORE = Phrase("{provider} has no {kind} {id} any more", provider=CODE, kind=KIND)
NOT_READABLE = Phrase("{provider}: {kind} {id} cannot be read: {error}", provider=CODE, kind=KIND, error=TEXT)
