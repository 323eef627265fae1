"""Rows of orders: transactions, subscriptions and purchases of Kajabi's exports parsed into sales, ends and money.

A row with a transaction's id is a payment or a refund, under the key that the API's list of transactions has. A row
with a subscription's id is the present state of that subscription. A row with neither is a purchase.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from core.text import plain_key
from integrations.contracts.events import MoneyMoved
from integrations.contracts.history import Cells, FileOffer, InvalidRow, KeyedEvent, ParsedRow
from integrations.contracts.membership_events import (
    Buyer,
    MembershipEvent,
    OfferPurchased,
    PaymentSucceeded,
    PurchaseConfirmed,
    PurchaseRefunded,
    SubscriptionCanceled,
    SubscriptionExpired,
)
from integrations.providers.kajabi.history_cells import A_DAY, cents, dated, end_of_day, interval, key_of_title
from integrations.providers.kajabi.history_headings import ORDER_COLUMNS
from integrations.providers.kajabi.history_people import email_of, id_or_empty, identities, name_of

_PAID = {"", "succeeded", "success", "successful", "paid", "completed", "complete", "active", "partially_refunded"}
_UNSUCCESSFUL = {
    *("failed", "failure", "declined", "pending", "initialized", "processing", "incomplete", "voided", "void"),
    *("error", "test", "canceled", "cancelled", "abandoned"),
}
_REFUNDED = {"refund", "refunded", "dispute", "disputed", "chargeback", "charged_back", "reembolso", "reembolsado"}
_RUNS = {"active", "trial", "trialing", "in_trial", "activo", "activa"}
_ENDS = {"canceled", "cancelled", "pending_cancellation", "cancelado", "cancelada"}
_UNPAID = {"past_due", "unpaid", "failed", "payment_failed", "paused", "suspended", "incomplete", "pending"}
_PAID_UP = {"completed", "complete", "paid"}  # an instalment plan without a payment to come
_OVER = {"expired", "ended", "inactive", "deactivated", "revoked", "finalizada"}
_FREE = {"free", "free_purchase", "grant", "granted", "gratis"}
_TESTS = {"test", "subscription_update"}
_A_MOMENT = timedelta(microseconds=1)
_LONGEST_SUBSCRIPTION = 1500  # periods


def read(cells: Cells, exported_at: datetime) -> ParsedRow:
    """Parse a row of a file of orders. Raises InvalidRow."""
    row = _Row(cells, exported_at)
    if row.subscription_id and not row.has_own_transaction:
        return row.subscription()
    return row.transaction() if row.transaction_id else row.purchase()


@dataclass(frozen=True)
class _Row:
    cells: Cells
    exported_at: datetime

    @cached_property
    def transaction_id(self) -> str:
        return id_or_empty(self.cells["transaction_id"])

    @cached_property
    def subscription_id(self) -> str:
        return id_or_empty(self.cells["subscription_id"])

    @property
    def has_own_transaction(self) -> bool:
        """Return whether a row that names a subscription is one payment of it, not the subscription itself."""
        is_listed = self.cells["next_payment"] or self.cells["interval"] or self.cells["canceled_at"]
        return bool(self.transaction_id and not is_listed)

    @cached_property
    def created(self) -> datetime:
        created = self._date("created_at")
        if created is None:
            raise InvalidRow("there is no date in this row")
        return created

    @cached_property
    def buyer(self) -> Buyer:
        first, last = name_of(self.cells)
        ids = identities(customer=self.cells["customer_id"])
        return Buyer(email=email_of(self.cells), first_name=first, last_name=last, identities=ids)

    @cached_property
    def offers(self) -> tuple[str, ...]:
        """Return the offer's id, and the key of its title, to which a plan may be mapped too."""
        title = self.cells["offer"]
        return tuple(filter(None, (id_or_empty(self.cells["offer_id"]), key_of_title(title) if title else "")))

    @property
    def offer(self) -> FileOffer | None:
        return FileOffer(key=self.offers[0], title=self.cells["offer"]) if self.offers else None

    @cached_property
    def currency(self) -> str:
        return self.cells["currency"].upper()[:3]

    def transaction(self) -> ParsedRow:
        """Parse a payment, or a refund."""
        amount = cents(self.cells["amount"], currency=self.currency)
        kind, status = plain_key(self.cells["type"]), plain_key(self.cells["status"])
        if kind in _TESTS or status in _UNSUCCESSFUL:
            return self._skipped(
                f"{self.cells['type'] or 'transaction'} {self.cells['status']}: no money moved".lower()
            )
        if status not in _PAID | _REFUNDED:
            return self._question(f'the status "{self.cells["status"]}" is not known')
        is_refund = kind in _REFUNDED or (amount is not None and amount < 0)
        key = f"transaction:{self.transaction_id}"
        event_class = PurchaseRefunded if is_refund else OfferPurchased if kind in _FREE else PaymentSucceeded
        events = [self._event(key, event_class, self.created)]
        if status in _REFUNDED and not is_refund:
            # The payment itself was refunded: what it paid for does not count, whatever came later.
            events.append(self._event(f"{key}:refunded", PurchaseRefunded, self._end_after("refunded_at")))
        return ParsedRow(events=[*events, *self._money(amount, is_refund=is_refund)], offer=self.offer)

    def subscription(self) -> ParsedRow:
        """Parse a subscription: its start, and its state or end. Its payments are other rows."""
        key = f"subscription:{self.subscription_id}"
        status = plain_key(self.cells["status"])
        began = self._event(key, OfferPurchased, self.created)
        if status in _REFUNDED:
            ended = self._event(f"{key}:refunded", PurchaseRefunded, self._end_after("refunded_at", "canceled_at"))
            return ParsedRow(events=[began, ended], offer=self.offer)
        if status in _RUNS:
            return self._running(began, key)
        if status in _ENDS:
            return ParsedRow(events=[began, *self._canceled(key)], offer=self.offer)
        if status in _UNPAID | _PAID_UP:
            return ParsedRow(events=[began], offer=self.offer)  # its payments say how long there is access
        if status in _OVER:
            return self._ended(began, key, self._date("canceled_at") or self._date("access_ends"))
        return self._question(f'the status "{self.cells["status"]}" is not known')

    def purchase(self) -> ParsedRow:
        """Parse a sale or a grant, and its end where the row has one."""
        purchase_id = id_or_empty(self.cells["purchase_id"])
        key = f"purchase:{purchase_id}" if purchase_id else f"file:{self._digest()}"
        status = plain_key(self.cells["status"])
        if status in _UNSUCCESSFUL - _ENDS:
            return self._skipped(f"{self.cells['status']}: nothing was sold".lower())
        if status not in {*_PAID, *_REFUNDED, *_RUNS, *_ENDS, *_OVER, *_FREE}:
            return self._question(f'the status "{self.cells["status"]}" is not known')
        until = self._date("access_ends")
        events = [self._event(key, OfferPurchased, self.created, until=until and end_of_day(until))]
        if status in _REFUNDED:
            events.append(
                self._event(f"{key}:refunded", PurchaseRefunded, self._end_after("refunded_at", "canceled_at"))
            )
        elif status in _ENDS:
            when = self._date("canceled_at")
            if when is None:
                return ParsedRow(events=events, offer=self.offer, question="canceled, but the row does not say when")
            events.append(self._event(f"{key}:canceled", SubscriptionCanceled, when))
        elif status in _OVER:
            return self._ended(events[0], key, until or self._date("canceled_at"))
        return ParsedRow(events=events, offer=self.offer)

    def _ended(self, began: KeyedEvent, key: str, when: datetime | None) -> ParsedRow:
        if when is None:
            return ParsedRow(events=[began], offer=self.offer, question="ended, but the row does not say when")
        return ParsedRow(events=[began, self._event(f"{key}:ended", SubscriptionExpired, when)], offer=self.offer)

    def _running(self, began: KeyedEvent, key: str) -> ParsedRow:
        """Give an active subscription access until its next payment, whichever payments of it we know."""
        paid_until = self._date("next_payment") or self._date("trial_ends")
        if paid_until is None:
            confirmed = self._event(f"{key}:active", PurchaseConfirmed, self.exported_at)
            return ParsedRow(events=[began, confirmed], offer=self.offer)
        if end_of_day(paid_until) <= self.exported_at:
            day = f"{paid_until:%Y-%m-%d}"
            question = f"active, but its next payment was due on {day}: did it come?"
            return ParsedRow(events=[began], offer=self.offer, question=question)
        return ParsedRow(events=[began, self._paid(key, paid_until)], offer=self.offer)

    def _canceled(self, key: str) -> Iterator[KeyedEvent]:
        """Yield a cancellation, which keeps access until the end of the paid period: the next payment does not come."""
        canceled_at = self._date("canceled_at")
        when = canceled_at or self.exported_at
        paid_until = self._date("next_payment")
        if paid_until is None or paid_until < when:
            paid_until = self._period_end(when)
        if paid_until is not None:
            yield self._paid(key, paid_until, before=when)
        until = end_of_day(paid_until) if paid_until else None
        name = f"canceled:{canceled_at:%Y-%m-%d}" if canceled_at else "canceled"
        yield self._event(f"{key}:{name}", SubscriptionCanceled, when, until=until)

    def _paid(self, key: str, paid_until: datetime, *, before: datetime | None = None) -> KeyedEvent:
        """Return the event that a running subscription is paid until a day.

        It is true since the payment before that, a period earlier (so the file is not older either); dated a day
        later, so that the payment's own fact comes first and does not count as a further one, and no later, so that a
        refund or an end since then holds. `before` is the cancellation that it must come before.
        """
        period = interval(self.cells["interval"])
        when = max(paid_until - period, self.created) + A_DAY if period else max(self.exported_at, self.created)
        if before is not None:
            when = min(when, before - _A_MOMENT)
        key = f"{key}:until:{paid_until:%Y-%m-%d}"
        return self._event(key, PurchaseConfirmed, when, until=end_of_day(paid_until))

    def _period_end(self, when: datetime) -> datetime | None:
        """Return the end of the period in which `when` lies, counted from the beginning; None without an interval."""
        period = interval(self.cells["interval"])
        if period is None:
            return None
        for number in range(1, _LONGEST_SUBSCRIPTION):
            end = self.created + period * number
            if end > when:
                return end
        return None

    def _event(
        self, key: str, event_class: type[MembershipEvent], when: datetime, *, until: datetime | None = None
    ) -> KeyedEvent:
        event = event_class(
            occurred_at=when,
            buyer=self.buyer,
            offers=self.offers,
            purchase_id=id_or_empty(self.cells["purchase_id"]),
            transaction_id=self.transaction_id if key.startswith("transaction:") else "",
            period_end=until,
        )
        return KeyedEvent(key=key, event=event)

    def _money(self, amount: int | None, *, is_refund: bool) -> list[KeyedEvent]:
        if amount is None:
            return []
        kind = (
            "dispute"
            if plain_key(self.cells["type"]) in ("dispute", "chargeback")
            else "refund"
            if is_refund
            else "charge"
        )
        purchase_id = id_or_empty(self.cells["purchase_id"])
        moved = MoneyMoved(
            occurred_at=self.created,
            external_id=self.transaction_id,
            email=self.buyer.email,
            identities=self.buyer.identities,
            kind=kind,
            state=plain_key(self.cells["status"]),
            amount=-abs(amount) if is_refund else amount,
            tax=cents(self.cells["tax"], currency=self.currency) or 0,
            currency=self.currency,
            purchase_ids=(purchase_id,) if purchase_id else (),
        )
        return [KeyedEvent(key=f"transaction:{self.transaction_id}", event=moved)]

    def _end_after(self, *columns: str) -> datetime:
        """Return the end that one of the columns has; without one, right after the beginning."""
        ended_at = next((when for when in map(self._date, columns) if when is not None), None)
        return max(ended_at or self.created, self.created) + _A_MOMENT

    def _date(self, column: str) -> datetime | None:
        return dated(self.cells[column], column=str(ORDER_COLUMNS[column].headings[0]))

    def _skipped(self, reason: str) -> ParsedRow:
        return ParsedRow(skipped=reason, offer=self.offer)

    def _question(self, text: str) -> ParsedRow:
        return ParsedRow(question=text, offer=self.offer)

    def _digest(self) -> str:
        """Return the digest by which a row without an id is known again in another file."""
        values: list[Any] = [
            self.buyer.email,
            *self.offers[:1],
            self.created.isoformat(),
            plain_key(self.cells["amount"]),
        ]
        return hashlib.sha256("\n".join(map(str, values)).encode()).hexdigest()[:32]
