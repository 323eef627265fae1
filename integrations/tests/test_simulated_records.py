"""NowCerts' and GoHighLevel's fixtures as `manage.py simulate` sends them, and anything that looks like one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.commerce.models import Policy
from accounts.people.models import Contact
from core.queue import runner
from integrations import providers, registry
from integrations.inbox.models import InboxEvent
from tests.harness.environment import examples

pytestmark = pytest.mark.django_db
TOKEN = "a-token-that-only-these-tests-know"
KEYS = ("nowcerts", "gohighlevel")
FOLDER = Path(providers.__path__[0])
FIXTURES = [(key, path) for key in KEYS for path in sorted((FOLDER / key / "tests" / "fixtures").glob("*.json"))]
ANN = {"email": "ann@example.com", "first_name": "Ann", "last_name": "Lee"}
# Without the API nothing can be read of what they name.
BARE = {"INSURED_UPDATE__notice", "POLICY_UPDATE__notice"}


@pytest.fixture(autouse=True)
def _configured_both(settings: Any, _configured: None) -> None:
    settings.NOWCERTS_WEBHOOK_TOKEN = settings.GHL_WEBHOOK_TOKEN = [TOKEN]
    settings.NOWCERTS_USERNAME = settings.GHL_API_KEY = ""
    settings.GHL_LOCATION_ID = "loc_of_tests"
    settings.RATE_LIMIT_VERIFIED = 10**6


def personal(key: str, path: Path) -> dict[str, Any]:
    simulation = registry.provider(key).simulation
    assert simulation is not None
    return simulation.personalise(json.loads(path.read_text(encoding="utf-8")), ANN)


def url_of(key: str) -> str:
    (endpoint,) = registry.provider(key).endpoints
    return f"/{endpoint.path}/{TOKEN}"


@pytest.mark.parametrize(("key", "path"), FIXTURES, ids=[f"{key} {path.stem}" for key, path in FIXTURES])
def test_a_fixture_becomes_somebodys_own_event(post: Any, drain: Any, key: str, path: Path) -> None:
    answer = post(personal(key, path), url_of(key), sign=False)
    assert answer.status_code == 200, answer.content
    drain()
    event = InboxEvent.objects.get()
    assert event.event_type == path.stem.split("__")[0]
    if path.stem in BARE:
        assert event.status == "unmatched"
    elif path.stem.startswith("Opportunity"):
        assert event.status == "ignored"
    else:
        assert event.status == "processed", event.reason
        people = [] if path.stem.startswith("ContactDelete") else ["ann@example.com"]
        assert [contact.email for contact in Contact.objects.all()] == people


def test_one_persons_simulated_events_stay_one_contact(post: Any, drain: Any) -> None:
    for key, path in FIXTURES:
        post(personal(key, path), url_of(key), sign=False)
        drain()
    contact = Contact.objects.get()
    assert (contact.email, contact.name) == ("ann@example.com", "Ann Lee")
    assert {policy.number for policy in Policy.objects.all()} == {"POL-12345", "Q-77"}
    kinds = set(contact.mappings.values_list("provider", "kind"))
    assert kinds == {(key, kind) for key in KEYS for kind in ("contact", "email")}


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "0", "\x00", "\ud800", "9" * 300, "jane@example.com", "2026-06-01", "1e400", "$1,200.50"]),
)
TYPES = sorted({one for key in KEYS for one in (*registry.provider(key).handled, *registry.provider(key).ignored)})
WORDS = st.sampled_from(
    [
        *("event_type", "EventType", "event", "type", "timestamp", "data", "contact", "id", "contact_id", "webhookId"),
        *("email", "eMail", "eMail2", "firstName", "last_name", "name", "phone", "address", "city", "street", "zip"),
        *("insuredDatabaseId", "PolicyDatabaseId", "databaseId", "policyNumber", "number", "premium", "carrier"),
        *("effectiveDate", "expirationDate", "isQuote", "insuredEmail", "customFields", "customFieldsSimple", "text"),
        *("value", "tags", "locationId", "dateUpdated", "dateAdded", "dateOfBirth", "changeDate", "policyType"),
    ]
)
RECORD = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=20,
)
BODY = st.dictionaries(WORDS, RECORD, max_size=8).flatmap(
    lambda body: st.sampled_from(TYPES).flatmap(
        lambda kind: st.sampled_from([{"event_type": kind}, {"event": kind}, {"type": kind}, {}]).map(
            lambda envelope: body | envelope
        )
    )
)


@settings(max_examples=examples(150))
@given(body=BODY)
@pytest.mark.parametrize("key", KEYS)
def test_anything_like_an_event_comes_to_an_end_without_a_retry(post: Any, key: str, body: dict[str, Any]) -> None:
    before = list(InboxEvent.objects.values_list("pk", flat=True))
    answer = post(json.dumps(body).encode(), url_of(key), sign=False)
    assert answer.status_code in (200, 409, 422), answer.content
    stored = InboxEvent.objects.exclude(pk__in=before)
    if stored:
        answers = [one["status"] for one in answer.json().get("batch", [])] or [answer.status_code]
        assert set(answers) != {409}
        assert (422 in answers) == stored.filter(status="failed").exists()
    for event in stored or [InboxEvent.objects.latest("pk")]:
        runner.run(InboxEvent, event.pk)
        event.refresh_from_db()
        assert event.status != "pending", event.last_error
