"""A contact's telephone numbers."""

from accounts.people.contact_report import value_of
from accounts.people.models import Contact
from core import phones
from core.field_names import custom
from integrations.toolkit.fields import as_phone

_COLUMNS = ("phone", custom("cell_phone"), custom("sms_phone"), "business_phone")


def phones_of(contact: Contact) -> list[str]:
    """Return the contact's numbers in E.164, the main one first, and last other spellings of their lines."""
    further = contact.phones.order_by("pk").values_list("number", flat=True) if contact.pk else ()
    values = (as_phone(value) for value in [*(value_of(contact, name) for name in _COLUMNS), *further])
    numbers = [number for number in values if number.startswith("+")]
    return list(dict.fromkeys([*numbers, *(text for number in numbers for text in phones.spellings(number))]))


def number_for_creation(contact: Contact) -> str:
    """Return the number that a new record of the contact gets; "" for none. One that was emptied has no successor."""
    if "phone" in contact.origins and not contact.phone:
        return ""
    return next(iter(phones_of(contact)), "")


def can_be_found(contact: Contact) -> bool:
    """Return whether a record that is created for this contact could be found again, had its answer been lost."""
    return bool(contact.email or number_for_creation(contact))
