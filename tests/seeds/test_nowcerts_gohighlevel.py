"""The two-way sync's document, example by example: what its curl sends to a server that really runs, and what comes of
it at a fake NowCerts and a fake GoHighLevel. Each request carries the sender's proof, which the document leaves out.
"""

import hashlib
import hmac
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.harness.embedded import Embedded, embedded
from tests.harness.environment import STAFF_EMAIL
from tests.harness.fake_sides import GHL_TOKEN, NOWCERTS_TOKEN, FakeSides, fake_sides
from tests.harness.process import ROOT, wait_until

pytestmark = pytest.mark.embedded

NOWCERTS, GHL, MANUAL = "/api/v1/webhooks/nowcerts", "/api/v1/webhooks/ghl", "/api/v1/sync/manual"
SECRET = "a-secret-of-the-document-for-tests-only"
PROOFS = {NOWCERTS: {"X-Webhook-Token": NOWCERTS_TOKEN}, GHL: {"X-Webhook-Token": GHL_TOKEN}}
Record = dict[str, Any]

# "Flujo 1: NowCerts → GHL"
INSURED_INSERT = """{
     "event_type": "INSURED_INSERT",
     "timestamp": "2024-01-15T10:30:00Z",
     "data": {
       "firstName": "Juan",
       "lastName": "Pérez",
       "email": "juan@example.com",
       "phone": "+1234567890",
       "address": {
         "street": "123 Main St",
         "city": "Miami",
         "state": "FL",
         "zip": "33101"
       }
     }
   }"""
# "Flujo 2: GHL → NowCerts"
CONTACT_CREATED = """{
     "event": "contact.created",
     "contact": {
       "firstName": "María",
       "lastName": "González",
       "email": "maria@example.com",
       "phone": "+1987654321",
       "address1": "456 Oak Ave",
       "city": "Orlando",
       "state": "FL",
       "postalCode": "32801"
     },
     "locationId": "abc123"
   }"""
# "Flujo 3: Pólizas/Cotizaciones → Oportunidades"
POLICY_INSERT = """{
     "event_type": "POLICY_INSERT",
     "data": {
       "policyNumber": "POL-12345",
       "policyType": "Auto",
       "premium": 1200.00,
       "carrier": "State Farm",
       "effectiveDate": "2024-02-01",
       "expirationDate": "2025-02-01"
     }
   }"""
# "Test 2: Webhook NowCerts (Simulado)"
TEST_2 = """{
    "event_type": "INSURED_INSERT",
    "timestamp": "2024-01-15T10:30:00Z",
    "data": {
      "firstName": "Test",
      "lastName": "User",
      "email": "test@example.com",
      "phone": "+1234567890",
      "address": {
        "street": "123 Test St",
        "city": "Miami",
        "state": "FL",
        "zip": "33101"
      }
    }
  }"""
# "Test 3: Webhook GHL (Simulado)"
TEST_3 = """{
    "event": "contact.created",
    "contact": {
      "firstName": "Test",
      "lastName": "Contact",
      "email": "test2@example.com",
      "phone": "+1987654321",
      "address1": "456 Test Ave",
      "city": "Orlando",
      "state": "FL",
      "postalCode": "32801"
    },
    "locationId": "test_location"
  }"""
# "Test 4: Sincronización Manual"
TEST_4 = """{
    "source": "nowcerts",
    "entity_type": "contact",
    "direction": "to_ghl",
    "data": {
      "firstName": "Manual",
      "lastName": "Sync",
      "email": "manual@example.com",
      "phone": "+1555555555"
    }
  }"""
# "Test 5: Verificar Idempotencia (Duplicados)"
TEST_5 = """{
    "event_type": "INSURED_INSERT",
    "data": {
      "firstName": "Duplicate",
      "email": "duplicate@example.com"
    }
  }"""
DETAILS = ("policy_number", "carrier", "effective_date", "expiration_date")


@pytest.fixture(scope="module")
def sides() -> Iterator[FakeSides]:
    with fake_sides() as made:
        made.ghl.allows_duplicates = True
        made.ghl.custom_fields[:] = [
            {
                "id": f"of_{name}",
                "name": name,
                "fieldKey": f"opportunity.{name}",
                "dataType": "TEXT",
                "model": "opportunity",
            }
            for name in DETAILS
        ]
        yield made


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sides: FakeSides) -> Iterator[Embedded]:
    variables = {"CONTACT_SYNC": "true", "METRICS_TOKEN": "a-monitor", "NOWCERTS_WEBHOOK_SECRET": SECRET}
    with embedded(tmp_path_factory.mktemp("sync"), **sides.environment, **variables) as installation:
        yield installation


