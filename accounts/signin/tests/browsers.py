"""Browsers that try passwords, for the tests of this folder."""

from django.test import Client

from accounts.mail.models import EmailMessage
from accounts.people.models import User
from accounts.signin import password_links

PASSWORD = "violet kettle under the stairs"
EMAIL = "jane@example.com"


def sign_in(browser: Client, email: str = EMAIL, password: str = "wrong", path: str = "/sign-in") -> str:
    """Post the form; return "in", "wrong" or "locked"."""
    answer = browser.post(path, {"username": email, "password": password})
    if answer.status_code == 302:
        return "in"
    return "locked" if "Too many tries" in answer.content.decode() else "wrong"


def stranger(number: int = 1) -> Client:
    """Return a browser without cookies at the client address 192.0.2.<number>."""
    return Client(REMOTE_ADDR=f"192.0.2.{number}")


def lock_account(email: str = EMAIL) -> None:
    """Guess from ten clients, which are not locked out by that."""
    assert {sign_in(stranger(100 + number), email) for number in range(10)} == {"wrong"}


def copy_of(browser: Client, **environ: str) -> Client:
    """Return another client with the same device cookie, and no other."""
    other = Client(**environ)
    other.cookies["device"] = browser.cookies["device"].value
    return other


def link_for(user: User) -> str:
    """Return a new set-up link of `user`, as a mail holds it."""
    message = EmailMessage(user=user, kind=EmailMessage.Kind.PASSWORD_SETUP)
    return str(password_links.mail_context(message)["link"])
