"""The console says that it shows a demo, and offers one where nothing is there yet."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.demo.models import DemoRow
from accounts.people.models import Contact

pytestmark = pytest.mark.django_db
NOTE, OFFER = "This is a demo", "Nothing has come in yet"


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/contact/", "/admin/search/?q=jane"])
def test_every_page_says_that_it_shows_a_demo(admin_client: Client, admin_user: Any, path: str) -> None:
    assert NOTE not in admin_client.get(path).content.decode()
    DemoRow.objects.create(label="accounts.plan", key=1)
    admin_client.force_login(admin_user)
    assert NOTE in admin_client.get(path).content.decode()


def test_home_finds_out_that_a_demo_was_made_or_removed(admin_client: Client) -> None:
    row = DemoRow.objects.create(label="accounts.plan", key=1)
    for path in ("/admin/", "/admin/accounts/contact/"):
        assert NOTE in admin_client.get(path).content.decode()
    row.delete()
    for path in ("/admin/", "/admin/accounts/contact/"):
        assert NOTE not in admin_client.get(path).content.decode()


def test_page_does_not_ask_for_it(admin_client: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        admin_client.get("/admin/accounts/contact/")
    assert [query["sql"] for query in asked.captured_queries if "demorow" in query["sql"]] == []


def test_sign_in_page_says_nothing_of_it(client: Client) -> None:
    DemoRow.objects.create(label="accounts.plan", key=1)
    assert NOTE not in client.get("/admin/login/").content.decode()


def test_home_offers_a_demo_while_nobody_is_known(admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert OFFER in page
    assert "manage.py demo" in page
    Contact.objects.create(email="jane@example.com")
    assert OFFER not in admin_client.get("/admin/").content.decode()


def test_home_in_production_offers_no_demo(admin_client: Client, settings: Any) -> None:
    settings.HTTPS = True
    assert OFFER not in admin_client.get("/admin/", secure=True).content.decode()
