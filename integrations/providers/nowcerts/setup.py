"""Set-up of NowCerts as staff read it: settings, where to paste what, and the calls that try its API."""

from django.utils.translation import gettext_lazy

from integrations.contracts.probe import Probe
from integrations.providers.nowcerts.client import NowCertsClient

PURPOSES = {
    "NOWCERTS_USERNAME": gettext_lazy("the account in whose name insureds are read and written"),
    "NOWCERTS_PASSWORD": gettext_lazy("the password of that account"),
    "NOWCERTS_WEBHOOK_TOKEN": gettext_lazy("the secret end of the address that NowCerts or Zapier posts to"),
    "NOWCERTS_WEBHOOK_SECRET": gettext_lazy("what a relay signs with"),
    "NOWCERTS_NEW_CONTACTS_AS": gettext_lazy("what a new contact becomes there: insured or prospect"),
    "NOWCERTS_RECONCILE_MINUTES": gettext_lazy("minutes between two readings of what changed; 0 for never"),
    "NOWCERTS_TOKEN_PATH": gettext_lazy("where one signs in, if not at /api/token"),
    "NOWCERTS_BASE_URL": gettext_lazy("where the API is, if not at NowCerts"),
}
KEY_AT = gettext_lazy("In NowCerts: a user of the agency of its own, with rights on insureds and policies.")
PASTE_AT = gettext_lazy(
    "In Zapier (or another relay): as the address of the Webhooks step, one Zap for each trigger of NowCerts: insured, "
    "prospect, policy and quote, created and updated."
)
_NOBODY = "nobody@enlace.invalid"


def _insureds(seconds: float) -> str:
    NowCertsClient(patience=seconds).insureds_with(emails=[_NOBODY])
    return ""


def _policies(seconds: float) -> str:
    NowCertsClient(patience=seconds).policies_with_number(_NOBODY)
    return ""


PROBES = (
    Probe(label=gettext_lazy("Sign in and read insureds"), call=_insureds),
    Probe(label=gettext_lazy("Read policies"), call=_policies),
)
