"""Kajabi's API, one method an endpoint; above each its path in the specification at https://developers.kajabi.com.

Lists come as pages, single things as documents (`json_api`); both hold Kajabi's own resources. Kajabi ignores a filter
that it does not know and gives everything, so each list takes only those that are documented for it. Every method may
raise TemporaryFailure or Refused (NotFound where Kajabi has no such thing).
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Unpack
from urllib.parse import quote

from integrations.providers.kajabi import json_api
from integrations.providers.kajabi.connection import KajabiConnection, Paging, SortedPaging, one
from integrations.providers.kajabi.json_api import Document, Page, Resource, identifier
from integrations.toolkit.failures import NotFound
from integrations.toolkit.reading import text_at

logger = logging.getLogger(__name__)


class KajabiClient(KajabiConnection):
    """Every endpoint that is used. `KajabiClient.from_settings()` is the one of this installation."""

    # Sites ------------------------------------------------------------------------------------------------------------

    # /v1/sites: get
    def sites(self, **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        return self._pages("/v1/sites", filters={}, **paging)

    # Hooks ------------------------------------------------------------------------------------------------------------

    # /v1/hooks: get
    def hooks(self, *, event: str = "", **paging: Unpack[Paging]) -> Iterator[Page]:
        """The hooks of all the sites of the API key: Kajabi has no filter for one; compare the relationship `site`."""
        return self._pages("/v1/hooks", filters={"event_eq": event}, **paging)

    # /v1/hooks: post
    def create_hook(self, event: str, *, target_url: str) -> Resource:
        """A new hook of the configured site. Not repeated when its answer was lost: there might be two then."""
        body = {
            "type": "hooks",
            "attributes": {"event": event, "target_url": target_url},
            "relationships": {"site": {"data": identifier("sites", self.site_id())}},
        }
        answer = self._http.call("POST", "/v1/hooks", body={"data": body})
        return json_api.read_document(answer, called="POST /v1/hooks").resource

    # /v1/hooks/{id}: delete
    def delete_hook(self, hook_id: str) -> bool:
        """Return whether it was there: after a lost answer the repetition finds it gone, which is as good."""
        try:
            self._http.call("DELETE", one("/v1/hooks", hook_id))
        except NotFound:
            return False
        return True

    # /v1/hooks/{event}_sample: get
    def hook_sample(self, event: str) -> Any:
        """Return what a delivery of this event holds: a bare list of resources."""
        return self._http.call("GET", f"/v1/hooks/{quote(event, safe='')}_sample")

    # Contacts ---------------------------------------------------------------------------------------------------------

    # /v1/contacts/{id}: get
    def contact(self, contact_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: offers, tags, customer."""
        return self._document("/v1/contacts", contact_id, include=include)

    # /v1/contacts: get
    def contacts(self, *, email_contains: str = "", search: str = "", **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        filters = {"email_contains": email_contains, "search": search}
        return self._site_pages("/v1/contacts", filters=filters, **paging)

    def contacts_with_email(self, email: str) -> list[Resource]:
        """The contacts with just this address, in whatever case, each once.

        The filter takes addresses that contain it, so the answers are compared; `filter[email]` is no filter of
        Kajabi's. Right, but slow, should the filter be ignored: the whole list is read then.
        """
        wanted = email.strip().casefold()
        if not wanted:
            return []
        found: dict[str, Resource] = {}
        for page in self.contacts(email_contains=email.strip()):
            addresses = [_email_of(contact) for contact in page.resources]
            if page.number == 1 and any(wanted not in address for address in addresses):
                logger.warning("Kajabi did not filter its contacts by e-mail; all of them are read")
            for contact, address in zip(page.resources, addresses, strict=True):
                if address == wanted:
                    found[str(contact["id"])] = contact
        return list(found.values())

    # /v1/contacts/{contact_id}/relationships/tags: get
    def contact_tags(self, contact_id: str) -> list[Resource]:
        """The identifiers of the contact's tags, all at once."""
        return self._relationship("GET", contact_id, "tags")

    # /v1/contacts/{contact_id}/relationships/tags: post
    def add_tags(self, contact_id: str, *, tag_ids: Iterable[str]) -> list[Resource]:
        """The contact's tags after it. Adding one that is there changes nothing."""
        return self._relationship("POST", contact_id, "tags", body=_linked("contact_tags", tag_ids))

    # /v1/contacts/{contact_id}/relationships/tags: delete
    def remove_tags(self, contact_id: str, *, tag_ids: Iterable[str]) -> list[Resource]:
        """The contact's tags after it."""
        return self._relationship("DELETE", contact_id, "tags", body=_linked("contact_tags", tag_ids))

    # /v1/contacts/{contact_id}/relationships/offers: get
    def contact_offers(self, contact_id: str) -> list[Resource]:
        """The identifiers of the offers that the contact has."""
        return self._relationship("GET", contact_id, "offers")

    # /v1/contacts/{contact_id}/relationships/offers: post
    def grant_offers(self, contact_id: str, *, offer_ids: Iterable[str], welcome_email: bool) -> list[Resource]:
        """The contact's offers after it. Kajabi looks whether one was granted already, and mails unless told not to."""
        body = _linked("offers", offer_ids) | {"meta": {"send_customer_welcome_email": welcome_email}}
        return self._relationship("POST", contact_id, "offers", body=body)

    # /v1/contacts/{contact_id}/relationships/offers: delete
    def revoke_offers(self, contact_id: str, *, offer_ids: Iterable[str]) -> list[Resource]:
        """The contact's offers after it."""
        return self._relationship("DELETE", contact_id, "offers", body=_linked("offers", offer_ids))

    # /v1/contact_tags: get
    def tags(self, *, name_contains: str = "", **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        """All tags of the site, with their names; the API cannot make one."""
        return self._site_pages("/v1/contact_tags", filters={"name_cont": name_contains}, **paging)

    # What was bought --------------------------------------------------------------------------------------------------

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

    # /v1/orders: get
    def orders(self, *, customer_id: str = "", **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        return self._site_pages("/v1/orders", filters={"customer_id": customer_id}, **paging)

    # /v1/orders/{id}: get
    def order(self, order_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: order_items, customer, site."""
        return self._document("/v1/orders", order_id, include=include)

    # /v1/order_items: get
    def order_items(self, **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        """The items of all orders; those of one come with `order(…, include=["order_items"])`."""
        return self._site_pages("/v1/order_items", **paging)

    # /v1/order_items/{id}: get
    def order_item(self, item_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: order."""
        return self._document("/v1/order_items", item_id, include=include)

    # What is sold and asked -------------------------------------------------------------------------------------------

    # /v1/offers: get
    def offers(self, **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        return self._site_pages("/v1/offers", **paging)

    # /v1/offers/{id}: get
    def offer(self, offer_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: products."""
        return self._document("/v1/offers", offer_id, include=include)

    # /v1/forms: get
    def forms(self, **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        return self._site_pages("/v1/forms", **paging)

    # /v1/forms/{id}: get
    def form(self, form_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: fields, site, offer, contact_tags."""
        return self._document("/v1/forms", form_id, include=include)

    # /v1/form_submissions: get
    def form_submissions(self, *, form_id: str = "", **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        """Submissions do not say when they were made."""
        return self._site_pages("/v1/form_submissions", filters={"form_id": form_id}, **paging)

    # /v1/form_submissions/{id}: get
    def form_submission(self, submission_id: str, *, include: Iterable[str] = ()) -> Document:
        """`include`: site, form."""
        return self._document("/v1/form_submissions", submission_id, include=include)


def _linked(kind: str, external_ids: Iterable[str]) -> dict[str, Any]:
    return {"data": [identifier(kind, external_id) for external_id in external_ids]}


def _email_of(contact: Resource) -> str:
    return text_at(contact, "attributes", "email").casefold()
