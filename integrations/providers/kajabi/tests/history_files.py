"""Files as Kajabi exports them, with dates counted from now: what somebody has access to depends on today."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from integrations.providers.kajabi.tests.plugin import OFFER_ID

TRANSACTIONS = (
    "ID,Amount,Currency,Tax Amount,Type,Status,Payment Method,Provider,Created At,Order No.,Offer ID,Offer Title,"
    "Customer ID,Customer Name,Customer Email,Phone,Address,City,State,Zipcode,Country,Coupon Used,Quantity"
)
SUBSCRIPTIONS = (
    "Kajabi Subscription ID,Amount,Currency,Interval,Status,Created At,Next Payment Date,Trial Ends On,Canceled On,"
    "Customer ID,Customer Name,Customer Email,Offer ID,Offer Title,Provider,Provider ID,Coupon Used"
)
TITLE = "Gold Membership"


def day(days_ago: float) -> datetime:
    """So many days before now, to the second, as the files write their times."""
    return (timezone.now() - timedelta(days=days_ago)).replace(microsecond=0)


def stamp(moment: datetime) -> str:
    """As in transactions and contacts: in the site's own time zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +0000")


def words(moment: datetime) -> str:
    """As in subscriptions: a day in words."""
    return moment.astimezone(UTC).strftime("%b %d, %Y")


def file_of(headings: Iterable[str], *rows: Mapping[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(headings))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def paid(number: str, days_ago: float, *, who: int = 1, **more: Any) -> dict[str, Any]:
    """A transaction of customer `who`, member<who>@example.com, for the plan's offer."""
    return {
        "ID": number,
        "Amount": "299.00",
        "Currency": "USD",
        "Type": "Charge",
        "Status": "Succeeded",
        "Created At": stamp(day(days_ago)),
        "Offer ID": OFFER_ID,
        "Offer Title": TITLE,
        "Customer ID": str(who),
        "Customer Name": "Jane Doe",
        "Customer Email": f"member{who}@example.com",
    } | {name.replace("_", " "): value for name, value in more.items()}


def subscription(number: str, days_ago: float, *, who: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "Kajabi Subscription ID": number,
        "Amount": "$299.00",
        "Currency": "USD",
        "Interval": "Year",
        "Status": "Active",
        "Created At": words(day(days_ago)),
        "Offer ID": OFFER_ID,
        "Offer Title": TITLE,
        "Customer ID": str(who),
        "Customer Name": "Jane Doe",
        "Customer Email": f"member{who}@example.com",
    } | {name.replace("_", " "): value for name, value in more.items()}


def transactions(*rows: Mapping[str, Any]) -> str:
    return file_of(TRANSACTIONS.split(","), *rows)


def subscriptions(*rows: Mapping[str, Any]) -> str:
    return file_of(SUBSCRIPTIONS.split(","), *rows)
