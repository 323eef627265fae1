"""Kajabi's hooks: which are ours, what configuring does to each, and what is never shown."""

import dataclasses
from typing import Any

import pytest

from integrations.providers.kajabi.client import KajabiClient
from integrations.providers.kajabi.hook_states import HooksIncomplete
from integrations.providers.kajabi.hooks import EVENTS, KajabiHooks, missing_events
from integrations.toolkit.failures import NotConfigured, Refused
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, errors, too_many

FRONTEND = "https://hub.example.com"
TOKENS = ["first-token-of-tests", "older+token/of tests"]
TARGET = f"{FRONTEND}/kajabi-webhook/first-token-of-tests"
SHOWN = f"{FRONTEND}/kajabi-webhook/•••"
FOREIGN = "https://hooks.example.net/catch/1234/s3cret?key=abc"


@pytest.fixture
def hooks(client: KajabiClient) -> KajabiHooks:
    return KajabiHooks(client, frontend_url=FRONTEND, tokens=TOKENS)


def keep(kajabi: FakeKajabi, external_id: str, event: str, target_url: str, **more: Any) -> None:
    hook = records.hook(external_id, event=event, target_url=target_url, site_id=more.pop("site_id", "1"))
    hook["attributes"] |= more
    kajabi.add(hook)


def kept(kajabi: FakeKajabi) -> list[tuple[str, str]]:
    attributes = [hook["attributes"] for hook in kajabi.records["hooks"].values()]
    return [(one["event"], one["target_url"]) for one in attributes]


def results(outcomes: Any) -> list[tuple[str, str]]:
    return [(outcome.event, outcome.result.value) for outcome in outcomes]


def changes(kajabi: FakeKajabi) -> list[str]:
    """The changing requests about hooks, in their order."""
    asked = [exchange.asked for exchange in kajabi.exchanges if exchange.asked.path.startswith("/v1/hooks")]
    return [one.method for one in asked if one.method != "GET"]