@pytest.fixture
def post(app: Embedded, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Post a body as curl does, with the sender's proof or other headers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def send(path: str, body: str, headers: dict[str, str] | None = None) -> requests.Response:
        proof = PROOFS.get(path, {}) if headers is None else headers
        typed = {"Content-Type": "application/json", **proof}
        return requests.post(app.url + path, data=body.encode(), headers=typed, timeout=30)

    return send


@pytest.fixture(scope="module")
def staff_token(app: Embedded) -> str:
    """Create a token of the first member of staff, as the console does."""
    script = (
        "from accounts.models import User\nfrom accounts.staff import tokens\nfrom core.web import access\n"
        f"owner = User.objects.get(email={STAFF_EMAIL!r})\n"
        "print('token:', tokens.make(owner, name='seed', scopes=access.table().scopes)[1])"
    )
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-v", "0", "-c", script]
    output = subprocess.run(command, env=app.env, capture_output=True, text=True, check=True).stdout
    return next(line.removeprefix("token: ") for line in output.splitlines() if line.startswith("token: "))


def with_email(records: dict[str, Record], name: str, email: str) -> list[Record]:
    return [one for one in list(records.values()) if one.get(name) == email]


def only_record(records: dict[str, Record], name: str, email: str) -> Record:
    """Wait for the only record with this address and return it."""
    wait_until(lambda: with_email(records, name, email), seconds=40, what=f"a record of {email}")
    (found,) = with_email(records, name, email)
    return found


# Los tres flujos ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (INSURED_INSERT, ("Juan", "Pérez", "juan@example.com", "+1234567890", "123 Main St", "Miami", "FL", "33101")),
        (TEST_2, ("Test", "User", "test@example.com", "+1234567890", "123 Test St", "Miami", "FL", "33101")),
    ],
    ids=["flujo 1", "test 2"],
)
def test_insured_of_the_document_becomes_a_contact_in_ghl(
    post: Any, sides: FakeSides, body: str, expected: tuple[str, ...]
) -> None:
    answer = post(NOWCERTS, body)
    data = answer.json()
    assert (answer.status_code, data["success"]) == (200, True)
    assert re.fullmatch(r"nowcerts_[0-9a-f]{64}", data["event_id"])
    assert {"success", "message", "event_id", "data"} == set(data)
    contact = only_record(sides.ghl.contacts, "email", expected[2])
    names = ("firstName", "lastName", "email", "phone", "address1", "city", "state", "postalCode")
    assert tuple(contact[name] for name in names) == expected
    assert contact["locationId"] == sides.environment["GHL_LOCATION_ID"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            CONTACT_CREATED,
            ("María", "González", "maria@example.com", "+1987654321", "456 Oak Ave", "Orlando", "FL", "32801"),
        ),
        (TEST_3, ("Test", "Contact", "test2@example.com", "+1987654321", "456 Test Ave", "Orlando", "FL", "32801")),
    ],
    ids=["flujo 2", "test 3"],
)
def test_contact_of_the_document_becomes_an_insured_in_nowcerts_with_source_ghl(
    post: Any, sides: FakeSides, body: str, expected: tuple[str, ...]
) -> None:
    answer = post(GHL, body)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    insured = only_record(sides.nowcerts.insureds, "eMail", expected[2])
    names = ("firstName", "lastName", "eMail", "phone", "addressLine1", "city", "state", "zipCode")
    assert tuple(insured[name] for name in names) == expected
    assert insured["referralSourceCompanyName"] == "GHL"


def test_policy_of_the_document_becomes_an_opportunity_of_its_insured(post: Any, sides: FakeSides) -> None:
    ana = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz")
    listed = {"number": "POL-12345", "lineOfBusinessName": "Auto", "premium": 1200.0, "carrierName": "State Farm"}
    term = {"effectiveDate": "2024-02-01T00:00:00", "expirationDate": "2025-02-01T00:00:00"}
    sides.nowcerts.add_policy(**listed, **term, insuredDatabaseId=ana["id"])
    assert post(NOWCERTS, POLICY_INSERT).status_code == 200
    wait_until(lambda: sides.ghl.opportunities, seconds=40, what="an opportunity")
    (opportunity,) = sides.ghl.opportunities.values()
    assert (opportunity["name"], opportunity["monetaryValue"]) == ("Auto Policy - POL-12345", 1200)
    assert (opportunity["pipelineId"], opportunity["pipelineStageId"]) == ("pipe1", "stage1")
    assert opportunity["contactId"] == only_record(sides.ghl.contacts, "email", "ana@example.com")["id"]
    details = {one["id"].removeprefix("of_"): one["fieldValue"] for one in opportunity["customFields"]}
    assert tuple(details[name] for name in DETAILS) == ("POL-12345", "State Farm", "2024-02-01", "2025-02-01")


