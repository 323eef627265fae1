"""Events that are unmatched because two people claim an id: who they are, and giving the id to one of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.people import lookup, members
from accounts.people.lookup import NeedsStaff
from accounts.people.models import Contact, ContactMapping, User
from core.phrases import Phrase
from integrations.contracts.events import Event
from integrations.contracts.exceptions import Permanent, Unmatched, Unreadable
from integrations.contracts.membership_events import MembershipEvent
from integrations.inbox import process
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.inbox.reading import as_webhook, is_hint
from integrations.registry import all_providers

CONFLICTS = (lookup.SEVERAL_MEMBERS, lookup.ANOTHER_MEMBER, members.ANOTHER_CUSTOMER)
LOOKED_AT = 500  # open conflicts that one pass of the clock looks at


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An event's ids with their kinds, its address and name, and the members who are meant by one of those.

    `choices` are those among them who can have all of the ids without another conflict.
    """

    provider: str
    identities: Mapping[str, str]
    email: str
    name: str
    members: Sequence[User]
    choices: Sequence[User]


def claimed() -> Q:
    """Return the condition on unmatched events that an id is claimed by two."""
    return says_one_of(CONFLICTS)


def open_claims() -> QuerySet[InboxEvent]:
    return InboxEvent.objects.filter(claimed(), status=Status.UNMATCHED)


def says_one_of(phrases: Iterable[Phrase]) -> Q:
    """Return the condition on events that their reason is one of these phrases, or has one among others."""
    condition = Q()
    for phrase in phrases:
        condition |= Q(reason__contains=phrase.anchor)
    return condition


def facts_of(event: InboxEvent) -> Sequence[Event]:
    """Return what the stored payload says, without asking its provider; nothing where it cannot be read here."""
    provider = all_providers().get(event.provider)
    if provider is None or event.payload is None or event.pruned_at is not None:
        return ()
    try:
        return list(provider.parse(as_webhook(event)))
    except (Unreadable, Unmatched, Permanent):
        return ()


def claim_of(event: InboxEvent) -> Claim | None:
    """Return who claims an id of an unmatched event; None where nobody does, or where the event does not say it."""
    if event.status != Status.UNMATCHED:
        return None
    for fact in facts_of(event):
        person = fact.buyer if isinstance(fact, MembershipEvent) else fact
        identities: Mapping[str, str] = getattr(person, "identities", {})
        email = str(getattr(person, "email", ""))
        found = lookup.match(provider=event.provider, identities=identities, email=email)
        try:
            members.refuse_conflict(found, identities, provider=event.provider)
        except NeedsStaff:
            name = " ".join(str(getattr(person, part, "")) for part in ("first_name", "last_name")).strip()
            return _claim(found, provider=event.provider, identities=identities, email=email, name=name)
    return None


def _claim(found: lookup.Match, *, provider: str, identities: Mapping[str, str], email: str, name: str) -> Claim:
    by_id = [row.contact.user for row in found.records if row.contact.user is not None]
    by_address = [found.login_by_address[0]] if found.login_by_address else []
    return Claim(
        provider=provider,
        identities=dict(identities),
        email=email,
        name=name,
        members=list(dict.fromkeys([*by_address, *by_id])),
        choices=by_address or list(dict.fromkeys(by_id)),
    )


def give_ids(event: InboxEvent, member: User) -> int:
    """Let the ids of the event be those of `member` alone, and process every event again that waits for this.

    Other people lose them; another id of the same kind that the member has stays, beside the main one. Returns how many
    events are processed again. Two at once: the second finds the first one's decision. Raises LookupError where the
    event does not wait for it any more, or the member is none of the choices.
    """
    with transaction.atomic():
        held = InboxEvent.objects.select_for_update().filter(pk=event.pk, status=Status.UNMATCHED).first()
        claim = claim_of(held) if held is not None else None
        if held is None or claim is None or member not in claim.choices:
            raise LookupError("This event does not wait for this member.")
        named = Q(pk__in=[])
        for kind, external_id in claim.identities.items():
            named |= Q(kind=kind, external_id=external_id)
        rows = ContactMapping.objects.filter(provider=claim.provider)
        others = rows.filter(named).exclude(contact__user=member)
        own = rows.filter(contact__user=member, kind__in=list(claim.identities), is_main=True).exclude(named)
        # By their keys, as a merge does: no deadlock.
        keys = {*others.values_list("contact", flat=True), *own.values_list("contact", flat=True)}
        list(Contact.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))
        others.delete()
        own.update(is_main=False)
        return process.retry(_of_the_same_person(held))


def retry_settled() -> int:
    """Process again the events whose conflict is gone: by a merge, a removed id or another address. By the clock."""
    rows = open_claims().filter(pruned_at=None).defer("body", "headers").order_by("pk")[:LOOKED_AT]
    # What only its provider can tell is left to staff: here it would look settled and be asked for again and again.
    settled = [event for event in rows if facts_of(event) and not is_hint(event) and claim_of(event) is None]
    return process.retry(settled)


def _of_the_same_person(event: InboxEvent) -> QuerySet[InboxEvent]:
    if not event.person_email:
        return InboxEvent.objects.filter(pk=event.pk)
    return open_claims().filter(provider=event.provider, person_email=event.person_email)
