"""Rows that a provider's API adds to a purchase, written straight into an installation's database.

Run there: `manage.py shell -c "from tests.e2e.purchase_rows import create; create('jane@example.com')"`.
"""

from django.utils import timezone

from accounts.commerce import orders
from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.people import contact_duplicates, contacts
from accounts.people.contact_report import ContactReport
from core.cause import Cause
from integrations.inbox.models import ContactRefresh


def create(address: str) -> None:
    """Create an order, a payment, answers and a failed refresh of the contact with `address`, and a similar contact."""
    now, cause = timezone.now(), Cause(text="a browser test")
    report = ContactReport(
        occurred_at=now,
        email=address,
        identities={"contact": f"c-{address}"},
        fields={"phone": "+1 555 0100", "city": "Springfield"},
        custom_fields={"custom_1": "A long answer " * 20},
        tags=["newsletter", "founding member of the academy"],
        offers=[{"id": "1", "title": "NSSA Annual Membership"}],
    )
    contact = contacts.apply_report(report, provider="kajabi", cause=cause).contact
    alike = ContactReport(
        occurred_at=now,
        email=f"other.{address}",
        identities={"contact": f"d-{address}"},
        fields={"first_name": "Jane", "phone": "+1 555 0100"},
    )
    other = contacts.apply_report(alike, provider="kajabi", cause=cause).contact
    contact_duplicates.flag(contact, other, reason="both have the phone number +1 555 0100")
    belongs = {"contact": contact, "provider": "kajabi", "external_id": f"1-{address}"}
    order = Order(**belongs, number=f"1-{address}", currency="USD", total=29900, placed_at=now)
    orders.store_order(order, [OrderLine(external_id="1", title="NSSA Annual Membership", total=29900)])
    orders.store_payment(Payment(**belongs, kind="charge", amount=29900, currency="USD", occurred_at=now))
    answers = {"How did you find us?": "A friend told me " * 20}
    orders.store_submission(
        FormSubmission(**belongs, form_title="Welcome", answers=answers, submitted_at=now),
    )
    reading, _made = ContactRefresh.objects.get_or_create(provider="kajabi", external_id=f"c-{address}")
    ended = {"status": "failed", "next_attempt_at": None, "wake_at": None, "last_error": "Kajabi does not know it"}
    ContactRefresh.objects.filter(pk=reading.pk).update(**ended)
