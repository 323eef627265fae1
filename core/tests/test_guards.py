"""Requests are refused by their address, headers and length before any view works on them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from core.web.guards import LengthUnknown, RequestBodyMiddleware, declared_length, takes_body

KIB = 1024


@pytest.fixture
def browser() -> Client:
    return Client(headers={"Accept": "text/html"})


@pytest.mark.parametrize("path", ["/sign-in", "/health", "/api/webhook/kajabi/", "/admin/login/", "/nowhere"])
@pytest.mark.parametrize("query", ["a=%00", "%0d%0aSet-Cookie:x", "a=%0A", "a=%1b", "a=\x7f", "a=%7F"])
def test_query_with_control_character_is_refused(path: str, query: str) -> None:
    answer = Client().get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/%00", "/sign-in%0d%0a", "/kajabi-webhook/a%00b", "/admin/%1f/"])
def test_path_with_control_character_is_refused(path: str) -> None:
    assert Client().get(path).status_code == 400


def test_header_with_control_character_is_refused() -> None:
    for value in ("a\x00b", "a\r\nb", "\x1b[31m"):
        assert Client().get("/health", headers={"X-Anything": value}).status_code == 400
        assert Client().get("/health", headers={"Authorization": value}).status_code == 400


@pytest.mark.django_db
def test_tab_and_letters_of_any_script_pass() -> None:
    assert Client().get("/sign-in?next=%09%C3%B1%E2%82%AC%F0%9F%98%80").status_code == 200


def test_address_that_is_too_long_is_refused() -> None:
    assert Client().get("/" + "x" * 3000).status_code == 414
    assert Client().get("/health?" + "x" * 9000).status_code == 414


@pytest.mark.parametrize(
    ("meta", "length"),
    [
        ({}, 0),
        ({"CONTENT_LENGTH": ""}, 0),
        ({"CONTENT_LENGTH": "17"}, 17),
        ({"CONTENT_LENGTH": "9" * 5000}, 10**16 - 1),
    ],
)
def test_declared_length_is_read_from_the_header(meta: dict[str, str], length: int) -> None:
    assert declared_length(meta) == length


@pytest.mark.parametrize(
    ("meta", "required", "status"),
    [
        ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "5"}, False, 411),
        ({}, True, 411),
        *(({"CONTENT_LENGTH": length}, False, 400) for length in ("-1", "+5", " 5", "0x10", "5.0", "²", "1_0")),
    ],
)
def test_length_that_is_missing_or_broken_is_refused(meta: dict[str, str], required: bool, status: int) -> None:
    with pytest.raises(LengthUnknown) as refused:
        declared_length(meta, required=required)
    assert refused.value.status == status


@pytest.mark.django_db
def test_form_that_is_too_long_is_refused_before_it_is_read(browser: Client) -> None:
    answer = browser.post("/sign-in", {"username": "x" * 65 * KIB, "password": "x"})
    assert answer.status_code == 413
    assert answer["Content-Type"].startswith("text/plain")
    assert (
        Client().post("/api/kajabi/resend-setup-email/", {"email": "x" * 65 * KIB}, "application/json").json()["detail"]
    )
    announced = browser.post("/sign-in", b"", "application/x-www-form-urlencoded", CONTENT_LENGTH=str(500 * KIB))
    assert announced.status_code == 413


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["x" * 10_001, "a\x00b"])
@pytest.mark.parametrize("path", ["/sign-in", "/forgot-password", "/nssa/setup-password", "/language", "/admin/login/"])
def test_form_with_a_field_that_is_too_long_or_holds_nul_is_refused(path: str, field: str) -> None:
    assert Client().post(path, {"anything": field}).status_code == 400
    assert Client().post(path, f"anything={field}", "application/x-www-form-urlencoded").status_code == 400
    assert Client().post(path, {field: "x"}).status_code == 400


@pytest.mark.django_db
def test_form_with_too_many_fields_is_refused() -> None:
    fields = "&".join(f"f{number}=" for number in range(1001))
    assert Client().post("/sign-in", fields, "application/x-www-form-urlencoded").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sign-in", "/api/kajabi/resend-setup-email/"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=" + "x" * 300, "x"),
        ("multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n'
         "Content-Transfer-Encoding: base64\r\n\r\n!\r\n--b--\r\n"),
        ("application/x-www-form-urlencoded", "&".join(f"f{number}=" for number in range(1001))),
    ],
    ids=["no boundary", "long boundary", "base64", "too many fields"],
)  # fmt: skip
def test_form_that_cannot_be_read_is_refused_without_a_traceback(path: str, kind: str, body: str, caplog: Any) -> None:
    assert Client().post(path, body, kind).status_code == 400
    assert not [line for line in caplog.records if line.exc_info]


@pytest.mark.django_db
def test_only_staff_send_files_to_the_console(staff: Any, user: Any) -> None:
    def status(who: Any, path: str) -> int:
        browser = Client()
        if who is not None:
            browser.force_login(who)
        return browser.post(path, b"x" * 100 * KIB, "application/octet-stream").status_code

    assert status(staff, "/admin/accounts/completion/import/") == 200
    assert status(staff, "/sign-in") == 413
    for who in (None, user):
        assert status(who, "/admin/accounts/completion/import/") == 413
        assert status(who, "/admin/login/") == 413


def test_view_may_take_a_longer_body() -> None:
    view: Callable[..., HttpResponse] = lambda request: HttpResponse()  # noqa: E731
    guard = RequestBodyMiddleware(view)
    request: HttpRequest = RequestFactory().post("/", b"x" * 100 * KIB, "application/json")
    answer = guard.process_view(request, takes_body(90 * KIB)(view), (), {})
    assert answer is not None
    assert answer.status_code == 413
    assert guard.process_view(request, takes_body(110 * KIB)(view), (), {}) is None
