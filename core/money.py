"""Amounts of money for people to read. They are stored as integers of the currency's smallest unit."""

from decimal import Decimal

_TWO = 2
# ISO 4217, "minor unit", where that is not 2.
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def money(amount: int, currency: str) -> str:
    """Return `amount`, in minor units of `currency`, as "1,234.50 USD"; exact, whatever its size."""
    digits = _DIGITS.get(currency.upper(), _TWO)
    value = Decimal(amount).scaleb(-digits)
    return f"{value:,.{digits}f} {currency}".strip()
