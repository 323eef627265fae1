"""`manage.py replay`: the plan and the replay on the command line, for scripts and for many events."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.memberships.models import PlanOffer, Subscription
from accounts.staff.models import AuditEntry
from core.queue import runner
from integrations.inbox.models import InboxEvent, Replay
from integrations.management.commands import replay as command
from tests.harness import embedded, wait_until
from tests.harness.process import ROOT, Process
from tests.harness.webhooks import Sender, purchase


@pytest.fixture
def unmatched(process: Any, relay: Any) -> Callable[[int], list[InboxEvent]]:
    """Returns a function that makes events, unmatched for want of a plan, each of another person."""

    def make(count: int) -> list[InboxEvent]:
        offer = {"id": "off_new", "name": "New"}
        members = [{"id": f"mem_{n}", "email": f"p{n}@example.com", "first_name": "P"} for n in range(count)]
        return [process(relay(event_id=f"evt_{n}", member=member, offer=offer)) for n, member in enumerate(members)]

    return make


def sell_offer(plan: Any) -> None:
    """Map the offer without what that sets off."""
    PlanOffer.objects.bulk_create([PlanOffer(plan=plan, provider="kajabi", external_id="off_new")])


def run(*arguments: str) -> tuple[str, str]:
    """Return what the command wrote to its output, and as progress."""
    out, progress = io.StringIO(), io.StringIO()
    call_command("replay", *arguments, stdout=out, stderr=progress)
    return out.getvalue(), progress.getvalue()


@pytest.mark.django_db
def test_plan_prints_what_would_change_and_changes_nothing(unmatched: Any, plan: Any) -> None:
    (event,) = unmatched(1)
    sell_offer(plan)
    said, progress = run("--plan", "--provider", "kajabi")
    assert f"{event.pk}  Kajabi offer.purchased evt_0: unmatched → processed\n" in said
    assert "    E-mail: welcome, with the set-up link: to p0@example.com\n" in said
    assert "Purchases: 1 new\n" in said
    assert said.endswith("1 events, 1 of them would change something. Nothing was written.\n")
    assert progress == "1 of 1 events planned\n"
    assert not Subscription.objects.exists()
    assert not Replay.objects.exists()
    entry = AuditEntry.objects.get(action="replay.plan")
    assert entry.facts == {"by": "command", "filter": {"provider": "kajabi"}, "events": 1}


@pytest.mark.django_db
def test_plan_of_more_events_than_one_part_has_them_all(unmatched: Any, monkeypatch: Any) -> None:
    unmatched(3)
    monkeypatch.setattr("integrations.inbox.replays.plan.MOST", 2)
    said, progress = run("--plan", "--status", "unmatched", "--json")
    assert progress == "2 of 3 events planned\n3 of 3 events planned\n"
    document = json.loads(said)
    assert (document["events"] and len(document["events"]), document["planned"]) == (3, 3)
    assert (document["filter"], document["left_alone"]) == ({"status": "unmatched"}, 0)
    assert document["events"][0]["outcome"] == "unmatched"


@pytest.mark.django_db
def test_apply_processes_the_events_with_progress(unmatched: Any, plan: Any) -> None:
    unmatched(3)
    sell_offer(plan)
    said, progress = run("--apply", "--status", "unmatched", "--pace", "6000")
    assert said == ""
    assert progress == "3 of 3 events processed again, 3 changed something, 0 not processed\n"
    assert Subscription.objects.count() == 3
    entry = AuditEntry.objects.get(action="replay.apply")
    assert entry.facts == {"by": "command", "filter": {"status": "unmatched"}, "events": 3}
    assert entry.target_id == str(Replay.objects.get().pk)


@pytest.mark.django_db
def test_apply_says_by_its_exit_code_that_some_were_not_processed(unmatched: Any, capsys: Any) -> None:
    unmatched(2)
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"2 events were not processed") as refused:
        call_command("replay", "--apply", "--status", "unmatched", "--json", stdout=out)
    assert refused.value.returncode == 3
    replay = Replay.objects.get()
    assert json.loads(out.getvalue()) == {
        "replay": replay.pk,
        "filter": {"status": "unmatched"},
        "status": "done",
        "total": 2,
        "done": 2,
        "changed": 0,
        "unsettled": 2,
    }


@pytest.mark.django_db
def test_interrupt_stops_the_replay_and_says_how_far_it_came(unmatched: Any, monkeypatch: Any) -> None:
    unmatched(3)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command.time, "sleep", interrupt)
    with pytest.raises(CommandError) as stopped:
        run("--apply", "--status", "unmatched", "--pace", "12")
    replay = Replay.objects.get()
    assert stopped.value.returncode == 130
    assert str(stopped.value) == (
        "Stopped: 1 of 3 events processed again, 0 changed something, 1 not processed. "
        f"The console resumes replay {replay.pk}."
    )
    assert (replay.status, replay.done) == ("stopped", 1)
    assert not runner.run(Replay, replay.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plan"], "Narrow the events down: all of them at once are not processed again."),
        (["--apply"], "Narrow the events down: all of them at once are not processed again."),
        (["--plan", "--since", "soon"], "--since: Enter a valid date/time."),
        (["--plan", "--ids", "1,a"], "--ids: Enter numbers of events, with commas between them."),
        (["--apply", "--provider", "kajabi", "--pace", "0"], "--pace is from 1 to 6000"),
        (["--apply", "--provider", "kajabi"], "No event of this filter can be processed again."),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert (str(refused.value), refused.value.returncode) == (message, 1)


@pytest.mark.embedded
def test_process_beside_a_running_installation_plans_applies_and_stops(tmp_path: Path) -> None:
    with embedded(tmp_path) as app:
        sender = Sender(app.url)
        for n in range(3):
            assert sender.post(purchase(f"evt_{n}", f"p{n}@example.com")).is_accepted
        wait_until(
            lambda: app.rows.value("SELECT COUNT(*) FROM integrations_inboxevent WHERE status = 'processed'") == 3,
            seconds=30,
            what="three events are processed",
        )
        manage = [sys.executable, ROOT / "manage.py", "replay"]
        planned = subprocess.run(
            [*manage, "--plan", "--provider", "kajabi", "--json"],
            cwd=ROOT,
            env=app.env,
            capture_output=True,
            text=True,
            check=True,
        )
        document = json.loads(planned.stdout)
        assert (document["planned"], document["changing"], document["outcomes"]) == (3, 0, {"processed": 3})
        applying = Process(
            "replay",
            [*manage, "--apply", "--provider", "kajabi", "--pace", "2"],
            env=app.env,
            log=tmp_path / "replay.log",
        )
        wait_until(lambda: "1 of 3 events processed again" in applying.log, seconds=60, what="one event is replayed")
        applying.popen.send_signal(signal.SIGINT)
        assert applying.wait(within=30) == 130
        assert "Stopped: 1 of 3 events" in applying.log
        (row,) = app.rows.all("SELECT status, done, changed FROM integrations_replay")
        assert (row["status"], row["done"], row["changed"]) == ("stopped", 1, 0)
        assert app.rows.value("SELECT COUNT(*) FROM accounts_subscription") == 3
