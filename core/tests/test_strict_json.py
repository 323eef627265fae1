"""JSON has one set of rules wherever it comes in; what breaks them is 400, never an error of ours."""

from typing import Any

import pytest
from django.test import Client

from core.strict_json import InvalidJson, read

BROKEN = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "33 levels": b"[" * 33 + b"]" * 33,
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "1e400": b'{"a": 1e400}',
    "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "key twice": b'{"a": 1, "a": 2}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "no UTF-8": b'{"a": "\xff"}',
    "empty": b" ",
    "cut off": b'{"a":',
    "two": b"{} {}",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_json_that_parsers_break_on_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJson) as refused:
        read(body)
    assert len(str(refused.value)) < 200


def test_json_within_the_rules_is_read() -> None:
    assert read(b"[" * 32 + b"]" * 32)
    assert read('{"a": ["ñ", 1.5, null]}'.encode()) == {"a": ["ñ", 1.5, None]}
    with pytest.raises(InvalidJson):
        read(b"[]", must_be_object=True)


@pytest.mark.django_db
@pytest.mark.parametrize("body", [*BROKEN.values(), b"[]", b"null", b'"x"', b"1"])
@pytest.mark.parametrize(
    "path", ["/api/kajabi/setup-password/", "/api/kajabi/resend-setup-email/", "/api/completions/"]
)
def test_api_answers_broken_json_with_400(staff: Any, path: str, body: bytes) -> None:
    browser = Client()
    browser.force_login(staff)
    answer = browser.post(path, body, content_type="application/json")
    assert answer.status_code in (400, 413, 422)
    assert isinstance(answer.json(), dict | list)


@pytest.mark.django_db
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_report_of_a_mail_provider_that_is_broken_is_refused(settings: Any, body: bytes) -> None:
    settings.MAIL_WEBHOOKS = ["postmark"]
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ["name:secret"]}
    header = {"Authorization": "Basic bmFtZTpzZWNyZXQ="}
    answer = Client().post("/anymail/postmark/tracking/", body, content_type="application/json", headers=header)
    assert answer.status_code == 400
