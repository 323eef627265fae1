"""Facts of a subscription: what happened to one of its purchases, as it was received."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.memberships.terms import StatedTerms

# Names of the provider's ids that say which purchase a fact is about, the most exact first.
SALE_IDS = ("purchase", "subscription", "order", "transaction")


class FactKind(models.TextChoices):
    """In the order in which facts of one moment are taken: that of a purchase's life."""

    PURCHASED = "purchased", _("purchased")
    PAID = "paid", _("paid")
    RENEWED = "renewed", _("renewed")
    PAYMENT_FAILED = "payment_failed", _("payment failed")
    PAUSED = "paused", _("paused")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")
    DISPUTED = "disputed", _("disputed")
    DISPUTE_WON = "dispute_won", _("dispute won")
    DISPUTE_LOST = "dispute_lost", _("dispute lost")
    REFUNDED = "refunded", _("refunded")
    EXTENDED = "extended", _("extended")
    RESUMED = "resumed", _("resumed")
    CONFIRMED = "confirmed", _("confirmed as active")


SALES = frozenset({FactKind.PURCHASED, FactKind.PAID, FactKind.RENEWED})
RANK: Mapping[str, int] = {kind: rank for rank, kind in enumerate(FactKind.values)}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that happened. `key` makes it the same fact however often it is received.

    `references` are the provider's ids, under the names member, offer, purchase, subscription, order and transaction;
    `member_kind` says of which kind the member's id is, `book` which of the provider's sets of ids these are.
    `period_end` is the end of what is paid, where it is stated. `chosen` is the key of another fact: staff said that
    this one is about the same purchase.
    """

    key: str
    kind: str
    occurred_at: datetime
    period_end: datetime | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    terms: StatedTerms = StatedTerms()
    chosen: str = ""

    @property
    def book(self) -> str:
        return self.references.get("book") or self.references.get("member_kind", "")

    @property
    def transactions(self) -> frozenset[str]:
        """The id of the charge that it is about, as a set: empty where it names none."""
        return frozenset({self.references.get("transaction", "")} - {""})

    @property
    def paid_until(self) -> datetime | None:
        """The end of a further period, where it states one; one that has passed is that of an earlier period."""
        gives = self.kind in SALES or self.kind in (FactKind.RESUMED, FactKind.CONFIRMED)
        is_passed = self.period_end is not None and self.period_end <= self.occurred_at
        return None if gives and is_passed else self.period_end

    @property
    def by_staff(self) -> bool:
        return self.key.startswith("staff:")

    @property
    def ids(self) -> dict[str, str]:
        """The ids that say which purchase this is about, the most exact first."""
        return {name: value for name in SALE_IDS if (value := self.references.get(name))}
