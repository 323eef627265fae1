"""Questions about events in *Review* whose dates cannot be read for certain, or cannot be right."""

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.memberships.models import Subscription
from accounts.people import lookup
from core import phrases
from core.console import review
from core.console.links import EVENTS, list_url, moment, row_link
from core.console.review import Decision, Kind, Question, Suggestion, Weight
from core.phrases import found_in
from integrations.contracts import reasons
from integrations.contracts.membership_events import MembershipEvent
from integrations.handlers import doubts
from integrations.inbox import claims, questions
from integrations.inbox.models import InboxEvent
from integrations.toolkit.reading import READ_AS

Line = tuple[Any, list[Any]]


def _which_day(event: InboxEvent) -> Question:
    fact = next((one for one in claims.facts_of(event) if isinstance(one, MembershipEvent)), None)
    known = lookup.with_email(event.person_email) if event.person_email else None
    return Question(
        title=_("Is the date right that was read? %(event)s of %(person)s")
        % {"event": event.event_type, "person": event.person_email or event.external_id},
        why=phrases.shown(event.reason),
        facts=[
            (_("received"), moment(event.received_at)),
            (_("dated"), moment(fact.occurred_at) if fact else ""),
            (_("stated end"), moment(fact.period_end) if fact and fact.period_end else ""),
            *_here(known.user_id if known else None),
        ],
        heads=[_("as received"), _("as it was read")],
        lines=[line for found in found_in(event.reason) for line in _line(found.phrase, found.values)],
        suggestion=_as_it_was_read(event),
    )


def _line(phrase: Any, values: Any, field: Any = "") -> list[Line]:
    """Return the text of a date beside the day that was read, as a phrase about it says; nothing for other phrases."""
    if phrase is reasons.AT_FIELD:
        (inner, *_others) = found_in(values["problem"])
        return _line(inner.phrase, inner.values, values["field"])
    if phrase is READ_AS:
        return [(values["field"], [values["text"].strip("'\""), _day(values["day"])])]
    if phrase in questions.IMPOSSIBLE:
        label = _("dated") if phrase is doubts.TO_COME else _("stated end")
        return [(label, [_day(values["day"]), _day(values["day"])])]
    if phrase in questions.NO_DATE:
        return [(field or _("date"), [values.get("text", "").strip("'\""), ""])]
    return []


def _day(text: str) -> str:
    day = _parsed(text)
    return date_format(day) if day else text


def _parsed(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _here(user: int | None) -> list[tuple[Any, Any]]:
    """Return until when the person has access now, plan by plan: what the dates led to."""
    rows = Subscription.objects.filter(user=user).select_related("plan").order_by("pk")
    return [
        (
            _("access to %(plan)s until") % {"plan": row.plan},
            row_link("admin:accounts_subscription", row.pk, moment(row.access_until) or _("without an end")),
        )
        for row in (rows[:10] if user else [])
    ]


def _as_it_was_read(event: InboxEvent) -> Suggestion | None:
    """Suggest to accept what was read where the text is a date in one way only, or the day to come has come."""
    found = [one.phrase for one in found_in(event.reason)]
    days = [_parsed(one.values["day"]) for one in found_in(event.reason) if one.phrase is doubts.TO_COME]
    if found and all(phrase is READ_AS for phrase in found):
        return Suggestion(action="ignore", reason=_("there is only one way to read it as a date"))
    today = timezone.localdate()
    if days and len(days) == len(found) and all(day is not None and day <= today for day in days):
        return Suggestion(action="ignore", reason=_("the day has come by now"))
    return None


review.register(
    Kind(
        key="unreadable_dates",
        label=gettext_lazy("Dates in doubt"),
        model=InboxEvent,
        permission="integrations.view_inboxevent",
        weight=Weight.ACCESS,
        rows=questions.about_dates,
        occurred="received_at",
        about=review.first_text("person_email", "external_id", "event_type"),
        show=_which_day,
        decisions=(
            Decision(
                action="ignore",
                key="i",
                undo=gettext_lazy("It can be taken back: the event is processed again."),
                undo_by=("replay", "retry"),
            ),
            Decision(action="retry", key="r", undo=gettext_lazy("You see what would follow before anything is done.")),
        ),
        url=lambda: list_url(EVENTS, asks="dates"),
    )
)
