"""The client where something goes wrong: credentials, tokens, the network, what stands in front of the API."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from integrations.contracts.exceptions import Retryable
from integrations.providers.kajabi.client import KajabiClient
from integrations.toolkit.failures import NotConfigured, NotFound, Refused, TemporaryFailure
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import CLIENT_SECRET, FakeKajabi, Hang, Reset, errors, html, too_many

PURCHASES = "/v1/purchases"


def ids(pages: Any) -> list[list[str]]:
    return [[record["id"] for record in page.resources] for page in pages]


def sell(kajabi: FakeKajabi, count: int) -> None:
    kajabi.add(*(records.purchase(str(number), customer_id="7", offer_id="5") for number in range(1, count + 1)))


# Credentials and tokens -----------------------------------------------------------------------------------------------


def test_without_credentials_the_error_names_the_variables(settings: Any) -> None:
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "", "something"
    with pytest.raises(NotConfigured, match="^Kajabi's API is not configured: set KAJABI_CLIENT_ID$"):
        KajabiClient.from_settings()
    settings.KAJABI_CLIENT_SECRET = ""
    with pytest.raises(NotConfigured, match="set KAJABI_CLIENT_ID and KAJABI_CLIENT_SECRET$"):
        KajabiClient.from_settings()


def test_configured_client_works_and_clients_share_one_token(kajabi: FakeKajabi) -> None:
    for _client in range(3):
        assert ids(KajabiClient.from_settings().sites()) == [["1"]]
    assert kajabi.token_calls == 1


def test_token_that_ends_in_the_middle_is_replaced_once(client: KajabiClient, kajabi: FakeKajabi) -> None:
    sell(kajabi, 6)
    kajabi.expire_tokens(after=1)
    assert ids(client.purchases(page_size=2)) == [["1", "2"], ["3", "4"], ["5", "6"]]
    assert kajabi.token_calls == 2
    assert [exchange.answer.status for exchange in kajabi.exchanges if exchange.answer] == [
        200,
        200,
        401,
        200,
        200,
        200,
    ]


def test_401_that_stays_is_refused_with_what_to_check(client: KajabiClient, kajabi: FakeKajabi) -> None:
    unauthorized = kajabi.answer
    kajabi.answer = lambda asked: (  # type: ignore[method-assign]
        unauthorized(asked) if "oauth" in asked.path else html(401)
    )
    with pytest.raises(Refused, match="answered with 401"):
        client.purchase("1")
    assert (kajabi.token_calls, len(kajabi.asked_for("/v1/purchases/1"))) == (2, 2)


def test_wrong_credentials_are_said_without_repeating_them(build: Callable[..., KajabiClient]) -> None:
    with pytest.raises(Refused) as caught:
        build(client_secret="a-wrong-secret-of-tests").purchase("1")
    assert str(caught.value) == (
        "Kajabi: POST /v1/oauth/token was answered with 401: invalid_client. Check KAJABI_CLIENT_ID and "
        "KAJABI_CLIENT_SECRET (in Kajabi: Settings, Security, User API Keys)."
    )


def test_token_call_is_repeated_too(client: KajabiClient, kajabi: FakeKajabi, waits: list[float]) -> None:
    kajabi.misbehave(too_many(retry_after="7"), Reset(), on="/v1/oauth")
    assert ids(client.sites()) == [["1"]]
    assert kajabi.token_calls == 3
    assert 7 <= waits[0] <= 8.75


# Bad days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [too_many(), html(502), html(200), html(503), Reset()])
def test_trouble_that_passes_is_waited_out(
    client: KajabiClient, kajabi: FakeKajabi, waits: list[float], trouble: Any
) -> None:
    sell(kajabi, 1)
    kajabi.misbehave(trouble, trouble, trouble, on=PURCHASES)
    assert client.purchase("1").resource["id"] == "1"
    for wait, delay in zip(waits, (1, 2, 4), strict=True):
        assert delay <= wait <= delay * 1.25


def test_slow_answer_is_not_waited_for(build: Callable[..., KajabiClient], kajabi: FakeKajabi) -> None:
    sell(kajabi, 1)
    kajabi.misbehave(Hang(), on=PURCHASES)
    assert build(read_timeout=0.5).purchase("1").resource["id"] == "1"
    assert len(kajabi.asked_for("/v1/purchases/1")) >= 2  # more where the machine itself was too slow


def test_trouble_that_stays_is_worth_another_attempt_later(client: KajabiClient, kajabi: FakeKajabi) -> None:
    kajabi.misbehave(*[html(502)] * 4, on=PURCHASES)
    with pytest.raises(TemporaryFailure) as caught:
        client.purchase("1")
    assert isinstance(caught.value, Retryable)
    assert str(caught.value) == (
        "Kajabi: GET /v1/purchases/1 was answered with 502. A web page came instead of JSON: check the base URL, and "
        "what stands in front of the API."
    )


def test_page_that_says_404_does_not_mean_that_kajabi_knows_nothing(client: KajabiClient, kajabi: FakeKajabi) -> None:
    kajabi.misbehave(html(404), on=PURCHASES)
    with pytest.raises(Refused) as caught:
        client.purchase("1")
    assert not isinstance(caught.value, NotFound)


def test_no_secret_token_or_address_reaches_a_message_or_a_log(
    client: KajabiClient, kajabi: FakeKajabi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mirrored = f"{CLIENT_SECRET} token-1-of-the-fake-server jane@example.com"
    kajabi.misbehave(*[errors(500, "Error", mirrored)] * 3, Reset(), on="/v1/contacts")
    with pytest.raises(TemporaryFailure) as caught:
        next(client.contacts(email_contains="jane@example.com"))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    for text in (caplog.text, str(caught.value)):
        for private in (CLIENT_SECRET, "token-1-of", "jane@", "jane%40"):
            assert private not in text
    assert "GET /v1/contacts?filter[site_id]&filter[email_contains]" in str(caught.value)
