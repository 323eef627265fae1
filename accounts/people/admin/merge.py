"""The page on which staff pick the other record of a person, before *Review* shows both and merges them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people import contact_duplicates, finding
from accounts.people.models import Contact
from core.console import search
from core.console.actions import Action
from core.console.links import leading_back, row_url
from core.console.review import url_of
from core.phrases import Phrase

CONTACT = "admin:accounts_contact"
NAME = f"{CONTACT}_merge"
_ASKED = Phrase("staff ask whether they are one person")

MERGE = Action(
    name="merge",
    label=gettext_lazy("merge"),
    in_list=False,
    opens=lambda keys: reverse(NAME, args=[keys[0]]),
)


class SearchForm(forms.Form):
    who = forms.CharField(
        label=gettext_lazy("The same person as"),
        help_text=gettext_lazy("Beginning of an e-mail or a name, a phone number, or a whole id at a provider"),
        max_length=search.LONGEST,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True}),
    )


def urls_of(model_admin: Any) -> list[URLPattern]:
    """Return the address of the page, for the pages of contacts."""

    def show(request: HttpRequest, key: int) -> HttpResponse:
        contact = Contact.objects.filter(pk=key).first()
        if contact is None:
            raise Http404
        return _ask(request, contact, model_admin) if request.method == "POST" else _page(request, contact, model_admin)

    return [path("<int:key>/merge/", model_admin.admin_site.admin_view(show), name=NAME.removeprefix("admin:"))]


def _page(request: HttpRequest, contact: Contact, model_admin: Any) -> HttpResponse:
    form = SearchForm(request.GET)
    searched = search.cleaned(form.cleaned_data["who"]) if form.is_valid() else ""
    hits = _found(searched, contact) if searched else []
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Merge %(person)s with another contact") % {"person": contact.called},
        "opts": model_admin.opts,
        "form": form,
        "text": searched,
        "contact": contact,
        "hits": hits[: search.SHOWN],
        "has_more": len(hits) > search.SHOWN,
        "person_url": row_url(CONTACT, contact.pk),
    }
    return TemplateResponse(request, "admin/merge.html", context, status=422 if form.errors else 200)


def _found(text: str, contact: Contact) -> list[Contact]:
    """Return the other contacts that `text` names, exact ones first; a login without a contact has nothing to merge."""
    keys = [one.contact for one in finding.find(text, limit=search.READ + 1) if one.contact]
    contacts = Contact.objects.select_related("user", "company").in_bulk(keys)
    return [contacts[key] for key in keys if key in contacts and key != contact.pk][: search.READ]


def _ask(request: HttpRequest, contact: Contact, model_admin: Any) -> HttpResponse:
    """Make the two an open question, and show it; the decision leads to the page of the contact that stays."""
    chosen = request.POST.get("other", "")
    is_key = chosen.isascii() and chosen.isdecimal() and len(chosen) < 19
    other = Contact.objects.filter(pk=int(chosen)).first() if is_key else None
    if other is None or other.pk == contact.pk:
        messages.warning(request, _("Choose another contact: this one is not there, or is the same one."))
        return redirect(NAME, contact.pk)
    question, is_new = contact_duplicates.ask(contact, other, reason=_ASKED())
    if is_new:
        model_admin.record(request, contact, "ask-merge", question=question, other=other)
    kept = row_url(CONTACT, question.contact_id)
    return redirect(leading_back(url_of("possible_duplicates", question.pk), kept))