# Testing manual paso a paso -------------------------------------------------------------------------------------------


def test_1_health_check(app: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answer = requests.get(f"{app.url}/health", timeout=30)
    expected = {"status": "healthy", "service": "NowCerts GHL Integration API", "version": "1.0.0"}
    assert (answer.status_code, answer.json() | expected) == (200, answer.json())


def test_4_manual_sync(post: Any, sides: FakeSides, staff_token: str) -> None:
    assert post(MANUAL, TEST_4).status_code == 401, "for staff alone"
    answer = post(MANUAL, TEST_4, {"Authorization": f"Token {staff_token}"})
    assert (answer.status_code, answer.json()["success"], answer.json()["data"]["status"]) == (200, True, "done")
    contact = only_record(sides.ghl.contacts, "email", "manual@example.com")
    assert (contact["firstName"], contact["lastName"], contact["phone"]) == ("Manual", "Sync", "+1555555555")
    assert answer.json()["data"]["writes"][0]["external_id"] == contact["id"]


def test_5_repeated_webhook_is_409_evento_ya_procesado(post: Any, app: Embedded, sides: FakeSides) -> None:
    first, second = post(NOWCERTS, TEST_5), post(NOWCERTS, TEST_5)
    assert (first.status_code, first.json()["success"], second.status_code) == (200, True, 409)
    assert second.json() == {"detail": f"Evento ya procesado: {first.json()['event_id']}"}
    assert re.fullmatch(r"Evento ya procesado: nowcerts_[0-9a-f]{64}", second.json()["detail"])
    only_record(sides.ghl.contacts, "email", "duplicate@example.com")
    # "Persistencia de Idempotencia": a restart forgets nothing.
    app.terminate()
    app.start()
    assert post(NOWCERTS, TEST_5).status_code == 409


def test_same_payload_has_the_same_event_id_in_any_key_order(post: Any) -> None:
    one = '{"event_type": "INSURED_INSERT", "data": {"firstName": "Juan", "email": "orden@example.com"}}'
    other = '{"data": {"email": "orden@example.com", "firstName": "Juan"}, "event_type": "INSURED_INSERT"}'
    assert [post(NOWCERTS, body).status_code for body in (one, other)] == [200, 409]


def test_invalid_payload_is_422(post: Any) -> None:
    answer = post(NOWCERTS, '{"event_type": "INSURED_INSERT", "data": {"firstName": "Test"}}')
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "data", "email"])


# Mejoras recomendadas -------------------------------------------------------------------------------------------------


def test_insured_update_changes_the_contact_that_has_the_address(post: Any, sides: FakeSides) -> None:
    there = sides.ghl.add_contact(email="existe@example.com", firstName="Existe", city="Miami")
    update = '{"event_type": "INSURED_UPDATE", "data": {"firstName": "Existe", "email": "existe@example.com", "address": {"city": "Tampa"}}}'  # noqa: E501
    assert post(NOWCERTS, update).status_code == 200
    wait_until(lambda: sides.ghl.contacts[there["id"]]["city"] == "Tampa", seconds=40, what="the change")
    assert len(with_email(sides.ghl.contacts, "email", "existe@example.com")) == 1


def test_ids_of_both_sides_are_mapped_with_the_address(post: Any, app: Embedded, sides: FakeSides) -> None:
    insured = sides.nowcerts.add_insured(eMail="mapa@example.com", firstName="Mapa", lastName="Ruiz")
    body = {"event_type": "INSURED_UPDATE", "data": {"insuredDatabaseId": insured["id"]}}
    assert post(NOWCERTS, json.dumps(body)).status_code == 200
    contact = only_record(sides.ghl.contacts, "email", "mapa@example.com")

    def mapping() -> list[Any]:
        return app.rows.all(
            "SELECT n.external_id AS nowcerts_contact_id, g.external_id AS ghl_contact_id, c.email, n.known_since"
            " FROM accounts_contact c"
            " JOIN accounts_contactmapping n ON n.contact_id = c.id AND n.provider = 'nowcerts' AND n.kind = 'contact'"
            " JOIN accounts_contactmapping g ON g.contact_id = c.id AND g.provider = 'gohighlevel'"
            " AND g.kind = 'contact' WHERE c.email = 'mapa@example.com'"
        )

    wait_until(mapping, seconds=20, what="the two ids of one contact")
    (row,) = mapping()
    assert (row["nowcerts_contact_id"], row["ghl_contact_id"]) == (insured["id"], contact["id"])
    assert row["known_since"] is not None


