"""Names of our values at NowCerts, declared once for both ways: the insured's record, and the policy's.

The names of the vendor come first; the others are those of the sync's own webhooks and of Zapier, where they differ
in more than their spelling. Sources: the vendor's API document v2.1.5, and the sync's specification.
"""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from core.field_names import custom
from core.phrases import CODE, QUOTED, Phrase
from core.text import Parsed, fits
from integrations.contracts import reasons
from integrations.contracts.exceptions import Unreadable
from integrations.providers.nowcerts.policy_fields import lines_of_business, status_of
from integrations.toolkit.fields import (
    Field,
    FieldMap,
    ParsedRecord,
    Parser,
    as_day,
    as_text,
    parse_birthday,
    parse_emails,
    parse_phones,
    parse_text,
    text_of,
    value_at,
)

_NO_AMOUNT = Phrase("premium: an amount is expected, {text} came", text=QUOTED)
_NO_DATE = Phrase("{field}: a date is expected, {text} came", field=CODE, text=QUOTED)

EMAILS, PHONES = ("eMail", "eMail2", "eMail3"), ("phone", "cellPhone", "smsPhone")
CURRENCY = "USD"  # the only one in use
_LARGEST = Decimal(10) ** 12
_LONGEST = 60  # characters of an amount or a date

INSURED = FieldMap(
    (
        Field("email", "eMail", parse=parse_emails, further=(("eMail2",), ("eMail3",))),
        Field("first_name", "firstName"),
        Field("last_name", "lastName"),
        Field("phone", "phone", parse=parse_phones, further=(("cellPhone",), ("smsPhone",))),
        Field("address_line_1", "addressLine1", alternatives=(("address", "street"), ("address", "line1"))),
        Field("address_line_2", "addressLine2", alternatives=(("address", "street2"), ("address", "line2"))),
        Field("city", "city", alternatives=(("address", "city"),)),
        Field("state", "state", alternatives=(("address", "state"),)),
        Field("postal_code", "zipCode", alternatives=(("address", "zip"), ("zip",), ("address", "zipCode"))),
        Field(custom("company"), "commercialName"),
        Field(custom("middle_name"), "middleName"),
        Field(custom("cell_phone"), "cellPhone", parse=parse_phones),
        Field(custom("website"), "website"),
        Field(custom("date_of_birth"), "dateOfBirth", parse=parse_birthday),
        Field(custom("source"), "referralSourceCompanyName", alternatives=(("source",),)),
    )
)


def _parse_day(value: Any) -> Parsed:
    return parse_text(as_day(value))


POLICY = FieldMap(
    (
        Field("number", "number", alternatives=(("policyNumber",), ("quoteNumber",))),
        Field("carrier", "carrierName", alternatives=(("carrier",),)),
        Field("premium", "premium", alternatives=(("totalPremium",),)),
        Field("effective_on", "effectiveDate", parse=_parse_day),
        Field("expires_on", "expirationDate", parse=_parse_day),
    )
)
OWN_PREFIX = "nowcerts:"
_OWN = custom(OWN_PREFIX)
_DATES = frozenset({"dateOfBirth"})
_SEPARATOR = "; "
# The columns that hold a main value and others of its kind, in their order. A number for text messages is never written
# elsewhere than to its own column.
_ORDERED: tuple[tuple[str, tuple[str, ...], Parser], ...] = (
    ("eMail", ("eMail", "eMail2", "eMail3"), parse_emails),
    ("phone", ("phone", "cellPhone"), parse_phones),
)


def parse_insured(record: Mapping[str, Any], *, is_whole: bool = False) -> ParsedRecord:
    """Return the values that an insured's record, of the API or of a webhook, has; what cannot be used is left out."""
    parsed = INSURED.parse(record, is_whole=is_whole)
    own = record.get("customFieldsSimple")
    for field in own if isinstance(own, list) else []:
        if name := text_of(field, (("text",),)):
            parsed.values[f"{_OWN}{name}"] = text_of(field, (("value",),))
    return parsed


