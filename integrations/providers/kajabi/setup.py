"""Set-up of Kajabi as staff read it: settings, where to paste what, and the calls that try its API."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.contracts.probe import Probe
from integrations.providers.kajabi.client import KajabiClient
from integrations.providers.kajabi.hooks import EVENTS, KajabiHooks, missing_events

PURPOSES = {
    "KAJABI_CLIENT_ID": gettext_lazy("the first half of the API key"),
    "KAJABI_CLIENT_SECRET": gettext_lazy("the second half of the API key"),
    "KAJABI_SITE_ID": gettext_lazy("which site is meant, where the key sees several"),
    "KAJABI_SITE_NAME": gettext_lazy("the same by the site's title or subdomain"),
    "KAJABI_WEBHOOK_TOKEN": gettext_lazy("the secret end of the address that Kajabi itself posts to"),
    "KAJABI_WEBHOOK_SECRET": gettext_lazy("what a relay (a Zap, a proxy) signs with"),
    "NSSA_KAJABI_PRODUCT_ID": gettext_lazy("offers that mean the plan nssa_annual; other plans name theirs themselves"),
    "KAJABI_RECONCILE_MINUTES": gettext_lazy("minutes between two readings of what changed; 0 for never"),
    "WEBHOOK_CONFIG_PASSWORD": gettext_lazy("lets hooks be made without the console and without a shell"),
    "KAJABI_API_BASE_URL": gettext_lazy("where the API is, if not at Kajabi"),
}
KEY_AT = gettext_lazy("In Kajabi: Settings, Security, User API Keys.")
NATIVE_AT = gettext_lazy(
    "In Kajabi: Settings, Webhooks, or the purchase webhook URL of an offer. The hooks of the API are made from here, "
    "by “Compare the hooks”."
)
RELAY_AT = gettext_lazy("At the relay (a Zap, a proxy) that reports memberships, as the address that it posts to.")
COURSES_AT = gettext_lazy("At the relay (a Zap, a proxy) that reports completed courses, as the address it posts to.")


def _site(seconds: float) -> str:
    client = KajabiClient.from_settings(patience=seconds)
    next(client.sites(), None)  # a site that is configured by its id is not asked for
    return _("site %(id)s") % {"id": client.site_id()}


def _purchases(seconds: float) -> str:
    next(KajabiClient.from_settings(patience=seconds).purchases(page_size=1), None)
    return ""


def _transactions(seconds: float) -> str:
    next(KajabiClient.from_settings(patience=seconds).transactions(page_size=1), None)
    return ""


def _hooks(seconds: float) -> str:
    missing = missing_events(KajabiHooks.from_settings(patience=seconds).listed())
    if not missing:
        return _("each of %(count)d events has its hook") % {"count": len(EVENTS)}
    return _("no hook leads here for %(events)s") % {"events": ", ".join(missing)}


PROBES = (
    Probe(label=gettext_lazy("Sign in and find the site"), call=_site),
    Probe(label=gettext_lazy("Read purchases"), call=_purchases),
    Probe(label=gettext_lazy("Read payments"), call=_transactions),
    Probe(label=gettext_lazy("Read the hooks"), call=_hooks),
)
