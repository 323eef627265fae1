"""S9. Asking for a link tells nobody whether an address is known: the same bytes, the same work, the same limit."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.people.models import User
from accounts.signin import password_links
from accounts.signin.models import LinkRequest
from core.queue import runner

pytestmark = pytest.mark.django_db
RESEND = "/api/kajabi/resend-setup-email/"
KNOWN, UNKNOWN = "new@example.com", "nobody@example.com"


def ask(email: str, *, address: str = "192.0.2.1", **options: Any) -> Any:
    return Client().post(RESEND, {"email": email}, content_type="application/json", REMOTE_ADDR=address, **options)


def ask_page(email: str, *, address: str = "192.0.2.1") -> Any:
    return Client().post("/forgot-password", {"email": email}, REMOTE_ADDR=address)


@pytest.mark.parametrize("way", [ask, ask_page])
def test_known_locked_staff_and_unknown_addresses_get_equal_bytes_and_headers(
    newcomer: Any, staff: Any, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "Expires" tells the second of its answer: all are asked for in one.
    monkeypatch.setattr("django.utils.cache.time", SimpleNamespace(time=lambda: 1_800_000_000.0))
    User.objects.create_user("locked@example.com", is_active=False)
    answers = [way(email) for email in (KNOWN, UNKNOWN, "locked@example.com", "staff@example.com")]
    assert {(answer.status_code, answer.content, tuple(answer.items())) for answer in answers} == {
        (answers[0].status_code, answers[0].content, tuple(answers[0].items()))
    }
    assert answers[0].status_code == (200 if way is ask else 302)


def test_the_answer_says_what_happens_without_saying_whether(newcomer: Any) -> None:
    assert ask(UNKNOWN).json() == {
        "success": True,
        "message": "If this address has a membership, a new link is on its way. It works for 24 hours.",
    }


@pytest.mark.parametrize("way", [ask, ask_page])
def test_known_and_unknown_addresses_cost_the_same_queries(newcomer: Any, way: Any) -> None:
    made = []
    for email in (KNOWN, UNKNOWN):
        with CaptureQueriesContext(connection) as captured:
            way(email)
        made.append([query["sql"].split(" ")[0] for query in captured.captured_queries])
        assert not any("accounts_user" in query["sql"] for query in captured.captured_queries)
    assert made[0] == made[1]
    assert made[0].count("INSERT") == 2, "the request and its entry in the audit log"


@pytest.mark.parametrize("way", [ask, ask_page])
def test_known_and_unknown_addresses_hash_and_mail_nothing_while_somebody_waits(
    newcomer: Any, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbid work that takes long enough to be measured from outside: a password's hash, a token, a mail."""
    done: list[str] = []
    for slow in (
        "django.contrib.auth.hashers.check_password",
        "django.contrib.auth.hashers.Argon2PasswordHasher.encode",
        "django.contrib.auth.hashers.Argon2PasswordHasher.verify",
        "accounts.signin.password_links._Tokens.make_token",
        "accounts.mail.emails.enqueue",
        "django.core.mail.EmailMessage.send",
    ):
        monkeypatch.setattr(slow, lambda *arguments, _slow=slow, **options: done.append(_slow))
    for email in (KNOWN, UNKNOWN):
        assert way(email).status_code < 400
    assert done == []


@pytest.mark.parametrize("way", [ask, ask_page])
@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_the_fourth_request_in_an_hour_is_429_for_known_and_unknown_alike(
    newcomer: Any, drain: Any, mailoutbox: Any, way: Any, email: str
) -> None:
    answers = [way(email, address=f"192.0.2.{number}") for number in range(5)]
    assert [answer.status_code for answer in answers[3:]] == [429, 429]
    assert all(answer.status_code in (200, 302) for answer in answers[:3])
    assert answers[3]["Retry-After"] == "3600"
    assert email not in answers[3].content.decode()
    drain()
    assert LinkRequest.objects.count() == 3
    assert len(mailoutbox) == (3 if email == KNOWN else 0)


def test_429_has_equal_bytes_for_known_and_unknown(newcomer: Any) -> None:
    refused = {}
    for email in (KNOWN, UNKNOWN):
        for number in range(4):
            refused[email] = ask(email, address=f"192.0.2.{number}")
    assert refused[KNOWN].content == refused[UNKNOWN].content
    assert list(refused[KNOWN].items()) == list(refused[UNKNOWN].items())


def test_another_spelling_does_not_get_around_the_limit(newcomer: Any) -> None:
    spellings = ["new@example.com", "NEW@example.com", " new@EXAMPLE.com. ", "New@example.com"]
    assert [ask(email).status_code for email in spellings] == [200, 200, 200, 429]


def test_an_hour_later_a_link_may_be_asked_for_again(newcomer: Any, travel: Any) -> None:
    for _time in range(3):
        ask(KNOWN)
    travel(timedelta(minutes=59))
    assert ask(KNOWN).status_code == 429
    travel(timedelta(minutes=61))
    assert ask(KNOWN).status_code == 200


def test_one_client_may_ask_for_twenty_addresses_in_an_hour() -> None:
    statuses = [ask(f"somebody{number}@example.com").status_code for number in range(21)]
    assert statuses == [200] * 20 + [429]
    assert ask("somebody21@example.com", address="192.0.2.99").status_code == 200


@pytest.mark.parametrize("email", ["no address", "mi\u212ae@example.com", "a@b@c", "@"])
def test_what_is_no_address_is_said_to_be_none(email: str) -> None:
    answer = ask(email)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_email")
    assert LinkRequest.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_against_requests_at_once(newcomer: Any, at_once: Any) -> None:
    answers = at_once([lambda number=number: ask(KNOWN, address=f"192.0.2.{number}") for number in range(12)])
    taken = sum(getattr(answer, "status_code", 0) == 200 for answer in answers)
    assert taken == LinkRequest.objects.count() <= 3


def test_an_answer_that_breaks_is_tried_again_later_and_says_why(newcomer: Any, monkeypatch: Any) -> None:
    request = password_links.request_link(newcomer.email, source_address="192.0.2.1", language="en")

    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("no template")

    monkeypatch.setattr(password_links, "_send_new_link", broken)
    runner.run(LinkRequest, request.pk)
    request.refresh_from_db()
    assert (request.status, request.failures, request.last_error) == ("pending", 1, "RuntimeError: no template")
    assert request.next_attempt_at > timezone.now()

    LinkRequest.objects.filter(pk=request.pk).update(failures=27, next_attempt_at=timezone.now())
    runner.run(LinkRequest, request.pk)
    request.refresh_from_db()
    assert (request.status, request.next_attempt_at) == ("failed", None)
