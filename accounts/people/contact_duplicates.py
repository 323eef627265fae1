"""Possible duplicates: two contacts that may be one person, flagged once, decided by staff, never by a program."""

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.people import contact_changes
from accounts.people.models import Contact, ContactChange, ContactTag, PossibleDuplicate
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once

_MOVED = ("orders", "payments", "policies", "form_submissions", "emails")
Status = PossibleDuplicate.Status


class CannotMerge(Exception):
    """The two cannot be one contact; the message says why."""


def flag(one: Contact, another: Contact, *, reason: str) -> PossibleDuplicate | None:
    """Flag two contacts as possibly one person; None where they were flagged before, or are one contact."""
    if one.pk == another.pk:
        return None
    first, second = sorted((one, another), key=lambda contact: contact.pk)
    question = PossibleDuplicate(contact=first, other=second, other_name=str(second)[:300], reason=reason[:300])
    return question if insert_once(question) else None


def ask(one: Contact, another: Contact, *, reason: str) -> tuple[PossibleDuplicate, bool]:
    """Make two contacts an open question, whatever was decided before; return it, and whether it was none till now."""
    first, second = sorted((one, another), key=lambda contact: contact.pk)
    is_new = flag(first, second, reason=reason) is not None
    question = PossibleDuplicate.objects.get(contact=first, other=second)
    return question, ask_again(question) or is_new


def keep_apart(question: PossibleDuplicate, *, cause: Cause) -> bool:
    """Decide that the two are different people, who may share an address; False where it was decided before."""
    return bool(_decided(question, Status.APART, cause))


def ask_again(question: PossibleDuplicate) -> bool:
    """Take back that the two are different people: they are a question again. False where that was not decided."""
    apart = PossibleDuplicate.objects.filter(pk=question.pk, status=Status.APART, other__isnull=False)
    return bool(apart.update(status=Status.OPEN, decided_at=None, staff=None))


def told_apart(contact: Contact) -> frozenset[int]:
    """Return the keys of the contacts that staff decided to be other people than this one."""
    apart = PossibleDuplicate.objects.filter(Q(contact=contact) | Q(other=contact), status=Status.APART)
    return frozenset(key for pair in apart.values_list("contact", "other") for key in pair if key) - {contact.pk}


def merge(question: PossibleDuplicate, *, cause: Cause) -> ChangedContact | None:
    """Merge the newer contact into the older one: its own values stay, what it lacks comes from the other.

    Ids, addresses, orders, payments, answers and tags move. None where it was decided before. Inside a transaction,
    in which what it returns is handed over. Raises CannotMerge where both have an account.
    """
    with transaction.atomic():
        pair = Contact.objects.select_for_update().filter(pk__in=[question.contact_id, question.other_id])
        # One order for all: no deadlock.
        contacts: dict[int | None, Contact] = {contact.pk: contact for contact in pair.order_by("pk")}
        kept, gone = contacts.get(question.contact_id), contacts.get(question.other_id)
        if kept is None or gone is None or not _decided(question, Status.MERGED, cause):
            return None
        if kept.user_id and gone.user_id:
            raise CannotMerge(f"{kept} and {gone} both have an account; lock one of the users and link by hand")
        user, gone.user = kept.user or gone.user, None
        gone.save(update_fields=["user"])
        _move(gone, kept, cause=cause)
        kept.user = user
        for column in Contact._meta.concrete_fields:
            if column.name not in ("id", "user") and getattr(kept, column.attname) in ("", None):
                setattr(kept, column.attname, getattr(gone, column.attname))
        kept.custom_fields = {**gone.custom_fields, **kept.custom_fields}
        kept.origins = {**gone.origins, **kept.origins}
        kept.updated_at = timezone.now()
        kept.save()
        gone.delete()
    return ChangedContact(contact=kept, provider="", cause=cause)


def _decided(question: PossibleDuplicate, status: str, cause: Cause) -> int:
    still_open = PossibleDuplicate.objects.filter(pk=question.pk, status=Status.OPEN)
    return still_open.update(status=status, decided_at=timezone.now(), staff=cause.staff)


def _move(gone: Contact, kept: Contact, *, cause: Cause) -> None:
    for name in _MOVED:
        getattr(gone, name).update(contact=kept)
    numbers = {*gone.phones.values_list("number", flat=True), gone.phone} - {"", kept.phone}
    contact_changes.add_phones(kept, sorted(numbers), cause=cause)
    gone.changes.exclude(kind=ContactChange.Kind.FROZEN).update(contact=kept)
    main = {(row.provider, row.kind): row for row in kept.mappings.all() if row.is_main}
    for mapping in gone.mappings.all():
        other = main.get((mapping.provider, mapping.kind))
        if mapping.is_main and other is not None and other.is_missing and not mapping.is_missing:
            other.is_main = False  # the record that is still there is the one to write to
            other.save(update_fields=["is_main"])
            other = None
        mapping.contact = kept
        mapping.is_main = mapping.is_main and other is None
        mapping.save(update_fields=["contact", "is_main"])
    has = {(row.tag_id, row.provider): row for row in kept.tag_rows.all()}
    for row in gone.tag_rows.all():
        same = has.get((row.tag_id, row.provider))
        if same is None:
            ContactTag.objects.filter(pk=row.pk).update(contact=kept)
        elif same.changed_at < row.changed_at:  # the later report holds, as in contact_tags
            ContactTag.objects.filter(pk=same.pk).update(is_present=row.is_present, changed_at=row.changed_at)
    open_of_gone = PossibleDuplicate.objects.filter(other=gone, status=Status.OPEN).exclude(contact=kept)
    for question in open_of_gone.select_related("contact"):
        flag(kept, question.contact, reason=question.reason)
    open_of_gone.delete()  # flagged on the kept one now; without its other it could never be decided
    for question in gone.possible_duplicates.filter(status=Status.OPEN).select_related("other"):
        if question.other is not None:
            flag(kept, question.other, reason=question.reason)
