"""Set-up of Chatwoot as staff read it: settings, where to paste what, and the call that tries its API."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.contracts.probe import Probe
from integrations.providers.chatwoot.client import ChatwootClient
from integrations.toolkit.failures import NotFound, Refused
from integrations.toolkit.reading import text_at

PURPOSES = {
    "CHATWOOT_WEBHOOK_TOKEN": gettext_lazy("the secret end of the address that Chatwoot posts new accounts to"),
    "CHATWOOT_WEBHOOK_SECRET": gettext_lazy("the secrets that Chatwoot shows for the webhooks of accounts"),
    "CHATWOOT_RELAY_SECRET": gettext_lazy("what a relay signs with"),
    "CHATWOOT_BASE_URL": gettext_lazy("where Chatwoot is, to look up accounts whose webhook was lost"),
    "CHATWOOT_PLATFORM_TOKEN": gettext_lazy("the access token of the platform app for that"),
    "CHATWOOT_EMBED_SECRET": gettext_lazy("what your front ends sign account ids with; else everybody may look one up"),
    "CHATWOOT_EMBED_ORIGINS": gettext_lazy("sites that may look up companies from the browser"),
    "CHATWOOT_FRAME_ORIGINS": gettext_lazy("sites that may show our page in a frame; else Chatwoot's"),
}
KEY_AT = gettext_lazy("In Chatwoot, as super admin: Platform Apps.")
INSTALLATION_AT = gettext_lazy(
    "In Chatwoot's environment or Rails console, as INSTALLATION_EVENTS_WEBHOOK_URL: it posts each new account."
)
ACCOUNT_AT = gettext_lazy(
    "In each account of Chatwoot: Settings, Integrations, Webhooks, with “contact created” and “contact updated”. The "
    "secret that it shows there belongs into CHATWOOT_WEBHOOK_SECRET."
)
_ANY_ACCOUNT = "1"


def _account(seconds: float) -> str:
    """Ask for any account: that it does not exist, or is another app's, is an answer only to a token that is right."""
    client = ChatwootClient.from_settings(patience=seconds)
    try:
        client.account(_ANY_ACCOUNT)
    except NotFound:
        return ""
    except Refused as error:
        if "non permissible" not in text_at(error.document, "error").lower():
            raise
        return _("the token is right; account 1 is not this app's")
    return ""


PROBES = (Probe(label=gettext_lazy("Look up an account"), call=_account),)
