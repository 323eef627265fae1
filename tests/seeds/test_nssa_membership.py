"""The NSSA membership document's flow, tests and commands as printed, against a running server."""

import email
import email.policy
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.harness.curl import send
from tests.harness.embedded import Embedded, embedded
from tests.harness.environment import STAFF_EMAIL
from tests.harness.process import run_to_end, wait_until
from tests.harness.webhooks import Sender, sign

pytestmark = pytest.mark.embedded

BUYER = "user@example.com"
PURCHASE = {
    "type": "offer.purchased",
    "id": "evt_123456",
    "member": {"id": "mem_789", "email": BUYER, "first_name": "John", "last_name": "Doe"},
    "offer": {"id": "off_456", "name": "NSSA Annual Membership"},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("nssa")) as installation:
        yield installation


@pytest.fixture(scope="module")
def token(app: Embedded) -> str:
    """Create an API token of the first staff user, as the console does."""
    code = (
        "from accounts.models import User; from accounts.staff import tokens; "
        f"print(tokens.make(User.objects.get(email='{STAFF_EMAIL}'), name='seed', scopes=['read', 'sync'])[1])"
    )
    printed = run_to_end([sys.executable, "manage.py", "shell", "--no-imports", "-c", code], env=app.env)
    return printed.split()[-1]


def relay(app: Embedded, event_type: str, event_id: str, member: dict[str, str], **fields: Any) -> dict[str, Any]:
    """Post a signed relay event, and return its row once it is finished."""
    event = {**PURCHASE, "type": event_type, "id": event_id, "member": member, **fields}
    answer = Sender(app.url).post(event)
    assert (answer.status, answer.json()["status"]) == (200, "success")
    return wait_until(lambda: ended(app, event_id), seconds=30, what=f"the end of {event_id}")


def ended(app: Embedded, event_id: str) -> dict[str, Any] | None:
    row = app.rows.event(event_id)
    return row if row["status"] != "pending" else None


def mails_to(app: Embedded, address: str) -> list[str]:
    """Return the texts of the mails to an address, oldest first."""
    messages = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in app.mail_files]
    return [
        f"{message['Subject']}\n\n{message.get_body(('plain',)).get_content()}"
        for message in messages
        if address in str(message["To"])
    ]


def set_up_link(app: Embedded, address: str) -> dict[str, str]:
    """Return the link of the newest mail to an address: `token`, `email`, host and path."""
    found = wait_until(
        lambda: [link for text in mails_to(app, address) for link in re.findall(r"\S+/setup-password\?\S+", text)],
        seconds=30,
        what=f"a mail with a link to {address}",
    )
    parts = urlsplit(found[-1])
    query = parse_qs(parts.query)
    return {"path": parts.path, "token": query["token"][0], "email": query["email"][0]}


def member_in_list(app: Embedded, token: str, address: str, **filters: str) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    answer = send(f"curl https://hub/api/admin/nssa-users/?{query}", to=app.url, proof=as_staff(token))
    assert answer.status == 200, answer.body
    return {row["email"]: row for row in answer.json()["results"]}.get(address, {})


def as_staff(token: str) -> Any:
    return lambda _body: {"Authorization": f"Token {token}"}


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_purchase_becomes_a_member_who_sets_a_password_and_is_signed_in(app: Embedded, token: str) -> None:
    """The user flow, steps 1 to 8, and "API documentation" with its bodies."""
    event = relay(app, "offer.purchased", "evt_123456", PURCHASE["member"])
    assert event["status"] == "processed"
    member = member_in_list(app, token, BUYER)
    assert (member["auth_provider"], member["is_active"]) == ("kajabi", False)  # no password yet
    assert (member["subscription_status"], member["subscription_plan"]) == ("active", "nssa_annual")

    link = set_up_link(app, BUYER)
    assert (link["path"], link["email"]) == ("/nssa/setup-password", BUYER)
    notification = wait_until(lambda: mails_to(app, STAFF_EMAIL), seconds=30, what="the notification of staff")
    assert any(BUYER in text for text in notification)

    answer = send(
        f"""curl -X POST https://hub/api/kajabi/setup-password/ -H "Content-Type: application/json" -d '{{
          "email": "{BUYER}",
          "token": "{link["token"]}",
          "password": "SecurePassword123"
        }}'""",
        to=app.url,
    )
    assert answer.status == 200, answer.body
    assert answer.json() == {
        "success": True,
        "message": "Password set successfully",
        "user": {"email": BUYER, "first_name": "John", "partner": "NSSA"},
    }
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert member_in_list(app, token, BUYER, is_active="true")["is_active"] is True


