"""Requests of the client and answers of the fake against the vendor's OpenAPI file, where there is one.

So the fake cannot drift from Kajabi, and with it the tests that believe the fake.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from integrations.contracts.pull import Place, RunKind
from integrations.providers.kajabi import pulls
from integrations.providers.kajabi.client import KajabiClient
from integrations.toolkit.failures import NotFound, Refused
from tests.fakes import kajabi_records as records
from tests.fakes.http_server import Answer, Asked, Exchange
from tests.fakes.kajabi import HOOK_EVENTS, FakeKajabi
from tests.openapi import Specification

FILE = Path(__file__).resolve().parents[4].parent / "shared" / "contracts" / "kajabi" / "openapi.yaml"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="Kajabi's OpenAPI file does not lie beside the repository")
PAGING = {"page_size": 50, "first_page": 1}


@pytest.fixture(scope="module")
def specification() -> Specification:
    return Specification(FILE)


@pytest.fixture
def business(kajabi: FakeKajabi) -> FakeKajabi:
    """One of everything."""
    kajabi.add(
        records.tag("31", name="VIP"),
        records.offer("5", title="NSSA"),
        records.contact("8", email="jane@example.com", tags=("31",), offers=("5",), customer_id="7"),
        records.customer("7", email="jane@example.com", contact_id="8", offers=("5",)),
        records.transaction("61", customer_id="7", purchases=("41",)),
        records.purchase("41", customer_id="7", offer_id="5", transactions=("61",)),
        records.order("71", customer_id="7", order_items=("72",)),
        records.order_item("72", order_id="71", offer_id="5"),
        records.form("81", title="Quote"),
        records.form_submission("82", form_id="81", email="jane@example.com", custom_1="blue"),
    )
    return kajabi


def test_every_endpoint_of_the_client(specification: Specification, client: KajabiClient, business: FakeKajabi) -> None:
    lists = [
        client.sites(sort="title", **PAGING),
        client.contacts(search="jane", sort="-created_at", **PAGING),
        client.customers(email_contains="jane@example.com", sort="email", **PAGING),
        client.purchases(customer_id="7", deactivated=False, sort="-created_at", **PAGING),
        client.transactions(customer_id="7", start=date(2026, 1, 1), end=date(2026, 1, 31), **PAGING),
    ]
    assert [len(page.resources) for pages in lists for page in pages] == [1] * len(lists)
    client.contact("8", include=["offers", "tags", "customer"])
    client.customer("7", include=["offers"])
    client.purchase("41")
    client.transaction("61", include=["customer", "purchases"])
    client.order("71", include=["order_items", "customer", "site"])
    client.form_submission("82", include=["site", "form"])
    for event in HOOK_EVENTS:
        made = client.create_hook(event, target_url="https://example.com/kajabi-webhook/token")
    assert len([hook for page in client.hooks(event="purchase", **PAGING) for hook in page.resources]) == 1
    client.delete_hook(made["id"])

    assert [problem for exchange in business.exchanges for problem in specification.problems(exchange)] == []


def test_every_request_of_reconciliation(specification: Specification, business: FakeKajabi) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    stages = [pulls.CUSTOMERS, pulls.ALL_PURCHASES, pulls.CHANGED_PURCHASES, pulls.NEW_PURCHASES]
    puller = pulls.KajabiPuller.from_settings()
    for stage in [*stages, pulls.ENDED_PURCHASES, pulls.TRANSACTIONS]:
        puller.page(Place(stage=stage), kind=RunKind.INCREMENTAL, since=since)
    assert [item.key for item in puller.of_person("7")] == ["purchase:41", "transaction:61"]
    assert puller.record("purchase:404") is None
    assert list(puller.people_with("Jane@example.com")) == ["7"]
    assert [problem for exchange in business.exchanges for problem in specification.problems(exchange)] == []


def test_every_refusal_of_the_fake(specification: Specification, client: KajabiClient, business: FakeKajabi) -> None:
    with pytest.raises(NotFound):
        client.purchase("404")
    with pytest.raises(NotFound):
        client.order("404")
    assert client.delete_hook("404") is False
    business.expire_tokens()
    client.purchase("41")
    with pytest.raises(Refused):
        KajabiClient(business.url, client_id="wrong", client_secret="wrong").purchase("41")
    assert [exchange.answer.status for exchange in business.exchanges if exchange.answer] == [
        *(200, 404, 404, 404),
        *(401, 200, 200),
        401,
    ]
    assert [problem for exchange in business.exchanges for problem in specification.problems(exchange)] == []


def test_what_contradicts_the_file_is_found(specification: Specification) -> None:
    """The check itself: without this it could be blind."""

    def problems(method: str, path: str, query: str, sent: bytes, status: int, answered: bytes) -> list[str]:
        headers = {"content-type": "application/vnd.api+json"} if sent else {}
        query_parts = [(query, "1")] if query else []
        asked = Asked(method=method, path=path, query=query_parts, headers=headers, body=sent)
        answer = Answer(status=status, body=answered, content_type="application/vnd.api+json")
        return specification.problems(Exchange(asked=asked, answer=answer))

    empty = b'{"data": []}'
    assert problems("GET", "/v1/contacts", "", b"", 200, empty) == []
    assert problems("GET", "/v1/members", "", b"", 200, empty) == ["GET /v1/members: no such operation"]
    assert problems("PATCH", "/v1/hooks/1", "", b"{}", 200, empty) == ["PATCH /v1/hooks/1: no such operation"]
    assert problems("GET", "/v1/contacts", "filter[email]", b"", 200, empty) == [
        "GET /v1/contacts: no query parameter filter[email]"
    ]
    assert problems("GET", "/v1/contacts", "", b"", 418, empty) == ["GET /v1/contacts: answer 418 is not documented"]
    assert problems("GET", "/v1/contacts", "", b"{}", 200, empty) == ["GET /v1/contacts: request has a body"]
    assert len(problems("GET", "/v1/contacts", "", b"", 200, b'{"data": {"id": 1}}')) == 1
    misspelt = b'{"data": [{"id": "1", "type": "contacts", "attributes": {"e-mail": "x"}}]}'
    assert len(problems("GET", "/v1/contacts", "", b"", 200, misspelt)) == 1
    without_event = b'{"data": {"type": "hooks", "attributes": {"target_url": "x"}, "relationships": {"site": {}}}}'
    assert len(problems("POST", "/v1/hooks", "", without_event, 201, b'{"data": {}}')) == 1
