"""Rules for fields and pipelines in the console: what can be said in them, and what is there to choose from."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import list_of
from integrations import registry
from integrations.contracts.mirror import Deals, Stage
from integrations.fields.models import FieldPlace, FieldRule, PipelineRule
from integrations.toolkit.failures import TemporaryFailure
from tests.fakes import gohighlevel
from tests.fakes.gohighlevel import FakeGoHighLevel

pytestmark = pytest.mark.django_db
Place = tuple[str, str]
STAGES = [
    Stage(pipeline_id="pipe1", stage_id="s1", pipeline_name="Policies", stage_name="New"),
    Stage(pipeline_id="pipe1", stage_id="s2", pipeline_name="Policies", stage_name="Bound"),
    Stage(pipeline_id="pipe2", stage_id="s3", pipeline_name="<b>Life</b>", stage_name="New"),
]


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def ghl(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoHighLevel]:
    """GoHighLevel's API, with one custom field for contacts and one for opportunities."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.MAX_RETRIES = 0
    settings.GHL_LOCATION_ID, settings.GHL_API_KEY = gohighlevel.LOCATION_ID, gohighlevel.API_KEY
    with FakeGoHighLevel() as fake:
        settings.GHL_BASE_URL = fake.url
        fake.custom_fields = [
            {"id": "f1", "name": "Birth <place>", "fieldKey": "contact.birth_place", "model": "contact"},
            {"id": "f2", "name": "Carrier", "fieldKey": "opportunity.carrier", "model": "opportunity"},
        ]
        yield fake


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[Stage | Exception]:
    """Replace GoHighLevel's answer about its stages by a list; an exception in it is raised."""
    told: list[Stage | Exception] = list(STAGES)

    class Book:
        def stages(self) -> list[Any]:
            for one in told:
                if isinstance(one, Exception):
                    raise one
            return told

    deals = Deals(identity="contact", open=lambda patience: Book(), stages=dict)  # type: ignore[arg-type,return-value]
    provider = replace(registry.provider("gohighlevel"), deals=deals)
    monkeypatch.setattr(registry, "all_providers", lambda: {"gohighlevel": provider})
    settings.GHL_LOCATION_ID, settings.GHL_API_KEY = "a-location", "a-key"
    return told


def rule_of(name: str, *places: Place, authority: str = "") -> dict[str, Any]:
    """The form of a new rule as a browser sends it."""
    total = {"places-TOTAL_FORMS": str(len(places)), "places-INITIAL_FORMS": "0"}
    rows = {
        f"places-{number}-{field}": value
        for number, place in enumerate(places)
        for field, value in zip(("provider", "remote_name"), place, strict=True)
    }
    return {"name": name, "authority": authority, **total, **rows}


def add(client: Client, model: Any, answers: dict[str, Any]) -> list[str]:
    """Sends the form for a new row; what is wrong with it."""
    response = client.post(f"{list_of(model)}add/", answers)
    if response.status_code == 302:
        return []
    found = response.context["errors"]
    return [str(error) for group in found for error in ([group] if isinstance(group, str) else group)]


@pytest.mark.parametrize("name", ["phone", "email", "subscribed", "birth_place", "Renewal-Day"])
def test_rule_is_for_a_standard_field_or_an_own_name(name: str, console: Client) -> None:
    assert add(console, FieldRule, rule_of(f" {name} ", authority="nowcerts")) == []
    rule = FieldRule.objects.get()
    assert (rule.name, rule.authority) == (name, "nowcerts")


@pytest.mark.parametrize("name", ["", "birth place", "1st", "custom:size", "ghl:f1", "nowcerts:Size", "día", "a.b"])
def test_rule_with_another_name_is_refused(name: str, console: Client) -> None:
    assert len(add(console, FieldRule, rule_of(name))) == 1
    assert FieldRule.objects.count() == 0


@pytest.mark.parametrize("authority", ["kajabi", "chatwoot", "nobody"])
def test_authority_must_be_a_mirrored_provider(authority: str, console: Client) -> None:
    assert len(add(console, FieldRule, rule_of("phone", authority=authority))) == 1
    assert FieldRule.objects.count() == 0


def test_a_custom_field_has_a_place_at_each_side(console: Client) -> None:
    places = (("nowcerts", " Birth place "), ("gohighlevel", "ghl:f1"))
    assert add(console, FieldRule, rule_of("birth_place", *places)) == []
    found = FieldPlace.objects.order_by("provider").values_list("rule__name", "provider", "remote_name")
    assert list(found) == [("birth_place", "gohighlevel", "f1"), ("birth_place", "nowcerts", "Birth place")]
    page = console.get(list_of(FieldRule)).content.decode()
    assert "NowCerts Birth place, GoHighLevel f1" in page


@pytest.mark.parametrize(
    ("name", "place", "error"),
    [
        ("phone", ("nowcerts", "Phone 2"), "phone is a standard field of every provider"),
        ("website", ("gohighlevel", "f1"), "website is a standard field of GoHighLevel."),
        ("birth_place", ("kajabi", "x"), "Select a valid choice"),
        ("birth_place", ("", "x"), "This field is required."),
    ],
)
def test_invalid_places_are_refused(name: str, place: Place, error: str, console: Client) -> None:
    errors = add(console, FieldRule, rule_of(name, place))
    assert len(errors) == 1
    assert errors[0].startswith(error)
    assert FieldRule.objects.count() == FieldPlace.objects.count() == 0


