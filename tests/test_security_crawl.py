"""No address answers a trick with an internal error: every URL, as stranger, member and superuser."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.harness.routes import routes

pytestmark = pytest.mark.django_db

BIG = "9" * 30
DEEP = b'{"a":' * 3000 + b"1" + b"}" * 3000
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=b"

# Query strings. Each is read by views of its own, so that many stand in one request: none of them hides another.
QUERIES = [
    "page=x&lang=..%2F..%2Fetc&language=zz&version=..%2Fx&format=nope&accountId=-1&token=%F0%9F%98%80&email=a%40%CC%81",
    f"page={BIG}&page_size={BIG}&version={BIG}&format={BIG}&accountId={BIG}&token={BIG}-{BIG}-x&email={BIG}&search={BIG}",
    "page=-1&page_size=NaN&is_active=%27&subscription_status=%00x".replace("%00", "%EF%BF%BD"),
    "_to_field=password&_popup=1",
    "next=https%3A%2F%2Fevil.example%2F&next=%2F%2F%5B&email=%ff%fe&%ff=%ff",
    "a[]=1&a[b]=2&=&=;&&",
    "%00=1",
    "a=%0d%0aX:y",
    "&".join(f"a{number}=" for number in range(1200)),
    "q=" + "x" * 9000,
]
HEADERS = [
    {
        "HTTP_ACCEPT": "text/x;q=9,;;/,*",
        "HTTP_ACCEPT_LANGUAGE": "*;q=x,\x80\xff," + "es-" * 300,
        "HTTP_RANGE": "bytes=9-1,-,x",
        "HTTP_COOKIE": 'csrftoken=\xff; django_language=../../x; messages=[["x',
        "HTTP_IF_MODIFIED_SINCE": "Thu, 99 Foo 99999",
        "HTTP_IF_NONE_MATCH": 'W/"\xff',
        "HTTP_X_FORWARDED_FOR": "x," * 500,
        "HTTP_REFERER": "http://[x",
        "HTTP_ORIGIN": "https://[x",
        "HTTP_X_CSRFTOKEN": "\xff",
    },
    {"HTTP_ACCEPT": "application/xml", "HTTP_COOKIE": "sessionid=" + "x" * 5000, "HTTP_CONTENT_ENCODING": "gzip"},
    {"HTTP_AUTHORIZATION": "Token \xff\xfe", "HTTP_COOKIE": "sessionid=\xff\x80"},
    {"HTTP_AUTHORIZATION": "Bearer", "HTTP_COOKIE": ";;=;=x;sessionid"},
    {"HTTP_AUTHORIZATION": "Basic !", "HTTP_COOKIE": "\x00"},
    *({"HTTP_HOST": host} for host in ("[::1", "a b", "x" * 3000, "testserver:99999999", "testserver@evil.example")),
]
BODIES = [
    (FORM, b"username=%00&password=%00&email=%00&language=%00&action=%00&_selected_action=%00&code=%00"),
    (
        FORM,
        f"action=delete_selected&_selected_action={BIG}&index={BIG}&select_across=1&answered=1&reason=x&language=zz"
        f"&form-TOTAL_FORMS={BIG}&form-INITIAL_FORMS=-1&_save=1&code={BIG}&username={BIG}&format={BIG}&resource={BIG}"
        f"&export_items={BIG}&import_file_name=..%2Fx&original_file_name=x&course={BIG}&next=%2F%2F%5B".encode(),
    ),
    (FORM, b"&".join(b"f%d=" % number for number in range(1200))),
    (FORM, b"username=\xff\xfe&email=%ff"),
    (f"{FORM}; charset=latin-1", b"a=1"),
    (f"{FORM}; charset=nope", b"a=1"),
    (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'),
    (
        MULTIPART,
        b'--b\r\nContent-Disposition: form-data; name="import_file"; filename="../a.csv"\r\n\r\n\xff\xfe\r\n'
        b'--b\r\nContent-Disposition: form-data; name="format"\r\n\r\n0\r\n--b--\r\n',
    ),
    ("multipart/form-data", b"zzz"),
    (JSON, DEEP),
    (JSON, b"[" * 50_000),
    (JSON, b"[]"),
    (JSON, b"null"),
    (JSON, b'{"a": NaN, "a": 1}'),
    (JSON, b'{"email": ' + b"9" * 5000 + b"}"),
    (JSON, '{"a": 1}'.encode("utf-16")),
    (f"{JSON}; charset=nope", b"{}"),
    (
        JSON,
        b'{"email": {}, "token": [], "password": 1e308, "key": false, "course": {"a": []}, "completed_on": "99999-1-1",'
        b'"activity": [], "certificate_url": {}, "source": [], "direction": {}, "data": [], "entity_type": []}',
    ),
    (
        JSON,
        b'{"source": "ghl", "direction": "to_nowcerts", "dry_run": true, "email": "\\ud800", "token": "\\u0000",'
        b'"data": {"id": {"a": 1}, "email": [1], "tags": {"a": 1}, "customFields": [[]], "x": "\\u0000\\ud800"}}',
    ),
    ("\xff/;;=/", b"x"),
    ("", b"x"),
    ("text/xml", b"<a/>"),
]
METHODS = ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]
# Filters of the console's lists: a lookup with a value that its column cannot hold.
LOOKUPS = {"exact": BIG, "in": f"1,{BIG}", "gte": "9999-99-99", "isnull": "x", "range": BIG, "regex": "(a%2B)%2B$"}
DATE_LOOKUPS = {"year": "99999", "month": BIG, "day": "-1", "year__gte": "0"}
LEAVES = {"/admin/logout/", "/sign-out"}  # they end the session that the crawl needs
PLAIN = sorted({*routes(), "/static/x", "/static/accounts/enlace.css"} - LEAVES)
ODD = sorted({*routes(values={"int": BIG, "text": BIG})} - set(PLAIN))


def is_inside_console(path: str) -> bool:
    """Return whether the address asks a stranger to sign in."""
    return path.startswith("/admin/") and path not in ("/admin/", "/admin/login/", "/admin/jsi18n/")


class Crawl:
    """Requests as one person, and their failures, each with its request."""

    def __init__(self, person: Any = None) -> None:
        self.browser = Client(raise_request_exception=False)
        if person is not None:
            self.browser.force_login(person)
        self.asked = 0
        self.failed: list[str] = []

    def ask(self, method: str, path: str, body: bytes = b"", content_type: str = JSON, **headers: str) -> int:
        answer = self.browser.generic(method, path, body, content_type=content_type, **headers)
        self.asked += 1
        error = answer.exc_info[1] if getattr(answer, "exc_info", None) else None
        # 502 and 503 without an error are answers: a provider was asked for that is not set up.
        if error is not None or answer.status_code >= 500 and answer.status_code not in (502, 503):
            self.failed.append(
                f"{method} {path[:150]} {content_type} {body[:60]!r} {str(headers)[:80]}: {error!r:.200}"
            )
        return int(answer.status_code)


@pytest.fixture(autouse=True)
def without_limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift the rate limits, which would refuse tricks before they are judged, and wait for no worker: there is none."""
    monkeypatch.setattr("core.web.limits._in_cache", lambda count: 0)
    monkeypatch.setattr("core.queue.waiting.WAITS", 0.0)
    settings.WEBHOOK_CONFIG_PASSWORD = "a-password-that-only-tests-know"
    settings.MAIL_WEBHOOKS = ["postmark", "mailgun", "amazon_ses"]


