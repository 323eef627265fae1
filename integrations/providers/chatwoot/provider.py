"""Chatwoot: a help desk whose accounts are our companies. See README.md for what reaches us and how to set it up."""

from integrations.contracts.provider import CompanyPages, Endpoint, Provider
from integrations.providers.chatwoot import accounts, examples, webhooks
from integrations.providers.chatwoot.phrases import PHRASES
from integrations.providers.chatwoot.simulation import SIMULATION
from integrations.toolkit.signatures import HmacSha256Hex, TimestampedHmac, Token

_SIGNATURE = TimestampedHmac("X-Chatwoot-Signature", "X-Chatwoot-Timestamp", setting="CHATWOOT_WEBHOOK_SECRET")
# A relay signs the body alone, in the same header. Its secret is another one, so that nobody turns Chatwoot's own
# signature into one without a time by leaving its timestamp out.
_RELAY = HmacSha256Hex("X-Chatwoot-Signature", setting="CHATWOOT_RELAY_SECRET")
_TOKEN = Token(setting="CHATWOOT_WEBHOOK_TOKEN")
_PATH = "api/chatwoot/webhooks"
_INSTALLATION = "installation"

PROVIDER = Provider(
    key="chatwoot",
    title="Chatwoot",
    endpoints=(
        # Posted once and unsigned by Chatwoot, which waits five seconds and tells whoever signed up nothing.
        Endpoint(
            name=_INSTALLATION,
            path=f"{_PATH}/account-created",
            takes_token_in_path=True,
            verifiers=(_SIGNATURE, _RELAY, _TOKEN),
            read=webhooks.read_installation,
            answer_with=webhooks.answer,
            about="Accounts, by Chatwoot's installation events. Answered from what became of the account.",
            examples=examples.ACCOUNTS,
            id_header="X-Chatwoot-Delivery",
        ),
        Endpoint(
            name="account",
            path=f"{_PATH}/events",
            takes_token_in_path=True,
            verifiers=(_SIGNATURE, _RELAY, _TOKEN),
            read=webhooks.read,
            answer={"success": True},
            about="Contacts, by the webhooks of single accounts.",
            examples=examples.CONTACTS,
            id_header="X-Chatwoot-Delivery",
        ),
    ),
    handled=frozenset(webhooks.HANDLED),
    ignored=webhooks.IGNORED,
    parse=webhooks.parse,
    simulation=SIMULATION,
    company_pages=CompanyPages(
        path=_PATH,
        signed_by="CHATWOOT_EMBED_SECRET",
        synced=webhooks.ABOUT_ACCOUNTS,
        posted_to=_INSTALLATION,
        is_connected=accounts.is_connected,
        read_account=accounts.read_account,
    ),
    features=("chatwoot-auto-sync", "chatwoot-contacts", "chatwoot-embed"),
    phrases=PHRASES,
)
