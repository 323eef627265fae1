"""Look up the policy of a delivery that names it by its number alone."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from core.phrases import DAY, SEPARATOR, TEXT, Phrase
from integrations.contracts.exceptions import NotFoundYet, Unmatched, Unreadable
from integrations.contracts.webhook import Payload
from integrations.providers.nowcerts import fields, webhooks
from integrations.providers.nowcerts.client import NowCertsClient, Record
from integrations.toolkit.failures import Refused
from integrations.toolkit.fields import text_of
from integrations.toolkit.reading import text_at

_NO_SUCH_NUMBER = Phrase("NowCerts has no policy or quote with the number {number}")
_OTHER_TERMS = Phrase("NowCerts has no policy or quote with the number {number}, but for {terms}", terms=TEXT)
_SEVERAL_INSUREDS = Phrase(
    "NowCerts has {count} policies with the number {number}, of different insureds: {names}."
    " Give them different numbers there, then retry",
    names=TEXT,
)
_POLICY_OF = Phrase("policy {policy} of {insured}", insured=TEXT)
_TERM = Phrase("{begin} to {end}", begin=DAY, end=DAY)
_NO_DATES = Phrase("a term without dates")
_NO_INSURED = Phrase("no insured")
_INSURED = Phrase("insured {id}")
_INSURED_NAMED = Phrase("{name} (insured {id})")

LONGEST_NUMBER = 100
_SHOWN = 5  # candidates that a question to staff names
_NAMES = ("firstName", "lastName")


def policy_with_number(client: NowCertsClient, payload: Payload, *, is_quote: bool) -> Record:
    """Return the policy or quote that is meant: with this number, and by kind, term, carrier and insured as far as the
    delivery has them; where those leave several of one insured, the newest.

    Raises NotFoundYet where there is none, Unmatched where policies of several insureds are left.
    """
    reported = webhooks.read_policy(payload)
    number = str(reported["number"])
    numbered = client.policies_with_number(number)
    matches = [record for record in numbered if _may_be_term(record, reported)]
    if not matches:
        number_and_term = f"{number}{_of(reported)}"
        if numbered:
            terms = SEPARATOR.join(_term(record) for record in numbered[:_SHOWN])
            raise NotFoundYet(_OTHER_TERMS(number=number_and_term, terms=terms))
        raise NotFoundYet(_NO_SUCH_NUMBER(number=number_and_term))
    email = webhooks.insured_email(payload).casefold()
    criteria: list[tuple[Any, Callable[[Record], Any]]] = [
        ("quote" if is_quote else "policy", lambda record: "quote" if record.get("isQuote") is True else "policy"),
        (reported.get("effective_on"), lambda record: _values_of(record).get("effective_on")),
        (reported.get("expires_on"), lambda record: _values_of(record).get("expires_on")),
        (
            str(reported.get("carrier", "")).casefold(),
            lambda record: str(_values_of(record).get("carrier", "")).casefold(),
        ),
        (webhooks.insured_of_policy(payload).lower(), lambda record: insured_of(record).lower()),
        (email, lambda record: webhooks.insured_email({"data": record}).casefold()),
    ]
    for wanted, known in criteria:
        if wanted:  # what was not reported decides nothing, and neither does what no record has
            matches = [record for record in matches if known(record) == wanted] or matches
    if len({insured_of(record).lower() for record in matches}) > 1:
        matches = _of_one_insured(client, matches, number=number, email=email)
    return max(
        matches, key=lambda record: (_values_of(record).get("effective_on") or date.min, text_at(record, "changeDate"))
    )


def insured_of(record: Record) -> str:
    """Return the id of the insured of a policy's record; "" for none."""
    return webhooks.insured_of_policy({"data": record})


def _of_one_insured(client: NowCertsClient, matches: Sequence[Record], *, number: str, email: str) -> list[Record]:
    """Return the policies of the insured with this address. Raises Unmatched, naming their insureds."""
    ids = list(dict.fromkeys(person for record in matches if (person := insured_of(record))))
    try:
        people = {text_at(insured, "id").lower(): insured for insured in client.insureds_by_id(ids)}
    except Refused:  # an id that is none
        people = {}
    of_email = [
        record
        for record in matches
        if email and text_at(people.get(insured_of(record).lower(), {}), "eMail").casefold() == email
    ]
    if len({insured_of(record).lower() for record in of_email}) == 1:
        return of_email
    names = SEPARATOR.join(
        _POLICY_OF(
            policy=f"{text_at(record, 'id')}{_of(_values_of(record))}", insured=_named(people, insured_of(record))
        )
        for record in matches[:_SHOWN]
    )
    raise Unmatched(_SEVERAL_INSUREDS(count=len(matches), number=number, names=names))


def _may_be_term(record: Record, reported: Mapping[str, Any]) -> bool:
    """Return whether the record's term and the one that was reported overlap, as far as both are known."""
    known = _values_of(record)
    begins, ends = reported.get("effective_on"), reported.get("expires_on")
    known_begins, known_ends = known.get("effective_on"), known.get("expires_on")
    return not (begins and known_ends and begins >= known_ends) and not (ends and known_begins and ends <= known_begins)


def _values_of(record: Record) -> Mapping[str, Any]:
    try:
        return fields.read_policy(record)
    except Unreadable:  # then nothing of it is compared
        return {}


def _of(reported: Mapping[str, Any]) -> str:
    """Return the carrier and the term, for people: " (State Farm, 2024-02-01 to 2025-02-01)"."""
    parts = [text for text in (str(reported.get("carrier", ""))[:60], _dates(reported)) if text]
    return f" ({', '.join(parts)})" if parts else ""


def _term(record: Record) -> str:
    return _dates(_values_of(record)) or _NO_DATES()


def _dates(reported: Mapping[str, Any]) -> str:
    begins, ends = reported.get("effective_on"), reported.get("expires_on")
    return _TERM(begin=begins or "?", end=ends or "?") if begins or ends else ""


def _named(people: Mapping[str, Record], person: str) -> str:
    if not person:
        return _NO_INSURED()
    record = people.get(person.lower(), {})
    name = " ".join(text for part in _NAMES if (text := text_at(record, part))) or text_of(
        record, (("commercialName",), ("eMail",))
    )
    return _INSURED_NAMED(name=name[:100], id=person) if name else _INSURED(id=person)
