"""Members of a file: contacts as they were when it was exported, and never a sale by themselves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.memberships.models import PlanOffer, Subscription
from accounts.people import contacts
from accounts.people.contact_report import ContactReport
from accounts.people.models import Contact, ContactMapping, User
from core.cause import Cause
from integrations.providers.kajabi.tests.history_files import TITLE, file_of, paid, transactions
from integrations.providers.kajabi.tests.plugin import OFFER_ID

pytestmark = pytest.mark.django_db
CONTACTS = Path(__file__).parent / "history" / "contacts.csv"
NEWEST = datetime(2026, 1, 13, 1, 30, tzinfo=UTC)  # the last activity in the file, which has zones of its own


def outcomes(history: Any) -> list[str]:
    return list(history.rows.order_by("line").values_list("outcome", flat=True))


def test_kajabis_own_headings_are_recognised(taken: Any) -> None:
    history = taken(CONTACTS)
    assert (history.kind, history.status, history.exported_at) == ("members", "ready", NEWEST)
    named = {name: history.headings[place] for name, place in history.columns.items()}
    assert named | {"email": "Email", "contact_id": "ID", "member_id": "Member ID", "tags": "Tags"} == named
    assert named["phone"] == "Phone Number (phone_number)"
    assert named["mobile"] == "Mobile Phone Number (mobile_phone_number)"
    assert named["postal_code"] == "Zip Code (address_zip)"
    assert "How did you hear of us? (custom_1)" not in named.values()


def test_labels_in_another_language_are_known_by_the_fields_name(taken: Any) -> None:
    headings = [
        "Nombre completo (name)",
        "Correo electrónico (email)",
        "Teléfono (phone_number)",
        "País (address_country)",
    ]
    history = taken(file_of(headings, {headings[1]: "ada@example.com", headings[2]: "+34 600"}))
    assert history.columns == {"email": 1, "name": 0, "phone": 2, "country": 3}


def test_members_become_contacts_and_no_members(imported: Any) -> None:
    history = imported(CONTACTS)
    assert outcomes(history) == ["new", "new", "new", "error"]
    ada = Contact.objects.get(email="ada.marsh@example.com")
    assert (ada.first_name, ada.last_name, ada.phone, ada.city) == ("Ada", "Marsh", "+1 303 555 0101", "Boulder")
    assert sorted(ada.tag_rows.values_list("tag__name", flat=True)) == ["founder", "newsletter"]
    assert dict(ada.mappings.values_list("kind", "external_id")) == {"contact": "7001", "member": "9001"}
    assert Contact.objects.get(email="bruno@example.com").phone == "+34 600 000 002", "the mobile phone, where no other"
    assert (User.objects.count(), Subscription.objects.count()) == (0, 0)
    assert "there is no e-mail in this row" in history.rows.get(line=5).detail


def test_same_members_twice_change_nothing(imported: Any) -> None:
    imported(CONTACTS)
    before = list(Contact.objects.order_by("pk").values())
    assert outcomes(imported(CONTACTS)) == ["nothing", "nothing", "nothing", "error"]
    assert list(Contact.objects.order_by("pk").values()) == before


def test_newer_report_of_the_provider_is_not_overwritten(imported: Any) -> None:
    told = ContactReport(
        occurred_at=timezone.now(),
        email="ada.marsh@example.com",
        identities={"contact": "7001"},
        fields={"city": "Denver"},
    )
    contacts.apply_report(told, provider="kajabi", cause=Cause(text="a hook"))
    imported(CONTACTS)
    ada = Contact.objects.get(email="ada.marsh@example.com")
    assert (ada.city, ada.first_name) == ("Denver", "Ada"), "what nobody told is filled in"


def test_file_before_and_after_a_newer_report_ends_the_same(imported: Any) -> None:
    told = ContactReport(
        occurred_at=timezone.now(),
        email="ada.marsh@example.com",
        identities={"contact": "7001"},
        fields={"city": "Denver"},
    )
    ends = []
    for file_is_first in (True, False):
        Contact.objects.all().delete()
        steps = [
            lambda: imported(CONTACTS),
            lambda: contacts.apply_report(told, provider="kajabi", cause=Cause(text="a hook")),
        ]
        for step in steps if file_is_first else reversed(steps):
            step()
        ada = Contact.objects.get(email="ada.marsh@example.com")
        ends.append((ada.city, ada.state, ada.first_name, ada.phone, ContactMapping.objects.count()))
    assert ends[0] == ends[1]


def test_file_without_any_date_only_fills_in_what_is_missing(imported: Any) -> None:
    known = ContactReport(
        occurred_at=datetime(2020, 1, 1, tzinfo=UTC), email="ada@example.com", fields={"city": "Denver"}
    )
    contacts.apply_report(known, provider="kajabi", cause=Cause(text="a hook"))
    history = imported("Email,City,Phone\nada@example.com,Boulder,+1 303\n")
    ada = Contact.objects.get()
    assert (ada.city, ada.phone) == ("Denver", "+1 303")
    assert "The file has no date" in history.notes[0]


def test_product_without_an_order_is_a_question_and_no_grant(taken: Any, imported: Any, plan: Any) -> None:
    PlanOffer.objects.create(plan=plan, provider="kajabi", external_id=f"title:{TITLE.casefold()}")
    history = taken(CONTACTS)
    assert outcomes(history) == ["question", "new", "question", "error"]
    detail = history.rows.get(line=2).detail
    assert detail.startswith("has Gold Membership, and no order of it is known")
    imported(transactions(paid("1", 30, Customer_Email="ada.marsh@example.com", Offer_ID=OFFER_ID)))
    assert outcomes(taken(CONTACTS))[0] != "question", "its order is known by now"
    assert Subscription.objects.count() == 1


def test_contact_of_a_file_is_the_member_who_bought(imported: Any, plan: Any) -> None:
    imported(CONTACTS)
    imported(transactions(paid("1", 30, Customer_Email="Ada.Marsh@example.com", Customer_ID="9001")))
    assert Contact.objects.filter(email="ada.marsh@example.com").count() == 1
    assert Contact.objects.get(email="ada.marsh@example.com").user == User.objects.get()
