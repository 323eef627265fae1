"""Records that their provider merged into one that is reported: their deletion may be reported later, or never."""

from collections.abc import Callable, Iterable, Sequence

from django.utils import timezone

from accounts.people import lookup
from accounts.people.models import ContactEmail, ContactMapping
from core.text import email_or_empty
from integrations.contracts.events import ContactGone, ContactReported, Event
from integrations.contracts.exceptions import NotFoundYet
from integrations.contracts.provider import Provider

RECORD = "contact"


def with_deletions(facts: Sequence[Event], provider: Provider) -> list[Event]:
    """Return the facts with the deletions before them that nobody reported. Calls the provider; raises as it does."""
    if provider.mirror is None or provider.read_contact is None or not provider.is_connected():
        return list(facts)
    read = provider.read_contact

    def exists(external_id: str) -> bool:
        try:
            read(external_id)
        except NotFoundYet:
            return False
        return True

    return [*unreported_deletions(facts, provider=provider.key, exists=exists), *facts]


def unreported_deletions(facts: Iterable[Event], *, provider: str, exists: Callable[[str], bool]) -> list[ContactGone]:
    """Return the deletions, known to nobody yet, of records that one of `facts` may have taken in.

    A record that is new here may have the address, or the number and the name, of a contact whose record is another one
    at the same provider. Where that one still `exists` they are two; else this one is its successor, and would be taken
    for another person. What `exists` asks the provider, so not inside a transaction.
    """
    others: dict[str, None] = {}
    for fact in facts:
        record_id = fact.identities.get(RECORD, "") if isinstance(fact, ContactReported) and fact.is_whole else ""
        if record_id and not lookup.match(provider=provider, identities={RECORD: record_id}).records:
            assert isinstance(fact, ContactReported)
            others |= dict.fromkeys(_records_of_the_same(fact, provider))
    return [ContactGone(occurred_at=timezone.now(), contact_id=other) for other in others if not exists(other)]


def _records_of_the_same(fact: ContactReported, provider: str) -> list[str]:
    """Return the ids of the main records of contacts who have an address of `fact`, or a number of it and its name."""
    emails = {email_or_empty(fact.email), *fact.aliases} - {""}
    numbers = (str(fact.fields.get("phone") or ""), *fact.phones)
    first, last = fact.fields.get("first_name"), fact.fields.get("last_name")
    name = lookup.name_key(first, last, company=fact.custom_fields.get("company"))
    owners = set(ContactEmail.objects.filter(email__in=emails).values_list("contact", flat=True)) if emails else set()
    owners |= {contact.pk for contact in lookup.with_number_and_name(numbers, name)}
    rows = ContactMapping.objects.filter(provider=provider, kind=RECORD, is_main=True, gone_at=None, contact__in=owners)
    return sorted(rows.values_list("external_id", flat=True)) if owners else []
