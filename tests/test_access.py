"""Every address and action with every role, by the access table; the unlisted is refused."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.contrib.messages.storage import default_storage
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseForbidden, HttpResponseNotFound
from django.test import Client, RequestFactory
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver, resolve, reverse

from accounts.people.models import User
from accounts.signin.api.permissions import AsListed
from accounts.staff.models import AuditEntry
from accounts.staff.tests.callers import bearer
from config import access as rules
from config.actions import ACTIONS
from core.web import access
from core.web.access import Who, permissions_in

pytestmark = pytest.mark.django_db
TABLE = rules.TABLE
ROLES = (rules.OPERATOR, rules.SUPPORT, rules.AUDITOR)
PEOPLE = ("anonymous", "member", "staff", *ROLES, "superuser")
NOWHERE = "999999"


def example(pattern: str) -> str:
    """Return an address for the pattern; rows of its number do not exist."""
    path = pattern.replace(r"(?:/(?P<token>[^/]+))?", "").replace("/?$", "").replace("$", "").replace("^", "")
    path = re.sub(r"\(\?P<app_label>[^)]*\)", "accounts", path)
    path = re.sub(r"\(\?P<[^>]+>[^)]*\)|<[a-z]+:[^>]+>|<id>", NOWHERE, path)
    return "/" + path


def addresses(resolver: URLResolver, names: tuple[str, ...] = (), before: str = "") -> Iterator[tuple[str, str]]:
    """Return the name of every address of the URLconf, with an example."""
    for entry in resolver.url_patterns:
        pattern = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, (*names, entry.namespace) if entry.namespace else names, pattern)
        elif isinstance(entry, URLPattern):
            match = ResolverMatch(entry.callback, (), {}, entry.name, namespaces=list(names))
            yield match.view_name, example(pattern)


ADDRESSES = dict(addresses(get_resolver()))


def console_actions() -> Iterator[tuple[str, str, str]]:
    """Yield model, name and address of every action of the console."""
    for model, model_admin in admin.site._registry.items():
        label = model._meta.label_lower
        for action in getattr(model_admin, "all_row_actions", list)():
            yield label, action.name, f"/admin/{label.replace('.', '/')}/{NOWHERE}/act/{action.name}/"


def person(name: str) -> Any:
    if name == "anonymous":
        return AnonymousUser()
    if name == "superuser":
        user = User.objects.create_superuser(f"{name}@example.com")
    else:
        user = User.objects.create_user(f"{name}@example.com", is_staff=name != "member")
        user.groups.set(Group.objects.filter(name=name))
    user.is_verified = lambda: True  # type: ignore[method-assign,attr-defined]
    return user


def answer(user: Any, method: str, path: str) -> Any:
    """Return the view's answer to `user`, without middleware and rendering: there are thousands."""
    request: Any = getattr(RequestFactory(), method.lower())(path)
    request.user, request.session, request.resolver_match = user, SessionStore(), resolve(path)
    request._messages, request._dont_enforce_csrf_checks = default_storage(request), True
    try:
        return request.resolver_match.func(request, *request.resolver_match.args, **request.resolver_match.kwargs)
    except PermissionDenied:
        return HttpResponseForbidden()
    except Http404:
        return HttpResponseNotFound()


def is_refusal(answered: Any) -> bool:
    assert answered.status_code < 500 or answered.status_code in (502, 503)
    to_sign_in = answered.status_code == 302 and re.match(r"/(admin/login|sign-in)", answered.url)
    return answered.status_code in (401, 403) or bool(to_sign_in)


@pytest.mark.parametrize("name", PEOPLE)
def test_every_address_opens_for_exactly_the_roles_of_the_table(name: str) -> None:
    user, wrong = person(name), []
    for address, path in ADDRESSES.items():
        assert resolve(path).view_name == address, path
        for method in ("GET", "POST"):
            rule = TABLE.rule(address, method)
            if rule is None or rule.who is Who.OWN_PROOF or address.endswith("_act"):
                continue
            answered = answer(user, method, path)
            if rule.who is Who.ANYBODY:  # may lead on to the page for signing in
                opens, refuses = True, answered.status_code in (401, 403)
            else:
                opens, refuses = access.holds(user, rule), is_refusal(answered)
            if refuses == opens:
                wrong.append(f"{method} {path} {'refuses' if opens else 'lets in'} {name}")
    assert wrong == []


