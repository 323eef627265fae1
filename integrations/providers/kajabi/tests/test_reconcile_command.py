"""`manage.py reconcile kajabi`: a run that somebody watches, a dry run, the invitations."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from core.queue import runner
from integrations.providers.kajabi.tests.sales import ago, change, sell, stamp
from integrations.reconcile import runs
from integrations.reconcile.models import SyncFinding, SyncRun
from tests.fakes.kajabi import FakeKajabi, html

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "plan")]


def reconcile(*options: str, expects: type[Exception] | None = None) -> str:
    """Return what the command writes; with `expects` the message that it fails with."""
    out = StringIO()
    if expects is None:
        call_command("reconcile", "kajabi", *options, stdout=out)
        return out.getvalue()
    with pytest.raises(expects) as caught:
        call_command("reconcile", "kajabi", *options, stdout=out)
    return str(caught.value)


def rows() -> dict[str, int]:
    models = [model for app in ("accounts", "integrations") for model in apps.get_app_config(app).get_models()]
    return {model._meta.label: model._default_manager.count() for model in models}


def test_first_run_is_shown_page_by_page(kajabi: FakeKajabi) -> None:
    sell(kajabi, 1)
    said = reconcile().splitlines()
    assert said[0].startswith("first sync, page 1 of purchases: 1 pages")
    assert "first sync, done: 3 pages, 1 seen, 1 changed, 0 healed, 0 unmatched, 0 errors" in said
    assert said[-1].startswith("changed  purchase:4001  member1@example.com  member created; subscription active")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_draws_and_then_says_the_same(kajabi: FakeKajabi) -> None:
    sell(kajabi, 1)
    out = Terminal()
    call_command("reconcile", "kajabi", stdout=out)
    assert out.getvalue().startswith("first sync, done: 3 pages, 1 seen, 1 changed")


def test_dry_run_says_exactly_what_the_run_does_and_writes_nothing(kajabi: Any, mailoutbox: Any, drain: Any) -> None:
    for number in (1, 2):
        sell(kajabi, number)
    reconcile()
    SyncRun.objects.update(window_to=timezone.now() - timedelta(hours=2))
    change(kajabi, 1, deactivated_at=stamp(ago(hours=1)))
    sell(kajabi, 3, days_ago=0.05)
    sell(kajabi, 4, days_ago=0.05, offer_id="999")
    before, columns = rows(), list(Subscription.objects.values_list("status", "current_period_end"))

    foretold = reconcile("--dry-run").splitlines()

    drain()
    assert (rows(), list(Subscription.objects.values_list("status", "current_period_end"))) == (before, columns)
    assert mailoutbox == []
    assert foretold[-1] == "Nothing was written."
    assert "it would change 2, heal 1; 1 unmatched, 0 errors" in " ".join(foretold)
    done = reconcile().splitlines()
    kinds = ("changed", "missed", "problem")
    told = [line for line in done if line.startswith(kinds)]
    assert len(told) == 4
    assert [line for line in foretold if line.startswith(kinds)] == told


def test_dry_first_run_knows_people_whom_it_does_not_write(kajabi: Any) -> None:
    sell(kajabi, 1)
    before = rows()
    assert "it would change 1" in reconcile("--dry-run")
    assert rows() == before


def test_dry_audit_names_the_differences_and_writes_nothing(kajabi: Any) -> None:
    sell(kajabi, 1)
    before = rows()
    said = reconcile("--dry-run", "--full")
    assert "bought at the provider, unknown here" in said
    assert "1 differences" in said
    assert rows() == before


def test_invitations_go_to_those_with_access_at_the_pace_that_was_asked_for(kajabi: Any) -> None:
    for number in (1, 2, 3):
        sell(kajabi, number)
    sell(kajabi, 4, deactivated_at=stamp(ago(1)))
    reconcile()
    assert set(EmailMessage.objects.values_list("status", flat=True)) == {"held"}
    assert reconcile("--invite", "--per-minute", "2").splitlines()[-1] == "3 greetings are on their way, 2 a minute"
    due = sorted(EmailMessage.objects.filter(status="pending").values_list("next_attempt_at", flat=True))
    assert [round((later - due[0]).total_seconds()) for later in due] == [0, 30, 60]
    assert reconcile("--invite").splitlines()[-1] == "0 greetings are on their way, 60 a minute"
    assert "--per-minute" in reconcile("--per-minute", "0", expects=CommandError)


def test_ctrl_c_lets_it_rest_and_the_same_command_goes_on(kajabi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kajabi.largest_page = 2
    for number in range(5):
        sell(kajabi, number)
    real, steps = runner.run, []

    def interrupted(model: Any, run_id: int, **options: Any) -> bool:
        if len(steps) == 4:
            raise KeyboardInterrupt
        steps.append(run_id)
        return real(model, run_id, **options)

    monkeypatch.setattr(runner, "run", interrupted)
    told = reconcile(expects=CommandError)
    assert told == (
        "Stopped at page 2 of purchases; what was read until then is kept. To go on: python manage.py reconcile kajabi"
    )
    assert (SyncRun.objects.get().status, Subscription.objects.count()) == ("stopped", 2)
    assert runs.start_due() == [], "what a person stopped, the clock does not start"
    monkeypatch.setattr(runner, "run", real)
    kajabi.exchanges.clear()
    said = reconcile()
    assert said.startswith(f"going on with reconciliation {steps[0]} at page 2 of purchases")
    assert (SyncRun.objects.get().status, Subscription.objects.count()) == ("done", 5)
    assert [dict(one.query)["page[number]"] for one in kajabi.asked_for("/v1/purchases")] == ["2", "3"]


def test_failure_is_said_and_the_same_command_goes_on_where_it_failed(kajabi: Any) -> None:
    sell(kajabi, 1)
    kajabi.misbehave(html(403), on="/v1/transactions")
    assert "/v1/transactions" in reconcile(expects=CommandError)
    run = SyncRun.objects.get()
    assert (run.status, run.stage, Subscription.objects.count()) == ("failed", "transactions", 1)
    reconcile()
    run.refresh_from_db()
    assert (run.status, run.pages) == ("done", 3)


def test_audit_and_an_open_run_of_another_kind_do_not_mix(kajabi: Any, reconciled: Any) -> None:
    reconciled()
    run = runs.start(runs.registry.provider("kajabi"), cause=runs.SCHEDULE)
    assert "open already" in reconcile("--full", expects=CommandError)
    assert SyncRun.objects.get(pk=run.pk).status == "pending"
    assert SyncFinding.objects.count() == 0


def test_without_the_api_it_says_what_to_set(kajabi: Any, settings: Any) -> None:
    settings.KAJABI_CLIENT_SECRET = ""
    for options in ((), ("--dry-run",), ("--full",)):
        assert "KAJABI_CLIENT_SECRET" in reconcile(*options, expects=CommandError)
    assert SyncRun.objects.count() == 0