def test_unproven_webhook_is_refused_and_a_signature_is_verified(post: Any) -> None:
    body = '{"event_type": "INSURED_INSERT", "data": {"firstName": "Firma", "email": "firma@example.com"}}'
    signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    assert post(NOWCERTS, body, {}).status_code == 403
    assert post(NOWCERTS, body + " ", {"X-Webhook-Signature": signature}).status_code == 403
    assert post(NOWCERTS, body, {"X-Webhook-Signature": signature}).status_code == 200


def test_metrics_have_the_names_of_the_document(post: Any, app: Embedded) -> None:
    post(NOWCERTS, TEST_5)
    text = requests.get(f"{app.url}/metrics", headers={"Authorization": "Bearer a-monitor"}, timeout=30).text
    assert re.search(r'^webhook_requests_total\{source="nowcerts",status="409"\} [1-9]', text, re.MULTILINE)
    assert re.search(r'^webhook_duration_seconds_count\{source="nowcerts"\} [1-9]', text, re.MULTILINE)


def test_swagger_is_at_docs(app: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answer = requests.get(f"{app.url}/docs", timeout=30)
    assert answer.status_code == 200
    schema = requests.get(f"{app.url}/api/schema/", headers={"Accept": "application/json"}, timeout=30)
    assert MANUAL in schema.text


# Configuración --------------------------------------------------------------------------------------------------------


def test_environment_of_the_document_is_understood(tmp_path: Path, app: Embedded) -> None:
    """Its `.env.test`, word for word, and the retries that it names."""
    (tmp_path / ".env.test").write_text(
        "# Servidor de prueba\nHOST=127.0.0.1\nPORT=8001\nDEBUG=True\n\n"
        "# NowCerts (Sandbox/Test)\nNOWCERTS_BASE_URL=https://sandbox-api.nowcerts.com\n"
        "NOWCERTS_USERNAME=test_user\nNOWCERTS_PASSWORD=test_password\n\n"
        "# GHL (Test Account)\nGHL_BASE_URL=https://services.leadconnectorhq.com\n"
        "GHL_API_KEY=test_api_key\nGHL_LOCATION_ID=test_location_id\n\n"
        "# Logging detallado\nLOG_LEVEL=DEBUG\nLOG_FILE=logs/test.log\n",
        encoding="utf-8",
    )
    script = (
        "import json\nfrom django.conf import settings\nfrom integrations.toolkit.retries import Retries\n"
        "names = ('NOWCERTS_BASE_URL', 'NOWCERTS_USERNAME', 'NOWCERTS_PASSWORD', 'GHL_BASE_URL', 'GHL_API_KEY',"
        " 'GHL_LOCATION_ID', 'DEBUG', 'MAX_RETRIES', 'RETRY_BACKOFF_FACTOR', 'RETRY_INITIAL_DELAY')\n"
        "read = {name: getattr(settings, name) for name in names}\n"
        "print(json.dumps(read | {'delays': list(Retries.from_settings().delays())}))"
    )
    passed_on = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "VAR_DIR", "SECRET_KEY", "PYTHONUNBUFFERED")
    env = {name: app.env[name] for name in passed_on if name in app.env} | {"ENV_FILE": str(tmp_path / ".env.test")}
    env |= {"VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"import django\ndjango.setup()\n{script}"]
    output = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert json.loads(output.splitlines()[-1]) == {
        "NOWCERTS_BASE_URL": "https://sandbox-api.nowcerts.com",
        "NOWCERTS_USERNAME": "test_user",
        "NOWCERTS_PASSWORD": "test_password",
        "GHL_BASE_URL": "https://services.leadconnectorhq.com",
        "GHL_API_KEY": "test_api_key",
        "GHL_LOCATION_ID": "test_location_id",
        "DEBUG": True,
        "MAX_RETRIES": 3,
        "RETRY_BACKOFF_FACTOR": 2.0,
        "RETRY_INITIAL_DELAY": 1.0,
        "delays": [1.0, 2.0, 4.0],
    }
