"""Count the functions and modules of this project that a purchase and a contact change run through.

    python -m tests.walk            both totals
    python -m tests.walk --list     with each function, by module, in the order in which they are first entered
    python -m tests.walk --once     with those that the source calls in exactly one place, and their lines

Purchase: a signed webhook for a new buyer → its row → the worker makes member, subscription, contact and mails → both
mails are sent. Contact change: a notice of a changed insured → its row → the contact is read at (a fake) NowCerts →
our contact changes → the write is delivered to (a fake) GoHighLevel. Everything runs in this process, on a new SQLite
database; what would go through the broker is called as the worker would call it.

Each total has two numbers: all functions, and those beside the platform (web, queue, inbox, toolkit, logs, audit, the
table of providers), which every webhook runs through and is read once.

Counted is what a profile function sees entered, in any thread: each `def` of core, accounts, integrations and config
once, tests and migrations aside. Comprehensions, lambdas and class bodies are part of the function around them, and
what dataclasses generate is not ours. Each walk runs once before it is counted, with the same client: middleware is
made, caches are filled and API tokens fetched, as in a server that has been up for a minute. Of the scheduler's sweeps
the one counts that finds a row; those that find nothing run all the time, purchase or not.
"""

import argparse
import json
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.callers import ROOT, called_once, is_source
from tests.harness.environment import environment
from tests.harness.fake_sides import NOWCERTS_HOOK, NOWCERTS_TOKEN, FakeSides, fake_sides
from tests.harness.migrated import copy_file
from tests.harness.webhooks import RELAY_PATH, purchase, sign

PLATFORM = (
    "accounts/staff/audit.py",
    "config/",
    "core/",
    "integrations/contracts/",
    "integrations/inbox/",
    "integrations/middleware.py",
    "integrations/registry.py",
    "integrations/toolkit/",
)
_QUIET = 1.0  # seconds without a message after which the worker has nothing to do


@dataclass(frozen=True, order=True)
class Function:
    """A function of the project: its module's path from the root, its first line, its qualified name."""

    path: str
    line: int
    name: str


@dataclass
class Recorder:
    """Notes the code objects that are entered while `is_on`; a profile function for sys and threading."""

    is_on: bool = False
    entered: dict[CodeType, None] = field(default_factory=dict)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if self.is_on and event == "call":
            self.entered.setdefault(frame.f_code)

    @contextmanager
    def recording(self) -> Iterator[dict[CodeType, None]]:
        """Record what is entered within the block, into the dictionary that it yields, in order of first entry."""
        self.entered, self.is_on = {}, True
        try:
            yield self.entered
        finally:
            self.is_on = False


def functions_of(entered: Sequence[CodeType]) -> list[Function]:
    """Return the project's functions among `entered`, each once, in their order."""
    found = {}
    for code in entered:
        is_function = code.co_flags & CO_OPTIMIZED and not code.co_name.startswith("<")
        path = Path(code.co_filename)
        if is_function and path.is_relative_to(ROOT) and is_source(path.relative_to(ROOT)):
            found[Function(path.relative_to(ROOT).as_posix(), code.co_firstlineno, code.co_qualname)] = None
    return list(found)


class Installation:
    """Enlace in this process, with a worker that does what was published, in its order."""

    def __init__(self, recorder: Recorder) -> None:
        from celery import Celery
        from django.test import Client

        from config.celery import app

        self.recorder = recorder
        self.client = Client(SERVER_NAME="127.0.0.1")
        self.messages: queue.Queue[tuple[str, Sequence[Any]]] = queue.Queue()
        self.app = app
        app.loader.import_default_modules()
        # The wake-ups' thread publishes by this; nothing else of Celery is between it and the task.
        Celery.send_task = lambda _app, name, args=(), **_: self.messages.put((name, args))  # type: ignore[method-assign]

    def walk(self, path: str, payload: dict[str, Any], **headers: str) -> list[Function]:
        """Post one webhook, do all that follows, and return the functions that ran."""
        body = json.dumps(payload).encode()
        with self.recorder.recording() as entered:
            answer = self.client.post(path, body, content_type="application/json", headers=headers)
            assert answer.status_code == 200, answer.content
            message = self._next_message()
        while True:
            while message:
                name, args = message
                with self.recorder.recording() as ran:
                    self.app.tasks[name](*args)
                    message = self._next_message()
                entered |= ran
            swept = self._swept()
            if not swept:
                return functions_of(list(entered))
            ran, message = swept
            entered |= ran

    def _next_message(self) -> tuple[str, Sequence[Any]] | None:
        try:
            return self.messages.get(timeout=_QUIET)
        except queue.Empty:
            return None

    def _swept(self) -> tuple[dict[CodeType, None], tuple[str, Sequence[Any]]] | None:
        """Make pending rows due now, and run sweeps until one finds some: what it ran, and its message."""
        from django.apps import apps
        from django.utils import timezone

        now = timezone.now()
        due = 0
        for model in apps.get_models():
            if any(column.name == "wake_at" for column in model._meta.fields):
                due += model._base_manager.filter(status="pending").update(next_attempt_at=now, wake_at=now)
        if not due:
            return None
        for entry in self.app.conf.beat_schedule.values():
            if "sweep" in entry["task"]:
                with self.recorder.recording() as ran:
                    self.app.tasks[entry["task"]]()
                    message = self._next_message()
                if message:
                    return ran, message
        raise AssertionError(f"{due} rows are pending, and no sweep finds them")


