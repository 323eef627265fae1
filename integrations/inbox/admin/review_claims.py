"""Questions about events in *Review* whose id two people claim."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people import lookup
from accounts.people.admin.contacts import person_link
from accounts.people.models import Contact, ContactMapping, User
from core import phrases
from core.console import review
from core.console.links import EVENTS, list_url, moment, row_link
from core.console.review import Decision, Kind, Question, Rule, Suggestion, Weight
from core.provider_names import kind_title, provider_title
from integrations.inbox import claims, questions
from integrations.inbox.claims import Claim
from integrations.inbox.models import InboxEvent

KEY = "repeated_ids"
SHOWN = 4  # members beside the event
Line = tuple[Any, list[Any]]


def _whose(event: InboxEvent) -> Question:
    claim = claims.claim_of(event)
    members = claim.members[:SHOWN] if claim else []
    contacts = {contact.user_id: contact for contact in Contact.objects.filter(user__in=members)}
    return Question(
        title=_("Whose is the ID in this event? %(person)s") % {"person": event.person_email or event.external_id},
        why=format_html("{} {}", phrases.shown(event.reason), _merging(list(contacts.values()))),
        facts=[
            (_("event type"), f"{provider_title(event.provider)} {event.event_type}"),
            (_("date"), moment(event.received_at)),
        ],
        heads=[_("as received"), *(_head(member, contacts.get(member.pk)) for member in members)],
        lines=_lines(claim, members) if claim else _stated(event),
        suggestion=_of_the_name(claim) if claim else None,
        rules={"choose-member": _rule(claim)} if claim else {},
    )


def _head(member: User, contact: Contact | None) -> SafeString:
    return person_link(contact) if contact else row_link("admin:accounts_user", member.pk, member)


def _merging(contacts: list[Contact]) -> SafeString | str:
    """Return the way to make one person of those who are meant."""
    if len(contacts) < 2:
        return ""
    one, other, *_others = contacts
    address = reverse("admin:accounts_contact_merge", args=[one.pk], query={"who": other.email})
    return format_html('<a href="{}">{}</a>', address, _("If they are one person, merge them"))


def _lines(claim: Claim, members: Sequence[User]) -> list[Line]:
    rows = ContactMapping.objects.filter(
        provider=claim.provider, kind__in=list(claim.identities), contact__user__in=members
    )
    has: dict[tuple[int | None, str], list[str]] = {}
    for user, kind, external_id in rows.order_by("-is_main", "pk").values_list("contact__user", "kind", "external_id"):
        has.setdefault((user, kind), []).append(external_id)
    return [
        (_("e-mail"), [claim.email, *(member.email for member in members)]),
        (_("name"), [claim.name, *(member.get_full_name() for member in members)]),
        *(
            (
                f"{provider_title(claim.provider)} {kind_title(kind)}",
                [external_id, *(_joined(has.get((one.pk, kind), [])) for one in members)],
            )
            for kind, external_id in sorted(claim.identities.items())
        ),
    ]


def _joined(texts: list[str]) -> SafeString | str:
    return texts[0] if len(texts) == 1 else format_html_join(SafeString("<br>"), "{}", ((text,) for text in texts))


def _stated(event: InboxEvent) -> list[Line]:
    """Return what the reason says of an event whose payload is not here any more, or says less than its provider."""
    values = [one.values for one in phrases.found_in(event.reason) if one.phrase in claims.CONFLICTS]
    return [(name, [value]) for found in values for name, value in found.items()]


def _of_the_name(claim: Claim) -> Suggestion | None:
    """Suggest the one member who has the name in the event; a name alone says nothing where two have it."""
    name = lookup.name_key(claim.name, "")
    same = [one for one in claim.members if name and lookup.name_key(one.first_name, one.last_name) == name]
    if len(same) != 1 or same[0] not in claim.choices:
        return None
    reason = _("the name in the event is that of %(member)s") % {"member": same[0]}
    return Suggestion(action="choose-member", reason=reason, answers={"member": same[0].pk})


def _rule(claim: Claim) -> Rule:
    ids = ", ".join(
        f"{provider_title(claim.provider)} {kind} {value}" for kind, value in sorted(claim.identities.items())
    )
    return Rule(
        text=_("%(ids)s means the member whom you choose.") % {"ids": ids},
        url=list_url("admin:accounts_contactmapping", provider=claim.provider),
    )


review.register(
    Kind(
        key=KEY,
        label=gettext_lazy("IDs that two people claim"),
        model=InboxEvent,
        permission="integrations.view_inboxevent",
        weight=Weight.ACCESS,
        rows=questions.about_ids,
        occurred="received_at",
        about=review.first_text("person_email", "external_id", "event_type"),
        show=_whose,
        urgent=claims.claimed(),
        decisions=(
            Decision(
                action="choose-member",
                key="g",
                undo=gettext_lazy(
                    "The ID can be removed from the member again, on the ID's page. What the event gave stays until you"
                    " end it."
                ),
            ),
            Decision(action="retry", key="r", undo=gettext_lazy("You see what would follow before anything is done.")),
            Decision(
                action="ignore",
                key="i",
                undo=gettext_lazy("It can be taken back: the event is processed again."),
                undo_by=("replay", "retry"),
            ),
        ),
        url=lambda: list_url(EVENTS, asks="ids"),
    )
)