def test_link_works_once_and_resend_mails_a_new_one(app: Embedded) -> None:
    """Section "Password setup link expired": the message says what to do, and resend does it."""
    address = "late@example.com"
    relay(app, "offer.purchased", "evt_late", {"id": "mem_late", "email": address, "first_name": "Lara"})
    first = set_up_link(app, address)
    resend = """curl -X POST https://hub/api/kajabi/resend-setup-email/ -H "Content-Type: application/json" \
      -d '{"email": "late@example.com"}'"""
    answer = send(resend, to=app.url)
    assert (answer.status, answer.json()["success"]) == (200, True)
    wait_until(lambda: len(mails_to(app, address)) == 2, seconds=30, what="the second mail")
    old = send(
        f"""curl -X POST https://hub/api/kajabi/setup-password/ -H "Content-Type: application/json" \
        -d '{{"email": "{address}", "token": "{first["token"]}", "password": "SecurePassword123"}}'""",
        to=app.url,
    )
    assert old.status == 400
    assert old.json()["success"] is False
    assert "Please request a new setup link." in old.json()["message"]


def test_canceled_keeps_access_until_its_end_and_renewed_takes_it_back(app: Embedded, token: str) -> None:
    """Section "Test 4: subscription cancellation", with and without the end of the billing period."""
    member = {"id": "mem_4", "email": "test+1@yourdomain.com", "first_name": "Tess"}
    relay(app, "offer.purchased", "evt_4a", member)
    end = in_days(40)
    relay(app, "member.subscription.canceled", "evt_4b", member, current_period_end=end)
    row = member_in_list(app, token, member["email"], subscription_status="canceled")
    assert row["subscription_end_date"][:19] == end[:19]
    assert row["subscriptions"][0]["has_access"] is True
    relay(app, "member.subscription.renewed", "evt_4c", member)
    assert member_in_list(app, token, member["email"])["subscription_status"] == "active"
    relay(app, "member.subscription.expired", "evt_4d", member)
    row = member_in_list(app, token, member["email"], subscription_status="expired")
    assert row["subscriptions"][0]["has_access"] is False


def test_existing_user_is_linked_and_staff_are_notified(app: Embedded, token: str) -> None:
    """Section "Test 5: existing user linkage"."""
    code = (
        "from accounts.models import User; "
        "User.objects.create_user('existing@test.com', 'violet kettle under the stairs')"
    )
    run_to_end([sys.executable, "manage.py", "shell", "--no-imports", "-c", code], env=app.env)
    relay(app, "offer.purchased", "evt_5", {"id": "mem_5", "email": "existing@test.com", "first_name": "Eva"})
    row = member_in_list(app, token, "existing@test.com")
    assert row["subscription_status"] == "active"
    known = row["metadata"]
    assert (known["partner"], known["kajabi_member_id"], known["kajabi_offer_id"]) == ("NSSA", "mem_5", "off_456")
    wait_until(
        lambda: any("existing@test.com" in text for text in mails_to(app, STAFF_EMAIL)),
        seconds=30,
        what="the notification of a linked user",
    )


def test_repeated_event_is_answered_and_changes_nothing(app: Embedded) -> None:
    """Section "Duplicate webhook events": built-in idempotency by the event's id."""
    member = {"id": "mem_6", "email": "twice@example.com", "first_name": "Tim"}
    relay(app, "offer.purchased", "evt_6", member)
    set_up_link(app, member["email"])
    for _ in range(3):
        relay(app, "offer.purchased", "evt_6", member)
    assert app.rows.mails(member["email"]) == ["welcome"]
    assert len(app.rows.attempts("evt_6")) == 1


def test_commands_that_check_the_installation_answer_as_printed(app: Embedded) -> None:
    """Section "Check 2: API endpoints", and "Webhook not receiving events"."""
    assert send("curl https://api.retirementadvisorpro.com/api/webhook/kajabi/", to=app.url).status == 405
    assert send("curl https://app.retirementadvisorpro.com/nssa/setup-password", to=app.url).status == 200
    test = """curl -X POST https://api.retirementadvisorpro.com/api/webhook/kajabi/ \\
      -H "Content-Type: application/json" \\
      -d '{"type": "test", "id": "123"}'"""
    signed = send(test, to=app.url, proof=lambda body: {"X-Kajabi-Signature": sign(body)})
    assert signed.status == 200
    assert app.rows.event("123")["status"] == "ignored"
    assert send(test, to=app.url).status in (401, 403)  # without its proof


@pytest.mark.parametrize("page", ["/admin/core/kajabiwebhookevent/", "/admin/core/customuser/"])
def test_console_pages_of_the_document_redirect_to_present_ones(app: Embedded, page: str) -> None:
    answer = send(f"curl https://hub{page}", to=app.url)
    assert answer.status == 302
    assert answer.headers["location"].startswith("/admin/")


def test_mail_is_sent_from_the_shell(app: Embedded) -> None:
    """Section "Check 3: e-mail configuration", the Django shell."""
    code = """
from django.core.mail import send_mail
send_mail('Test Email', 'This is a test', 'noreply@retirementadvisorpro.com', ['your-email@domain.com'])
"""
    run_to_end([sys.executable, "manage.py", "shell", "-c", code], env=app.env)
    assert mails_to(app, "your-email@domain.com")


def test_migrations_are_applied(app: Embedded) -> None:
    shown = run_to_end([sys.executable, "manage.py", "showmigrations", "accounts", "integrations"], env=app.env)
    assert "[X] 0001_initial" in shown
    assert "[ ]" not in shown
