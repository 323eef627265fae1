"""Sync of Kajabi's lists: their stages, order and end.

Changes are asked for by `sort=-updated_at`: the specification names it in its text, though not at the parameter. So
the answer itself is checked. Where it is not in that order, new purchases are read by `-created_at` and ended ones by
`filter[deactivated]`; a reactivation is then found by an audit only.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Self

from django.conf import settings

from core.phrases import Phrase
from integrations.contracts.membership_events import Buyer
from integrations.contracts.pull import LocalList, Place, PulledPage, PulledRecord, Puller, PullSource, RunKind
from integrations.providers.kajabi import pull_records
from integrations.providers.kajabi.client import KajabiClient
from integrations.providers.kajabi.json_api import Page, Resource
from integrations.toolkit.failures import NotFound
from integrations.toolkit.reading import moment_at, text_at

PATIENCE = 10.0  # seconds for a call: an attempt at a page makes several under a lease of 30
A_DAY = timedelta(days=1)

CUSTOMERS = "customers"
ALL_PURCHASES = "purchases"
CHANGED_PURCHASES = "purchases, last changed first"
CHANGED_FOR_SURE = "purchases, last changed first for sure"  # a page before proved the order
NEW_PURCHASES = "purchases, newest first"
ENDED_PURCHASES = "purchases that ended"
TRANSACTIONS = "transactions"
_FIRST = {RunKind.BACKFILL: CUSTOMERS, RunKind.INCREMENTAL: CHANGED_PURCHASES, RunKind.AUDIT: ALL_PURCHASES}
_NOT_SORTED = Phrase("Kajabi did not sort purchases by their last change: new ones and ended ones were read instead.")()
_NOT_PROVEN = Phrase(
    "The order of purchases did not prove that they are sorted by their last change: ended ones were read too."
)()


class KajabiPuller(Puller):
    def __init__(self, client: KajabiClient) -> None:
        self._client = client

    @classmethod
    def from_settings(cls) -> Self:
        """Return the puller of this installation. Raises NotConfigured; may ask for the site's id, once a process."""
        site_id = ""
        if not settings.KAJABI_SITE_ID.strip():
            site_id = _site_id(settings.KAJABI_API_BASE_URL, settings.KAJABI_CLIENT_ID, settings.KAJABI_SITE_NAME)
        return cls(KajabiClient.from_settings(patience=PATIENCE, site_id=site_id))

    def page(self, place: Place, *, kind: RunKind, since: datetime | None) -> PulledPage:
        if place.stage == CUSTOMERS:
            return self._customers(place)
        if place.stage in (CHANGED_PURCHASES, CHANGED_FOR_SURE):
            return self._changed_purchases(place, since)
        if place.stage == NEW_PURCHASES:
            return self._new_purchases(place, since)
        if place.stage == ENDED_PURCHASES:
            return self._ended_purchases(place, since)
        if place.stage == TRANSACTIONS:
            return self._transactions(place, since)
        page = next(self._client.purchases(sort="created_at", first_page=place.page))
        after = Place(stage=TRANSACTIONS) if kind is not RunKind.AUDIT else None
        return PulledPage(records=_records(page), next=after if page.is_last else place.next_page())

    def person(self, person_id: str) -> Buyer | None:
        try:
            return pull_records.buyer(self._client.customer(person_id).resource)
        except NotFound:
            return None

    def people_with(self, email: str) -> Mapping[str, Buyer]:
        wanted = email.strip().casefold()
        buyers = (
            pull_records.buyer(customer)
            for page in self._client.customers(email_contains=email.strip())
            for customer in page.resources
        )
        return {
            buyer.identities[pull_records.CUSTOMER]: buyer
            for buyer in buyers
            if wanted and buyer.email.casefold() == wanted
        }

    def record(self, key: str) -> PulledRecord | None:
        try:
            return pull_records.purchase(self._client.purchase(key.removeprefix("purchase:")).resource)
        except NotFound:
            return None

    def of_person(self, person_id: str) -> Sequence[PulledRecord]:
        purchases = _of_customer(self._client.purchases(customer_id=person_id), person_id)
        transactions = _of_customer(self._client.transactions(customer_id=person_id), person_id)
        return [*map(pull_records.purchase, purchases), *map(pull_records.transaction, transactions)]

    def _customers(self, place: Place) -> PulledPage:
        page = next(self._client.customers(sort="created_at", first_page=place.page))
        after = Place(stage=ALL_PURCHASES) if page.is_last else place.next_page()
        return PulledPage(
            people={text_at(customer, "id"): pull_records.buyer(customer) for customer in page.resources}, next=after
        )

    def _changed_purchases(self, place: Place, since: datetime | None) -> PulledPage:
        page = next(self._client.purchases(sort="-updated_at", first_page=place.page))
        order = _order(page.resources, "updated_at")
        if order == "other":
            return PulledPage(next=Place(stage=NEW_PURCHASES), note=_NOT_SORTED)
        is_sure = order == "proven" or place.stage == CHANGED_FOR_SURE
        if not _reaches(page, "updated_at", since):
            stage = CHANGED_FOR_SURE if is_sure else CHANGED_PURCHASES
            return PulledPage(records=_records(page), next=Place(stage=stage, page=place.page + 1))
        is_all = page.is_last and place.page == 1
        if is_sure or is_all:
            return PulledPage(records=_records(page), next=Place(stage=TRANSACTIONS))
        return PulledPage(records=_records(page), next=Place(stage=ENDED_PURCHASES), note=_NOT_PROVEN)

    def _new_purchases(self, place: Place, since: datetime | None) -> PulledPage:
        page = next(self._client.purchases(sort="-created_at", first_page=place.page))
        ends = page.is_last or (_is_descending(page.resources, "created_at") and _reaches(page, "created_at", since))
        return PulledPage(records=_records(page), next=Place(stage=ENDED_PURCHASES) if ends else place.next_page())

    def _ended_purchases(self, place: Place, since: datetime | None) -> PulledPage:
        page = next(self._client.purchases(deactivated=True, sort="-deactivated_at", first_page=place.page))
        is_sorted = _order(page.resources, "deactivated_at") == "proven"
        ends = page.is_last or (is_sorted and _reaches(page, "deactivated_at", since))
        return PulledPage(records=_records(page), next=Place(stage=TRANSACTIONS) if ends else place.next_page())

    def _transactions(self, place: Place, since: datetime | None) -> PulledPage:
        start = (since - A_DAY).date() if since else None  # whose midnight it means is not documented
        page = next(self._client.transactions(start=start, first_page=place.page))
        records = tuple(map(pull_records.transaction, page.resources))
        return PulledPage(records=records, next=None if page.is_last else place.next_page())


