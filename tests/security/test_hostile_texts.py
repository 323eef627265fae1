"""S14: the console shows every field as escaped text on every page, and no page breaks."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import models
from django.test import Client
from django.urls import reverse

from accounts.people.models import Contact, User
from accounts.tests.admin_clients import link_to
from core.console import review, tools
from core.console.actions import ActionsMixin
from tests.security import hostile

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


def assert_only_text(answer: Any, url: str) -> hostile.Parsed:
    assert answer.status_code < 500, url
    page = hostile.Parsed(answer.content.decode() if "html" in answer["Content-Type"] else "")
    assert page.broken_out == [], url
    assert not [link for link in page.links if link.strip().lower().startswith(("javascript:", "data:"))], url
    return page


def lists() -> Iterator[tuple[str, Any]]:
    for model, model_admin in admin.site._registry.items():
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), model_admin


def pages_of(row: models.Model, model_admin: Any, *, is_first: bool) -> Iterator[str]:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
    for page in ("change", "history", "delete") if is_first else ("change",):
        yield reverse(f"{name}_{page}", args=[quote(row.pk)])
    for action in model_admin.all_row_actions() if isinstance(model_admin, ActionsMixin) else ():
        if action.form is not None:
            yield reverse(f"{name}_act", args=[quote(row.pk), action.name])


@pytest.mark.parametrize("page", ["<p>%s</p>", "<a title='%s'>", '<a title="%s">', "<script>%s</script>"])
def test_hostile_text_breaks_out_of_every_unescaped_place(page: str) -> None:
    assert hostile.Parsed(page.replace("%s", hostile.MARKUP)).broken_out


def test_every_console_model_has_a_hostile_row() -> None:
    made = {type(row) for row in hostile.make_all()}
    ours = {model for model in admin.site._registry if model._meta.app_label in hostile.APPS}
    assert ours <= made
    for model in made:
        assert hostile.text_fields(model)


def test_hostile_text_is_escaped_on_every_console_page(console: Client) -> None:
    rows = hostile.make_all()
    shown, seen = 0, set()
    for row in rows:
        model_admin = admin.site._registry.get(type(row))
        if model_admin is None:
            continue
        is_first = type(row) not in seen
        seen.add(type(row))
        for url in pages_of(row, model_admin, is_first=is_first):
            answer = console.get(url)
            assert_only_text(answer, url)
            shown += hostile.ELEMENT in answer.content.decode()
    assert shown > 40, "the rows stand on the pages"


def test_hostile_text_is_escaped_in_lists_filters_and_search(console: Client) -> None:
    hostile.make_all()
    for url, _model_admin in lists():
        page = assert_only_text(console.get(url), url)
        one_of_each_filter = {link.partition("=")[0]: link for link in page.links if link.startswith("?")}
        for link in one_of_each_filter.values():
            assert_only_text(console.get(url + link), url + link)
        assert_only_text(console.get(url, {"q": hostile.MARKUP}), f"{url}?q=")


def test_hostile_text_is_escaped_on_other_console_pages(console: Client) -> None:
    people = [row for row in hostile.make_all() if isinstance(row, Contact | User)]
    others = [reverse("admin:index"), *(reverse(f"admin:{tool.name}") for tool in tools.registered())]
    others += [reverse("admin:app_list", args=[label]) for label in hostile.APPS]
    others += [reverse("admin:accounts_completion_export"), reverse("admin:accounts_completion_import")]
    others.append(reverse("admin:search", query={"q": hostile.MARKUP[:3]}))
    others += [link_to(row) for row in people]
    questions = [(kind, row) for kind in review.kinds() for row in kind.rows()]
    others += [reverse("admin:review_question", args=[kind.key, row.pk]) for kind, row in questions]
    others.append(reverse("admin:review_decided"))
    assert questions
    for url in others:
        assert_only_text(console.get(url), url)


def test_hostile_text_is_escaped_on_member_pages(client: Client) -> None:
    members = [row for row in hostile.make_all() if isinstance(row, User)]
    shown = 0
    for member in members:
        client.force_login(member)
        answer = client.get("/dashboard")
        assert_only_text(answer, "/dashboard")
        shown += answer.content.decode().count(hostile.ELEMENT)
    assert shown > len(members), "names, plans and activities stand on the pages"
