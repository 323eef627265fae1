"""`manage.py run` keeps its worker and its scheduler running."""

import io
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from integrations.management.commands import run


class Service:
    """A stand-in that fails the first two times and then serves until it is asked to end."""

    starts = 0

    def __init__(self) -> None:
        self.ended = threading.Event()

    def start(self) -> None:
        type(self).starts += 1
        if self.starts == 1:
            raise RuntimeError("the broker is gone")
        if self.starts > 2:
            serving.set()
            self.ended.wait(10)


serving = threading.Event()


def test_a_service_that_ends_by_itself_is_started_anew(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(run, "RESTART_AFTER", 0.01)
    kept = run._Kept("worker", make=Service, end=lambda service: service.ended.set())
    kept.start()
    assert serving.wait(10)
    assert Service.starts == 3
    assert [record.message for record in caplog.records] == [
        "the worker failed",
        "the worker ended by itself; it is started anew",
        "the worker ended by itself; it is started anew",
    ]

    kept.stop()
    assert not kept._thread.is_alive()
    assert Service.starts == 3


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINK = "http://127.0.0.1:8000/nssa/setup-password?email=jane%40example.com&token=abc-def"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (Terminal(), f"mail for jane@example.com: var/mail/1.eml\n  link: {LINK}\n"),
        (io.StringIO(), "mail: var/mail/1.eml\n"),
    ],
    ids=["terminal", "log"],
)
def test_link_in_a_mail_is_shown_to_a_terminal_only(output: io.StringIO, said: str) -> None:
    message = SimpleNamespace(to=["jane@example.com"], body=f"Choose a password:\n{LINK}\n")
    run.Command(stdout=output)._announce_mail(path="var/mail/1.eml", message=message)
    assert output.getvalue() == said
