"""The page of a person: contact and login as one, why they have access, what happened, and what staff can do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.contrib import admin
from django.db.models import BigIntegerField, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.courses.models import PointsEntry
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.mail.undelivered import WITH_LINK
from accounts.memberships import explain
from accounts.memberships.access_span import shown_end
from accounts.memberships.models import Subscription
from accounts.memberships.subscription_state import State
from accounts.people.admin import person_facts, person_sales
from accounts.people.models import Contact, PossibleDuplicate, User
from accounts.people.person import Person
from core import dates, phrases
from core.console import links, timeline
from core.console.links import list_url, moment, row_url

ERROR = 300  # letters of what a mail server said; the page of the mail has the whole
CONTACT, USER = "admin:accounts_contact", "admin:accounts_user"
links.show_on(CONTACT, f"{CONTACT}_person")
links.show_on(USER, f"{USER}_person")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The person whose page it is: a contact, a login, or both."""

    contact: Any
    user: Any
    emails: Sequence[str] = field(default_factory=tuple)

    @property
    def user_id(self) -> int | None:
        return self.user.pk if self.user else None

    @property
    def contact_id(self) -> int | None:
        return self.contact.pk if self.contact else None


def urls_of(model_admin: Any) -> list[URLPattern]:
    """Return the address of the page, for the pages of contacts and those of users."""
    name = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_person"
    show = _of_contact if model_admin.model is Contact else _of_user
    return [path("<int:key>/person/", model_admin.admin_site.admin_view(show), name=name)]


def _of_contact(request: HttpRequest, key: int) -> HttpResponse:
    contact = _with_figures(Contact.objects.select_related("user", "company"), user="user").filter(pk=key).first()
    if contact is None:
        raise Http404
    return _page(request, Shown(contact=contact, user=contact.user), figures=contact)


def _of_user(request: HttpRequest, key: int) -> HttpResponse:
    user: Any = _with_figures(User.objects.select_related("contact"), user="pk").filter(pk=key).first()
    if user is None:
        raise Http404
    if contact := getattr(user, "contact", None):
        return redirect(row_url(CONTACT, contact.pk))
    return _page(request, Shown(contact=None, user=user), figures=user)


def _with_figures(rows: QuerySet[Any], *, user: str) -> QuerySet[Any]:
    """Add what would be a query each: points, an open question whether there are two of them, a complaint, the newest
    mail with a link to a first password."""
    points = PointsEntry.objects.filter(user=OuterRef(user)).order_by().values("user").annotate(total=Sum("points"))
    email = "user__email" if user == "user" else "email"
    complaints = SuppressedAddress.objects.filter(email=OuterRef(email), lifted_at=None)
    doubts = PossibleDuplicate.objects.filter(status=PossibleDuplicate.Status.OPEN).order_by()
    contact = "pk" if user == "user" else "contact__pk"
    own = doubts.filter(Q(contact=OuterRef(contact)) | Q(other=OuterRef(contact)))
    with_link = EmailMessage.objects.filter(user=OuterRef(user), kind__in=WITH_LINK).order_by("-pk")
    return rows.annotate(
        link_key=Subquery(with_link.values("pk")[:1]),
        link_status=Subquery(with_link.values("status")[:1]),
        link_at=Subquery(with_link.values("created_at")[:1]),
        link_error=Subquery(with_link.values("last_error")[:1]),
        points_total=Subquery(points.values("total")[:1], output_field=IntegerField()),
        has_complaint=Exists(complaints),
        doubt=Subquery(own.values("pk")[:1], output_field=BigIntegerField()),
    )