@lru_cache(maxsize=8)
def _site_id(base_url: str, client_id: str, name: str) -> str:
    """Return the configured site's id; it depends on the arguments."""
    return KajabiClient.from_settings(patience=PATIENCE).site_id()


def _records(page: Page) -> tuple[PulledRecord, ...]:
    return tuple(map(pull_records.purchase, page.resources))


def _of_customer(pages: Iterator[Page], person_id: str) -> list[Resource]:
    """Return the resources of one customer, should Kajabi ignore the filter."""
    path = ("relationships", "customer", "data", "id")
    return [resource for page in pages for resource in page.resources if text_at(resource, *path) == person_id]


def _moments(resources: Sequence[Resource], attribute: str) -> list[datetime | None]:
    return [moment_at(resource, (("attributes", attribute),)) for resource in resources]


def _is_descending(resources: Sequence[Resource], attribute: str) -> bool:
    moments = _moments(resources, attribute)
    return None not in moments and all(first >= second for first, second in pairwise(moments))  # type: ignore[operator]


def _order(resources: Sequence[Resource], attribute: str) -> str:
    """Return the order of resources by `attribute`, last first: "other" (none), "proven", or "possible".

    It is proven where the order is not that of `created_at` at the same time, which is Kajabi's default.
    """
    if not _is_descending(resources, attribute):
        return "other"
    return "possible" if _is_descending(resources, "created_at") else "proven"


def _reaches(page: Page, attribute: str, since: datetime | None) -> bool:
    """Return whether a sorted list has reached `since`, or its end."""
    moments = [moment for moment in _moments(page.resources, attribute) if moment]
    return page.is_last or (since is not None and bool(moments) and moments[-1] < since)


PULLS = PullSource(
    identity=pull_records.CUSTOMER,
    local_list=LocalList.SUBSCRIPTIONS,
    interval_setting="KAJABI_RECONCILE_MINUTES",
    first_place=lambda kind: Place(stage=_FIRST[kind]),
    puller=KajabiPuller.from_settings,
)
