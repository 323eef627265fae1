"""Linear time of every cleaner, parser and regular expression on hostile text."""

import ast
import importlib
import json
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.forms import BaseForm, CharField, UUIDField
from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from rest_framework import serializers

from accounts.api.serializers import ResendSerializer, SetupPasswordSerializer
from accounts.courses import candidates, certificates, completions
from accounts.courses.api.completions import CompletionSerializer
from accounts.memberships.api.members import MemberFilters
from accounts.people import companies
from accounts.people.models import User
from accounts.signin.admin.staff_forms import OthersPasswordForm, OwnPasswordForm
from accounts.signin.forms import ForgotPasswordForm, SetPasswordForm
from config.logs import mask
from core import strict_json, text
from integrations import registry
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.toolkit import fields, reading

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "accounts", "integrations", "config")
SEARCHED = 10_000  # letters of what a regular expression is tried on
HUGE = 40_000  # letters of what bounds its text itself: work that is not bounded takes seconds
TRIES = 3
FLOOR = 0.002  # seconds; below it a machine's noise is larger than the work
TIMES = 4  # as much text
AT_MOST = 8.0  # times the work: linear work takes 4 times as long, quadratic work 16 times
MARKS = "\u0301\u0323"
PIECES = [
    *(
        "a",
        " ",
        "0",
        ".",
        "@",
        "/",
        "-",
        "_",
        "%40",
        "a@",
        "a.",
        " a",
        "\n",
        "::",
        "'\"",
        "<>",
        MARKS,
        "ﷺ",
        "\x00",
        "İ",
    ),
    *("https://", "www.", "token=", "re:", "re :", "/webhooks/", "custom_0", "+1", "1/1/", "[", '{"a":', "2026-01-01T"),
]


def modules() -> Iterator[Any]:
    """Yield the project's own modules, without tests and migrations."""
    for package in PACKAGES:
        top = importlib.import_module(package)
        for found in pkgutil.walk_packages(top.__path__, f"{package}."):
            if not {"tests", "migrations"} & set(found.name.split(".")) and found.name != "config.gunicorn":
                yield importlib.import_module(found.name)


def patterns_in(value: Any, depth: int = 3) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from patterns_in(item, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset) and depth:
        for item in value:
            yield from patterns_in(item, depth - 1)


def patterns_of_routes(resolver: URLResolver) -> Iterator[re.Pattern[str]]:
    """Yield our patterns; Django's for the console see paths of at most LONGEST_PATH letters like all others."""
    for entry in resolver.url_patterns:
        if isinstance(entry.pattern, RegexPattern):
            yield entry.pattern.regex
        if isinstance(entry, URLResolver):
            yield from patterns_of_routes(entry)


def all_patterns() -> list[re.Pattern[str]]:
    found = {pattern for module in modules() for value in vars(module).values() for pattern in patterns_in(value)}
    for model in apps.get_models():
        if model.__module__.startswith(PACKAGES):
            for field in model._meta.fields:
                found |= {check.regex for check in field.validators if hasattr(check, "regex")}
    found |= set(patterns_of_routes(get_resolver()))
    return sorted((one for one in found if isinstance(one.pattern, str)), key=lambda one: one.pattern)


def pieces_of(pattern: re.Pattern[str]) -> list[str]:
    """Return the texts that the pattern searches for, letter by letter and run by run: the most hostile input."""
    return [*dict.fromkeys(re.findall(r"[A-Za-z0-9]+|[^A-Za-z0-9\\]", pattern.pattern))]


def seconds(work: Callable[[], object], *, tries: int = TRIES) -> float:
    """Return the processor time of `work` in this thread, the least of several tries."""
    best = float("inf")
    for _try in range(tries):
        before = time.thread_time()
        work()
        best = min(best, time.thread_time() - before)
        if best < FLOOR:
            break
    return best


