"""Echoes: webhooks that say what we have just written ourselves, and nothing else. They need no reading."""

from datetime import timedelta

from accounts.people.models import ContactMapping, ContactTag
from core.field_names import custom
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import ContactReported
from integrations.contracts.exceptions import Permanent, Unmatched, Unreadable
from integrations.contracts.provider import Provider
from integrations.contracts.webhook import StoredWebhook
from integrations.fields.names import FieldConfiguration, as_text
from integrations.handlers import effects
from integrations.handlers.contacts import ECHO_WINDOW, as_report, newest_write
from integrations.handlers.context import Change
from integrations.outbox.enqueue import RECORD

LAG = timedelta(seconds=5)  # after a write, for which its echo is dated at most: it is made later than the answer


def of_a_write(webhook: StoredWebhook, provider: Provider) -> Change | None:
    """Return the write that a hint repeats, None where it says anything else or names less than was written.

    Every value in it is the last that we know of its record, so that a reading could find nothing that it reports. It
    must be dated by the write, too: what webhooks leave out (further addresses, channels, what was emptied) is changed
    by people later, and reported in just these words. So it matters little whether anybody signed it.
    """
    if provider.mirror is None:
        return None
    try:
        facts = provider.parse(webhook)
    except (Permanent, Unmatched, Unreadable):
        return None
    if len(facts) != 1 or not isinstance(facts[0], ContactReported) or not facts[0].identities.get(RECORD):
        return None
    event = facts[0]
    if event.aliases or event.phones or event.left_out:  # of these no last value is known
        return None
    mapping = ContactMapping.objects.filter(
        provider=provider.key, kind=RECORD, external_id=event.identities[RECORD], is_main=True, gone_at=None
    ).first()
    if mapping is None:
        return None
    newest = newest_write(mapping.contact_id, provider.key, within=ECHO_WINDOW)
    if newest is None or not newest.after or event.occurred_at > (newest.finished_at or newest.created_at) + LAG:
        return None
    try:
        email = normalise_email(event.email) if event.email else ""
    except InvalidAddress:
        return None
    values = as_report(event, FieldConfiguration().names(provider.key, provider.mirror)).values(email)
    stated = {*values, *map(custom, event.custom_fields)}  # a mark of ours is stated, and is no value of theirs
    known = mapping.last_synced_values
    is_news = any(as_text(value) != as_text(known.get(name)) for name, value in values.items())
    if is_news or not set(newest.after) <= stated or not _has_tags(mapping, event):
        return None
    return Change(description=effects.OUR_OWN_WRITE(), target=newest, changed=False)


def _has_tags(mapping: ContactMapping, event: ContactReported) -> bool:
    """Return whether the tags in a report are those that its contact has there."""
    if event.tags is None:
        return True
    rows = ContactTag.objects.filter(contact=mapping.contact_id, provider=mapping.provider, is_present=True)
    return sorted(tag.casefold() for tag in event.tags) == sorted(
        name.casefold() for name in rows.values_list("tag__name", flat=True)
    )
