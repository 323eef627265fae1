"""Requests of the client, answers of the fake and readings of the dialects, against the vendor's files where they lie
beside the repository. So the fake cannot drift from GoHighLevel, and with it the tests that believe the fake."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integrations.contracts.mirror import Opportunity, Stage
from integrations.providers.gohighlevel import fields, signatures, webhooks
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.providers.gohighlevel.contact_api import MIRROR, GoHighLevelContacts
from integrations.providers.gohighlevel.opportunity_api import GoHighLevelOpportunities
from integrations.toolkit.public_keys import public_key
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.openapi import Specification

FOLDER = Path(__file__).resolve().parents[4].parent / "shared" / "contracts" / "gohighlevel"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="GoHighLevel's files do not lie beside the repository")
NULLABLE_TEXT = {"type": "string", "nullable": True}
JANE = {"email": "jane@example.com", "first_name": "Jane", "phone": "+13055550100", "custom_fields.ghl:f1": "blue"}


@pytest.fixture
def problems(tmp_path: Path) -> Callable[[FakeGoHighLevel], list[str]]:
    """Return what contradicts the vendor's files in all exchanges, each with the common schemas that it refers to."""
    common = json.loads((FOLDER / "common-schemas.json").read_text(encoding="utf-8"))["components"]["schemas"]
    specifications = {}
    for name in ("contacts", "opportunities", "locations"):
        text = (FOLDER / f"{name}.json").read_text(encoding="utf-8").replace("../common/common-schemas.json#", "#")
        document = json.loads(text)
        document["components"]["schemas"] |= common
        if name == "contacts":  # taken by the API, as the vendor's own tracker says (highlevel-api-docs 314)
            document["components"]["schemas"]["UpdateContactDto"]["properties"]["companyName"] = NULLABLE_TEXT
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        specifications[name] = Specification(path)

    def found(fake: FakeGoHighLevel) -> list[str]:
        return [
            problem
            for exchange in fake.exchanges
            for problem in specifications[exchange.asked.path.split("/")[1]].problems(exchange)
        ]

    return found


def test_every_endpoint_of_the_client(problems: Any, client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    contact_id = client.create_contact(fields.write(JANE)).external_id
    client.create_contact(fields.write(JANE))
    client.contact(contact_id)
    client.update_contact(contact_id, fields.write({"city": "Tampa", "custom_fields.website": "https://example.com"}))
    opportunity = {"pipelineId": "pipe1", "pipelineStageId": "stage1", "name": "Auto", "status": "open"}
    made = client.create_opportunity({**opportunity, "contactId": contact_id, "monetaryValue": 1200})
    client.update_opportunity(made.external_id, {"monetaryValue": 1300})
    client.opportunities_of(contact_id)
    ghl.pipelines = [{"id": "pipe1", "name": "Policies", "stages": []}]  # the file calls a stage an array
    client.pipelines()
    client.custom_fields("opportunity")
    assert len(ghl.exchanges) == 9
    assert problems(ghl) == []


def test_every_call_of_the_contact_api(problems: Any, client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    """But for dates of birth, which the file calls objects."""
    api, written = GoHighLevelContacts(client), MIRROR.fields - {"custom_fields.date_of_birth"}
    values = dict.fromkeys(written, "x") | {
        "email": "j@example.com",
        "phone": "+13055550100",
        "custom_fields.ghl:f1": "blue",
    }
    remote = api.read(api.send(api.creation(values)).external_id)
    api.send(api.creation(values))
    api.send(api.change(remote, values))
    assert problems(ghl) == []
    api.send(api.change(remote, dict.fromkeys([*values, "custom_fields.date_of_birth"], "")))
    assert [problem for problem in problems(ghl) if " request " in problem] == []


def test_every_call_of_the_opportunity_api(problems: Any, client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    api = GoHighLevelOpportunities(client)
    ghl.custom_fields = [{"id": "f1", "fieldKey": "opportunity.policy_number", "model": "opportunity"}]
    wanted = Opportunity(title="Auto", amount=120_050, details={"policy_number": "POL-1", "carrier": "Sample Mutual"})
    stage = Stage(pipeline_id="pipe1", stage_id="stage1")
    sent = api.send(api.creation(wanted, contact_id="c1", stage=stage))
    api.send(api.change(api.read(sent.external_id), replace(wanted, title="Auto Policy", amount=130_000)))
    api.of_contact("c1")
    assert len(ghl.exchanges) == 5
    assert problems(ghl) == []


def test_search_for_duplicates_follows_the_vendors_file(
    problems: Any, client: GoHighLevelClient, ghl: FakeGoHighLevel
) -> None:
    """The file describes no answer for it, and for `POST /contacts/search` not even a filter."""
    client.find_contact(email="jane@example.com")
    client.find_contact(phone="+13055550100")
    assert problems(ghl) == ["GET /contacts/search/duplicate: answer has a body"] * 2


@pytest.mark.parametrize("name", ["ContactCreate", "ContactUpdate", "ContactTagUpdate", "ContactDndUpdate"])
def test_contact_samples_of_the_vendor_are_read_whole(name: str) -> None:
    sample = json.loads((FOLDER / "webhooks" / f"{name}.json").read_text(encoding="utf-8"))
    envelope = webhooks.read(sample)
    assert (envelope.event_type, envelope.external_id) == (name, "nmFmQEsNgz6AVpgLVUJ0")
    assert envelope.event_type in webhooks.APP
    assert fields.read(sample) == {
        "email": "JohnDeo@gmail.comm",
        "first_name": "John",
        "last_name": "Deo",
        "phone": "+919509597501",
        "address_line_1": "3535 1st St N",
        "city": "ruDolomitebika",
        "state": "AL",
        "postal_code": "452001",
        "country": "DE",
        "custom_fields.company": "Loram ipsum",
        "custom_fields.website": "https://www.google.com/",
        "custom_fields.date_of_birth": "2000-01-05",
        "custom_fields.source": "xyz form",
        "custom_fields.ghl:BcdmQEsNgz6AVpgLVUJ0": "XYZ Corp",
    }


def test_other_samples_of_the_vendor_are_ignored() -> None:
    samples = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "webhooks").glob("*.json"))]
    assert len(samples) == 15
    types = {webhooks.read(sample).event_type for sample in samples}
    assert types - webhooks.HANDLED == set(webhooks.APP_IGNORED)


@pytest.mark.parametrize(
    ("name", "built_in"),
    [
        ("ghl_x_ghl_signature_ed25519", signatures.ED25519_KEY),
        ("ghl_x_wh_signature_rsa4096", signatures.RSA_KEY),
    ],
)
def test_built_in_keys_are_the_vendors(name: str, built_in: str) -> None:
    key, vendors = public_key(built_in), public_key(str(FOLDER / "keys" / f"{name}.pem"))
    assert key is not None
    assert key == vendors