def _page(request: HttpRequest, person: Shown, *, figures: Any) -> HttpResponse:
    contact, user, staff = person.contact, person.user, request.user
    names = person_facts.names_of(contact) if contact else person_facts.Names()
    emails = {one.text for one in names.emails} | {one.email for one in (contact, user) if one} - {""}
    explanation = explain.explain(
        Person(
            contacts={contact.pk} if contact else set(),
            users={user.pk} if user else set(),
            emails=emails,
            names={(contact.first_name, contact.last_name)} if contact else set(),
        ),
        login=user,
    )
    before = _moment(request.GET.get("before", ""))
    happened = timeline.read(Shown(contact=contact, user=user, emails=sorted(emails)), staff, before=before)
    here = row_url(CONTACT, contact.pk) if contact else row_url(USER, user.pk)
    return TemplateResponse(
        request,
        "admin/person.html",
        {
            **admin.site.each_context(request),
            "title": explanation.name,
            "contact": contact,
            "login": user,
            "figures": figures,
            "explanation": explanation,
            "memberships": _memberships(request, explanation, here),
            "names": names,
            "values": person_facts.values_of(contact) if contact else [],
            "sales": person_sales.of_person(contact, user, seen_by=staff),
            "timeline": happened,
            "here": here,
            "before": before,
            "link_sent": _link_sent(request, figures),
            "joined": moment(user.date_joined) if user else "",
            "buttons": _buttons(request, person, here),
            "pages": _pages(person),
            "doubt_url": row_url("admin:accounts_possibleduplicate", figures.doubt) if figures.doubt else "",
            "company_url": row_url("admin:accounts_company", contact.company_id)
            if contact and contact.company_id
            else "",
            "complaint_url": list_url("admin:accounts_suppressedaddress", q=user.email) if user else "",
        },
    )


def _moment(text: str) -> datetime | None:
    """Return the moment that an address names; None for none, and for what is no moment or none of ours."""
    try:
        found = parse_datetime(text[:40].replace(" ", "+"))  # an unquoted + is a space
        return found.astimezone(UTC) if found and found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _memberships(request: HttpRequest, explanation: explain.Explanation, here: str) -> list[dict[str, Any]]:
    if not request.user.has_perm("accounts.view_subscription"):
        return []
    pages: Any = admin.site.get_model_admin(Subscription)
    return [
        {
            "plan": plan,
            "state": links.badge(plan.state.status, plan.subscription.get_status_display()),
            "until": _end_of(plan.state),
            "url": row_url("admin:accounts_subscription", plan.subscription.pk),
            "buttons": _others(pages.buttons(request, plan.subscription, back=here), {"send-set-up-mail"}),
        }
        for plan in explanation.plans
    ]


def _end_of(state: State) -> date | None:
    end = shown_end(paid_until=state.period_end, access_until=state.access_until, now=timezone.now())
    return dates.last_day(end) if end else None


def _link_sent(request: HttpRequest, figures: Any) -> dict[str, Any] | None:
    """Return what became of the newest mail with a link to a first password."""
    if not figures.link_key or not request.user.has_perm("accounts.view_emailmessage"):
        return None
    status = EmailMessage.Status(figures.link_status)
    return {
        "url": row_url("admin:accounts_emailmessage", figures.link_key),
        "state": links.badge(status.value, status.label),
        "at": moment(figures.link_at),
        "error": links.shortened(phrases.shown(figures.link_error), ERROR),
    }


def _buttons(request: HttpRequest, person: Shown, here: str) -> list[dict[str, Any]]:
    """Return the buttons of the contact and of the login, what both have once."""
    found: list[dict[str, Any]] = []
    for row in (person.user, person.contact):
        if row is not None:
            pages: Any = admin.site.get_model_admin(type(row))
            found += _others(pages.buttons(request, row, back=here), {button["name"] for button in found})
    return found


def _others(buttons: Sequence[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return [button for button in buttons if button["name"] not in names]


def _pages(person: Shown) -> dict[str, str]:
    """Return Django's own pages of the rows, where the login is edited and every column stands."""
    rows = {"contact": person.contact, "login": person.user}
    return {
        name: reverse(f"admin:accounts_{row._meta.model_name}_change", args=[row.pk])
        for name, row in rows.items()
        if row is not None
    }
