"""Contacts: everything that is known of a person, and from where."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.commerce.models import Order
from accounts.people import finding
from accounts.people.admin import merge, person
from accounts.people.admin.contact_actions import ADD_ALIAS, REMOVE_ALIAS
from accounts.people.admin.contact_history import ChangeInline
from accounts.people.admin.filters import AtProviderFilter, HasAccountFilter, TagFilter
from accounts.people.admin.mapping_columns import MAPPINGS, MappingShown
from accounts.people.admin.new_address import use_new_address
from accounts.people.admin.person_actions import ON_CONTACTS
from accounts.people.models import Contact, ContactEmail, ContactMapping, ContactPhone, ContactTag, PossibleDuplicate
from core.console import columns
from core.console.base import NewestInline, ReadOnlyAdmin, ReadOnlyInline
from core.console.format import block, indented
from core.console.links import EVENTS, NOTHING, badge, list_link, row_link, shortened

FOUND_AT_MOST = 1000  # contacts of one search
CONTACT = "admin:accounts_contact"


class AddressInline(ReadOnlyInline):
    model = ContactEmail
    fields = readonly_fields = ("email", "means", "origin", "events")

    origin = columns.reason("source", gettext_lazy("source"))

    @admin.display(description=gettext_lazy("which"))
    def means(self, address: ContactEmail) -> Any:
        return _("main") if address.email == address.contact.email else _("alias")

    @admin.display(description=gettext_lazy("see also"))
    def events(self, address: ContactEmail) -> str:
        return list_link(EVENTS, _("events"), q=address.email)


class NumberInline(ReadOnlyInline):
    model = ContactPhone
    fields = readonly_fields = ("number", "origin")
    origin = columns.reason("source", gettext_lazy("source"))


class MappingInline(MappingShown, ReadOnlyInline):
    model = ContactMapping
    verbose_name_plural = gettext_lazy("at providers")
    fields = readonly_fields = (
        *("remote_record", "is_main", "reported", "gone", "left_out_shown", "remote_offers", "synced_values", "events"),
    )

    @admin.display(description=gettext_lazy("remote record"))
    def remote_record(self, mapping: ContactMapping) -> str:
        return row_link(MAPPINGS, mapping.pk, mapping)


class TagInline(NewestInline):
    """The tags somebody has, then those they had."""

    model = ContactTag
    ordering = ("-is_present", "-changed_at")  # type: ignore[assignment]
    fields = readonly_fields = ("tag_link", "state", "provider", "since")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactTag]:
        return super().get_queryset(request).select_related("tag")

    @admin.display(description=gettext_lazy("tag"))
    def tag_link(self, row: ContactTag) -> str:
        return list_link(CONTACT, row.tag.name, tag=row.tag.name)

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: ContactTag) -> str:
        return badge("active", _("has it")) if row.is_present else badge("past", _("had it"))

    since = columns.moment("changed_at", gettext_lazy("since"))


class OrderInline(NewestInline):
    model = Order
    fields = readonly_fields = ("link", "amount", "provider", "placed")

    @admin.display(description=gettext_lazy("order"))
    def link(self, order: Order) -> str:
        return row_link("admin:accounts_order", order.pk, order.number or order.external_id)

    amount = columns.money("total", gettext_lazy("total"))
    placed = columns.moment("placed_at", gettext_lazy("placed"))


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    """Nothing is edited here: providers report, and what is changed by hand would be overwritten or sent to nobody."""

    list_display = ("who", "main_address", "account", "tags_now", "known_at", "changed")
    list_filter = (HasAccountFilter, AtProviderFilter, TagFilter)
    list_select_related = ("user",)
    search_fields = ("email",)
    search_help_text = gettext_lazy("Beginning of an e-mail or a name, a phone number, or a whole id at a provider")
    fields = (
        ("email", "account", "belongs_to"),
        ("first_name", "last_name"),
        ("phone", "business_phone"),
        "postal_address",
        "takes_mails",
        "custom_fields_shown",
        "doubts_shown",
        ("created", "changed"),
        "elsewhere",
    )
    readonly_fields = (
        *("account", "belongs_to", "postal_address", "takes_mails", "custom_fields_shown", "doubts_shown"),
        *("created", "changed", "elsewhere"),
    )
    # A statement each. What else belongs to a contact is on the page of the person, and in the lists of `elsewhere`.
    inlines = (AddressInline, NumberInline, MappingInline, TagInline, OrderInline, ChangeInline)
    row_actions = (ADD_ALIAS, REMOVE_ALIAS, merge.MERGE, use_new_address(lambda contact: contact.user), *ON_CONTACTS)

    def get_urls(self) -> list[URLPattern]:
        return [*person.urls_of(self), *merge.urls_of(self), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        found: QuerySet[Contact] = super().get_queryset(request)
        return found.select_related("user", "company")

    def for_list(self, rows: QuerySet[Contact]) -> QuerySet[Contact]:
        present = ContactTag.objects.filter(is_present=True).select_related("tag").order_by("-changed_at", "-id")
        return rows.prefetch_related("mappings", Prefetch("tag_rows", queryset=present, to_attr="present_tags"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=found(term)) if term else queryset), False

    @admin.display(description=gettext_lazy("name"))
    def who(self, contact: Contact) -> str:
        return contact.called

    main_address = columns.text("email", gettext_lazy("e-mail"))
    account = columns.link("admin:accounts_user", "user", gettext_lazy("account"))
    belongs_to = columns.link("admin:accounts_company", "company", gettext_lazy("company"))

    @admin.display(description=gettext_lazy("tags"))
    def tags_now(self, contact: Any) -> str:
        return shortened(", ".join(dict.fromkeys(row.tag.name for row in contact.present_tags))) or NOTHING

    @admin.display(description=gettext_lazy("at providers"))
    def known_at(self, contact: Contact) -> str:
        return ", ".join(sorted({mapping.provider for mapping in contact.mappings.all()})) or NOTHING

    changed = columns.moment("updated_at", gettext_lazy("changed"))
    created = columns.moment("created_at", gettext_lazy("created"))

    @admin.display(description=gettext_lazy("postal address"))
    def postal_address(self, contact: Contact) -> str:
        town = f"{contact.postal_code} {contact.city}".strip()
        lines = (contact.address_line_1, contact.address_line_2, town, contact.state, contact.country)
        return format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines if line)) or NOTHING

    @admin.display(description=Contact._meta.get_field("subscribed").verbose_name)
    def takes_mails(self, contact: Contact) -> Any:
        return {True: _("Yes"), False: _("No"), None: _("not known yet")}[contact.subscribed]

    @admin.display(description=gettext_lazy("custom fields"))
    def custom_fields_shown(self, contact: Contact) -> str:
        return block(indented(contact.custom_fields)) if contact.custom_fields else NOTHING

    @admin.display(description=gettext_lazy("possible duplicates"))
    def doubts_shown(self, contact: Contact) -> str:
        rows = PossibleDuplicate.objects.filter(Q(contact=contact) | Q(other=contact))
        links = (
            (
                row_link("admin:accounts_possibleduplicate", row.pk, _other(row, contact)),
                badge(row.status, row.get_status_display()),
            )
            for row in rows.select_related("contact", "other").order_by("-id")[:20]
        )
        return format_html_join(SafeString("<br>"), "{} {}", links) or NOTHING

    @admin.display(description=gettext_lazy("see also"))
    def elsewhere(self, contact: Contact) -> str:
        links = [
            list_link("admin:accounts_order", _("all orders"), contact__exact=contact.pk),
            list_link("admin:accounts_payment", _("all payments"), contact__exact=contact.pk),
            list_link("admin:accounts_formsubmission", _("all form answers"), contact__exact=contact.pk),
            list_link("admin:accounts_policy", _("all policies"), contact__exact=contact.pk),
            list_link(MAPPINGS, _("at providers"), contact__exact=contact.pk),
            list_link("admin:accounts_contactchange", _("all changes"), contact__exact=contact.pk),
            list_link("admin:integrations_outgoingwrite", _("outgoing writes"), contact__exact=contact.pk),
        ]
        if contact.user_id:
            links.append(
                list_link("admin:accounts_courseprogress", _("progress in courses"), user__exact=contact.user_id)
            )
        if contact.email:
            links.insert(0, list_link(EVENTS, _("events of this person"), q=contact.email))
        return format_html_join(SafeString(" · "), "{}", ((link,) for link in links))


def person_link(contact: Contact) -> SafeString:
    """Return a contact's name and address, linked to their page."""
    text = f"{contact.name} <{contact.email}>" if contact.name and contact.email else str(contact)
    return format_html("{}", row_link(CONTACT, contact.pk, text))


def found(term: str) -> set[int]:
    """Return the keys of the contacts that `term` names."""
    return {person.contact for person in finding.find(term, limit=FOUND_AT_MOST) if person.contact}


def _other(question: PossibleDuplicate, contact: Contact) -> str:
    other = question.other if question.contact_id == contact.pk else question.contact
    return str(other or question.other_name)
