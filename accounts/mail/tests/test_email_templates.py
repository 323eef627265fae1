"""Every mail, in both languages: text and HTML say the same, with a preview line, and hostile values do no harm."""

import re
from datetime import date
from typing import Any

import pytest
from django.utils import translation

from accounts.courses import completions
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion
from accounts.mail.deliver import compose
from accounts.mail.models import EmailMessage
from accounts.people.models import User
from accounts.signin.password_links import WITH_LINK
from core.cause import Cause

pytestmark = pytest.mark.django_db
Kind = EmailMessage.Kind
CONTEXT = {
    "plan_name": "NSSA Annual Membership",
    "partner": "NSSA",
    "member_name": "Jane Rivera",
    "member_email": "jane@example.com",
    "to": "jane@example.com",
    "kind": "welcome",
    "reason": "no such user",
    "provider": "kajabi",
    "event_type": "offer.purchased",
    "event_id": 7,
    "run_id": 7,
    "error": "it broke",
    "admin_path": "/admin/accounts/user/7/change/",
    "waiting": 2,
    "oldest": ["2026-03-01  jane@example.com  Foundations"],
    "title": "Delivery success rate",
    "subject": "kajabi",
    "value": "80.0%",
    "limit": "≥ 95.0%",
    "is_raised": True,
    "since": "2026-03-01 10:00 UTC",
    "end": "3 March 2026",
    "question": "no_plan",
    "details": ["off_789 (Gold)"],
}


@pytest.fixture
def render() -> Any:
    """Composes the mail of a kind, in a language, for a user."""

    def make(kind: str, language: str = "en", user: Any = None, context: dict[str, str] | None = None) -> Any:
        to_staff = kind.startswith("staff_")
        known = CONTEXT | (context or {})
        if kind == Kind.COURSE_COMPLETED:
            known["completion_id"] = str(awarded(user, course=known["plan_name"]).pk)
        row = EmailMessage.objects.create(
            kind=kind,
            key=f"{kind}:{language}:{EmailMessage.objects.count()}",
            to="staff@example.com" if to_staff else "new@example.com",
            user=None if to_staff else user,
            language=language,
            context=known,
        )
        return compose(row)

    return make


def awarded(user: User, **told: Any) -> Completion:
    """The completion that gave this member points for a course; its certificate names them."""
    completion = completions.receive(
        ReportedCompletion(
            source=f"kajabi:{Completion.objects.count()}",
            channel="import",  # which brings no mail of its own
            email=user.email,
            completed_on=date(2026, 3, 2),
            certificate_url="https://certificates.example.com/1.pdf",
            **told,
        ),
        Activity.objects.get(code="LEARN"),
        cause=Cause(text="test"),
    ).completion
    standing = Completion.objects.filter(user=user, course_key=completion.course_key, state="awarded")
    standing.update(certificate_state="valid")
    return standing.get()


def html_of(mail: Any) -> str:
    ((content, kind),) = mail.alternatives
    assert kind == "text/html"
    return str(content)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", Kind.values)
def test_mail_has_a_subject_a_text_a_page_and_a_preview(render: Any, newcomer: Any, kind: str, language: str) -> None:
    mail = render(kind, language, newcomer)
    html = html_of(mail)

    assert mail.subject
    assert "\n" not in mail.subject
    assert f'<html lang="{language}">' in html
    preview = re.search(r"display:none[^>]*>([^&<]+)", html)
    assert preview, "the line beside the subject"
    assert len(preview.group(1).strip()) > 10
    for part in (mail.subject, mail.body, html):
        assert "{{" not in part
        assert "{%" not in part
        assert "None" not in part
    assert "http://testserver/" in mail.body
    links_in_text = set(re.findall(r"https?://\S*", mail.body))
    links_in_html = {link.replace("&amp;", "&") for link in re.findall(r'href="(http[^"]*)"', html)}
    assert links_in_html, "a button or a link"
    assert {re.sub(r"token=[^&]+", "", link) for link in links_in_html} <= {
        re.sub(r"token=[^&]+", "", link) for link in links_in_text
    }
    assert "src=" not in html, "nothing is loaded, so nobody is tracked"
    assert len(mail.body) < 3000


@pytest.mark.parametrize("kind", Kind.values)
def test_spanish_mail_is_in_spanish(render: Any, newcomer: Any, kind: str) -> None:
    english, spanish = (render(kind, language, newcomer) for language in ("en", "es"))
    assert english.subject != spanish.subject
    assert english.body.splitlines()[0] != spanish.body.splitlines()[0]
    common = set(english.body.split("\n")) & set(spanish.body.split("\n"))
    sentences = [line for line in common if re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,} [a-z]{2,}", line)]
    assert sentences == [], "not translated"


@pytest.mark.parametrize("kind", sorted(WITH_LINK))
def test_link_is_made_when_the_mail_is_made_and_not_before(render: Any, newcomer: Any, kind: str) -> None:
    mail = render(kind, "en", newcomer)
    assert "/nssa/setup-password?token=" in mail.body
    assert "/nssa/setup-password?token=" in html_of(mail)
    assert "token" not in str(EmailMessage.objects.get().context)


@pytest.mark.parametrize("kind", [kind for kind in Kind.values if kind not in WITH_LINK])
def test_other_mails_hold_no_link_that_opens_an_account(render: Any, newcomer: Any, kind: str) -> None:
    assert "token=" not in render(kind, "en", newcomer).body


def test_member_who_set_a_password_meanwhile_is_asked_to_sign_in(render: Any, user: Any) -> None:
    mail = render(Kind.WELCOME, "en", user)
    assert "token=" not in mail.body
    assert "sign in with the password that you have" in mail.body


@pytest.mark.parametrize("kind", Kind.values)
def test_hostile_values_are_text_and_nothing_else(render: Any, newcomer: Any, kind: str) -> None:
    evil = "<img src=x onerror=alert(1)>\r\nBcc: all@example.com {{ 7 }}"
    User.objects.update(first_name=evil)
    newcomer.refresh_from_db()
    mail = render(kind, "en", newcomer, {name: evil for name in CONTEXT if name != "admin_path"})
    assert "<img" not in html_of(mail)
    assert "\n" not in mail.subject
    assert "\nBcc:" not in mail.message().as_string().partition("\n\n")[0]


def test_mail_without_a_name_greets_all_the_same(render: Any) -> None:
    nameless = User.objects.create_user("nameless@example.com", auth_provider="kajabi")
    assert render(Kind.WELCOME, "en", nameless).body.strip().startswith("Hello,")
    assert render(Kind.WELCOME, "es", nameless).body.strip().startswith("Hola")


def test_composing_leaves_the_language_of_the_worker_alone(render: Any, newcomer: Any) -> None:
    with translation.override("en"):
        render(Kind.WELCOME, "es", newcomer)
        assert translation.get_language() == "en"


def test_name_of_a_course_leads_nowhere(render: Any, newcomer: Any) -> None:
    """Anybody may fill in a form with somebody's address and a course of their own words."""
    mail = render(
        Kind.COURSE_COMPLETED, "en", newcomer, {"plan_name": "Locked! Go to https://evil.test/x or evil.test now"}
    )
    for part in (mail.subject, mail.body, html_of(mail)):
        assert "evil.test" not in part
        assert "Locked!" in part
