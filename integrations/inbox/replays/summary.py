"""A plan in words, the same for the console and the command, and as JSON."""

from collections.abc import Iterable
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.mail.models import EmailMessage
from integrations import registry
from integrations.inbox.models.event import Status
from integrations.inbox.replays.plan import Plan, PlannedEvent, PlannedRow
from integrations.outbox.models import OutgoingWrite

Lines = list[tuple[str, str]]  # what, and how many or which


def of_plan(plan: Plan) -> Lines:
    """Return what would come of the events, then what would be written, sent and enqueued."""
    lines = [(capfirst(str(Status(status).label)), _events(count)) for status, count in plan.statuses.most_common()]
    by_model: dict[Any, list[str]] = {}
    for (model, verb), count in sorted(plan.rows.items(), key=lambda item: (str(item[0][0]._meta.label), item[0][1])):
        by_model.setdefault(model, []).append(_counted(verb, count))
    lines += [(capfirst(str(model._meta.verbose_name_plural)), ", ".join(texts)) for model, texts in by_model.items()]
    lines += [(_mail(kind), str(count)) for kind, count in plan.mails.most_common()]
    for provider, count in plan.writes.most_common():
        text = ngettext("%(count)d write", "%(count)d writes", count)
        lines.append((_("To %(provider)s") % {"provider": _title(provider)}, text % {"count": count}))
    return lines


def of_event(planned: PlannedEvent) -> Lines:
    """Return what processing one event again would write, send and enqueue."""
    lines = [(capfirst(str(row.model._meta.verbose_name)), _described(row)) for row in planned.rows]
    held = EmailMessage.Status.HELD
    lines += [
        (_mail(kind), _("to %(to)s, held back") % {"to": to} if status == held else _("to %(to)s") % {"to": to})
        for kind, to, status in planned.mails
    ]
    for provider, kind, whose in planned.writes:
        what = str(OutgoingWrite.Kind(kind).label)
        lines.append((_("To %(provider)s") % {"provider": _title(provider)}, f"{what}: {whose}"))
    return lines


def as_json(plans: Iterable[Plan]) -> dict[str, Any]:
    """Return the parts of a plan as one document."""
    whole = Plan(events=[one for plan in plans for one in plan.events])
    return {
        "planned": len(whole.events),
        "changing": whole.changing,
        "outcomes": dict(whole.statuses),
        "rows": [
            {"model": model._meta.label_lower, "verb": verb, "count": count}
            for (model, verb), count in whole.rows.items()
        ],
        "mails": dict(whole.mails),
        "writes": dict(whole.writes),
        "events": [_event_as_json(one) for one in whole.events],
    }


def _event_as_json(planned: PlannedEvent) -> dict[str, Any]:
    event = planned.event
    return {
        "id": event.pk,
        "provider": event.provider,
        "type": event.event_type,
        "received_at": event.received_at.isoformat(),
        "person": event.person_email,
        "status": event.status,
        "outcome": planned.status,
        "reason": planned.reason,
        "rows": [
            {
                "model": row.model._meta.label_lower,
                "id": None if row.verb == "created" else row.pk,
                "verb": row.verb,
                "fields": list(row.fields),
            }
            for row in planned.rows
        ],
        "mails": [{"kind": kind, "to": to, "status": status} for kind, to, status in planned.mails],
        "writes": [{"provider": key, "kind": kind, "of": whose} for key, kind, whose in planned.writes],
    }


def _described(row: PlannedRow) -> str:
    """Return a row's name with what would happen to it; a row that does not exist yet may have none."""
    fields = [str(row.model._meta.get_field(name).verbose_name) for name in row.fields]
    said = {"created": _("new"), "deleted": _("deleted"), "changed": ", ".join(fields)}[row.verb]
    return f"{row.name}: {said}"


def _counted(verb: str, count: int) -> str:
    texts = {
        "created": ngettext("%(count)d new", "%(count)d new", count),
        "changed": ngettext("%(count)d changed", "%(count)d changed", count),
        "deleted": ngettext("%(count)d deleted", "%(count)d deleted", count),
    }
    return texts[verb] % {"count": count}


def _events(count: int) -> str:
    return ngettext("%(count)d event", "%(count)d events", count) % {"count": count}


def _mail(kind: str) -> str:
    return _("E-mail: %(kind)s") % {"kind": EmailMessage.Kind(kind).label}


def _title(provider: str) -> str:
    known = registry.all_providers().get(provider)
    return known.title if known else provider