def growth(work: Callable[[str], object], piece: str, *, length: int, end: str = "") -> float:
    """Return the ratio of the work on `length` letters to that on a quarter of them, the least of several tries.

    Where a quarter is work enough to be measured, it is a quarter of that which is compared with it.
    """
    if seconds(lambda: work((piece * length)[:length] + end), tries=1) < FLOOR:
        return 1.0
    if length < TIMES:
        return 1.0  # the work is not on the letters
    quarter = (piece * length)[: length // TIMES]
    if seconds(lambda: work(quarter + end), tries=1) >= FLOOR:
        return growth(work, piece, length=length // TIMES, end=end)
    least = float("inf")
    for _try in range(TRIES):
        more = seconds(lambda: work(quarter * TIMES + end))
        least = min(least, more / max(seconds(lambda: work(quarter + end)), FLOOR / 20))
        if least < AT_MOST:
            break
    return least


def uses(pattern: re.Pattern[str]) -> list[Callable[[str], object]]:
    return [pattern.search, pattern.fullmatch, partial(pattern.sub, "")]


def test_patterns_are_collected_from_every_module() -> None:
    sources = {pattern.pattern for pattern in all_patterns()}
    assert {r"[<>]", "INSERT|CREATE|ADDED|(?<!RE)NEW", "REINSTAT", r"^health/?$"} <= sources
    assert len(sources) > 40


def test_regular_expressions_are_compiled_where_the_collection_finds_them() -> None:
    loose = []
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "tests" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "re" and node.func.attr not in ("compile", "escape"):
                    loose.append(f"{path.name}:{node.lineno}")
    assert loose == []


@pytest.mark.parametrize("pattern", all_patterns(), ids=lambda pattern: pattern.pattern[:40])
def test_regular_expression_takes_linear_time(pattern: re.Pattern[str]) -> None:
    own = pieces_of(pattern)
    hostile = [*PIECES, *own, *(one + other for one in own[:6] for other in own[:6])]
    for piece in dict.fromkeys(hostile):
        for end in ("", "\x00!"):
            for use in uses(pattern):
                factor = growth(use, piece, end=end, length=SEARCHED)
                assert factor < AT_MOST, f"{pattern.pattern!r} on {piece!r}"


def test_measure_distinguishes_quadratic_from_linear_time() -> None:
    assert growth(re.compile(r"(?:a|b)*c").search, "ab", length=SEARCHED) > AT_MOST
    assert growth(re.compile(r"[ab]").search, "cd", length=SEARCHED) < AT_MOST


PasswordForms = (OwnPasswordForm, OthersPasswordForm)


def text_fields() -> Iterator[tuple[str, Any]]:
    """Yield the text fields of the project's own forms and of the serializers that read requests."""
    classes = {item for module in modules() for item in vars(module).values() if isinstance(item, type)}
    for owner in classes:
        if issubclass(owner, BaseForm) and owner.__module__.startswith(PACKAGES) and owner is not BaseForm:
            try:
                fields = owner().fields
            except ValueError:  # a base without a model of its own
                continue
            except TypeError:  # it is made for a person
                fields = owner(User()).fields if issubclass(owner, PasswordForms) else owner.base_fields
            for name, field in fields.items():
                if isinstance(field, CharField) and not isinstance(field, UUIDField):
                    yield f"{owner.__name__}.{name}", field
    for serializer in (SetupPasswordSerializer, ResendSerializer, CompletionSerializer, MemberFilters):
        for name, field in serializer().fields.items():
            if isinstance(field, serializers.CharField):
                yield f"{serializer.__name__}.{name}", field


def test_text_field_of_form_or_request_has_a_length_limit() -> None:
    found = dict(text_fields())
    assert {"SignInForm.username", "StaffSignInForm.password", "CodeForm.code", "SetPasswordForm.password"} <= set(
        found
    )
    unlimited = {name for name, field in found.items() if not field.max_length or field.max_length > text.TEXT}
    assert unlimited == set()


def ignoring(work: Callable[[str], object], *errors: type[Exception]) -> Callable[[str], object]:
    def run(raw: str) -> object:
        try:
            return work(raw)
        except errors:
            return None

    return run


CLEANERS: dict[str, Callable[[str], object]] = {
    "clean_name": text.clean_name,
    "compositions": text.compositions,
    "normalise_email": ignoring(text.normalise_email, text.InvalidAddress),
    "normalise_email: domain": ignoring(lambda raw: text.normalise_email(f"a@{raw}"), text.InvalidAddress),
    "one_line": text.one_line,
    "title_key": text.title_key,
    "plain_key": text.plain_key,
    "identifier": text.identifier,
    "storable": text.storable,
    "bounded": lambda raw: text.bounded({"a": [raw], raw: raw}),
    "strict_json": ignoring(lambda raw: strict_json.read(raw.encode()), strict_json.InvalidJson),
    "mask": mask,
    "read_moment": reading.read_moment,
    "moment_of_uuid": reading.moment_of_uuid,
    "text_at": lambda raw: reading.text_at({"a": raw}, "a"),
    "redacted_headers": lambda raw: reading.redacted_headers({"a": raw, raw: "b"}),
    "as_phone": fields.as_phone,
    "as_day": fields.as_day,
    "text_of": lambda raw: fields.text_of({raw: raw, "a": raw}, [("a",)]),
    "certificates": certificates.checked_or_none,
    "course_key": completions.course_key,
    "stored_form": completions.stored_form,
    "is_one_letter_off": lambda raw: candidates.is_one_letter_off(raw, raw + "x"),
    "account_id_of": ignoring(companies.account_id_of, companies.InvalidAccount),
    "SetPasswordForm": lambda raw: SetPasswordForm({"password": raw}).is_valid(),
    "ForgotPasswordForm": lambda raw: ForgotPasswordForm({"email": raw}).is_valid(),
    "SetupPasswordSerializer": lambda raw: SetupPasswordSerializer(
        data={"email": raw, "token": raw, "password": raw}
    ).is_valid(),
    "ResendSerializer": lambda raw: ResendSerializer(data={"email": raw}).is_valid(),
}


@pytest.mark.parametrize("name", CLEANERS)
def test_cleaner_takes_linear_time(name: str) -> None:
    for piece in PIECES:
        factor = growth(CLEANERS[name], piece, length=HUGE)
        assert factor < AT_MOST, f"{name} on {piece!r}"


def deliveries() -> list[tuple[str, Any, Any, Path]]:
    """Return every recorded payload of every provider, with an endpoint for it."""
    found = []
    for provider in registry.all_providers().values():
        folder = ROOT / "integrations" / "providers" / provider.key / "tests" / "fixtures"
        found += [(provider.key, provider, path, path) for path in sorted(folder.rglob("*.json"))]
    return found


def replaced(value: Any, hostile: str, *, unchanged: tuple[str, ...]) -> Any:
    """Return the payload with `hostile` for every text but those under the names in `unchanged`."""
    if isinstance(value, dict):
        return {
            name: item if name in unchanged else replaced(item, hostile, unchanged=unchanged)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [replaced(item, hostile, unchanged=unchanged) for item in value]
    return hostile if isinstance(value, str) else value


def parsed(provider: Any, payload: Any) -> list[Any]:
    for endpoint in provider.endpoints:
        try:
            envelope = endpoint.read(payload)
            return list(
                provider.parse(
                    StoredWebhook(
                        endpoint=endpoint.name,
                        event_type=envelope.event_type,
                        external_id=envelope.external_id,
                        payload=payload,
                        received_at=datetime(2026, 1, 1, tzinfo=UTC),
                    )
                )
            )
        except (Unreadable, Unmatched):
            continue
    return []


def parsing(provider: Any, make: Callable[[str], Any]) -> Callable[[str], object]:
    return lambda raw: parsed(provider, make(raw))


def longest_in(value: Any) -> int:
    if isinstance(value, dict):
        return max(map(longest_in, [*value, *value.values()]), default=0)
    if isinstance(value, list | tuple):
        return max(map(longest_in, value), default=0)
    return len(value) if isinstance(value, str) else 0


@pytest.mark.parametrize("key", sorted(registry.all_providers()))
@pytest.mark.parametrize("piece", ["a", MARKS, "1", "a@"])
def test_events_of_hostile_payloads_stay_within_their_limits(key: str, piece: str) -> None:
    unchanged = ("type", "event", "event_type", "EventType")
    found = 0
    for _key, provider, path, _path in (one for one in deliveries() if one[0] == key):
        payload = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(payload, dict):
            continue
        make = partial(replaced, payload, unchanged=unchanged)
        for event in parsed(provider, make((piece * HUGE)[:HUGE])):
            found += 1
            assert longest_in(asdict(event)) <= text.TEXT
        factor = growth(parsing(provider, make), piece, length=HUGE)
        assert factor < AT_MOST, path.name
    assert found or key == "gohighlevel" or piece != "a"
