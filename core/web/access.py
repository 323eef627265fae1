"""Access rules: who may open an address or run an action, and the one table of them, which ACCESS_TABLE names.

Whatever is missing from the table is refused. The table itself is `config/access.py`.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import translate
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

EVERY_METHOD = "*"


class Who(Enum):
    ANYBODY = auto()
    OWN_PROOF = auto()  # the view checks a proof of its own: a signature, a password, a step of signing in
    MEMBER = auto()  # whoever is signed in, for what is theirs
    STAFF = auto()  # with all of the rule's permissions
    SUPERUSER = auto()
    NOBODY = auto()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`scope` is what an API token must hold beside its owner's permissions; without one no token is enough.

    `setting` names the setting whose values, sent as a bearer token, are enough by themselves.
    """

    who: Who
    permissions: tuple[str, ...] = ()
    scope: str = ""
    setting: str = ""


ANYBODY, OWN_PROOF, MEMBER = Rule(who=Who.ANYBODY), Rule(who=Who.OWN_PROOF), Rule(who=Who.MEMBER)
STAFF, SUPERUSER, NOBODY = Rule(who=Who.STAFF), Rule(who=Who.SUPERUSER), Rule(who=Who.NOBODY)


def needs(*permissions: str, scope: str = "", setting: str = "") -> Rule:
    """Return the rule that lets in staff with all of `permissions`."""
    return Rule(who=Who.STAFF, permissions=permissions, scope=scope, setting=setting)


Rules = Rule | Mapping[str, Rule]  # one rule for every method, or one for each


@dataclass(frozen=True, kw_only=True)
class Shared:
    """An address that browsers on other origins may call: those of the settings `origins`, with these headers."""

    origins: tuple[str, ...]
    headers: tuple[str, ...] = ("Accept", "Content-Type")


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rules by the name of a URL, and by the model and the name of an action; and what each role may do. `shared`
    are the addresses for browsers on other origins.

    Names of addresses and actions may hold `*`: an exact name wins over a pattern.
    """

    addresses: Mapping[str, Rules]
    actions: Mapping[str, Mapping[str, Rule]]
    shared: Mapping[str, Shared] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    scopes: Mapping[str, Any] = field(default_factory=dict)  # name → label

    def methods(self, name: str) -> Mapping[str, Rule]:
        """Return the rules of an address by method; empty where it is not listed."""
        rules = lookup(self.addresses, name)
        return {EVERY_METHOD: rules} if isinstance(rules, Rule) else rules or {}

    def rule(self, name: str, method: str | None) -> Rule | None:
        """Return the rule of an address for a method (HEAD counts as GET); None where there is none."""
        methods = self.methods(name)
        return methods.get("GET" if method == "HEAD" else method or "") or methods.get(EVERY_METHOD)

    def action(self, model: str, name: str) -> Rule | None:
        """Return the rule of an action on the pages of a model ("accounts.user"); None where there is none."""
        return lookup(self.actions.get(model, {}), name)


@cache
def table() -> Table:
    """Return the table of this installation."""
    found: Table = import_string(settings.ACCESS_TABLE)
    return found


def holds(user: Any, rule: Rule | None) -> bool:
    """Return whether `user` is somebody whom `rule` lets in; tokens, secrets and second factors are not looked at."""
    if rule is None or rule.who is Who.NOBODY:
        return False
    if rule.who in (Who.ANYBODY, Who.OWN_PROOF):
        return True
    if not (user.is_authenticated and user.is_active):
        return False
    if rule.who is Who.MEMBER:
        return True
    if not user.is_staff:
        return False
    return user.is_superuser if rule.who is Who.SUPERUSER else all(_has(user, name) for name in rule.permissions)


def may(user: Any, address: str, method: str = "GET") -> bool:
    """Return whether the table lets `user` open the address of this name."""
    return holds(user, table().rule(address, method))


class ListedAddressesMiddleware:
    """Refuses every address that is not in the table, before its view is called."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *call: Any) -> None:
        require_listed(request)


def require_listed(request: HttpRequest) -> None:
    """Raise PermissionDenied where the address of `request` is not in the table."""
    match = request.resolver_match
    if match is None or not lookup(table().addresses, match.view_name):
        logger.error("address refused, the table of access does not list it: %s", match and match.view_name)
        raise PermissionDenied


def _has(user: Any, permission: str) -> bool:
    """Return whether `user` has a permission; as in Django's admin, *change* includes *view*."""
    if user.has_perm(permission):
        return True
    app, _dot, codename = permission.partition(".")
    return codename.startswith("view_") and user.has_perm(f"{app}.change_{codename.removeprefix('view_')}")


def lookup(rules: Mapping[str, Any], name: str) -> Any:
    """Return the value under `name`, else under the first pattern that matches it, else None."""
    if name in rules:
        return rules[name]
    return next((rules[pattern] for pattern in rules if "*" in pattern and _regex(pattern).match(name)), None)


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def permissions_in(rules: Iterable[Rules]) -> set[str]:
    """Return every permission that the rules name."""
    plain = [rule for item in rules for rule in ([item] if isinstance(item, Rule) else item.values())]
    return {permission for rule in plain for permission in rule.permissions}
