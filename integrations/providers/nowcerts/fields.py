"""Names of our values at NowCerts, declared once for both ways: the insured's record, and the policy's.

The names of the vendor come first; the others are those of the sync's own webhooks and of Zapier, where they differ
in more than their spelling. Sources: the vendor's API document v2.1.5, and the sync's specification.
"""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from core.field_names import custom
from core.text import fits
from integrations.contracts.exceptions import Unreadable
from integrations.toolkit.fields import Field, FieldMap, as_day, as_phone, text_of

CURRENCY = "USD"  # the only one in use
_LARGEST = Decimal(10) ** 12
_LONGEST = 60  # characters of an amount or a date

INSURED = FieldMap(
    (
        Field("email", "eMail"),
        Field("first_name", "firstName"),
        Field("last_name", "lastName"),
        Field("phone", "phone", read=as_phone),
        Field("address_line_1", "addressLine1", alternatives=(("address", "street"), ("address", "line1"))),
        Field("address_line_2", "addressLine2", alternatives=(("address", "street2"), ("address", "line2"))),
        Field("city", "city", alternatives=(("address", "city"),)),
        Field("state", "state", alternatives=(("address", "state"),)),
        Field("postal_code", "zipCode", alternatives=(("address", "zip"), ("zip",), ("address", "zipCode"))),
        Field(custom("company"), "commercialName"),
        Field(custom("middle_name"), "middleName"),
        Field(custom("cell_phone"), "cellPhone", read=as_phone),
        Field(custom("website"), "website"),
        Field(custom("date_of_birth"), "dateOfBirth", read=as_day),
        Field(custom("source"), "referralSourceCompanyName", alternatives=(("source",),)),
    )
)
POLICY = FieldMap(
    (
        Field("number", "number", alternatives=(("policyNumber",), ("quoteNumber",))),
        Field("line_of_business", "lineOfBusinessName", alternatives=(("policyType",), ("lineOfBusiness",))),
        Field("carrier", "carrierName", alternatives=(("carrier",),)),
        Field("premium", "premium", alternatives=(("totalPremium",),)),
        Field("effective_on", "effectiveDate", read=as_day),
        Field("expires_on", "expirationDate", read=as_day),
    )
)
OWN_PREFIX = "nowcerts:"
_OWN = custom(OWN_PREFIX)
_DATES = frozenset({"dateOfBirth"})
MORE_ADDRESSES = ("eMail2", "eMail3")


def read_insured(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return our name → value for each field that an insured's record, of the API or of a webhook, has.

    Raises Unreadable, naming the place, where something else than a text, a number or nothing stands.
    """
    values: dict[str, Any] = dict(INSURED.read(record))
    own = record.get("customFieldsSimple")
    for field in own if isinstance(own, list) else []:
        if name := text_of(field, (("text",),)):
            values[f"{_OWN}{name}"] = text_of(field, (("value",),))
    return values


def write_insured(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the vendor's record of those values that it knows, without what it demands beside (type, active).

    "" empties a text, null a date.
    """
    own = [
        {"text": name.removeprefix(_OWN), "value": "" if value is None else str(value)}
        for name, value in values.items()
        if name.startswith(_OWN)
    ]
    columns = {name: text or (None if name in _DATES else text) for name, text in INSURED.write(values).items()}
    return {**columns, **({"customFieldsSimple": own} if own else {})}


def read_policy(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a policy's or quote's record, by the names of PolicyReported.

    What the record lacks is left out, and so is an amount or a date that is far too long to be one. Raises Unreadable,
    naming the place, for what is no amount or no date.
    """
    values: dict[str, Any] = dict(POLICY.read(record))
    if premium := fits(values.pop("premium", ""), _LONGEST):
        values["premium"] = _minor_units(premium)
    for name in ("effective_on", "expires_on"):
        if day := fits(values.pop(name, ""), _LONGEST):
            values[name] = _date(day, name=name)
    return values


def _minor_units(text: str) -> int:
    """Return cents: 120050 for 1200.5, "1,200.50" and "$1,200.50"."""
    try:
        amount = Decimal(text.replace("$", "").replace(",", "").strip())
        if not amount.is_finite() or abs(amount) >= _LARGEST:
            raise InvalidOperation
        return int((amount * 100).to_integral_value(ROUND_HALF_UP))
    except InvalidOperation:
        raise Unreadable(f"premium: an amount is expected, {text[:40]!r} came", at=("premium",)) from None


def _date(text: str, *, name: str) -> date:
    field = next(field for field in POLICY.fields if field.local == name)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"{field.remote}: a date is expected, {text[:40]!r} came", at=(field.remote,)) from None