def test_existing_custom_fields_are_offered_and_others_refused(console: Client, ghl: FakeGoHighLevel) -> None:
    page = console.get(f"{list_of(FieldRule)}add/").content.decode()
    assert '<option value="f1">GoHighLevel: Birth &lt;place&gt;</option>' in page
    assert 'list="offered-fields"' in page
    assert "Carrier" not in page
    errors = add(console, FieldRule, rule_of("birth_place", ("gohighlevel", "f2")))
    assert errors == ["GoHighLevel has no such custom field."]
    assert add(console, FieldRule, rule_of("birth_place", ("gohighlevel", "f1"))) == []


@pytest.mark.parametrize("name", ["tags", "dnd", "assignedTo"])
def test_what_gohighlevel_alone_has_is_offered_for_a_rule(name: str, console: Client, ghl: FakeGoHighLevel) -> None:
    assert f'<option value="{name}">GoHighLevel: ' in console.get(f"{list_of(FieldRule)}add/").content.decode()
    assert add(console, FieldRule, rule_of("labels", ("gohighlevel", name), ("nowcerts", "Labels"))) == []


def test_unreachable_provider_does_not_fail_the_page(console: Client, ghl: FakeGoHighLevel) -> None:
    ghl.misbehave(*[gohighlevel.Answer(status=503)] * 9)
    page = console.get(f"{list_of(FieldRule)}add/").content.decode()
    assert "GoHighLevel cannot be asked for its custom fields now" in page
    assert add(console, FieldRule, rule_of("birth_place", ("gohighlevel", "f9"))) == []


def test_rule_page_says_that_it_changes_no_contact(console: Client) -> None:
    assert "A change here changes no contact by itself" in console.get(f"{list_of(FieldRule)}add/").content.decode()


def test_rules_are_changed_by_whoever_may_and_shown_to_whoever_may_look(db: None) -> None:
    rule = FieldRule.objects.create(name="birth_place", authority="nowcerts")
    FieldPlace.objects.create(rule=rule, provider="nowcerts", remote_name="Birth place")
    pipeline = PipelineRule.objects.create(
        provider="gohighlevel", line_of_business="Auto", pipeline_id="pipe1", stage_id="s1"
    )
    looking = clerk("view_fieldrule", "view_fieldplace", "view_pipelinerule")
    for row, text in ((rule, "Birth place"), (pipeline, "pipe1")):
        assert text in looking.get(page_of(row)).content.decode()
        assert looking.post(page_of(row), {"name": "x"}).status_code == 403
    assert looking.get(f"{list_of(FieldRule)}add/").status_code == 403
    rule.refresh_from_db()
    assert rule.name == "birth_place"


def pipeline_of(line: str, stage_id: str, **more: str) -> dict[str, str]:
    return {"provider": "gohighlevel", "line_of_business": line, "stage_id": stage_id} | more


def test_a_stage_is_chosen_by_its_name_and_brings_its_pipeline(console: Client, stages: list[Any]) -> None:
    page = console.get(f"{list_of(PipelineRule)}add/").content.decode()
    assert '<optgroup label="&lt;b&gt;Life&lt;/b&gt;">' in page
    assert '<option value="s2">Bound</option>' in page
    assert add(console, PipelineRule, pipeline_of(" Life ", "s3")) == []
    rule = PipelineRule.objects.get()
    assert (rule.line_of_business, rule.pipeline_id, rule.stage_id) == ("Life", "pipe2", "s3")
    assert (rule.pipeline_name, rule.stage_name) == ("<b>Life</b>", "New")
    page = console.get(list_of(PipelineRule)).content.decode()
    assert "&lt;b&gt;Life&lt;/b&gt;" in page
    assert "pipe2" not in page


def test_stage_that_no_longer_exists_is_refused_but_shown(console: Client, stages: list[Any]) -> None:
    assert add(console, PipelineRule, pipeline_of("Life", "s9")) == ["The provider has no such stage."]
    assert PipelineRule.objects.count() == 0
    rule = PipelineRule.objects.create(provider="gohighlevel", line_of_business="*", pipeline_id="p", stage_id="s9")
    assert '<option value="s9" selected>s9 (no longer exists)</option>' in console.get(page_of(rule)).content.decode()


def test_a_line_of_business_has_one_rule_in_whatever_case_it_is_written(console: Client, stages: list[Any]) -> None:
    assert add(console, PipelineRule, pipeline_of("Auto", "s1")) == []
    assert add(console, PipelineRule, pipeline_of("AUTO", "s2")) == [
        "There is a rule for this line of business already."
    ]
    assert PipelineRule.objects.count() == 1


def test_stage_ids_are_typed_where_stages_cannot_be_read(console: Client, stages: list[Any]) -> None:
    stages[:] = [TemporaryFailure("GoHighLevel is down", status=503)]
    page = console.get(f"{list_of(PipelineRule)}add/").content.decode()
    assert "the stages cannot be read now. GoHighLevel is down" in page
    assert add(console, PipelineRule, pipeline_of("Auto", "s1", pipeline_id="pipe1")) == []
    assert add(console, PipelineRule, pipeline_of("Life", "s1")) == ["This field is required."]
    assert [rule.pipeline_id for rule in PipelineRule.objects.all()] == ["pipe1"]
    assert "pipe1" in console.get(list_of(PipelineRule)).content.decode(), "its name is not known"
