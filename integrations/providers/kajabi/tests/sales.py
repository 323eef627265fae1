"""Members of Kajabi for the tests of reconciliation: a customer with a purchase of the plan's offer."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from integrations.providers.kajabi.tests.plugin import OFFER_ID
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi


def ago(days: float = 0, **more: float) -> datetime:
    """So long before now, to the millisecond, as Kajabi writes its times."""
    moment = timezone.now() - timedelta(days=days, **more)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sell(
    kajabi: FakeKajabi, number: int, *, days_ago: float = 30, offer_id: str = OFFER_ID, **purchase: Any
) -> datetime:
    """Customer `number` (member<number>@example.com) has bought: purchase 4000 + number; when that was."""
    sold = ago(days_ago)
    kajabi.add(
        records.customer(str(number), email=f"member{number}@example.com", name="Jane Doe"),
        records.purchase(
            str(4000 + number), customer_id=str(number), offer_id=offer_id, **({"created_at": stamp(sold)} | purchase)
        ),
    )
    return sold


def change(kajabi: FakeKajabi, number: int, *, at: datetime | None = None, **attributes: Any) -> None:
    """The purchase of customer `number` changes there, now or at `at`."""
    record = kajabi.records["purchases"][str(4000 + number)]
    record["attributes"].update({"updated_at": stamp(at or timezone.now()), **attributes})


def pay(kajabi: FakeKajabi, number: int, transaction_id: str, *, days_ago: float, **transaction: Any) -> None:
    """A transaction of the purchase of customer `number`."""
    kajabi.add(
        records.transaction(
            transaction_id,
            customer_id=str(number),
            purchases=(str(4000 + number),),
            created_at=stamp(ago(days_ago)),
            **transaction,
        )
    )
