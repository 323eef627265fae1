"""New passwords: not made of the words of this place, and not known from a breach."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.people.models import User
from accounts.signin import password_links, password_rules
from accounts.signin.password_rules import ContextWordsValidator, check_new_password, is_breached
from accounts.signin.tests.browsers import link_for
from accounts.tests.admin_clients import signed_in
from tests.fakes.http_server import Answer, Asked, Drip, FakeServer, Reset

BREACHED = "correct horse battery staple"
FINE = "violet kettle under the stairs"


def digits(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def answer(asked: Asked) -> Answer:
    """A service of breached passwords: BREACHED was in 384 breaches; FINE only stands between, as padding."""
    lines = [f"{number:035X}:0" for number in range(800)]
    lines += [f"{digits(FINE)[5:]}:0"]
    lines += [f"{digits(BREACHED)[5:]}:384"] if asked.path.endswith(digits(BREACHED)[:5]) else []
    return Answer(status=200, body="\r\n".join(lines).encode(), content_type="text/plain")


@pytest.fixture
def breaches(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setattr(password_rules, "_resting_until", 0.0)
    with FakeServer(answer) as service:
        settings.BREACHED_PASSWORDS_URL = f"{service.url}/range/"
        yield service


def test_breached_password_is_known_by_five_digits_of_its_hash(breaches: FakeServer) -> None:
    assert is_breached(BREACHED)
    (exchange,) = breaches.exchanges
    assert exchange.asked.path == f"/range/{digits(BREACHED)[:5]}"
    assert digits(BREACHED)[5:15] not in f"{exchange.asked}".upper()


def test_password_that_only_pads_the_answer_is_not_breached(breaches: FakeServer) -> None:
    assert not is_breached(FINE)


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(status=503),
        Answer(status=302, headers={"Location": "/range/x"}),
        Answer(status=200, body=b"\xff"),
        Answer(status=200, body=b"no gzip", headers={"Content-Encoding": "gzip"}),
        Reset(),
    ]
    + [Answer(status=200, body=b"0" * 300_000), Drip()],
    ids=["503", "redirect", "no text", "no gzip", "reset", "too much", "drip"],
)
def test_service_in_trouble_keeps_nobody_from_setting_a_password_and_is_left_alone(
    breaches: FakeServer, trouble: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_rules, "PATIENCE", 0.2)
    breaches.misbehave(trouble)
    assert not is_breached(BREACHED)
    assert not is_breached(BREACHED), "it is left alone for a minute"
    assert len(breaches.exchanges) == 1
    assert "not compared with known breaches" in caplog.text
    assert BREACHED not in caplog.text


def test_without_a_service_nobody_is_asked(breaches: FakeServer, settings: Any) -> None:
    settings.BREACHED_PASSWORDS_URL = ""
    assert not is_breached(BREACHED)
    assert breaches.exchanges == []


@pytest.mark.django_db
def test_breached_password_is_refused_wherever_people_set_theirs(breaches: FakeServer, user: Any, staff: Any) -> None:
    link = link_for(user).removeprefix("http://testserver")
    token = link.partition("token=")[2].partition("&")[0]
    known = "known from a data breach"
    page = Client().post("/nssa/setup-password", {"email": user.email, "token": token, "password": BREACHED})
    assert known in page.content.decode()
    api = {"email": user.email, "token": token, "password": BREACHED}
    answer = Client().post("/api/kajabi/setup-password/", api, content_type="application/json")
    assert answer.json()["code"] == "weak_password"
    own = {"current_password": FINE, "new_password": BREACHED}
    assert known in signed_in(user).post("/account/password", own).content.decode()
    console = {"old_password": FINE, "new_password1": BREACHED, "new_password2": BREACHED}
    assert known in signed_in(staff).post("/admin/password_change/", console).content.decode()
    assert all(person.check_password(FINE) for person in User.objects.all())


@pytest.mark.django_db
def test_nobody_is_asked_for_a_link_that_is_not_valid(breaches: FakeServer, user: Any) -> None:
    with pytest.raises(password_links.LinkNotValid):
        password_links.set_password(user.email, "abc-def", BREACHED)
    assert breaches.exchanges == []


@pytest.mark.parametrize(
    "password",
    ["enlace-enlace-2026", "NSSA membership 1", "Welcome2Enlace!", "hub.example.com", "Contraseña1234", "adminadmin12"],
)
def test_password_of_the_words_of_this_place_is_refused(password: str) -> None:
    validator = ContextWordsValidator(
        ["enlace", "nssa", "membership", "welcome", "contraseña", "admin", "hub", "example"]
    )
    with pytest.raises(ValidationError) as refused:
        validator.validate(password)
    assert refused.value.code == "password_of_context_words"


@pytest.mark.parametrize(
    "password", [FINE, "my membership of the sea", "enlace violet kettle", "x" * 1024, "123456789012"]
)
def test_password_with_words_of_its_own_is_left_to_the_others(password: str) -> None:
    ContextWordsValidator(["enlace", "membership"]).validate(password)
    ContextWordsValidator([]).validate(password)


def test_words_of_this_place_are_refused_as_configured(user: Any) -> None:
    with pytest.raises(ValidationError, match="connects with this site"):
        check_new_password("enlace membership", user)
