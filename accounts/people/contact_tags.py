"""The tags of a contact at a provider. Order-free: of two reports about a tag the later one holds."""

from datetime import datetime

from accounts.people.contact_report import ContactReport
from accounts.people.models import Contact, ContactTag, Tag
from core.insert_once import insert_once
from core.text import one_line


def apply(contact: Contact, report: ContactReport, *, provider: str, listed_at: datetime | None = None) -> list[str]:
    """Store the tags that a report names; returns "+name" and "-name" for what changed.

    `report.tags` are all the tags there: what is not among them is gone. `listed_at` is when the provider last named
    them all: a tag that is new here and was given before that was taken away since. The caller holds the contact's row.
    """
    at = report.occurred_at
    wanted = {name: True for tag in (*(report.tags or ()), *report.tags_added) if (name := one_line(tag, 150))}
    wanted |= {name: False for tag in report.tags_removed if (name := one_line(tag, 150))}
    if report.tags is None and not wanted:
        return []
    rows = {row.tag.name: row for row in contact.tag_rows.filter(provider=provider).select_related("tag")}
    if report.tags is not None:
        wanted = dict.fromkeys(rows, False) | wanted
    changes = []
    for name, is_present in sorted(wanted.items()):
        row = rows.get(name)
        if row is None:
            row = ContactTag(contact=contact, tag=_tag(name), provider=provider, is_present=is_present, changed_at=at)
            if listed_at is not None and listed_at >= at:
                row.is_present, row.changed_at = False, listed_at
            if insert_once(row) and row.is_present:
                changes.append(f"+{name}")
        # Of two reports of one moment the one that came last holds: a contact's time need not move with its tags.
        elif row.is_present != is_present and row.changed_at <= at:
            ContactTag.objects.filter(pk=row.pk).update(is_present=is_present)
            changes.append(f"{'+' if is_present else '-'}{name}")
    # A tag that is reported again is as new as that: an older report that comes late must not undo it.
    contact.tag_rows.filter(provider=provider, tag__name__in=wanted, changed_at__lt=at).update(changed_at=at)
    return changes


def _tag(name: str) -> Tag:
    tag = Tag.objects.filter(name=name).first()
    if tag is None:
        tag = Tag(name=name)
        if not insert_once(tag):
            tag = Tag.objects.get(name=name)
    return tag
