"""The link in the set-up mail: 24 hours, one use, any browser, and nothing usable stored."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import User
from accounts.signin import password_links
from accounts.signin.password_links import LinkNotValid

pytestmark = pytest.mark.django_db
PASSWORD = "violet kettle under the stairs"
OTHER = "a lantern for the harbour wall"
NO_LONGER = b"This link no longer works"


@pytest.fixture
def link(process: Any, relay: Any, mailoutbox: Any, link_in: Any) -> Any:
    """The link in the welcome mail of a purchase."""
    process(relay())
    return link_in(mailoutbox[0])


def every_text() -> Iterator[tuple[str, str]]:
    """(table.column, text) of everything readable in every table."""
    for model in apps.get_models(include_auto_created=True):
        columns = [field.attname for field in model._meta.concrete_fields]
        for row in model._default_manager.values_list(*columns):
            for column, value in zip(columns, row, strict=True):
                readable = (
                    bytes(value).decode(errors="replace") if isinstance(value, memoryview | bytes) else str(value)
                )
                yield f"{model._meta.db_table}.{column}", readable


def post_password(browser: Client, link: Any, password: str = PASSWORD) -> Any:
    return browser.post("/nssa/setup-password", {"token": link.token, "email": link.email, "password": password})


def has_password() -> bool:
    return User.objects.get(email="jane@example.com").has_usable_password()


def test_a_link_sets_a_password_once_signs_in_and_leads_to_the_dashboard(link: Any) -> None:
    browser = Client()
    assert browser.get(link.url).status_code == 200
    answer = post_password(browser, link)

    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert browser.session[SESSION_KEY] == str(user.pk)
    dashboard = browser.get("/dashboard")
    assert dashboard.status_code == 200
    assert b"NSSA Annual Membership" in dashboard.content
    assert Client().login(username="jane@example.com", password=PASSWORD)


def test_opening_a_link_five_times_consumes_nothing(link: Any) -> None:
    for method in ("get", "get", "head", "get", "get"):
        answer = getattr(Client(), method)(link.url)
        assert answer.status_code == 200
        assert NO_LONGER not in answer.content
    assert not has_password()
    assert post_password(Client(), link).status_code == 302


def test_a_link_opened_in_one_browser_works_in_another(link: Any) -> None:
    one, other = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    one.get(link.url)
    page = other.get(link.url)
    form = {"token": link.token, "email": link.email, "password": PASSWORD}
    answer = other.post(link.url, form | {"csrfmiddlewaretoken": page.context["csrf_token"]})
    assert answer.status_code == 302
    assert other.get("/dashboard").status_code == 200
    assert one.get("/dashboard").status_code == 302


def test_a_post_without_its_csrf_token_is_refused(link: Any) -> None:
    assert post_password(Client(enforce_csrf_checks=True), link).status_code == 403
    assert not has_password()


def test_a_used_link_is_refused_everywhere(link: Any) -> None:
    post_password(Client(), link)
    stranger = Client()
    assert NO_LONGER in stranger.get(link.url).content
    answer = post_password(stranger, link, OTHER)
    assert (answer.status_code, NO_LONGER in answer.content) == (200, True)
    assert SESSION_KEY not in stranger.session
    api = stranger.post(
        "/api/kajabi/setup-password/",
        {"email": link.email, "token": link.token, "password": OTHER},
        content_type="application/json",
    )
    assert api.status_code == 400
    assert User.objects.get().check_password(PASSWORD)


def test_a_link_works_for_24_hours_and_no_longer(link: Any, travel: Any) -> None:
    travel(timedelta(hours=23, minutes=59))
    assert NO_LONGER not in Client().get(link.url).content
    travel(timedelta(hours=24, seconds=2))
    assert NO_LONGER in Client().get(link.url).content
    assert NO_LONGER in post_password(Client(), link).content
    assert not has_password()


def test_a_new_link_ends_the_ones_before(link: Any, drain: Any, mailoutbox: Any, link_in: Any) -> None:
    Client().post("/forgot-password", {"email": "jane@example.com"})
    drain()
    newer = link_in(mailoutbox[-1])
    assert newer.token != link.token
    assert NO_LONGER in post_password(Client(), link).content
    assert not has_password()
    assert post_password(Client(), newer).status_code == 302


@pytest.mark.parametrize(
    "change",
    [
        {"token": "wrong"},
        {"token": ""},
        {"email": "somebody@example.com"},
        {"email": ""},
        {"email": "jan\u0435@example.com"},
        {"email": "staff@example.com"},
        {"token": "x" * 5000},
    ],
)
def test_wrong_used_and_expired_links_look_the_same(link: Any, staff: Any, travel: Any, change: dict[str, str]) -> None:
    def page(query: dict[str, str]) -> str:
        text = Client().get("/nssa/setup-password", query).content.decode()
        before, _name, rest = text.partition('name="csrfmiddlewaretoken" value="')
        while rest:
            text = before + rest.partition('"')[2]
            before, _name, rest = text.partition('name="csrfmiddlewaretoken" value="')
        return text.replace(f' value="{query["email"]}"', "")

    good = {"token": link.token, "email": link.email}
    wrong = page(good | change)
    travel(timedelta(days=2))
    assert wrong == page(good)
    assert "Send me a new link" in wrong


def test_a_locked_users_link_is_refused(link: Any) -> None:
    User.objects.update(is_active=False)
    assert NO_LONGER in post_password(Client(), link).content
    assert not has_password()


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short word", "too short"),
        ("password1234", "too common"),
        ("jane@example.com", "too similar"),
        ("jane.example", "too similar"),
        ("", "required"),
        ("x" * 1025, "at most 1024"),
    ],
)
def test_a_weak_password_is_refused_and_the_link_stays_good(link: Any, password: str, told: str) -> None:
    browser = Client()
    answer = post_password(browser, link, password)
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not has_password()
    assert SESSION_KEY not in browser.session
    assert post_password(browser, link).status_code == 302


@pytest.mark.parametrize(
    "password", ["twelve chars", "x7" * 512, " spaces around it ", "contraseña muy larga 🙂", "aaaa bbbb cccc"]
)
def test_a_long_password_of_any_letters_is_taken_as_it_is(link: Any, password: str) -> None:
    assert post_password(Client(), link, password).status_code == 302
    assert User.objects.get().check_password(password)
    assert not User.objects.get().check_password(password.strip() + "x")


def test_the_session_turns_over_with_the_sign_in(link: Any) -> None:
    browser = Client()
    session = browser.session
    session["chosen"] = "before"
    session.save()
    browser.cookies["sessionid"] = before = session.session_key
    post_password(browser, link)
    assert browser.session.session_key != before
    assert not Client(headers={"Cookie": f"sessionid={before}"}).session.get(SESSION_KEY)


def test_a_new_password_ends_the_other_sessions_and_tells_the_owner(
    link: Any, drain: Any, mailoutbox: Any, link_in: Any
) -> None:
    elsewhere, here = Client(), Client()
    post_password(elsewhere, link)
    assert elsewhere.get("/dashboard").status_code == 200
    here.post("/forgot-password", {"email": "jane@example.com"})
    drain()
    assert EmailMessage.objects.latest("pk").kind == "password_reset"
    assert post_password(here, link_in(mailoutbox[-1]), OTHER).status_code == 302
    drain()

    assert here.get("/dashboard").status_code == 200
    assert elsewhere.get("/dashboard").status_code == 302
    assert (mailoutbox[-1].to, mailoutbox[-1].subject) == (["jane@example.com"], "Your password was changed")


def test_the_first_password_is_no_change_to_be_told_of(link: Any, drain: Any) -> None:
    post_password(Client(), link)
    drain()
    assert not EmailMessage.objects.filter(kind="password_changed").exists()


def test_no_token_is_stored_anywhere(link: Any) -> None:
    post_password(Client(), link, "too short")
    secret = link.token.partition("-")[2]
    assert len(secret) >= 32
    assert [place for place, text in every_text() if secret in text] == []
    assert [mail.context for mail in EmailMessage.objects.filter(kind="welcome")] == [
        {"subscription": Subscription.objects.get().pk}
    ]


def test_the_page_gives_its_address_to_nobody(link: Any) -> None:
    for answer in (Client().get(link.url), Client().get(link.url + "x"), post_password(Client(), link, "weak")):
        assert answer["Referrer-Policy"] == "strict-origin"
        assert "no-store" in answer["Cache-Control"]
        assert "http://" not in answer.content.decode().replace("http://testserver", "")
        assert "https://" not in answer.content.decode()


def test_the_language_of_the_page_is_remembered_for_mails(link: Any) -> None:
    Client(headers={"Accept-Language": "es-MX,es;q=0.9"}).post(
        "/nssa/setup-password", {"token": link.token, "email": link.email, "password": PASSWORD}
    )
    assert User.objects.get().language == "es"


def test_a_token_is_bound_to_its_user(user: Any, newcomer: Any) -> None:
    token = password_links._tokens.make_token(newcomer)
    assert password_links.holder_of(newcomer.email, token) == newcomer
    with pytest.raises(LinkNotValid):
        password_links.holder_of(user.email, token)


@pytest.mark.parametrize(
    "change", [{"email": "moved@example.com"}, {"password": "!"}, {"is_active": False}, {"link_version": 1}]
)
def test_a_token_ends_with_any_change_that_matters(newcomer: Any, change: dict[str, Any]) -> None:
    token = password_links._tokens.make_token(newcomer)
    User.objects.filter(pk=newcomer.pk).update(**change)
    with pytest.raises(LinkNotValid):
        password_links.holder_of(change.get("email", newcomer.email), token)


@pytest.mark.django_db(transaction=True)
def test_of_two_posts_at_once_one_wins(newcomer: Any, at_once: Any) -> None:
    token = password_links._tokens.make_token(newcomer)
    passwords = [f"violet kettle number {number}" for number in range(4)]
    results = at_once(
        [lambda word=word: password_links.set_password(newcomer.email, token, word) for word in passwords]
    )

    winners = [word for word, result in zip(passwords, results, strict=True) if isinstance(result, User)]
    assert len(winners) == 1
    assert sum(isinstance(result, LinkNotValid) for result in results) == 3
    newcomer.refresh_from_db()
    assert newcomer.check_password(winners[0])


def test_a_refused_password_changes_nothing(newcomer: Any) -> None:
    token = password_links._tokens.make_token(newcomer)
    before = User.objects.values().get()
    with pytest.raises(ValidationError):
        password_links.set_password(newcomer.email, token, "short")
    assert User.objects.values().get() == before
