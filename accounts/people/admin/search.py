"""People and companies in the console's search."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.people import finding
from accounts.people.models import Company, Contact, User
from core.console import search
from core.console.links import list_url, row_url
from core.console.search import READ, Group, Hit

CONTACTS, USERS, COMPANIES = "admin:accounts_contact", "admin:accounts_user", "admin:accounts_company"


@search.source(order=1)
def people(text: str, user: Any) -> Iterator[Group]:
    if not user.has_perms(["accounts.view_contact", "accounts.view_user"]):
        return
    found = finding.find(text, limit=READ)[:READ]
    contacts = Contact.objects.select_related("user", "company").in_bulk([one.contact for one in found if one.contact])
    users = User.objects.in_bulk([one.user for one in found if not one.contact])
    hits = []
    for one in found:  # who was merged or erased since is left out
        if contact := contacts.get(one.contact):
            hits.append(_of_contact(contact, one.is_exact))
        elif login := users.get(one.user):
            hits.append(_of_user(login, one.is_exact))
    yield Group(label=_("People"), hits=hits, url=list_url(CONTACTS, q=text))


def _of_contact(contact: Contact, is_exact: bool) -> Hit:
    facts = [contact.email if contact.name else "", contact.phone, contact.company]
    if contact.user is None:
        facts.append(_("no login"))
    detail = " · ".join(str(fact) for fact in facts if fact)
    return Hit(url=row_url(CONTACTS, contact.pk), title=contact.called, detail=detail, is_exact=is_exact)


def _of_user(user: User, is_exact: bool) -> Hit:
    facts = [user.email if user.get_full_name() else "", _("staff") if user.is_staff else ""]
    detail = " · ".join(str(fact) for fact in facts if fact)
    return Hit(url=row_url(USERS, user.pk), title=user.get_full_name() or user, detail=detail, is_exact=is_exact)


@search.source(order=4)
def companies(text: str, user: Any) -> Iterator[Group]:
    if not user.has_perm("accounts.view_company"):
        return
    own = Q(company_id=text) | Q(chatwoot_account_id=text)
    rows = Company.objects.filter(own | Q(name__istartswith=text)).order_by()[:READ]
    hits = [
        Hit(
            url=row_url(COMPANIES, company.pk),
            title=company,
            detail=company.company_id,
            is_exact=text in (company.company_id, company.chatwoot_account_id),
        )
        for company in rows
    ]
    yield Group(label=_("Companies"), hits=hits, url=list_url(COMPANIES, q=text))
