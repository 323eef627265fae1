"""Histories of memberships and the mails that follow access: which ones, to whom, and that none is sent in vain."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.admin.emails import mails_that_did_not_arrive
from accounts.mail.models import EmailMessage
from accounts.memberships import notices, staff_actions, subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, PlanMail, PlanOffer, Subscription
from accounts.memberships.terms import StatedTerms
from accounts.people.models import User
from core.cause import Cause
from integrations.contracts.pull import RunKind
from integrations.inbox import process as processing
from integrations.reconcile.models import SyncRun
from integrations.tests.test_membership_histories import Story

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
JANE = "jane@example.com"


class MailStory(Story):
    def kinds(self, to: str = JANE) -> list[str]:
        return list(EmailMessage.objects.filter(to=to).order_by("pk").values_list("kind", flat=True))

    def staff(self) -> list[str]:
        return self.kinds("staff@example.com")

    def refunded(self, days: float, **fields: Any) -> Any:
        return self._send("purchase.refunded", days, JANE, fields)

    def failed(self, days: float, **fields: Any) -> Any:
        return self._send("payment.failed", days, JANE, fields)


@pytest.fixture
def story(process: Any, relay: Any) -> MailStory:
    return MailStory(process, relay)


def test_purchase_that_ended_long_ago_brings_no_mail(story: MailStory) -> None:
    story.p(-430)
    assert (story.kinds(), story.staff()) == ([], [])


def test_buyer_of_long_ago_who_buys_again_is_welcomed_back_once_with_a_link(
    story: MailStory, drain: Any, mailoutbox: Any
) -> None:
    story.p(-430)
    again = story.p(-0.01)
    processing.retry([again])
    drain()
    assert story.kinds() == ["welcome_back"]
    assert story.staff() == ["staff_member_linked"]
    (mail,) = [mail for mail in mailoutbox if mail.to == [JANE]]
    assert "token=" in mail.body
    story.s("renewed", 364)
    assert story.kinds() == ["welcome_back"], "a renewal greets nobody anew"


def test_buyer_with_a_password_who_comes_back_gets_no_link(story: MailStory, drain: Any, mailoutbox: Any) -> None:
    story.p(-430)
    user = User.objects.get(email=JANE)
    user.set_password("violet kettle under the stairs")
    user.save()
    story.p(-0.01)
    drain()
    (mail,) = [mail for mail in mailoutbox if mail.to == [JANE]]
    assert "token=" not in mail.body


def test_late_payment_after_the_end_welcomes_back(story: MailStory) -> None:
    story.p(-360, purchase="A")
    story.s("expired", -2, purchase="A")
    story.s("renewed", -0.01, purchase="A")
    assert story.kinds() == ["welcome", "ended", "welcome_back"]
    assert story.staff() == ["staff_new_member"], "no new sale"


def test_refund_before_its_purchase_brings_no_mail_in_any_order(story: MailStory) -> None:
    story.leaps("refunded", -0.02, "A")
    story.leaps("created", -2, "A")
    story.leaps("created", -2, "A")
    assert (story.kinds(), story.staff()) == ([], [])


def test_refund_before_the_welcome_was_sent_withdraws_it(story: MailStory, drain: Any, mailoutbox: Any) -> None:
    story.p(-1, purchase="A")
    EmailMessage.objects.update(status="pending", attempts=0, next_attempt_at=timezone.now() + DAY, sent_at=None)
    mailoutbox.clear()
    story.refunded(-0.02, purchase="A")
    EmailMessage.objects.filter(status="pending").update(next_attempt_at=timezone.now())
    drain()
    sent = [mail.subject for mail in mailoutbox]
    assert not any("Welcome" in subject or "New member" in subject for subject in sent), sent
    assert EmailMessage.objects.get(kind="welcome").status == "held"
    assert EmailMessage.objects.get(kind="staff_new_member").status == "suppressed"
    story.p(-0.01, purchase="B")
    assert EmailMessage.objects.get(kind="welcome").status == "sent", "whoever buys again is welcomed after all"
    assert "welcome_back" not in story.kinds()


def test_refund_ends_access_and_says_so_once(story: MailStory) -> None:
    story.p(-10, purchase="A")
    event = story.refunded(-1, purchase="A")
    processing.retry([event])
    story.refunded(-0.9, purchase="A")
    assert story.kinds() == ["welcome", "refunded"]


def test_refund_of_one_purchase_of_two_brings_no_mail(story: MailStory) -> None:
    story.leaps("created", -10, "pur1")
    story.leaps("created", -9.996, "pur2")
    story.leaps("refunded", -1, "pur2")
    assert story.kinds() == ["welcome"]


def test_end_that_is_taken_back_before_the_mail_was_sent_is_not_mailed(
    story: MailStory, drain: Any, mailoutbox: Any
) -> None:
    story.p(-10, purchase="A")
    story.s("expired", -1, purchase="A")
    EmailMessage.objects.filter(kind="ended").update(
        status="pending", attempts=0, next_attempt_at=timezone.now() + DAY, sent_at=None
    )
    story.s("renewed", -0.01, purchase="A")
    EmailMessage.objects.filter(kind="ended").update(next_attempt_at=timezone.now())
    drain()
    assert EmailMessage.objects.get(kind="ended").status == "suppressed"


def test_end_by_the_clock_is_mailed_once(story: MailStory, travel: Any) -> None:
    story.p(-360)
    travel(9 * DAY)
    assert [subscriptions.advance(), subscriptions.advance()] == [1, 0]
    assert story.kinds() == ["welcome", "ended"]


def test_paid_end_within_the_grace_days_is_no_end(story: MailStory, travel: Any) -> None:
    story.p(-360)
    travel(6 * DAY)
    subscriptions.advance()
    assert (story.subscription.status, story.kinds()) == ("past_due", ["welcome"])


def test_failed_payment_is_mailed_once_for_a_period(story: MailStory) -> None:
    Plan.objects.update(period_months=1)
    story.p(-32)
    for days in (-1, -0.5, -0.1):
        story.failed(days, id=f"try {days}")
    assert story.kinds() == ["welcome", "payment_failed"]
    story.s("renewed", -0.01)
    assert story.kinds() == ["welcome", "payment_failed"]


def test_failed_payment_that_is_received_after_the_renewal_brings_no_mail(story: MailStory) -> None:
    Plan.objects.update(period_months=1)
    story.p(-32)
    story.s("renewed", -0.5)
    story.failed(-1)
    assert story.kinds() == ["welcome"]


def test_failed_payment_mail_says_until_when_access_lasts(story: MailStory, drain: Any, mailoutbox: Any) -> None:
    Plan.objects.update(period_months=1)
    story.p(-32)
    User.objects.update(language="es")
    story.failed(-0.5)
    drain()
    (mail,) = [mail for mail in mailoutbox if mail.subject.startswith("No se pudo cobrar")]
    assert "Tienes acceso hasta el" in mail.body
    assert f"{story.subscription.access_until - timedelta(seconds=1):%Y}" in mail.body


def test_resumed_membership_is_mailed_where_it_was_paused(story: MailStory) -> None:
    story.p(-10, purchase="A")
    story.s("paused", -5, purchase="A")
    story.s("resumed", -1, purchase="A")
    story.s("resumed", -1, purchase="A")
    assert story.kinds() == ["welcome", "resumed"]


def test_member_whom_staff_extend_after_the_end_is_told(story: MailStory) -> None:
    story.p(-430)
    until = timezone.now() + 30 * DAY
    staff_actions.extend(story.subscription, until=until, cause=Cause(text="staff"))
    assert story.kinds() == ["resumed"]


def test_welcome_of_what_begins_later_is_due_then(story: MailStory, drain: Any, travel: Any, mailoutbox: Any) -> None:
    user, plan = User.objects.create_user(JANE, auth_provider="kajabi"), Plan.objects.get()
    starts_at = timezone.now() + 20 * DAY
    fact = Fact(key="a", kind=FactKind.PURCHASED, occurred_at=timezone.now(), terms=StatedTerms(starts_at=starts_at))
    recorded = subscriptions.record(user, plan, fact, cause=Cause(text="test"))
    emails.greet(recorded.subscription)
    drain()
    assert [mail.to for mail in mailoutbox] == [["staff@example.com"]]
    travel(20 * DAY + timedelta(minutes=1))
    subscriptions.advance()
    drain()
    assert [mail.to for mail in mailoutbox] == [["staff@example.com"], [JANE]]


def test_access_that_ends_soon_is_mailed_where_the_plan_says_so(story: MailStory) -> None:
    story.p(-360, purchase="A")
    assert notices.enqueue_ends_soon() == 0, "off by default"
    PlanMail.objects.create(plan=Plan.objects.get(), kind="ends_soon")
    assert notices.enqueue_ends_soon() == 0, "a subscription that renews does not end"
    story.s("canceled", -1, purchase="A")
    assert [notices.enqueue_ends_soon(), notices.enqueue_ends_soon()] == [1, 0]
    assert story.kinds() == ["welcome", "ends_soon"]


def test_renewed_access_does_not_end_soon_any_more(story: MailStory, drain: Any) -> None:
    story.p(-360, purchase="A")
    PlanMail.objects.create(plan=Plan.objects.get(), kind="ends_soon")
    story.s("canceled", -1, purchase="A")
    notices.enqueue_ends_soon()
    EmailMessage.objects.filter(kind="ends_soon").update(next_attempt_at=timezone.now() + DAY)
    story.s("renewed", -0.01, purchase="A")
    EmailMessage.objects.filter(kind="ends_soon").update(next_attempt_at=timezone.now())
    drain()
    assert EmailMessage.objects.get(kind="ends_soon").status == "suppressed"


def test_mail_that_the_plan_switched_off_is_not_sent(story: MailStory, drain: Any, mailoutbox: Any) -> None:
    PlanMail.objects.create(plan=Plan.objects.get(), kind="refunded", is_enabled=False)
    story.p(-10, purchase="A")
    story.refunded(-1, purchase="A")
    drain()
    message = EmailMessage.objects.get(kind="refunded")
    assert (message.status, message.last_error) == ("suppressed", "not sent: this mail is switched off for the plan")


def test_own_text_is_filled_in_and_escaped_in_the_members_language(
    story: MailStory, drain: Any, mailoutbox: Any
) -> None:
    PlanMail.objects.create(
        plan=Plan.objects.get(),
        kind="refunded",
        subject_es="Adiós {first_name}",
        text_es="Hola {first_name}:\n\n{plan} <b>terminó</b>. {link}",
        text_en="English {plan}",
    )
    story.p(-10, purchase="A")
    User.objects.update(language="es", first_name="<i>{link}</i>")
    story.refunded(-1, purchase="A")
    drain()
    (mail,) = [mail for mail in mailoutbox if mail.subject.startswith("Adiós")]
    assert "Hola <i>{link}</i>:" in mail.body, "values are no placeholders"
    html = mail.alternatives[0][0]
    assert "<i>" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;terminó" in html
    assert 'href="http://testserver/sign-in"' in html


def test_own_welcome_without_a_link_holds_it_all_the_same(story: MailStory, drain: Any, mailoutbox: Any) -> None:
    PlanMail.objects.create(plan=Plan.objects.get(), kind="welcome", text_en="Hello {first_name},\n\nenjoy {plan}.")
    story.p(-1)
    drain()
    (mail,) = [mail for mail in mailoutbox if mail.to == [JANE]]
    assert "token=" in mail.body
    assert "token=" in mail.alternatives[0][0]


def test_old_sale_whose_plan_is_mapped_after_the_first_reading_is_held(
    story: MailStory, drain: Any, mailoutbox: Any
) -> None:
    event = story.p(-20, offer={"id": "off_new"})
    assert event.status == "unmatched"
    SyncRun.objects.create(provider="kajabi", kind=RunKind.BACKFILL, status="done", window_to=timezone.now() - DAY)
    PlanOffer.objects.create(plan=Plan.objects.get(), provider="kajabi", external_id="off_new")
    processing.retry([event])
    drain()
    assert story.subscription.has_access
    assert EmailMessage.objects.get(to=JANE).status == "held"
    assert "staff_new_member" not in story.staff()


def test_sale_after_the_first_reading_is_greeted(story: MailStory) -> None:
    SyncRun.objects.create(provider="kajabi", kind=RunKind.BACKFILL, status="done", window_to=timezone.now() - 9 * DAY)
    story.p(-2)
    assert story.kinds() == ["welcome"]
    assert not EmailMessage.objects.filter(status="held").exists()


def test_offer_without_a_plan_is_asked_about_once(story: MailStory) -> None:
    for number in range(3):
        event = story.p(-number, offer={"id": "off_x", "title": "Gold"}, email=f"b{number}@example.com")
        assert event.status == "unmatched"
    processing.retry([event])
    story.p(-1, offer={"id": "off_y"}, email="c@example.com")
    questions = EmailMessage.objects.filter(kind="staff_question")
    assert [row.context["question"] for row in questions] == ["no_plan", "no_plan"]
    assert "off_x" in str(questions.order_by("pk")[0].context["details"])


def test_doubts_about_a_fact_are_asked_once(story: MailStory) -> None:
    story.p(-20, purchase="A")
    story.p(-10, purchase="B")
    event = story.refunded(-1)
    processing.retry([event])
    assert [row.context["question"] for row in EmailMessage.objects.filter(kind="staff_question")] == ["which_purchase"]


def test_several_seats_are_asked_about_once_for_a_purchase(story: MailStory) -> None:
    event = story.in_app("purchase.created", -1, quantity=5)
    processing.retry([event])
    (row,) = EmailMessage.objects.filter(kind="staff_question")
    assert (row.context["question"], row.context["details"][-1]) == ("seats", "5")


def test_date_that_cannot_be_read_is_asked_about_once_a_day(story: MailStory) -> None:
    for number in range(3):
        story.p(-1, current_period_end="03/04/2127", email=f"d{number}@example.com")
    (row,) = EmailMessage.objects.filter(kind="staff_question")
    assert row.context["question"] == "unreadable_date"


def test_many_questions_of_one_kind_become_a_digest(story: MailStory, drain: Any, travel: Any, mailoutbox: Any) -> None:
    for number in range(8):
        story.p(-1, offer={"id": f"off_{number + 1000}"}, email=f"b{number}@example.com")
    drain()
    assert sum("no plan" in mail.subject for mail in mailoutbox) == 3
    travel(timedelta(hours=1, minutes=1))
    drain()
    digest = mailoutbox[-1]
    assert digest.subject == "An offer has no plan (5)"
    assert "off_1007" in digest.body
    assert "/admin/integrations/inboxevent/?status__exact=unmatched" in digest.body


def test_sales_beyond_ten_an_hour_are_a_digest(story: MailStory, drain: Any, travel: Any, mailoutbox: Any) -> None:
    for number in range(13):
        story.p(-1, member={"id": f"mem_{number}", "email": f"b{number:02}@example.com"})
    assert story.staff().count("staff_new_member") == 13, "each is stored"
    drain()
    assert sum(mail.subject.startswith("New member") for mail in mailoutbox) == 10
    due = EmailMessage.objects.values_list("next_attempt_at", flat=True).get(key__startswith="question-digest:")
    assert due is not None
    assert (due.minute, due.second) == (1, 0), "what is being stored at the full hour belongs to it"
    travel(timedelta(hours=1, minutes=1))
    drain()
    digest = mailoutbox[-1]
    assert digest.subject == "Many memberships were bought (3)"
    assert [f"b{number:02}@example.com" in digest.body for number in (9, 10, 11, 12)] == [False, True, True, True]
    assert "/admin/accounts/subscription/" in digest.body


def test_digest_of_doubts_about_facts_links_to_their_list(
    story: MailStory, drain: Any, travel: Any, mailoutbox: Any
) -> None:
    for number in range(5):
        story.p(-100, email=f"b{number}@example.com")
        story._send("purchase.refunded", -1, f"b{number}@example.com", {"amount_refunded": 20})
    travel(timedelta(hours=1, minutes=1))
    drain()
    assert "/admin/accounts/subscriptionfact/?open=yes" in mailoutbox[-1].body


def begins(story: MailStory, days: float, *, bought: float = 0) -> None:
    story.p(bought, purchase="later", effective_start_at=(timezone.now() + days * DAY).isoformat())


def test_buyer_of_before_is_welcomed_back_when_the_new_purchase_begins(
    story: MailStory, drain: Any, travel: Any, mailoutbox: Any
) -> None:
    story.p(-1, purchase="first")
    story.refunded(-0.5, purchase="first")
    drain()
    begins(story, 20)
    drain()
    assert story.kinds()[-1] == "refunded", "nothing has begun yet"
    assert story.staff()[-1] == "staff_member_linked"
    travel(20 * DAY + timedelta(minutes=1))
    subscriptions.advance()
    drain()
    subscriptions.advance()
    assert story.kinds()[-2:] == ["refunded", "welcome_back"]
    assert "welcome back" in mailoutbox[-1].subject.lower()


def test_buyer_of_before_who_was_never_greeted_is_welcomed_back_once_at_the_start(
    story: MailStory, drain: Any, travel: Any, mailoutbox: Any
) -> None:
    story.p(-430)
    begins(story, 20)
    drain()
    assert [mail.to for mail in mailoutbox] == [["staff@example.com"]]
    travel(20 * DAY + timedelta(minutes=1))
    subscriptions.advance()
    drain()
    assert story.kinds() == ["welcome_back"]
    assert [mail.to for mail in mailoutbox] == [["staff@example.com"], [JANE]]


def test_buyer_whose_new_purchase_begins_after_a_gap_is_welcomed_back(
    story: MailStory, drain: Any, travel: Any
) -> None:
    story.p(-360, purchase="first")
    story.s("canceled", -300, purchase="first")
    drain()
    begins(story, 20)
    travel(6 * DAY)
    subscriptions.advance()
    travel(21 * DAY)
    subscriptions.advance()
    drain()
    assert story.kinds()[-1] == "welcome_back"
    assert story.kinds().count("welcome_back") == 1


@pytest.mark.parametrize("gap", [0, 2])
def test_purchase_that_begins_after_the_old_one_brings_no_mail_that_access_ended(
    story: MailStory, drain: Any, travel: Any, gap: int
) -> None:
    story.p(-360, purchase="first", current_period_end=(timezone.now() + 5 * DAY).isoformat())
    story.s("canceled", -300, purchase="first")
    begins(story, 5 + gap)
    drain()
    for day in range(1, 10):
        travel(day * DAY + timedelta(minutes=1))
        subscriptions.advance()
        drain()
    assert story.subscription.status == "active"
    assert [kind for kind in story.kinds() if kind != "welcome"] == ["welcome_back"] * (gap > 0)


def test_purchase_that_is_refunded_before_it_begins_welcomes_nobody_back(
    story: MailStory, drain: Any, travel: Any
) -> None:
    story.p(-430)
    begins(story, 20, bought=-0.2)
    story.refunded(-0.1, purchase="later")
    travel(20 * DAY + timedelta(minutes=1))
    subscriptions.advance()
    drain()
    assert not [mail for mail in EmailMessage.objects.filter(to=JANE) if mail.status == "sent"]


def test_members_who_wait_for_their_welcome_are_counted_on_home(story: MailStory) -> None:
    story.p(-1)
    EmailMessage.objects.filter(to=JANE).update(status="held", next_attempt_at=None)
    rows = {item.key: item.rows for item in mails_that_did_not_arrive()}
    assert rows["held_greetings"].count() == 1
    Subscription.objects.update(access_until=timezone.now())
    rows = {item.key: item.rows for item in mails_that_did_not_arrive()}
    assert rows["held_greetings"].count() == 0