def read_insured(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return our name → value, as `parse_insured` does."""
    return parse_insured(record).values


def write_insured(values: Mapping[str, Any], current: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the vendor's record of those values that it knows, without what it demands beside (type, active).

    "" empties a text, null a date. `current` is the record that is changed: what its other columns of addresses and
    numbers hold stays in it.
    """
    own = [
        {"text": name.removeprefix(_OWN), "value": "" if value is None else str(value)}
        for name, value in values.items()
        if name.startswith(_OWN)
    ]
    columns: dict[str, Any] = dict(INSURED.write(values))
    for remote, names, parse in _ORDERED:
        if current is not None and remote in columns:
            main = columns.pop(remote)
            texts = {name: columns.get(name, as_text(value_at(current, ((name,),)))) for name in names}
            columns |= with_main(texts, main, parse=parse)
    columns |= {name: columns[name] or None for name in _DATES if name in columns}
    return {**columns, **({"customFieldsSimple": own} if own else {})}


def with_main(texts: Mapping[str, str], main: str, *, parse: Parser) -> dict[str, str]:
    """Return the columns to write so that `main` is the first usable value of `texts` (column → text, in their order).

    Where another column has it the two change places, so that neither is lost; one that no column has replaces the
    main one. What cannot be read stays, and the value goes into the first empty column beside it. "" removes the main
    one.
    """
    values = {name: parse(text).values for name, text in texts.items()}
    lead = next((name for name in texts if values[name]), "")
    if not main:
        return {lead: _SEPARATOR.join(values[lead][1:])} if lead else {}
    holder = next((name for name in texts if main.casefold() in map(str.casefold, values[name])), "")
    if not lead:
        empty = (name for name, text in texts.items() if not parse(text).left_out)
        return {next(empty, next(iter(texts))): main}
    first = next(iter(texts))
    if not holder:
        is_free = not values[first] and not parse(texts[first]).left_out
        rest = () if is_free else values[lead][1:]
        return {first if is_free else lead: _SEPARATOR.join([main, *rest])}
    others = [value for value in values[holder] if value.casefold() != main.casefold()]
    # What cannot be read beside it, as an extension, goes with it.
    is_kept = values[holder][0].casefold() == main.casefold() and bool(parse(texts[holder]).left_out)
    ordered = texts[holder] if is_kept else _SEPARATOR.join([main, *others])
    return {lead: ordered} if holder == lead else {lead: ordered, holder: texts[lead]}


def read_policy(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a policy's or quote's record, by the names of PolicyReported.

    What the record lacks is left out, and so is an amount or a date that is far too long to be one. Raises Unreadable,
    naming the place, for what is no amount or no date.
    """
    parsed = POLICY.parse(record)
    for name, reason in parsed.left_out.items():
        raise Unreadable(reasons.AT_FIELD(field=name, problem=reason), at=tuple(name.split(".")))
    values = parsed.values
    values |= {"line_of_business": lines} if (lines := lines_of_business(record)) else {}
    values |= {"status": status} if (status := status_of(record)) else {}
    if premium := fits(values.pop("premium", ""), _LONGEST):
        values["premium"] = _minor_units(premium)
    for name in ("effective_on", "expires_on"):
        if day := fits(values.pop(name, ""), _LONGEST):
            values[name] = _date(day, name=name)
    return values


def not_held(record: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `reported` has of a policy's values that the policy's `record` does not hold, in its own names."""
    held = {name for name, value in read_policy(record).items() if value not in ("", None)}
    kept = {}
    for name, value in reported.items():
        try:
            values = read_policy({name: value})
        except Unreadable:
            continue
        if any(text not in ("", None) for text in values.values()) and held.isdisjoint(values):
            kept[name] = value
    return kept


def _minor_units(text: str) -> int:
    """Return cents: 120050 for 1200.5, "1,200.50" and "$1,200.50"."""
    try:
        amount = Decimal(text.replace("$", "").replace(",", "").strip())
        if not amount.is_finite() or abs(amount) >= _LARGEST:
            raise InvalidOperation
        return int((amount * 100).to_integral_value(ROUND_HALF_UP))
    except InvalidOperation:
        raise Unreadable(_NO_AMOUNT(text=text[:40]), at=("premium",)) from None


def _date(text: str, *, name: str) -> date:
    field = next(field for field in POLICY.fields if field.local == name)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unreadable(_NO_DATE(field=field.remote, text=text[:40]), at=(field.remote,)) from None
