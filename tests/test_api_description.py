"""/docs describes every address, method, example and answer as it is."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from accounts.staff.tests.callers import bearer
from config.access import TABLE
from core.web import limits
from core.web.access import EVERY_METHOD
from integrations import registry
from integrations.contracts.provider import Endpoint, Provider
from integrations.inbox import receive
from integrations.inbox.api import webhooks
from integrations.inbox.models import InboxEvent
from integrations.providers.kajabi.api.operator_pages import PAGES
from tests.openapi import faults, strict
from tests.test_access import ADDRESSES

pytestmark = pytest.mark.django_db
SECRET = "a-secret-that-only-tests-know"
# Pages for people, which no machine and no front end calls.
FOR_PEOPLE = {
    *("home", "sign_in", "sign_out", "setup_password", "forgot_password", "link_sent", "set_language", "dashboard"),
    *("change_password", "sign_out_elsewhere", "docs", "admin_without_slash", "site_colours", "site_logo"),
    *("former-customuser", "former-kajabiwebhookevent"),
}
ENDPOINTS = [(provider, endpoint) for provider in registry.all_providers().values() for endpoint in provider.endpoints]
EXAMPLES = [(provider, endpoint, name) for provider, endpoint in ENDPOINTS for name in endpoint.examples]


def each(found: Any) -> Any:
    return pytest.mark.parametrize(
        "case", found, ids=[" ".join(getattr(one, "key", getattr(one, "name", one)) for one in case) for case in found]
    )


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(json.dumps(made, default=str))  # type: ignore[no-any-return]


@pytest.fixture
def _secrets(settings: Any) -> None:
    """Configure one secret for every kind of proof."""
    for _provider, endpoint in ENDPOINTS:
        for verifier in endpoint.verifiers:
            setattr(settings, verifier.setting, SECRET if verifier.setting == "GHL_LOCATION_ID" else [SECRET])


@pytest.fixture
def described(schema: dict[str, Any]) -> Any:
    """Assert that an answer has a described status and exactly the described shape."""
    components = strict(schema["components"])

    def check(path: str, method: str, answer: Any) -> None:
        responses = schema["paths"][path][method]["responses"]
        assert str(answer.status_code) in responses, (path, method, answer.status_code, answer.content)
        response = responses[str(answer.status_code)]
        kind = answer["Content-Type"].split(";")[0]
        assert kind in response["content"], (kind, response["content"].keys())
        if kind == "application/json":
            assert faults(answer.json(), strict(response["content"][kind]["schema"]), components) == []
        for header in response.get("headers", {}):
            assert int(answer[header]) >= 0

    return check


def operations(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def concrete(path: str) -> str:
    """Return an example address for a path of the schema."""
    names = {"provider": "postmark", "report": "tracking"}
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "999999"), path)


def expected_methods(name: str) -> set[str]:
    """Return the methods of an address in the access table; a webhook has GET where its sender verifies the URL."""
    methods = {method.lower() for method in TABLE.methods(name)}
    probed = {f"webhook-{provider.key}-{endpoint.name}" for provider, endpoint in ENDPOINTS if endpoint.answers_get}
    return methods - {"get"} if name.startswith("webhook-") and name not in probed else methods


def test_description_is_valid_openapi_and_warns_of_nothing(schema: dict[str, Any], capsys: Any) -> None:
    validate_schema(schema)
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_every_machine_address_is_described_with_exactly_its_methods(schema: dict[str, Any]) -> None:
    described: dict[str, set[str]] = {}
    for path, method, _operation in operations(schema):
        described.setdefault(resolve(concrete(path)).view_name, set()).add(method)
    there_are = {name for name in ADDRESSES if not name.startswith("admin:")} - FOR_PEOPLE
    assert described == {name: expected_methods(name) for name in there_are}


def test_machine_addresses_list_their_methods() -> None:
    there_are = {name for name in ADDRESSES if not name.startswith("admin:")} - FOR_PEOPLE
    assert [name for name in there_are if EVERY_METHOD in TABLE.methods(name)] == []


def test_described_paths_answer_with_and_without_a_slash_at_their_end(schema: dict[str, Any]) -> None:
    for path in schema["paths"]:
        assert not path.endswith("/")
        assert resolve(concrete(path)).view_name == resolve(concrete(path) + "/").view_name


def test_pages_for_people_are_not_described_and_exist(schema: dict[str, Any]) -> None:
    assert set(ADDRESSES) >= FOR_PEOPLE
    assert {resolve(concrete(path)).view_name for path in schema["paths"]}.isdisjoint(FOR_PEOPLE)


def test_operations_have_unique_names_a_summary_or_description_and_one_tag(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _path, _method, operation in operations(schema)]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z0-9_]+", name)] == []
    for path, method, operation in operations(schema):
        assert operation.get("summary") or operation.get("description"), (path, method)
        assert len(operation["tags"]) == 1, (path, method)


def test_names_of_webhook_operations_are_those_of_their_urls(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        name = resolve(concrete(path)).view_name
        if name.startswith("webhook-") and method == "post":
            base = name.replace("-", "_").replace(" ", "_")
            assert operation["operationId"] in (base, f"{base}_with_token")


def test_every_security_scheme_of_an_operation_is_declared(schema: dict[str, Any]) -> None:
    declared = set(schema["components"]["securitySchemes"])
    used = {name for *_, operation in operations(schema) for one in operation.get("security", []) for name in one}
    assert used == declared
    assert {"KAJABI_WEBHOOK_SECRET.X-Kajabi-Signature", "GHL_LOCATION_ID.X-GHL-Signature"} <= declared


def test_every_parameter_in_a_path_is_described(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), (path, method)


def test_every_example_of_an_answer_has_the_described_shape(schema: dict[str, Any]) -> None:
    components, looked_at = strict(schema["components"]), 0
    for path, _method, operation in operations(schema):
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    looked_at += 1
                    assert faults(example["value"], strict(content["schema"]), components) == [], path
    assert looked_at > 100


# Webhooks -------------------------------------------------------------------------------------------------------------


def proof_of(endpoint: Endpoint, body: bytes) -> dict[str, str]:
    """Return the first proof that others than the vendor can make."""
    return next(dict(proof) for verifier in endpoint.verifiers if (proof := verifier.proof(body)))


def deliver(endpoint: Endpoint, body: bytes, **headers: str) -> Any:
    proof = proof_of(endpoint, body) | headers
    return Client().post(f"/{endpoint.path}", body, content_type="application/json", headers=proof)


def test_every_endpoint_has_a_sentence_and_examples() -> None:
    for provider, endpoint in ENDPOINTS:
        assert endpoint.about, (provider.key, endpoint.name)
        assert endpoint.examples, (provider.key, endpoint.name)
    for page in PAGES:
        assert page.about
        assert page.example, page.name


@pytest.mark.usefixtures("_secrets")
@each(EXAMPLES)
def test_example_is_accepted_answered_as_described_and_parsed(
    case: tuple[Provider, Endpoint, str], described: Any, drain: Any
) -> None:
    _provider, endpoint, name = case
    body = json.dumps(endpoint.examples[name]).encode()
    first = deliver(endpoint, body)
    assert first.status_code == 200
    described(f"/{endpoint.path}", "post", first)
    again = deliver(endpoint, body)
    assert again.status_code in (200, 409)
    described(f"/{endpoint.path}", "post", again)
    drain()
    event = InboxEvent.objects.get()
    assert event.status in ("processed", "ignored", "unmatched"), event.reason or event.last_error


@pytest.mark.usefixtures("_secrets")
@each([case for case in EXAMPLES if case[1].takes_token_in_path])
def test_example_is_accepted_with_the_token_in_its_path(case: tuple[Provider, Endpoint, str], described: Any) -> None:
    _provider, endpoint, name = case
    answer = Client().post(f"/{endpoint.path}/{SECRET}", endpoint.examples[name], content_type="application/json")
    assert answer.status_code == 200
    described(f"/{endpoint.path}/{{token}}", "post", answer)


@pytest.mark.usefixtures("_secrets")
@each(ENDPOINTS)
def test_refusals_are_answered_as_described(
    case: tuple[Provider, Endpoint], described: Any, schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cause each described status in turn, but for 409, which the examples cause."""
    provider, endpoint = case
    path = f"/{endpoint.path}"
    body = json.dumps(next(iter(endpoint.examples.values()))).encode()
    browser = Client()

    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError

    answers = {
        "unreadable": deliver(endpoint, b'{"nothing": "that is known"}'),
        "no JSON": deliver(endpoint, b"{"),
        "no proof": browser.post(path, body, content_type="application/json"),
        "another method": browser.put(path, body, content_type="application/json"),
        "chunks": deliver(endpoint, body, **{"Transfer-Encoding": "chunked"}),
        "too long": deliver(endpoint, b" " * (webhooks.MAX_BODY + 1)),
    }
    with monkeypatch.context() as patch:
        patch.setattr(receive, "receive", away)
        answers["away"] = deliver(endpoint, body)
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)
    monkeypatch.setattr(webhooks.VERIFIED, "retry_after", lambda *_, **__: 30)
    answers["too many"] = deliver(endpoint, body)
    for answer in answers.values():
        described(path, "post", answer)
    assert answers["no proof"].status_code == 403
    seen = {str(answer.status_code) for answer in answers.values()} | {"200", "409"}
    assert set(schema["paths"][path]["post"]["responses"]) <= seen


