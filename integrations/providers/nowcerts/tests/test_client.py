"""The client against a fake NowCerts over real HTTP: tokens that rotate, failures with HTTP 200, lists that change."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from integrations.providers.nowcerts.client import NowCertsClient
from integrations.toolkit.failures import NotConfigured, NotFound, Refused, TemporaryFailure
from tests.fakes.nowcerts import Answer, FakeNowCerts, Lost, Reset, failure

JANE = {"firstName": "Jane", "lastName": "Rivera", "eMail": "jane@example.com"}
REQUIRED = {"type": 0, "active": True, "insuredType": 1}


# Tokens ---------------------------------------------------------------------------------------------------------------


def test_one_sign_in_serves_all_processes(build: Callable[[], NowCertsClient], nowcerts: FakeNowCerts) -> None:
    for _process in range(3):
        assert build().insureds_with(emails=["jane@example.com"]) == []
    assert nowcerts.grants == ["password"]


def test_refused_token_is_refreshed_once_and_the_call_repeated(
    build: Callable[[], NowCertsClient], nowcerts: FakeNowCerts
) -> None:
    jane = nowcerts.add_insured(**JANE)
    first, second = build(), build()
    assert first.insured(jane["id"])["eMail"] == "jane@example.com"
    nowcerts.expire_tokens()
    assert second.insured(jane["id"])["eMail"] == "jane@example.com"
    assert first.insured(jane["id"])["eMail"] == "jane@example.com"
    assert nowcerts.grants == ["password", "refresh_token"]


def test_refused_refresh_is_followed_by_a_sign_in(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    client.insureds_with(emails=["jane@example.com"])
    nowcerts.expire_tokens()
    nowcerts.refreshes_are_refused = True
    assert client.insureds_with(emails=["jane@example.com"]) == []
    assert nowcerts.grants == ["password", "refresh_token", "password"]


def test_refresh_with_a_lost_answer_is_not_repeated(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    client.insureds_with(emails=["jane@example.com"])
    nowcerts.expire_tokens()
    nowcerts.misbehave(Lost(), on="/api/token")
    assert client.insureds_with(emails=["jane@example.com"]) == []
    assert nowcerts.grants == ["password", "refresh_token", "password"]


def test_token_is_refreshed_five_minutes_before_its_end(
    build: Callable[[], NowCertsClient], nowcerts: FakeNowCerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = build()
    client.insureds_with(emails=["jane@example.com"])
    tokens: Any = client._http._tokens
    began = tokens._clock()
    tokens._clock = lambda: began + nowcerts.token_life - 302
    client.insureds_with(emails=["jane@example.com"])
    assert nowcerts.grants == ["password"]
    tokens._clock = lambda: began + nowcerts.token_life - 299
    client.insureds_with(emails=["jane@example.com"])
    assert nowcerts.grants == ["password", "refresh_token"]


def test_login_path_gets_json_and_signs_in_again(nowcerts: FakeNowCerts, settings: Any) -> None:
    settings.NOWCERTS_TOKEN_PATH = "/api/auth/login"
    jane = nowcerts.add_insured(**JANE)
    client = NowCertsClient()
    assert client.insured(jane["id"])["eMail"] == "jane@example.com"
    nowcerts.expire_tokens()
    assert client.insured(jane["id"])["eMail"] == "jane@example.com"
    assert nowcerts.grants == ["login", "login"]
    assert nowcerts.asked_for("/api/token") == []
    settings.NOWCERTS_PASSWORD = "not-the-password"
    with pytest.raises(Refused, match="Not accepted. Check NOWCERTS_USERNAME"):
        NowCertsClient().insured(jane["id"])


def test_wrong_credentials_say_what_to_check_and_show_no_password(nowcerts: FakeNowCerts, settings: Any) -> None:
    settings.NOWCERTS_PASSWORD = "not-the-password"
    wrong = NowCertsClient(sleep=lambda seconds: None)
    with pytest.raises(Refused, match="invalid_grant: Not accepted. Check NOWCERTS_USERNAME") as caught:
        wrong.insureds_with(emails=["jane@example.com"])
    assert caught.value.status == 400
    assert "not-the-password" not in str(caught.value)


def test_missing_settings_are_named(settings: Any) -> None:
    with pytest.raises(NotConfigured, match="set NOWCERTS_USERNAME and NOWCERTS_PASSWORD"):
        NowCertsClient()


# Failures -------------------------------------------------------------------------------------------------------------


def test_failure_with_http_200_is_a_refusal(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    nowcerts.misbehave(failure("eMail jane@example.com is not valid"), on="/api/Insured")
    with pytest.raises(Refused, match="OnlyInsertInsured failed, with HTTP 200: eMail j•••@example.com") as caught:
        client.insert_insured(JANE)
    assert caught.value.status == 200
    assert nowcerts.insureds == {}


def test_read_failure_with_http_200_is_temporary(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    nowcerts.misbehave(failure("Try again later"), on="/api/Insured")
    with pytest.raises(TemporaryFailure, match="InsuredDetailList.* failed, with HTTP 200: Try again later"):
        client.insureds_with(emails=["jane@example.com"])


def test_failed_policy_within_a_success_is_a_refusal(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    with pytest.raises(Refused, match="number is required"):
        client.insert_policy({"premium": 1200})
    assert nowcerts.policies == {}


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"status": 1}', b'{"value": {}}', b'{"value": [1]}'])
def test_answer_of_an_unknown_shape_is_refused(client: NowCertsClient, nowcerts: FakeNowCerts, body: bytes) -> None:
    nowcerts.misbehave(*[Answer(status=200, body=body)] * 2, on="/api/Insured")
    with pytest.raises(Refused):
        client.insert_insured(JANE)
    with pytest.raises(Refused):
        client.insureds_with(emails=["jane@example.com"])


# Insureds -------------------------------------------------------------------------------------------------------------


def test_insured_is_inserted_and_then_updated_by_id(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    database_id = client.insert_insured({**JANE, **REQUIRED})["insuredDatabaseId"]
    client.update_insured({**REQUIRED, "databaseId": database_id, "eMail": "j@example.com"})
    assert nowcerts.insureds[database_id]["eMail"] == "j@example.com"
    assert len(nowcerts.insureds) == 1


def test_two_insureds_of_one_name_stay_two(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    first = client.insert_insured({**JANE, **REQUIRED})
    second = client.insert_insured({**JANE, **REQUIRED, "eMail": "another.jane@example.com"})
    assert first["insuredDatabaseId"] != second["insuredDatabaseId"]
    with pytest.raises(ValueError, match="by its databaseId"):
        client.update_insured({**JANE, **REQUIRED, "databaseId": " "})


def test_insert_with_a_lost_answer_is_not_repeated_and_is_found_by_search(
    client: NowCertsClient, nowcerts: FakeNowCerts
) -> None:
    client.insureds_with(emails=["jane@example.com"])
    nowcerts.misbehave(Lost(), on="/api/Insured/OnlyInsertInsured")
    with pytest.raises(TemporaryFailure):
        client.insert_insured({**JANE, **REQUIRED})
    assert [one["eMail"] for one in client.insureds_with(emails=["jane@example.com"])] == ["jane@example.com"]
    assert len(nowcerts.insureds) == 1


def test_update_is_repeated(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    jane = nowcerts.add_insured(**JANE)
    nowcerts.misbehave(Lost(), Reset(), on="/api/Insured/Insert")
    client.update_insured({**REQUIRED, "databaseId": jane["id"], "city": "Miami"})
    assert nowcerts.insureds[jane["id"]]["city"] == "Miami"


def test_quote_in_an_address_is_doubled(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    nowcerts.add_insured(eMail="o'neil@example.com", id="1")
    nowcerts.add_insured(eMail="other@example.com", id="2")
    assert [one["id"] for one in client.insureds_with(emails=["o'neil@example.com"])] == ["1"]
    assert "contains(eMail,'o''neil@example.com')" in dict(nowcerts.exchanges[-1].asked.query)["$filter"]


def test_search_by_nothing_makes_no_call(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    assert client.insureds_with() == []
    assert nowcerts.exchanges == []


def test_search_that_is_too_long_for_one_url_is_several_calls(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    nowcerts.longest_query = 2_048
    for number in range(20):
        nowcerts.add_insured(eMail3=f"person-{number}@example.com", id=f"{number}")
    found = client.insureds_with(emails=[f"person-{number}@example.com" for number in range(20)])
    assert {one["id"] for one in found} == {f"{number}" for number in range(20)}
    assert len(nowcerts.asked_for("/api/InsuredDetailList()")) > 1


def test_unknown_record_is_not_found(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    with pytest.raises(NotFound, match="knows no record"):
        client.insured(str(uuid4()))
    with pytest.raises(NotFound, match="knows no record"):
        client.policy(str(uuid4()))


def test_id_that_would_change_the_filter_is_not_sent(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    with pytest.raises(Refused, match="is no id of NowCerts"):
        client.insured("1) or (1 eq 1")
    assert nowcerts.exchanges == []


# Policies -------------------------------------------------------------------------------------------------------------


def test_policy_is_written_once_for_its_number(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    nowcerts.misbehave(Lost(), on="/api/Policy/Insert")
    policy_id = client.insert_policy({"number": "POL-1", "premium": 1200})
    assert client.insert_policy({"number": "POL-1", "premium": 1300}) == policy_id
    assert client.policy(policy_id)["premium"] == 1300
    assert client.insert_quote({"number": "Q-1"}) != policy_id
    assert len(nowcerts.policies) == 2
