"""Columns of a contact's record at a provider."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.admin.left_out import left_out_lines
from accounts.people.models import ContactMapping
from core.console import columns
from core.console.format import folded, indented
from core.console.links import EVENTS, NOTHING, badge, list_link, moment

MAPPINGS = "admin:accounts_contactmapping"


class MappingShown:
    """The columns in which a mapping is shown."""

    @admin.display(description=ContactMapping._meta.get_field("gone_at").verbose_name)
    def gone(self, mapping: ContactMapping) -> str:
        return (
            format_html("{} {}", badge("past", _("deleted")), moment(mapping.gone_at)) if mapping.gone_at else NOTHING
        )

    reported = columns.moment("reported_at", gettext_lazy("reported"))

    @admin.display(description=gettext_lazy("offers"))
    def remote_offers(self, mapping: ContactMapping) -> str:
        titles = [offer.get("title") or offer.get("id", "") for offer in mapping.offers if isinstance(offer, dict)]
        return format_html_join(SafeString("<br>"), "{}", ((title,) for title in titles)) or NOTHING

    left_out_shown = columns.attribute("left_out", gettext_lazy("left out"), show=left_out_lines)

    @admin.display(description=gettext_lazy("last synced values"))
    def synced_values(self, mapping: ContactMapping) -> str:
        return folded(_("Show"), indented(mapping.last_synced_values)) if mapping.last_synced_values else NOTHING

    @admin.display(description=gettext_lazy("see also"))
    def events(self, mapping: ContactMapping) -> str:
        return list_link(EVENTS, _("events"), q=mapping.external_id)
