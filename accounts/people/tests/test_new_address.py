"""Staff give a member a new address to sign in by; an alias never opens more than its member's own mailbox does."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.people import contacts, new_address
from accounts.people.models import Contact, User
from accounts.signin import password_links
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import act_url, logged, press
from core.cause import Cause

pytestmark = pytest.mark.django_db
CAUSE = Cause(text="test")
OLD, NEW = "jane@example.com", "jane.new@example.com"
PASSWORD = "violet kettle under the stairs"


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def aliases(user: User) -> set[str]:
    return set(user.contact.emails.values_list("email", flat=True))


def notices() -> dict[str, dict[str, Any]]:
    return {mail.to: mail.context for mail in EmailMessage.objects.filter(kind="address_changed")}


@pytest.mark.parametrize("is_known", [False, True])
def test_new_address_is_the_login_and_the_old_one_an_alias(console: Client, user: User, is_known: bool) -> None:
    contact = contacts.of_member(user)
    if is_known:
        contacts.add_alias(contact, NEW, source="kajabi")
    browser = signed_in(user)
    before = User.objects.filter(pk=user.pk).values().get()

    assert press(console, user, "use-new-address", email=" Jane.New@Example.com ") == ["1 address was changed."]

    after = User.objects.filter(pk=user.pk).values().get()
    assert after == before | {"email": NEW}
    user.refresh_from_db()
    assert (user.contact.email, aliases(user)) == (NEW, {OLD, NEW})
    assert browser.get("/dashboard").status_code == 200, "no session ends"
    assert {to: context["is_old"] for to, context in notices().items()} == {OLD: True, NEW: False}
    assert NEW not in str(notices()[OLD]), "whoever has the old mailbox does not learn the new address"
    assert logged(user) == ["use-new-address"]
    assert AuditEntry.objects.filter(action="user.use_new_address").count() == 1
    assert not Client().login(username=OLD, password=PASSWORD)
    assert Client().login(username=NEW, password=PASSWORD)


def test_action_stands_on_the_contacts_page_too(console: Client, user: User) -> None:
    contact = contacts.of_member(user)
    press(console, contact, "use-new-address", email=NEW)
    user.refresh_from_db()
    assert user.email == NEW
    assert logged(contact) == ["use-new-address"]


def test_address_of_another_member_is_refused(console: Client, user: User, newcomer: User) -> None:
    contacts.add_alias(contacts.of_member(newcomer), "work@example.com", source="kajabi")
    for taken in (newcomer.email, "work@example.com"):
        assert newcomer.email in press(console, user, "use-new-address", email=taken)[0]
    user.refresh_from_db()
    assert (user.email, notices()) == (OLD, {})


def test_address_of_a_contact_who_is_no_member_is_theirs_and_a_question(console: Client, user: User) -> None:
    other = Contact.objects.create(email=NEW)
    contacts.add_alias(other, NEW, source="nowcerts")
    press(console, user, "use-new-address", email=NEW)
    user.refresh_from_db()
    assert (user.email, aliases(user)) == (NEW, {OLD, NEW})
    assert other.possible_duplicates.exists() or other.possible_duplicates_as_other.exists()


def test_same_address_changes_nothing(user: User) -> None:
    assert not new_address.use(user, OLD, cause=CAUSE)
    assert new_address.use(user, NEW, cause=CAUSE)
    assert not new_address.use(user, NEW, cause=CAUSE)
    assert len(notices()) == 2


def test_staff_accounts_are_not_given_another_address(staff: User, user: User) -> None:
    boss = User.objects.create_user("boss@example.com", is_staff=True)
    client = clerk("view_user", "change_user", "view_contact")
    assert client.post(act_url(boss, "use-new-address"), {"answered": "1", "email": NEW}).status_code == 403
    contact = contacts.of_member(boss)
    client.post(act_url(contact, "use-new-address"), {"answered": "1", "email": NEW})
    boss.refresh_from_db()
    assert boss.email == "boss@example.com"
    assert signed_in(User.objects.create_user("viewer@example.com", is_staff=True)).post(
        act_url(user, "use-new-address"), {"answered": "1", "email": NEW}
    ).status_code == 403  # fmt: skip


def test_mail_with_a_link_that_waits_goes_to_the_new_address(newcomer: User, drain: Any, mailoutbox: Any) -> None:
    old = newcomer.email
    password_links.send_new_link(newcomer)
    new_address.use(newcomer, NEW, cause=CAUSE)
    drain()
    with_links = [mail.to for mail in mailoutbox if "setup-password" in mail.body]
    assert with_links == [[NEW]]
    assert sorted(mail.to[0] for mail in mailoutbox) == sorted([NEW, NEW, old])


def test_link_of_before_ends(user: User) -> None:
    token = password_links._tokens.make_token(user)
    assert password_links.holder_of(OLD, token) == user
    new_address.use(user, NEW, cause=CAUSE)
    for email in (OLD, NEW):
        with pytest.raises(password_links.LinkNotValid):
            password_links.holder_of(email, token)


def test_alias_asks_for_a_link_that_goes_to_the_main_address_only(user: User, drain: Any, mailoutbox: Any) -> None:
    contacts.add_alias(contacts.of_member(user), "work@example.com", source="kajabi")
    password_links.request_link("work@example.com", source_address="192.0.2.1", language="en")
    drain()
    assert [mail.to for mail in mailoutbox] == [[OLD]]


def test_alias_of_staff_or_of_somebody_locked_gets_nothing(staff: User, user: User, drain: Any) -> None:
    contacts.add_alias(contacts.of_member(staff), "boss@example.com", source="kajabi")
    contacts.add_alias(contacts.of_member(user), "work@example.com", source="kajabi")
    User.objects.filter(pk=user.pk).update(is_active=False)
    for email in ("boss@example.com", "work@example.com"):
        password_links.request_link(email, source_address="192.0.2.1", language="en")
    drain()
    assert not EmailMessage.objects.exists()


def test_corrected_address_of_the_users_form_changes_the_contact_too(console: Client, user: User) -> None:
    contacts.of_member(user)
    form = {"email": NEW, "is_active": "on", "first_name": "Jane", "last_name": "", "language": ""}
    rows = {f"{name}-{kind}_FORMS": 0 for name in ("subscriptions", "points") for kind in ("TOTAL", "INITIAL")}
    assert console.post(page_of(user), form | rows).status_code == 302
    user.refresh_from_db()
    assert (user.email, user.contact.email, aliases(user)) == (NEW, NEW, {OLD, NEW})
    assert len(notices()) == 2


def lost_mail(user: User | None, **columns: Any) -> EmailMessage:
    values = {"kind": "password_setup", "key": "lost", "status": "bounced", "bounced_at": timezone.now()}
    return EmailMessage.objects.create(user=user, **{"to": user.email if user else ""} | values | columns)


def test_mail_that_bounced_is_corrected_and_sent_again_in_one_step(console: Client, newcomer: User) -> None:
    mail = lost_mail(newcomer)
    form = console.get(act_url(mail, "correct-address")).content.decode()
    assert f'value="{newcomer.email}"' in form
    done = press(console, mail, "correct-address", email=NEW)
    assert done == ["1 address was changed, and the mail is on its way there."]
    newcomer.refresh_from_db()
    assert newcomer.email == NEW
    again = EmailMessage.objects.get(kind="password_setup", to=NEW)
    assert (again.user, again.status) == (newcomer, "pending")
    assert "correct-address" not in console.get(page_of(mail)).content.decode(), "it went to an earlier address"


def test_mail_is_not_sent_again_to_the_address_that_bounced_or_is_anothers(
    console: Client, newcomer: User, user: User
) -> None:
    mail = lost_mail(newcomer)
    for email in (newcomer.email, user.email):
        press(console, mail, "correct-address", email=email)
    assert set(EmailMessage.objects.all()) == {mail}


def test_address_is_corrected_on_lost_mails_of_members_alone(console: Client, newcomer: User, staff: User) -> None:
    others = [
        lost_mail(newcomer, key="delivered", status="delivered"),
        lost_mail(newcomer, key="pruned", pruned_at=timezone.now()),
        lost_mail(newcomer, key="older", to=OLD),
        lost_mail(staff, key="staff"),
        lost_mail(None, key="nobody", to="x@example.com"),
    ]
    for mail in others:
        assert "correct-address" not in console.get(page_of(mail)).content.decode(), mail.key