def test_six_hooks_are_made_where_there_are_none(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    assert results(hooks.configure()) == [(event, "created") for event in EVENTS]
    assert kept(kajabi) == [(event, TARGET) for event in EVENTS]
    sites = {hook["relationships"]["site"]["data"]["id"] for hook in kajabi.records["hooks"].values()}
    assert sites == {"1"}


def test_second_time_everything_is_kept_and_nothing_sent(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    hooks.configure()
    before, sent = kept(kajabi), changes(kajabi)
    assert results(hooks.configure()) == [(event, "kept") for event in EVENTS]
    assert (kept(kajabi), changes(kajabi)) == (before, sent)


@pytest.mark.parametrize(
    "old",
    [
        f"{FRONTEND}/kajabi-webhook",
        f"{FRONTEND}/kajabi-webhook/",
        f"{FRONTEND}/kajabi-webhook/a-retired-token",
        f"{TARGET}/",
        "http://hub.example.com/kajabi-webhook",
        "https://HUB.example.com:443/kajabi-webhook/x",
        "https://old.example.com/kajabi-webhook/first-token-of-tests",
        "https://old.example.com/kajabi-webhook/older%2Btoken%2Fof%20tests",
    ],
)
def test_ours_with_another_address_is_replaced_the_new_one_first(
    hooks: KajabiHooks, kajabi: FakeKajabi, old: str
) -> None:
    hooks.configure()
    purchase = next(iter(kajabi.records["hooks"]))
    kajabi.records["hooks"][purchase]["attributes"]["target_url"] = old
    sent = len(changes(kajabi))
    assert results(hooks.configure())[0] == ("purchase", "replaced")
    assert changes(kajabi)[sent:] == ["POST", "DELETE"]
    assert sorted(kept(kajabi)) == sorted((event, TARGET) for event in EVENTS)
    assert purchase not in kajabi.records["hooks"]


@pytest.mark.parametrize(
    "foreign",
    [
        FOREIGN,
        "https://other.example.com/kajabi-webhook/somebody-elses-token",
        f"{FRONTEND}/kajabi-webhooks",
        f"{FRONTEND}/another/kajabi-webhook",
        f"{FRONTEND}:8443/kajabi-webhook/x",
        "https://hub.example.com.evil.example/kajabi-webhook",
        "https://[broken/kajabi-webhook",
        "https://hub.example.com:port/kajabi-webhook",
        "\ud800",
        "",
    ],
)
def test_foreign_hook_is_left_alone(hooks: KajabiHooks, kajabi: FakeKajabi, foreign: str) -> None:
    keep(kajabi, "5", "purchase", foreign)
    outcomes = hooks.configure()
    assert results(outcomes) == [*((event, "created") for event in EVENTS), ("purchase", "foreign")]
    assert kept(kajabi)[0] == ("purchase", foreign)
    assert "DELETE" not in changes(kajabi)


def test_hooks_of_another_site_are_not_looked_at(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    keep(kajabi, "5", "purchase", f"{FRONTEND}/kajabi-webhook", site_id="2")
    assert hooks.listed() == []
    assert results(hooks.configure()) == [(event, "created") for event in EVENTS]
    assert "5" in kajabi.records["hooks"]


def test_hook_for_one_tag_does_not_stand_for_all(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    keep(kajabi, "5", "tag_added", TARGET, resource_id=31)
    assert dict(results(hooks.configure()))["tag_added"] == "replaced"
    assert "5" not in kajabi.records["hooks"]


def test_what_is_there_twice_is_removed_and_the_oldest_kept(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    for external_id in ("10", "9"):
        keep(kajabi, external_id, "purchase", TARGET)
    keep(kajabi, "8", "purchase", f"{FRONTEND}/kajabi-webhook/old")
    outcomes = hooks.configure()
    assert [(one.external_id, one.result.value) for one in outcomes[:3]] == [
        ("9", "kept"),
        ("8", "removed"),
        ("10", "removed"),
    ]
    assert sorted(kept(kajabi)) == sorted((event, TARGET) for event in EVENTS)


def test_breaking_off_says_what_was_done_and_going_on_finishes(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    original = kajabi.answer

    def breaks(asked: Any) -> Any:
        return errors(422, "invalid", "no") if b"order_created" in asked.body else original(asked)

    kajabi.answer = breaks  # type: ignore[method-assign]
    with pytest.raises(
        HooksIncomplete, match=r"^order_created: Kajabi: POST /v1/hooks was answered with 422"
    ) as caught:
        hooks.configure()
    assert results(caught.value.outcomes) == [("purchase", "created"), ("payment_succeeded", "created")]
    kajabi.answer = original  # type: ignore[method-assign]
    assert [result for _event, result in results(hooks.configure())] == ["kept"] * 2 + ["created"] * 4


def test_new_hook_that_fails_leaves_the_old_one_in_place(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    keep(kajabi, "5", "purchase", f"{FRONTEND}/kajabi-webhook")
    original = kajabi.answer
    kajabi.answer = lambda asked: (
        errors(403, "no", "no") if asked.method == "POST" and "hooks" in asked.path else original(asked)
    )  # type: ignore[method-assign]
    with pytest.raises(HooksIncomplete):
        hooks.configure()
    assert kept(kajabi) == [("purchase", f"{FRONTEND}/kajabi-webhook")]


def test_list_says_what_each_is_and_what_is_missing(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    keep(kajabi, "5", "purchase", TARGET)
    keep(kajabi, "6", "tag_added", f"{FRONTEND}/kajabi-webhook")
    keep(kajabi, "70", "tag_added", FOREIGN)
    found = hooks.listed()
    assert [dataclasses.astuple(hook) for hook in found] == [
        ("5", "purchase", SHOWN, "current"),
        ("6", "tag_added", f"{FRONTEND}/kajabi-webhook", "outdated"),
        ("70", "tag_added", "https://hooks.example.net/catch/•••?•••", "foreign"),
    ]
    assert missing_events(found) == [event for event in EVENTS if event != "purchase"]


def test_list_reads_every_page(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    hooks.configure()
    kajabi.largest_page = 2
    assert len(hooks.listed()) == 6


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (f"https://x.example/{TOKENS[0]}", "https://x.example/•••"),
        ("https://x.example/3f2a9c/b", "https://x.example/•••/•••"),
        ("https://jane:secret@x.example/hooks", "https://x.example/hooks"),
        ("https://x.example:8443/hooks/a?b=c", "https://x.example:8443/hooks/•••?•••"),
        ("https://x.example", "https://x.example"),
        ("no address", "•••"),
    ],
)
def test_no_target_is_shown_whole(hooks: KajabiHooks, kajabi: FakeKajabi, target: str, shown: str) -> None:
    keep(kajabi, "5", "purchase", target)
    assert hooks.listed()[0].target == shown


def test_one_hook_is_created_once(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    assert hooks.create("tag_added").result == "created"
    assert hooks.create("tag_added").result == "kept"
    elsewhere = hooks.create("tag_added", target_url=f" {FOREIGN} ")
    assert (elsewhere.result, elsewhere.target) == ("created", "https://hooks.example.net/catch/•••?•••")
    assert kept(kajabi) == [("tag_added", TARGET), ("tag_added", FOREIGN)]


@pytest.mark.parametrize(
    ("event", "url"),
    [
        ("refund", ""),
        ("", ""),
        ("purchase", "http://x.example/a"),
        ("purchase", "https:///a"),
        ("purchase", "https://jane:secret@x.example/a"),
        ("purchase", "https://x.example/a b"),
        ("purchase", "https://x.example:port/"),
        ("purchase", "javascript:alert(1)"),
        ("purchase", "https://x.example/" + "a" * 2000),
    ],
)
def test_what_makes_no_sense_is_not_created(hooks: KajabiHooks, kajabi: FakeKajabi, event: str, url: str) -> None:
    with pytest.raises(ValueError, match="event|URL"):
        hooks.create(event, target_url=url)
    assert kajabi.exchanges == []


def test_hook_is_deleted_by_its_id(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    keep(kajabi, "5", "purchase", FOREIGN)
    assert hooks.delete("5") is True
    assert hooks.delete("5") is False
    assert kept(kajabi) == []


@pytest.mark.parametrize("hook_id", ["", "..", "5/6", "5?x=1", "5\n", "a" * 65])
def test_what_cannot_be_an_id_is_not_sent(hooks: KajabiHooks, kajabi: FakeKajabi, hook_id: str) -> None:
    with pytest.raises(ValueError, match="the id of a hook"):
        hooks.delete(hook_id)
    assert kajabi.exchanges == []


@pytest.mark.parametrize(
    ("frontend", "tokens", "says"),
    [
        (FRONTEND, [], "set KAJABI_WEBHOOK_TOKEN"),
        (FRONTEND, ["a/b"], "holds a slash"),
        ("http://hub.example.com", TOKENS, "set FRONTEND_URL to its public address, https://"),
        ("https://", TOKENS, "set FRONTEND_URL"),
    ],
)
def test_what_is_not_configured_is_said_before_anything_is_changed(
    client: KajabiClient, kajabi: FakeKajabi, frontend: str, tokens: list[str], says: str
) -> None:
    keep(kajabi, "5", "purchase", f"{FRONTEND}/kajabi-webhook")
    hooks = KajabiHooks(client, frontend_url=frontend, tokens=tokens)
    for change in (hooks.configure, lambda: hooks.create("purchase")):
        with pytest.raises(NotConfigured, match=says):
            change()
    assert changes(kajabi) == []
    assert len(hooks.listed()) == 1, "looking is possible all the same"


def test_without_credentials_it_says_which(settings: Any) -> None:
    settings.KAJABI_CLIENT_ID = settings.KAJABI_CLIENT_SECRET = ""
    with pytest.raises(NotConfigured, match="KAJABI_CLIENT_ID and KAJABI_CLIENT_SECRET"):
        KajabiHooks.from_settings()


def test_unknown_site_is_said_with_the_names_that_there_are(kajabi: FakeKajabi, settings: Any) -> None:
    settings.KAJABI_SITE_ID, settings.KAJABI_SITE_NAME = "", "Another Academy"
    with pytest.raises(NotConfigured, match="there are: 'Enlace Academy'"):
        KajabiHooks.from_settings().listed()


def test_address_in_a_subfolder_is_ours_too(client: KajabiClient, kajabi: FakeKajabi) -> None:
    hooks = KajabiHooks(client, frontend_url=f"{FRONTEND}/hub/", tokens=TOKENS)
    keep(kajabi, "5", "purchase", f"{FRONTEND}/hub/kajabi-webhook")
    assert results(hooks.configure())[0] == ("purchase", "replaced")
    assert ("purchase", f"{FRONTEND}/hub/kajabi-webhook/first-token-of-tests") in kept(kajabi)


def test_kajabis_errors_do_not_tell_the_token(hooks: KajabiHooks, kajabi: FakeKajabi) -> None:
    kajabi.misbehave(errors(422, "is invalid", f"target_url {TARGET} was refused"), on="/v1/hooks")
    with pytest.raises(Refused) as caught:
        hooks.listed()
    assert TOKENS[0] not in str(caught.value)


def test_too_many_requests_are_waited_for(hooks: KajabiHooks, kajabi: FakeKajabi, waits: list[float]) -> None:
    kajabi.misbehave(too_many(), too_many(), on="/v1/hooks")
    assert len(hooks.configure()) == 6
    assert len(waits) == 2