@each([case for case in ENDPOINTS if case[1].answers_get])
def test_verification_get_is_answered_as_described(case: tuple[Provider, Endpoint], described: Any) -> None:
    described(f"/{case[1].path}", "get", Client().get(f"/{case[1].path}"))


def test_provider_with_only_an_endpoint_is_described() -> None:
    """Describe a provider by its manifest alone, without examples or sentences."""
    from integrations.api.description import webhooks as description

    provider, endpoint = ENDPOINTS[0]
    bare = Endpoint(name="new", path="new", verifiers=endpoint.verifiers, read=endpoint.read)
    added = Provider(key="new", title="New", endpoints=(bare,), handled=frozenset(), parse=provider.parse)
    [(path, item)] = description.paths_of(added).items()
    assert path == "/new"
    assert {"200", "400", "403", "429", "503"} <= item["post"]["responses"].keys()


# The other addresses --------------------------------------------------------------------------------------------------


def test_public_answers_are_as_described(described: Any, install_company: Any, settings: Any) -> None:
    company = "/api/chatwoot/webhooks/company/{account_id}"
    described("/health", "get", Client().get("/health"))
    described("/api/system/info", "get", Client().get("/api/system/info"))
    described("/embed/dashboard", "get", Client().get("/embed/dashboard?accountId=123"))
    for account in (install_company, "999"):
        described(company, "get", Client().get(company.format(account_id=account)))
    settings.CHATWOOT_EMBED_SECRET = [SECRET]
    refused = Client().get(company.format(account_id="123"))
    assert refused.status_code == 403
    described(company, "get", refused)


