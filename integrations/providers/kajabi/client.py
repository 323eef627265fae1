"""Kajabi's API, one method an endpoint; above each its path in the specification at https://developers.kajabi.com.

Lists come as pages, single resources as documents (`json_api`). Kajabi ignores a filter
that it does not know and gives everything, so each list takes only those that are documented for it. Every method may
raise TemporaryFailure or Refused (NotFound where Kajabi has no such resource).
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Unpack

from integrations.providers.kajabi import json_api
from integrations.providers.kajabi.connection import KajabiConnection, Paging, SortedPaging, resource_path
from integrations.providers.kajabi.json_api import Document, Page, Resource, identifier
from integrations.toolkit.failures import NotFound


class KajabiClient(KajabiConnection):
    """Client with every endpoint that is used. `KajabiClient.from_settings()` is that of this installation."""

    # Hooks ------------------------------------------------------------------------------------------------------------

    # /v1/hooks: get
    def hooks(self, *, event: str = "", **paging: Unpack[Paging]) -> Iterator[Page]:
        """Yield the hooks of all sites of the API key: there is no filter for one; compare the relationship `site`."""
        return self._pages("/v1/hooks", filters={"event_eq": event}, **paging)

    # /v1/hooks: post
    def create_hook(self, event: str, *, target_url: str) -> Resource:
        """Create a hook of the configured site. Not repeated when its answer was lost: there might be two then."""
        body = {
            "type": "hooks",
            "attributes": {"event": event, "target_url": target_url},
            "relationships": {"site": {"data": identifier("sites", self.site_id())}},
        }
        answer = self._http.call("POST", "/v1/hooks", body={"data": body})
        return json_api.read_document(answer, called="POST /v1/hooks").resource

    # /v1/hooks/{id}: delete
    def delete_hook(self, hook_id: str) -> bool:
        """Delete a hook; False where there was none, as for the repetition after a lost answer."""
        try:
            self._http.call("DELETE", resource_path("/v1/hooks", hook_id))
        except NotFound:
            return False
        return True

    # Contacts ---------------------------------------------------------------------------------------------------------

    # /v1/contacts/{id}: get
    def contact(self, contact_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: offers, tags, customer."""
        return self._document("/v1/contacts", contact_id, include=include)

    # /v1/contacts: get
    def contacts(self, *, email_contains: str = "", search: str = "", **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        filters = {"email_contains": email_contains, "search": search}
        return self._site_pages("/v1/contacts", filters=filters, **paging)

    # Purchases --------------------------------------------------------------------------------------------------------

    # /v1/customers: get
    def customers(self, *, email_contains: str = "", **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        return self._site_pages("/v1/customers", filters={"email_contains": email_contains}, **paging)

    # /v1/customers/{id}: get
    def customer(self, customer_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: offers, products. A customer's id is not the id of their contact."""
        return self._document("/v1/customers", customer_id, include=include)

    # /v1/purchases: get
    def purchases(
        self, *, customer_id: str = "", deactivated: bool | None = None, **paging: Unpack[SortedPaging]
    ) -> Iterator[Page]:
        """`sort` is documented for created_at alone."""
        filters = {"customer_id": customer_id, "deactivated": "" if deactivated is None else str(deactivated).lower()}
        return self._site_pages("/v1/purchases", filters=filters, **paging)

    # /v1/purchases/{id}: get
    def purchase(self, purchase_id: str) -> Document:
        return self._document("/v1/purchases", purchase_id)

    # /v1/transactions: get
    def transactions(
        self, *, customer_id: str = "", start: date | None = None, end: date | None = None, **paging: Unpack[Paging]
    ) -> Iterator[Page]:
        """`start` and `end` are days; whose midnight Kajabi means is not documented, so ask for a day more."""
        filters = {
            "customer_id": customer_id,
            "start_date": start.isoformat() if start else "",
            "end_date": end.isoformat() if end else "",
        }
        return self._site_pages("/v1/transactions", filters=filters, **paging)

    # /v1/transactions/{id}: get
    def transaction(self, transaction_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: customer, purchases."""
        return self._document("/v1/transactions", transaction_id, include=include)

    # /v1/orders/{id}: get
    def order(self, order_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: order_items, customer, site."""
        return self._document("/v1/orders", order_id, include=include)

    # Forms ------------------------------------------------------------------------------------------------------------

    # /v1/form_submissions/{id}: get
    def form_submission(self, submission_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: site, form."""
        return self._document("/v1/form_submissions", submission_id, include=include)
