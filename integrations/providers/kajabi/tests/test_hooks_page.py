"""The console's page of Kajabi's hooks."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import translation

from accounts.tests.admin_clients import clerk, signed_in
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, errors

pytestmark = pytest.mark.django_db
PAGE = "/admin/hooks/kajabi/"
FRONTEND = "https://hub.example.com"
TOKEN = "a-token-that-only-tests-know"


@pytest.fixture
def browser(staff: Any, settings: Any, kajabi: FakeKajabi) -> Client:
    settings.FRONTEND_URL = FRONTEND
    return signed_in(staff)


def press(browser: Client, **answers: str) -> str:
    answer = browser.post(PAGE, answers, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    text: str = answer.content.decode()
    assert TOKEN not in text
    return text


def test_it_shows_each_hook_and_what_is_missing(browser: Client, kajabi: FakeKajabi) -> None:
    kajabi.add(
        records.hook("5", event="purchase", target_url=f"{FRONTEND}/kajabi-webhook/{TOKEN}", site_id="1"),
        records.hook("6", event="tag_added", target_url="https://x.example/<script>/s3cret", site_id="1"),
    )
    text = browser.get(PAGE).content.decode()
    assert f"{FRONTEND}/kajabi-webhook/•••" in text
    assert "as it should be" in text
    assert "somebody else&#x27;s" in text
    assert "payment_succeeded, order_created, form_submission, tag_added, tag_removed" in text
    assert "s3cret" not in text
    assert TOKEN not in text
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)
    assert f'href="{PAGE}"' in browser.get("/admin/").content.decode()


def test_configure_makes_them_and_says_and_logs_it(browser: Client, kajabi: FakeKajabi, staff: Any) -> None:
    text = press(browser, configure="1")
    assert "Purchase: created, payment_succeeded: created" in text
    assert len(kajabi.records["hooks"]) == 6
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (staff, "Kajabi: hooks")
    assert entry.change_message.startswith("purchase: created, ")
    assert "Nothing was to be done" in press(browser, configure="1")
    assert LogEntry.objects.count() == 1, "only changes are logged"
    assert browser.get("/admin/admin/logentry/").status_code == 200


def test_one_is_deleted(browser: Client, kajabi: FakeKajabi) -> None:
    kajabi.add(records.hook("5", event="purchase", target_url="https://x.example/a", site_id="1"))
    assert "The hook was deleted." in press(browser, delete="5")
    assert kajabi.records["hooks"] == {}
    assert LogEntry.objects.get().change_message == "deleted hook 5"
    assert "The hook was deleted already." in press(browser, delete="5")
    assert "The id of a hook is expected" in press(browser, delete="../5")
    assert LogEntry.objects.count() == 1


def test_what_fails_is_said_on_the_page(browser: Client, kajabi: FakeKajabi, settings: Any) -> None:
    original = kajabi.answer
    kajabi.answer = lambda asked: (  # type: ignore[method-assign]
        errors(422, "invalid", "no") if b"payment_succeeded" in asked.body else original(asked)
    )
    text = press(browser, configure="1")
    assert "Purchase: created" in text
    assert "Not all hooks could be configured: payment_succeeded: Kajabi: POST" in text
    settings.KAJABI_CLIENT_ID = ""
    assert "set KAJABI_CLIENT_ID" in browser.get(PAGE).content.decode()
    assert "set KAJABI_CLIENT_ID" in press(browser, configure="1")


def test_press_without_a_button_does_nothing(browser: Client, kajabi: FakeKajabi) -> None:
    press(browser)
    assert kajabi.records["hooks"] == {}
    assert browser.put(PAGE).status_code == 405


def test_only_superusers_come_in(browser: Client, kajabi: FakeKajabi) -> None:
    somebody = clerk("view_inboxevent", "change_inboxevent", "change_plan")
    assert somebody.get(PAGE).status_code == 403
    assert somebody.post(PAGE, {"configure": "1"}).status_code == 403
    assert PAGE not in somebody.get("/admin/").content.decode()
    assert Client().get(PAGE).status_code == 302
    assert Client().post(PAGE, {"configure": "1"}).status_code == 302
    assert kajabi.exchanges == []


def test_form_from_elsewhere_is_refused(staff: Any, kajabi: FakeKajabi) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff)
    assert strict.post(PAGE, {"configure": "1"}).status_code == 403
    assert kajabi.exchanges == []


def test_it_speaks_spanish(browser: Client, kajabi: FakeKajabi) -> None:
    browser.cookies["django_language"] = "es"
    with translation.override("en"):  # the page's language stays with the thread
        text = browser.get(PAGE).content.decode()
    assert "Todavía no hay webhooks." in text
