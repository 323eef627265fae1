"""Amounts as they are read."""

import pytest

from core.money import money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (29900, "USD", "299.00 USD"),
        (1, "EUR", "0.01 EUR"),
        (0, "USD", "0.00 USD"),
        (-123456789, "USD", "-1,234,567.89 USD"),
        (1500, "JPY", "1,500 JPY"),
        (25000, "KRW", "25,000 KRW"),
        (9990, "CLP", "9,990 CLP"),
        (12345, "KWD", "12.345 KWD"),
        (12345, "CLF", "1.2345 CLF"),
        (100, "jpy", "100 jpy"),
        (9007199254740993, "USD", "90,071,992,547,409.93 USD"),
        (10**18 - 1, "USD", "9,999,999,999,999,999.99 USD"),
        (150, "", "1.50"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency) == text
