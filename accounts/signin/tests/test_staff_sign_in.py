"""The staff sign-in: its language is chosen before it, and a forgotten password leads back to it."""

from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.mail.models import EmailMessage
from accounts.people.models import Contact, ContactEmail, User

pytestmark = pytest.mark.django_db
SIGN_IN = "/admin/login/"
WANTED = f"{SIGN_IN}?next=%2Fadmin%2Faccounts%2Fuser%2F"
OLD, NEW = "violet kettle under the stairs", "a lantern for the harbour wall"


@pytest.fixture
def link(staff: Any, drain: Any, mailoutbox: Any, link_in: Any) -> Any:
    """The link of the mail that a member of staff asked for on the staff sign-in."""
    asked = Client().post("/forgot-password?for=staff", {"email": staff.email})
    assert asked.headers["Location"] == "/link-sent?for=staff"
    drain()
    (mail,) = mailoutbox
    assert mail.to == [staff.email]
    return link_in(mail)


def choose(browser: Client, link: Any, password: str = NEW) -> Any:
    return browser.post("/nssa/setup-password", {"token": link.token, "email": link.email, "password": password})


def sign_in(browser: Client, email: str, password: str) -> Any:
    return browser.post(SIGN_IN, {"username": email, "password": password, "next": "/admin/"})


def test_language_is_chosen_before_the_sign_in_and_the_console_follows(staff: Any) -> None:
    browser = Client()
    page = browser.get(WANTED).content.decode()
    assert "Log in" in page
    assert f'<input type="hidden" name="next" value="{WANTED}">' in page

    chosen = browser.post("/language", {"language": "es", "next": WANTED})
    assert (chosen.status_code, chosen.headers["Location"]) == (302, WANTED)
    assert 'value="Iniciar sesión"' in browser.get(WANTED).content.decode()
    sign_in(browser, staff.email, OLD)
    assert '<html lang="es"' in browser.get("/admin/").content.decode()


@pytest.mark.parametrize("path", ["/forgot-password", "/link-sent"])
def test_pages_of_asking_lead_back_to_where_one_came_from(path: str) -> None:
    assert f'href="{SIGN_IN}"' in Client().get(f"{path}?for=staff").content.decode()
    members = Client().get(path).content.decode()
    assert 'href="/sign-in"' in members
    assert SIGN_IN not in members


def test_sign_in_links_to_the_pages_of_asking() -> None:
    assert 'href="/forgot-password?for=staff"' in Client().get(SIGN_IN).content.decode()


def test_unknown_addresses_get_the_answer_of_staff(staff: Any) -> None:
    answers = [Client().post("/forgot-password?for=staff", {"email": at}) for at in (staff.email, "nobody@example.com")]
    assert len({(answer.status_code, answer.headers["Location"], answer.content) for answer in answers}) == 1


@pytest.mark.parametrize(("is_staff", "mails"), [(True, 0), (False, 1)])
def test_alias_means_a_member_and_never_staff(
    user: User, drain: Any, mailoutbox: Any, is_staff: bool, mails: int
) -> None:
    """Keep a contact's further address, which a provider may name, out of what changes a staff account."""
    User.objects.filter(pk=user.pk).update(is_staff=is_staff)
    contact = Contact.objects.create(email=user.email, user=user)
    ContactEmail.objects.create(contact=contact, email=user.email)
    ContactEmail.objects.create(contact=contact, email="other@example.com")
    Client().post("/forgot-password?for=staff", {"email": "other@example.com"})
    drain()
    assert [mail.to for mail in mailoutbox] == [[user.email]] * mails


def test_new_password_leads_staff_to_their_sign_in_without_a_session(link: Any, staff: Any) -> None:
    browser = Client()
    assert "Save and sign in" not in browser.get(link.url).content.decode()
    answer = choose(browser, link)

    assert (answer.status_code, answer.headers["Location"]) == (302, SIGN_IN)
    assert SESSION_KEY not in browser.session
    assert "Your password is set. Sign in with it." in browser.get(SIGN_IN).content.decode()
    assert sign_in(browser, staff.email, NEW).headers["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200
    assert EmailMessage.objects.latest("pk").kind == "password_changed"


def test_new_password_ends_every_session_of_staff(staff: Any, link: Any) -> None:
    elsewhere = Client()
    elsewhere.force_login(staff)
    choose(Client(), link)
    assert elsewhere.get("/admin/").status_code == 302


def test_whoever_was_signed_in_in_the_browser_is_signed_out(user: Any, link: Any) -> None:
    browser = Client()
    browser.force_login(user)
    choose(browser, link)
    assert SESSION_KEY not in browser.session


def test_second_factor_stays_needed_after_a_new_password(link: Any, staff: Any) -> None:
    TOTPDevice.objects.create(user=staff, name="phone")
    browser = Client()
    choose(browser, link)
    sign_in(browser, staff.email, NEW)
    refused = browser.get("/admin/", follow=True)
    assert refused.redirect_chain[-1][0].startswith("/admin/second-factor/?next=")


def test_locked_out_staff_sign_in_with_a_new_password(link: Any, staff: Any) -> None:
    """Let the link end what the refusal advises: "wait a quarter of an hour, or ask for a new password"."""
    for number in range(11):
        last = Client(REMOTE_ADDR=f"192.0.2.{number}").post(SIGN_IN, {"username": staff.email, "password": "wrong"})
    assert "Too many tries" in last.content.decode()
    browser = Client()
    choose(browser, link)
    assert sign_in(browser, staff.email, NEW).status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_members_are_signed_in_by_their_link_as_before(
    newcomer: Any, drain: Any, mailoutbox: Any, link_in: Any
) -> None:
    Client().post("/forgot-password?for=staff", {"email": newcomer.email})
    drain()
    browser = Client()
    answer = choose(browser, link_in(mailoutbox[0]))
    assert (answer.headers["Location"], browser.session[SESSION_KEY]) == ("/dashboard", str(newcomer.pk))
