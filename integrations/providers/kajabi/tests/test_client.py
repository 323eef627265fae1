"""The client against a fake Kajabi over real HTTP: what it reads, pages and changes."""

from collections.abc import Callable
from typing import Any

import pytest

from integrations.contracts.exceptions import Permanent, Retryable
from integrations.providers.kajabi.client import KajabiClient
from integrations.providers.kajabi.json_api import Page, related_ids
from integrations.toolkit.failures import NotConfigured, NotFound, Refused, TemporaryFailure
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import Answer, FakeKajabi, Reset, too_many

PURCHASES = "/v1/purchases"


def ids(pages: Any) -> list[list[str]]:
    return [[record["id"] for record in page.resources] for page in pages]


def sell(kajabi: FakeKajabi, count: int) -> None:
    kajabi.add(*(records.purchase(str(number), customer_id="7", offer_id="5") for number in range(1, count + 1)))


# Reading --------------------------------------------------------------------------------------------------------------


def test_contact_comes_whole_with_what_was_asked_for(client: KajabiClient, kajabi: FakeKajabi) -> None:
    kajabi.add(
        records.tag("31", name="VIP"),
        records.offer("2150456456", title="NSSA"),
        records.contact("8", email="Jane@Example.com", tags=("31",), offers=("2150456456",), custom_1="blue"),
    )
    document = client.contact("8", include=["tags", "offers"])
    assert document.resource["attributes"]["custom_1"] == "blue"
    assert related_ids(document.resource, "tags") == ("31",)
    assert related_ids(document.resource, "customer") == ()
    assert [record["attributes"].get("name", record["id"]) for record in document.included] == ["VIP", "2150456456"]


def test_resource_that_kajabi_does_not_know_is_not_found(client: KajabiClient, waits: list[float]) -> None:
    with pytest.raises(NotFound) as caught:
        client.purchase("404")
    assert str(caught.value) == (
        "Kajabi: GET /v1/purchases/404 was answered with 404: Record not found: Nothing is at /v1/purchases/404. "
        "Check that it still exists there."
    )
    assert isinstance(caught.value, Permanent)
    assert waits == []


@pytest.mark.parametrize("external_id", ["", " ", "..", "."])
def test_id_that_leads_elsewhere_is_not_sent(client: KajabiClient, kajabi: FakeKajabi, external_id: str) -> None:
    with pytest.raises(ValueError, match="an id is expected"):
        client.contact(external_id)
    assert kajabi.exchanges == []


def test_id_stays_one_part_of_the_path(client: KajabiClient, kajabi: FakeKajabi) -> None:
    with pytest.raises(NotFound):
        client.contact("8/relationships?x=1")
    assert kajabi.exchanges[-1].asked.path == "/v1/contacts/8%2Frelationships%3Fx%3D1"


# Paging ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_meta", [True, False])
@pytest.mark.parametrize("last", [None, "missing"])
@pytest.mark.parametrize("link", ["absolute", "relative", "query"])
def test_pages_need_nothing_but_the_next_link(
    client: KajabiClient, kajabi: FakeKajabi, with_meta: bool, last: str | None, link: str
) -> None:
    kajabi.with_meta, kajabi.last_link_is, kajabi.next_link_is = with_meta, last, link
    sell(kajabi, 5)
    pages = list(client.purchases(customer_id="7", page_size=2))
    assert ids(pages) == [["1", "2"], ["3", "4"], ["5"]]
    assert [(page.number, page.is_last) for page in pages] == [(1, False), (2, False), (3, True)]
    asked = [dict(request.query) for request in kajabi.asked_for(PURCHASES)]
    assert {query["filter[customer_id]"] for query in asked} == {"7"}
    assert {query["filter[site_id]"] for query in asked} == {"1"}
    assert [query["page[number]"] for query in asked] == ["1", "2", "3"]


def test_reading_resumes_at_a_page(client: KajabiClient, kajabi: FakeKajabi) -> None:
    sell(kajabi, 5)
    pages: list[Page] = list(client.purchases(page_size=2, first_page=2, sort="-created_at"))
    assert ids(pages) == [["3", "4"], ["5"]]
    assert [page.number for page in pages] == [2, 3]


def test_list_that_changes_while_it_is_read_shows_one_twice_and_ends(client: KajabiClient, kajabi: FakeKajabi) -> None:
    sell(kajabi, 4)

    def somebody_buys(number: int) -> None:
        if number == 1:
            older = dict(kajabi.records["purchases"])
            kajabi.records["purchases"].clear()
            kajabi.add(records.purchase("9", customer_id="7", offer_id="5"), *older.values())

    kajabi.after_each_page = somebody_buys
    assert ids(client.purchases(page_size=2)) == [["1", "2"], ["2", "3"], ["4"]]


