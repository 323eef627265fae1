"""Set-up of GoHighLevel as staff read it: settings, where to paste what, and the calls that try its API."""

from django.utils.translation import gettext_lazy, ngettext

from integrations.contracts.probe import Probe
from integrations.providers.gohighlevel.client import GoHighLevelClient

PURPOSES = {
    "GHL_API_KEY": gettext_lazy("the private integration token"),
    "GHL_LOCATION_ID": gettext_lazy("the location (sub-account) that is kept equal"),
    "GHL_WEBHOOK_TOKEN": gettext_lazy("the secret end of the address that a workflow posts to"),
    "GHL_WEBHOOK_SECRET": gettext_lazy("what a relay signs with"),
    "GHL_PUBLIC_KEYS": gettext_lazy("further keys of GoHighLevel's own signature; the published ones are built in"),
    "GHL_PIPELINES": gettext_lazy("the pipeline and stage of each line of business; else the location's first"),
    "GHL_DELETED_TAG": gettext_lazy("the tag of contacts that were deleted on the other side"),
    "GHL_RECONCILE_MINUTES": gettext_lazy("minutes between two readings of what changed; 0 for never"),
    "GHL_BASE_URL": gettext_lazy("where the API is, if not at GoHighLevel"),
}
KEY_AT = gettext_lazy(
    "In GoHighLevel: Settings, Private Integrations, with the scopes contacts and opportunities (readonly and write) "
    "and locations/customFields.readonly. The location's id is in Settings, Business Profile."
)
PASTE_AT = gettext_lazy(
    "In GoHighLevel: Automation, Workflows, one for “Contact Created” and one for “Contact Changed”, each with the "
    "action Custom Webhook (POST); or as the webhook URL of a marketplace app."
)
_NOBODY = "nobody@enlace.invalid"


def _contacts(seconds: float) -> str:
    GoHighLevelClient(patience=seconds).find_contact(email=_NOBODY)
    return ""


def _pipelines(seconds: float) -> str:
    number = len(GoHighLevelClient(patience=seconds).pipelines())
    return ngettext("%(count)d pipeline", "%(count)d pipelines", number) % {"count": number}


def _custom_fields(seconds: float) -> str:
    number = len(GoHighLevelClient(patience=seconds).custom_fields("opportunity"))
    return ngettext("%(count)d field", "%(count)d fields", number) % {"count": number}


PROBES = (
    Probe(label=gettext_lazy("Read contacts"), call=_contacts),
    Probe(label=gettext_lazy("Read pipelines of opportunities"), call=_pipelines),
    Probe(label=gettext_lazy("Read custom fields of opportunities"), call=_custom_fields),
)