@pytest.mark.parametrize("name", PEOPLE)
def test_every_action_runs_for_exactly_the_roles_of_the_table(name: str) -> None:
    user, wrong = person(name), []
    for model, action, path in console_actions():
        may = access.holds(user, TABLE.action(model, action))
        if is_refusal(answer(user, "POST", path)) == may:
            wrong.append(f"{path} {'refuses' if may else 'lets in'} {name}")
    assert wrong == []


API = {
    address: path for address, path in ADDRESSES.items() if any(rule.scope for rule in TABLE.methods(address).values())
}


@pytest.mark.parametrize("name", PEOPLE[2:])
@pytest.mark.parametrize("scopes", [*([scope] for scope in TABLE.scopes), list(TABLE.scopes)], ids="+".join)
def test_token_needs_its_scope_and_the_permission_of_its_owner(name: str, scopes: list[str]) -> None:
    user = person(name)
    headers, wrong = bearer(user, *scopes), []
    for address, path in API.items():
        for method, rule in TABLE.methods(address).items():
            answer = getattr(Client(), method.lower())(path, headers=headers)
            may = access.holds(user, rule) and rule.scope in scopes
            if (answer.status_code == 403) == may or answer.status_code == 401:
                wrong.append(f"{method} {path}: {answer.status_code}")
        other = Client().put(path, headers=headers).status_code
        is_open = any(access.holds(user, rule) and rule.scope in scopes for rule in TABLE.methods(address).values())
        assert other == (405 if is_open else 403), path
    assert wrong == []


def test_token_opens_no_page_and_no_console(staff: Any) -> None:
    headers = bearer(staff)
    for path in ("/admin/", "/admin/accounts/user/", "/admin/metrics/", "/dashboard"):
        assert is_refusal(Client().get(path, headers=headers))


def test_table_lists_every_address_and_action_and_nothing_else() -> None:
    assert [name for name in ADDRESSES if not TABLE.methods(name)] == []
    assert [(model, action) for model, action, _path in console_actions() if TABLE.action(model, action) is None] == []
    used = {pattern for pattern in rules.ADDRESSES for name in ADDRESSES if _is_named(pattern, name)}
    assert rules.ADDRESSES.keys() - used == set()
    there_are = {(model, action) for model, action, _path in console_actions()}
    for model, listed in ACTIONS.items():
        for pattern in listed:
            assert any(model == one and _is_named(pattern, action) for one, action in there_are), (model, pattern)


def _is_named(pattern: str, name: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name))


def test_every_api_view_checks_the_table() -> None:
    for address, path in ADDRESSES.items():
        view = getattr(resolve(path).func, "cls", None)
        if view is not None and not address.startswith("webhook-"):
            assert [issubclass(one, AsListed) for one in view.permission_classes] == [True], address


def names_of(permissions: Any) -> set[str]:
    rows = permissions.select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in rows}


def test_every_permission_of_the_table_exists_and_roles_have_exactly_theirs() -> None:
    exist = {
        f"{one.content_type.app_label}.{one.codename}" for one in Permission.objects.select_related("content_type")
    }
    every_action = [rule for listed in ACTIONS.values() for rule in listed.values()]
    assert permissions_in([*TABLE.addresses.values(), *every_action]) - exist == set()
    assert rules.PERMISSIONS.keys() - exist == set()
    for role in ROLES:
        assert names_of(Group.objects.get(name=role).permissions) == TABLE.roles[role]


def test_each_role_has_the_permissions_of_its_purpose() -> None:
    operator, support, auditor = (User.objects.get(pk=person(role).pk) for role in ROLES)
    for permission in ("integrations.replay_inboxevent", "accounts.change_subscription", "integrations.start_sync"):
        assert [one.has_perm(permission) for one in (operator, support, auditor)] == [True, False, False]
    for permission in ("accounts.resend_emailmessage", "accounts.send_link", "accounts.link_completion"):
        assert [one.has_perm(permission) for one in (operator, support, auditor)] == [True, True, False]
    for label in rules.PAGES:
        app, model = label.split(".")
        assert auditor.has_perm(f"{app}.view_{model}"), label
    verbs = {name.split(".")[1].split("_")[0] for name in auditor.get_all_permissions()}
    assert verbs == {"view"}
    for name in operator.get_all_permissions():
        assert not re.search(r"delete_(?!contactmapping|planmail)|_group|_permission|apitoken|device|forget", name), (
            name
        )


