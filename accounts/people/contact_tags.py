"""The tags of a contact at a provider. Order-free: of two words about a tag the later one holds."""

from collections.abc import Sequence
from datetime import datetime

from accounts.people.models import Contact, ContactTag, Tag
from core.insert_once import insert_once
from core.text import one_line


def change(
    contact: Contact,
    *,
    provider: str,
    at: datetime,
    whole: Sequence[str] | None = None,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    listed_at: datetime | None = None,
) -> list[str]:
    """Note what was so at the moment `at`; "+name" and "-name" for what is different now.

    `whole` are all the tags there: what is not among them is gone. `listed_at` is when the provider last named them
    all: a tag that is new here and was given before that was taken away since. The caller holds the contact's row.
    """
    wanted = {name: True for name in map(_name, [*(whole or ()), *added]) if name}
    wanted |= {name: False for name in map(_name, removed) if name}
    if whole is None and not wanted:
        return []
    rows = {row.tag.name: row for row in contact.tag_rows.filter(provider=provider).select_related("tag")}
    if whole is not None:
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
        # Of two words about one moment the one that came last holds: a contact's time need not move with its tags.
        elif row.is_present != is_present and row.changed_at <= at:
            ContactTag.objects.filter(pk=row.pk).update(is_present=is_present)
            changes.append(f"{'+' if is_present else '-'}{name}")
    # What was said again is as new as that: an older word that comes late must not undo it.
    contact.tag_rows.filter(provider=provider, tag__name__in=wanted, changed_at__lt=at).update(changed_at=at)
    return changes


def _name(name: str) -> str:
    return one_line(name, 150)


def _tag(name: str) -> Tag:
    tag = Tag.objects.filter(name=name).first()
    if tag is None:
        tag = Tag(name=name)
        if not insert_once(tag):
            tag = Tag.objects.get(name=name)
    return tag
