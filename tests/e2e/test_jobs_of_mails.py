"""Jobs of staff about a mail that is lost, from the home page to its end in six clicks, with our own mail server."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import events
from tests.e2e.staff_jobs import assert_auditor_reads, search
from tests.e2e.visitor import Visitor, colleague
from tests.fakes.amazon_ses import FakeSes
from tests.harness import Embedded, embedded, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
SECRET = "reports:harness-secret-of-mail-reports"
MAILS = 'SELECT * FROM accounts_emailmessage WHERE "to" = %s ORDER BY id'
# The server's answer to attempts that failed for longer: the next one comes in an hour.
AN_HOUR_LATER = (
    "UPDATE accounts_emailmessage SET next_attempt_at = datetime(created_at, '+1 hour'),"
    " wake_at = datetime(created_at, '+1 hour') WHERE \"to\" = %s AND failures > 0 AND crashes = 0"
)
REFUSED = "SELECT id FROM accounts_emailmessage WHERE status = 'pending' AND failures > 0"
GENERAL = "The server was unable to deliver your message (ex: unknown user, mailbox not found)."
ITS_OWN = (
    "smtp;550 5.1.1 The email account that you tried to reach does not exist. " + "Check for typos. " * 15 + "[end]"
)


@pytest.fixture(scope="module")
def server() -> Iterator[FakeSes]:
    with FakeSes() as fake:
        yield fake


@pytest.fixture(scope="module")
def own(server: FakeSes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Start an installation that sends by SMTP and takes reports of its mails."""
    smtp = {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(server.port),
        "ANYMAIL_WEBHOOKS": "postmark",
        "ANYMAIL_WEBHOOK_SECRET": SECRET,
    }
    with embedded(tmp_path_factory.mktemp("mails"), **smtp) as started:
        yield started


def buy(own: Embedded, address: str) -> None:
    events.post(own, "offer.purchased", id=f"evt_{address}", email=address, first_name="Jane", last_name="Doe")


def mail_to(own: Embedded, address: str, status: str, *, kind: str = "welcome") -> dict[str, Any]:
    """Return the mail of this kind and status once there is one."""

    def found() -> list[dict[str, Any]]:
        return [row for row in own.rows.all(MAILS, address) if (row["kind"], row["status"]) == (kind, status)]

    return wait_until(found, seconds=60, what=f"{kind} to {address} is {status}")[-1]


def report(own: Embedded, mail: dict[str, Any], record_type: str, **said: Any) -> None:
    """Report what became of a mail as Postmark does: https://postmarkapp.com/developer/webhooks/bounce-webhook."""
    named = {"MessageID": mail["provider_message_id"], "Email": mail["to"], "Recipient": mail["to"]}
    body = json.dumps({"RecordType": record_type, **named, **said}).encode()
    proof = "Basic " + base64.b64encode(SECRET.encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": proof}
    request = urllib.request.Request(f"{own.url}/anymail/postmark/tracking/", body, headers)
    urllib.request.urlopen(request, timeout=30).close()


def taken_by(server: FakeSes, address: str) -> list[str]:
    """Return the texts of the mails that the server took for an address."""
    mails = [mail for mail in server.mails.values() if mail["To"] == address]
    return [mail.get_payload(0).get_payload(decode=True).decode() for mail in mails]  # type: ignore[union-attr]


def test_mail_that_bounced_goes_to_the_corrected_address(
    own: Embedded, server: FakeSes, browser: Browser, screenshots: Path
) -> None:
    wrong, right = "jane.doe@exmaple.com", "jane.doe@example.com"
    buy(own, wrong)
    lost = mail_to(own, wrong, "sent")
    report(own, lost, "Bounce", Type="HardBounce", TypeCode=1, Description=GENERAL, Details=ITS_OWN)
    staff = Visitor(browser, own.url, language="en", width=360, screenshots=screenshots, name="bounce", scheme="dark")
    here = f"/admin/accounts/emailmessage/{lost['id']}/change/"
    assert_auditor_reads(staff, own, here, ".field-full_error", ITS_OWN)
    page = staff.sign_in(email=colleague(own.rows, "operator")).page
    tile = page.locator(".attention li", has_text="E-mails that bounced")
    with staff.clicks(at_most=4, job="a mail bounced"):
        tile.get_by_role("link", name="Correct and resend").click()
        expect(page.locator(".field-full_error")).to_contain_text(ITS_OWN)
        page.get_by_role("link", name="Correct the address and resend").click()
        expect(page.locator("input[name=email]")).to_have_value(wrong)
        page.fill("input[name=email]", right)
        with staff.next_page():
            page.keyboard.press("Enter")
        expect(page.locator(".messagelist .success")).to_contain_text("the mail is on its way there")
    staff.look("corrected")
    report(own, mail_to(own, right, "sent"), "Delivery", DeliveredAt="2026-11-29T10:00:00Z")
    (text,) = [one for one in taken_by(server, right) if "/setup-password?" in one]
    assert "email=jane.doe%40example.com" in text
    assert mail_to(own, right, "delivered")["user_id"] == lost["user_id"]

    staff.open("/admin/")
    expect(page.locator("h1")).to_be_visible()
    expect(tile).to_have_count(0)
    search(staff, wrong)
    expect(page.locator(".person-open")).to_have_count(0)
    expect(page.locator(".timeline .badge--bounced")).to_be_visible()  # what happened stays
    staff.look("person")
    staff.leave()


def test_mail_that_never_arrived_is_explained_and_sent_again(
    own: Embedded, server: FakeSes, browser: Browser, screenshots: Path
) -> None:
    address = "jane.waits@example.com"
    server.is_down = True
    buy(own, address)
    wait_until(lambda: own.rows.execute(AN_HOUR_LATER, address), seconds=60, what="a failed attempt")
    staff = Visitor(browser, own.url, language="es", width=1280, screenshots=screenshots, name="never-arrived")
    why = "4.3.2 Service not available"
    assert_auditor_reads(staff, own, f"/admin/search/?q={address}", ".person", "Aún no ha elegido contraseña", why)
    page = staff.sign_in(email=colleague(own.rows, "support")).page
    tile = page.locator(".attention li", has_text="no se pueden enviar ahora")
    expect(tile).to_be_visible()
    staff.look("home")
    with staff.clicks(at_most=2, job="a mail never arrived"):
        search(staff, address)
        expect(page.locator(".person dl").first).to_contain_text("Aún no ha elegido contraseña")
        expect(page.locator(".person dl").first).to_contain_text(why)
        staff.look("person")
        server.is_down = False
        page.get_by_role("button", name="Enviar correo de configuración").click()
        expect(page.locator(".messagelist .success")).to_contain_text("1 enlace va en camino")
    mail_to(own, address, "sent", kind="password_setup")
    assert len([text for text in taken_by(server, address) if "/setup-password?" in text]) >= 1

    staff.open("/admin/")
    with staff.clicks(at_most=4, job="send what the mail server refused"):
        tile.get_by_role("link").first.click()
        page.locator("#action-toggle").check()
        page.select_option("select[name=action]", "send-now")
        with staff.next_page():
            page.locator(".actions button[type=submit]").click()
        expect(page.locator(".messagelist .success")).to_be_visible()
    mail_to(own, address, "sent")
    wait_until(lambda: own.rows.column(REFUSED) == [], seconds=60, what="those to staff, which were refused too")
    staff.open("/admin/")
    expect(page.locator("h1")).to_be_visible()
    expect(tile).to_have_count(0)
    staff.leave()