def test_next_link_to_another_server_is_not_followed(client: KajabiClient, kajabi: FakeKajabi) -> None:
    sell(kajabi, 2)
    real = kajabi.url
    kajabi.url = "http://evil.example.com"
    with pytest.raises(Refused, match=r"leads from http://127\.0\.0\.1:\d+ to http://evil\.example\.com:80"):
        list(client.purchases(page_size=1))
    kajabi.url = real
    assert len(kajabi.asked_for(PURCHASES)) == 1


def test_next_link_that_leads_back_ends_the_reading(client: KajabiClient, kajabi: FakeKajabi) -> None:
    sell(kajabi, 3)
    kajabi._next_link = lambda path, query: f"{path}?page%5Bnumber%5D=1&page%5Bsize%5D=1"  # type: ignore[method-assign]
    with pytest.raises(TemporaryFailure, match="leads back"):
        list(client.purchases(page_size=1))


@pytest.mark.parametrize(
    "body", [b"[]", b'{"meta": {}}', b'{"data": null}', b'{"data": [1]}', b'{"data": {"id": "1"}}']
)
def test_answer_of_another_shape_is_worth_another_attempt_later(
    client: KajabiClient, kajabi: FakeKajabi, body: bytes
) -> None:
    kajabi.misbehave(Answer(status=200, body=body), Answer(status=200, body=body), on=PURCHASES)
    with pytest.raises(Retryable, match="answered without a list of resources"):
        list(client.purchases())
    with pytest.raises(Retryable, match="answered without a resource"):
        client.purchase("1")


# Hooks ----------------------------------------------------------------------------------------------------------------


def test_hooks_are_made_listed_and_deleted(client: KajabiClient, kajabi: FakeKajabi) -> None:
    made = client.create_hook("tag_added", target_url="https://example.com/kajabi-webhook/secret")
    client.create_hook("purchase", target_url="https://example.com/kajabi-webhook/secret")
    assert related_ids(made, "site") == ("1",)
    assert ids(client.hooks(event="tag_added")) == [[made["id"]]]
    assert client.delete_hook(made["id"]) is True
    assert client.delete_hook(made["id"]) is False
    assert [hook["attributes"]["event"] for hook in kajabi.records["hooks"].values()] == ["purchase"]


def test_hook_is_not_made_twice_when_the_answer_is_lost(client: KajabiClient, kajabi: FakeKajabi) -> None:
    kajabi.misbehave(Reset(), on="/v1/hooks")
    with pytest.raises(TemporaryFailure, match="the connection broke off"):
        client.create_hook("purchase", target_url="https://example.com/")
    assert len(kajabi.asked_for("/v1/hooks")) == 1


def test_hook_is_made_after_too_many_requests(client: KajabiClient, kajabi: FakeKajabi) -> None:
    kajabi.misbehave(too_many(), on="/v1/hooks")
    client.create_hook("purchase", target_url="https://example.com/")
    assert len(kajabi.records["hooks"]) == 1


def test_refusal_has_kajabis_own_message(client: KajabiClient) -> None:
    with pytest.raises(Refused, match=r"POST /v1/hooks was answered with 422: is not included in the list: event"):
        client.create_hook("course_completed", target_url="https://example.com/")


# The site -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Enlace Academy", "enlace academy", "ENLACE"])
def test_site_is_found_by_title_or_subdomain_once(
    build: Callable[..., KajabiClient], kajabi: FakeKajabi, name: str
) -> None:
    kajabi.add(records.site("2", title="Other"))
    client = build(site_id="", site_name=name)
    assert (client.site_id(), client.site_id()) == ("1", "1")
    assert len(kajabi.asked_for("/v1/sites")) == 1


def test_site_that_is_configured_is_not_asked_for(build: Callable[..., KajabiClient], kajabi: FakeKajabi) -> None:
    assert build(site_id="77", site_name="Other").site_id() == "77"
    assert kajabi.exchanges == []


def test_only_site_needs_no_name(build: Callable[..., KajabiClient]) -> None:
    assert build(site_id="").site_id() == "1"


def test_wrong_or_missing_name_lists_the_right_ones(build: Callable[..., KajabiClient], kajabi: FakeKajabi) -> None:
    kajabi.add(records.site("2", title="Other"), records.site("3", title="Other"))
    known = "'Enlace Academy' (id 1), 'Other' (id 2), 'Other' (id 3)"
    for name, problem in {
        "Nowhere": f"no site is named 'Nowhere' (KAJABI_SITE_NAME); there are: {known}",
        "": f"the API key sees 3 sites; set KAJABI_SITE_ID or KAJABI_SITE_NAME to one of: {known}",
        "Other": f"2 sites are named 'Other'; set KAJABI_SITE_ID to one of: {known}",
    }.items():
        with pytest.raises(NotConfigured) as caught:
            build(site_id="", site_name=name).site_id()
        assert str(caught.value) == f"Kajabi: {problem}"
    kajabi.records["sites"].clear()
    with pytest.raises(NotConfigured, match="sees no site"):
        build(site_id="").site_id()
