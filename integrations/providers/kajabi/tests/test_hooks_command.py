"""`manage.py kajabi_hooks`: its tables, and that it fails where something failed."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from integrations.providers.kajabi.hooks import EVENTS
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, errors

FRONTEND = "https://hub.example.com"
TOKEN = "a-token-that-only-tests-know"


@pytest.fixture(autouse=True)
def _configured_for_https(settings: Any, kajabi: FakeKajabi) -> None:
    settings.FRONTEND_URL = FRONTEND


def run(*arguments: str, written: StringIO | None = None) -> list[list[str]]:
    """The lines of the output, as their columns."""
    output = written or StringIO()
    call_command("kajabi_hooks", *arguments, stdout=output)
    assert TOKEN not in output.getvalue()
    return [line.split() for line in output.getvalue().splitlines()]


def test_configure_then_list_then_delete(kajabi: FakeKajabi) -> None:
    head, *lines = run("configure")
    assert head == ["id", "event", "result", "url"]
    assert [line[1:] for line in lines] == [[event, "created", f"{FRONTEND}/kajabi-webhook/•••"] for event in EVENTS]
    assert [line[1:3] for line in run("list")[1:]] == [[event, "current"] for event in EVENTS]
    assert run("delete", lines[0][0], lines[1][0]) == [["deleted", lines[0][0]], ["deleted", lines[1][0]]]
    assert "missing: purchase, payment_succeeded;" in " ".join(run("list")[-1])
    assert len(kajabi.records["hooks"]) == 4


def test_one_is_created(kajabi: FakeKajabi) -> None:
    assert run("create", "purchase")[1][1:3] == ["purchase", "created"]
    assert run("create", "purchase")[1][1:3] == ["purchase", "kept"]
    assert run("create", "purchase", "--url", "https://x.example/hooks/a")[1][3] == "https://x.example/hooks/•••"


def test_unknown_id_fails_after_the_others_were_deleted(kajabi: FakeKajabi) -> None:
    kajabi.add(records.hook("5", event="purchase", target_url="https://x.example", site_id="1"))
    with pytest.raises(CommandError, match="Kajabi has no hook 404"):
        run("delete", "404", "5")
    assert kajabi.records["hooks"] == {}


def test_breaking_off_shows_what_was_done_and_fails(kajabi: FakeKajabi) -> None:
    original = kajabi.answer
    kajabi.answer = lambda asked: (  # type: ignore[method-assign]
        errors(422, "invalid", "no") if b"payment_succeeded" in asked.body else original(asked)
    )
    written = StringIO()
    with pytest.raises(CommandError, match=r"Not all hooks could be configured\. payment_succeeded: Kajabi: POST"):
        run("configure", written=written)
    assert "purchase  created" in written.getvalue()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("KAJABI_WEBHOOK_TOKEN", [], "set KAJABI_WEBHOOK_TOKEN"),
        ("FRONTEND_URL", "http://127.0.0.1:8000", "set FRONTEND_URL"),
        ("KAJABI_CLIENT_ID", "", "set KAJABI_CLIENT_ID"),
        ("KAJABI_CLIENT_SECRET", "wrong", "401"),
    ],
)
def test_missing_setting_is_named(settings: Any, setting: str, value: Any, says: str) -> None:
    setattr(settings, setting, value)
    with pytest.raises(CommandError, match=says):
        run("configure")


@pytest.mark.parametrize("arguments", [(), ("remove",), ("create",), ("create", "refund"), ("delete",)])
def test_wrong_call_is_refused(kajabi: FakeKajabi, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
    assert kajabi.exchanges == []