def test_auditor_posts_only_about_the_own_account() -> None:
    user = person(rules.AUDITOR)
    for address in ADDRESSES:
        rule = TABLE.rule(address, "POST")
        if address.startswith("admin:") and rule and rule.who is Who.STAFF and not rule.permissions:
            continue
        if address.startswith("admin:") and rule and access.holds(user, rule):
            names = ("_changelist", "_history", "metrics", "_body", "login", "logout", "jsi18n")
            assert address.endswith(names) or rule.who is Who.OWN_PROOF, address
    may = {(model, one) for model, one, _p in console_actions() if access.holds(user, TABLE.action(model, one))}
    only_show = {("accounts.plan", "mails"), ("accounts.planmail", "preview")}
    assert may - only_show == {("accounts.apitoken", "revoke")}


# Closed by default ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/dashboard", "/admin/accounts/user/", "/admin/", "/api/me", "/health", "/sign-in"])
def test_unlisted_address_is_refused_even_to_a_superuser(
    path: str, staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client()
    browser.force_login(staff)
    assert browser.get(path).status_code in (200, 302)
    listed = {name: rule for name, rule in TABLE.addresses.items() if name != resolve(path).view_name}
    monkeypatch.setattr(access, "table", lambda: replace(TABLE, addresses=listed))
    assert browser.get(path).status_code == 403


def test_unlisted_action_is_neither_shown_nor_run(staff: Any, user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Client()
    browser.force_login(staff)
    page, press = (
        reverse("admin:accounts_user_change", args=[user.pk]),
        f"/admin/accounts/user/{user.pk}/act/award-points/",
    )
    assert press in browser.get(page).content.decode()
    listed = {name: rule for name, rule in ACTIONS["accounts.user"].items() if name != "award-points"}
    monkeypatch.setattr(access, "table", lambda: replace(TABLE, actions={**TABLE.actions, "accounts.user": listed}))
    assert press not in browser.get(page).content.decode()
    assert browser.post(press).status_code == 403


def test_unlisted_method_reaches_no_view(staff: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {**TABLE.addresses, "api_members": {"POST": rules.needs("accounts.view_user", scope="read")}}
    monkeypatch.setattr(access, "table", lambda: replace(TABLE, addresses=listed))
    assert Client().get("/api/admin/nssa-users/", headers=bearer(staff)).status_code == 405


# What roles see -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["staff", *ROLES])
def test_every_link_of_the_start_page_opens(name: str) -> None:
    browser = Client()
    browser.force_login(person(name))
    page = browser.get("/admin/").content.decode()
    links = set(re.findall(r'href="(/admin/[^"]*)"', page))
    further = set()
    for link in links - {"/admin/logout/"}:
        answer = browser.get(link, follow=True)
        assert answer.status_code == 200, link
        further |= set(re.findall(r'href="(/admin/[^"]*)"', answer.content.decode()))
    assert "/admin/accounts/apitoken/" in links | further, "at most one level deeper"


@pytest.mark.parametrize("role", ROLES)
def test_pages_linked_in_staff_mails_open_for_every_role(role: str) -> None:
    user = person(role)
    named = [
        "/admin/",
        "/admin/metrics/",
        "/admin/accounts/completion/?state__exact=received",
        *(f"/admin/{model}/{NOWHERE}/change/" for model in ("accounts/contactchange", "accounts/user")),
        *(f"/admin/{model}/{NOWHERE}/change/" for model in ("accounts/emailmessage", "integrations/inboxevent")),
        f"/admin/integrations/syncrun/{NOWHERE}/change/",
    ]
    assert [path for path in named if is_refusal(answer(user, "GET", path))] == []


def test_refusal_is_in_the_audit_log_without_flooding_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("core.web.limits.time.time", lambda: now)  # all within one minute of the limit
    support = person(rules.SUPPORT)
    browser, headers = Client(), bearer(support)
    browser.force_login(support)
    for _ in range(20):
        assert browser.get("/admin/auth/group/").status_code == 403
        assert Client().post("/api/completions/", headers=headers).status_code == 403
    found = AuditEntry.objects.filter(action="permission.denied", outcome="denied", actor=support)
    counted = {entry.facts["address"] for entry in found}
    assert counted == {"admin:auth_group_changelist", "api_completions"}
    assert len(found) == 10