@pytest.fixture
def rows(user: Any, staff: Any, plan: Any) -> dict[str, int]:
    """Return a row for some of the console's pages, by model: pages of missing rows are short."""
    from accounts.courses.models import Activity
    from accounts.people.models import Contact, ContactEmail
    from integrations.inbox.models import InboxEvent

    contact = Contact.objects.create(email=user.email, user=user)
    ContactEmail.objects.create(contact=contact, email=user.email)
    activity = Activity.objects.order_by("pk").first()
    event = InboxEvent.objects.create(provider="kajabi", endpoint="relay", key="x", body=b"{}", body_digest="x")
    found = {"user": user.pk, "contact": contact.pk, "plan": plan.pk, "inboxevent": event.pk}
    return found | ({"activity": activity.pk} if activity else {})


def columns(model_admin: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the filterable columns of a console list, each with its lookups: keys, dates and filters."""
    dates = [field.name for field in model_admin.model._meta.fields if "Date" in field.get_internal_type()]
    named = [one if isinstance(one, str) else one[0] for one in model_admin.list_filter if not isinstance(one, type)]
    for name in dict.fromkeys(["id", *dates[:1], *named[:2]]):
        yield name, LOOKUPS | (DATE_LOOKUPS if name in dates else {})


@pytest.mark.once  # what a database could refuse in it, test_security_fuzz.py sends as well
def test_tricks_with_queries_and_headers_break_no_page_for_strangers() -> None:
    crawl = Crawl()
    for path in [*PLAIN, *ODD]:
        if is_inside_console(path):
            crawl.ask("GET", f"{path}?{QUERIES[1]}", **HEADERS[0])
            continue
        for query in QUERIES:
            crawl.ask("GET", f"{path}?{query}")
        for headers in HEADERS:
            crawl.ask("GET", path, **headers)
    assert not crawl.failed, "\n".join(crawl.failed)


def outside_console() -> list[str]:
    return [path for path in PLAIN if not is_inside_console(path)]


@pytest.mark.once  # what a database could refuse in it, test_security_fuzz.py sends as well
def test_tricks_with_bodies_break_no_page_for_strangers() -> None:
    crawl = Crawl()
    for path in outside_console():
        for content_type, body in BODIES:
            crawl.ask("POST", path, body, content_type)
        for method in METHODS:
            crawl.ask(method, path, b"{}")
    assert not crawl.failed, "\n".join(crawl.failed)


def test_tricks_break_no_page_for_a_member(user: Any) -> None:
    crawl = Crawl(user)
    headers = {name: value for name, value in HEADERS[0].items() if name != "HTTP_COOKIE"}  # it holds the session
    for path in outside_console():
        for content_type, body in (BODIES[0], BODIES[1], BODIES[17]):
            crawl.ask("POST", path, body, content_type)
        for query in QUERIES[:3]:
            crawl.ask("GET", f"{path}?{query}", **headers)
    assert not crawl.failed, "\n".join(crawl.failed)


def test_tricks_break_no_page_for_a_superuser(staff: Any, rows: dict[str, int]) -> None:
    crawl = Crawl(staff)
    models = {model._meta.model_name: model._meta for model in admin.site._registry}
    own = [reverse(f"admin:{models[name].app_label}_{name}_change", args=[key]) for name, key in rows.items()]
    for path in [*PLAIN, *own]:
        crawl.ask("GET", f"{path}?{QUERIES[3]}")
        crawl.ask("POST", path, BODIES[1][1], BODIES[1][0])
    for path in ODD:
        crawl.ask("GET", path)
    json = [(content_type, body) for content_type, body in BODIES if content_type.startswith(JSON)]
    for path in (path for path in PLAIN if path.startswith("/api/")):
        for content_type, body in json:
            crawl.ask("POST", path, body, content_type)
        for query in QUERIES[:2]:
            crawl.ask("GET", f"{path}?{query}")
    assert not crawl.failed, "\n".join(crawl.failed)


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.model_name)
def test_tricks_with_filters_break_no_list_of_the_console(staff: Any, rows: dict[str, int], model: Any) -> None:
    crawl = Crawl(staff)
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for name, lookups in columns(admin.site._registry[model]):
        for lookup, value in lookups.items():
            crawl.ask("GET", f"{path}?{name}__{lookup}={value}")
    for query in (
        f"p={BIG}&o={BIG}.-2.x&all=x&e=1&_facets=x",
        "p=-1&o=-1",
        "q=%22%22%27%5C",
        "x__y__z=1",
        "id__year=1",
    ):
        crawl.ask("GET", f"{path}?{query}")
    assert not crawl.failed, "\n".join(crawl.failed)


def test_tricks_break_neither_export_nor_import_nor_look_up(staff: Any) -> None:
    crawl = Crawl(staff)
    paths = [path for path in PLAIN if path.endswith(("/export/", "/import/", "/process_import/", "/autocomplete/"))]
    assert len(paths) >= 3
    for path in paths:
        for query in (*QUERIES, f"id__in={BIG}", "id__year=1", "x=1", "received_at__year=99999", f"format={BIG}"):
            crawl.ask("GET", f"{path}?{query}")
        for content_type, body in BODIES:
            crawl.ask("POST", path, body, content_type)
    named = "app_label=accounts&model_name=completion&field_name=user"
    for query in (f"term={BIG}&page={BIG}&{named}", f"term=%22&page=-1&{named}", "app_label=x&model_name=y"):
        crawl.ask("GET", f"/admin/autocomplete/?{query}")
    assert not crawl.failed, "\n".join(crawl.failed)