def buy(installation: Installation, number: int) -> list[Function]:
    """Let somebody new buy a membership."""
    from accounts.models import EmailMessage, Subscription

    email = f"buyer{number}@example.com"
    payload = purchase(f"evt_{number}", email)
    ran = installation.walk(RELAY_PATH, payload, **{"X-Kajabi-Signature": sign(json.dumps(payload).encode())})
    assert Subscription.objects.get(user__email=email).status == "active"
    assert EmailMessage.objects.get(to=email).status == "sent"
    return ran


def change_contact(installation: Installation, sides: FakeSides, city: str) -> list[Function]:
    """Let an insured move to another city, which then stands in GoHighLevel, too."""
    if not sides.nowcerts.insureds:
        sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    (insured,) = sides.nowcerts.insureds.values()
    sides.nowcerts.edit(insured["id"], city=city)
    payload = {"EventType": "INSURED_UPDATE", "InsuredDatabaseId": insured["id"], "changeDate": insured["changeDate"]}
    ran = installation.walk(f"{NOWCERTS_HOOK}/{NOWCERTS_TOKEN}", payload)
    (contact,) = sides.ghl.contacts.values()
    assert contact["city"] == city
    return ran


def walks() -> dict[str, list[Function]]:
    """Return what either walk ran through, each counted when it is no longer the first (nor makes the contact)."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory(prefix="walk-") as directory, fake_sides() as sides:
        variables = environment(Path(directory), 8000, CONTACT_SYNC="true", **sides.environment)
        os.environ.clear()
        os.environ.update(variables, DJANGO_SETTINGS_MODULE="config.settings", NO_PROXY="127.0.0.1")
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        copy_file(Path(directory) / "db.sqlite3")
        call_command("migrate", verbosity=0)
        threading.setprofile(recorder)
        sys.setprofile(recorder)
        try:
            installation = Installation(recorder)
            buying = [buy(installation, number) for number in range(2)]
            changing = [change_contact(installation, sides, city) for city in ("Miami", "Tampa", "Orlando")]
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            connections.close_all()
    return {"purchase": buying[-1], "contact change": changing[-1]}


def own(ran: list[Function]) -> list[Function]:
    """Return a walk without the platform: what every webhook runs through, whatever it is about."""
    return [function for function in ran if not function.path.startswith(PLATFORM)]


def total(name: str, ran: list[Function]) -> str:
    """Return the line that says how long a walk is."""
    modules = len({function.path for function in ran})
    return f"{name}: {len(ran)} functions in {modules} modules, {len(own(ran))} of them beside the platform's"


def listed(ran: list[Function]) -> Iterator[str]:
    """Yield the functions by module, both in order of first entry."""
    for path in dict.fromkeys(function.path for function in ran):
        yield f"  {path}"
        yield from (f"    {path}:{each.line} {each.name}" for each in ran if each.path == path)


def listed_once(ran: list[Function]) -> Iterator[str]:
    """Yield the functions that one place calls, shortest first: where they are, how long, where they are called."""
    once = called_once()
    found = [(once[key], each) for each in ran if (key := (each.path, each.line)) in once]
    for (lines, caller), each in sorted(found):
        yield f"  {each.path}:{each.line} {each.name}: {lines} lines, called at {caller}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Counts the functions that a purchase and a contact change run through."
    )
    parser.add_argument("--list", action="store_true", help="name each function, by module")
    parser.add_argument("--once", action="store_true", help="name those that are called in one place only")
    options = parser.parse_args()
    log = StringIO()
    try:
        with redirect_stderr(log):
            result = walks()
    except BaseException:
        sys.stderr.write(log.getvalue())
        raise
    details: list[Callable[[list[Function]], Iterator[str]]] = []
    if options.list:
        details.append(listed)
    if options.once:
        details.append(listed_once)
    for name, ran in result.items():
        print(total(name, ran))
        for detail in details:
            print("\n".join(detail(ran)))


if __name__ == "__main__":
    main()