@pytest.fixture
def install_company() -> str:
    from django.utils import timezone

    from accounts.people import companies
    from core.cause import Cause

    report = companies.AccountReport(occurred_at=timezone.now(), account_id="123", name="Test Company S.A.")
    companies.apply_report(report, cause=Cause(text="test"))
    return "123"


def test_answers_of_health_while_the_database_is_away_are_as_described(
    described: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any) -> None:
        raise OperationalError

    monkeypatch.setattr("integrations.operations.measures.oldest_due_seconds", away)
    answer = Client().get("/health")
    assert answer.status_code == 503
    described("/health", "get", answer)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/admin/nssa-users", ""),
        ("/api/admin/nssa-users", "?page=0"),
        ("/api/admin/nssa-users", "?page=99"),
        ("/api/admin/users/{user_id}/points", ""),
        ("/api/admin/users/{user_id}/verify-kajabi-subscription", ""),
        ("/api/v1/sync/manual/{event_id}", ""),
        ("/api/chatwoot/webhooks/metrics", ""),
        ("/metrics", ""),
        ("/api/me", ""),
    ],
)
def test_answers_to_staff_and_refusals_of_others_are_as_described(
    staff: Any, user: Any, process: Any, relay: Any, described: Any, path: str, query: str
) -> None:
    process(relay())
    address = concrete(path) + query
    for headers in ({}, bearer(staff), bearer(staff, "write"), {"Authorization": "Token nobodys"}):
        described(path, "get", Client().get(address, headers=headers))
    described(path, "get", Client().post(address, headers=bearer(staff)))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/completions", {"key": "row-17", "email": "jane@example.com", "course": "AI Foundations"}),
        ("/api/completions", {}),
        ("/api/v1/sync/manual", {"source": "nowcerts", "direction": "to_ghl", "data": {}}),
        ("/api/v1/sync/manual", {}),
        ("/api/admin/users/{user_id}/sync-kajabi-subscription", {}),
    ],
)
def test_answers_to_posts_of_staff_are_as_described(staff: Any, described: Any, path: str, body: Any) -> None:
    headers = bearer(staff)
    for _time in range(2):
        described(path, "post", Client().post(concrete(path), body, "application/json", headers=headers))
    other = {**body, "email": "another@example.com"}
    described(path, "post", Client().post(concrete(path), other, "application/json", headers=headers))
    described(path, "post", Client().post(concrete(path), body, "application/json"))


@pytest.mark.parametrize("path", ["/api/kajabi/setup-password", "/api/kajabi/resend-setup-email"])
def test_answers_to_front_ends_are_as_described(described: Any, path: str) -> None:
    person = {"email": "jane@example.com", "token": "x", "password": "x"}
    for body, kind in [
        (person, "application/json"),
        ({}, "application/json"),
        ("{", "application/json"),
        ("", "text/plain"),
    ]:
        described(path, "post", Client().post(path, body, content_type=kind))
    described(path, "post", Client().get(path))
    described(path, "post", Client().post(path, {"email": "x" * 70_000}, content_type="application/json"))
    for _time in range(4):
        answer = Client().post(path, person, content_type="application/json")
        described(path, "post", answer)


@pytest.mark.parametrize("path", ["/configurar-webhooks-kajabi", "/gestionar-webhooks-kajabi"])
def test_answers_to_operators_are_as_described(described: Any, settings: Any, path: str) -> None:
    password = {"Authorization": f"Bearer {settings.WEBHOOK_CONFIG_PASSWORD}"}
    asked = [("get", {}), ("post", {}), ("get", password), ("post", password)]
    for method, headers in asked:
        described(path, method, getattr(Client(), method)(f"{path}?action=list", headers=headers))
    described(path, "get", Client().put(path))
    settings.WEBHOOK_CONFIG_PASSWORD = ""
    described(path, "get", Client().get(path))
