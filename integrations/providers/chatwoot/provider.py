"""Chatwoot: a help desk whose accounts are our companies. See README.md for its events and the set-up."""

from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.reply import reply_with
from integrations.providers.chatwoot import examples, setup, webhooks
from integrations.providers.chatwoot.phrases import PHRASES
from integrations.providers.chatwoot.simulation import SIMULATION
from integrations.toolkit.signatures import HmacSha256Hex, TimestampedHmac, Token

_SIGNATURE = TimestampedHmac("X-Chatwoot-Signature", "X-Chatwoot-Timestamp", setting="CHATWOOT_WEBHOOK_SECRET")
# A relay signs only the body, in the same header. It has a secret of its own: with Chatwoot's, a signature could be
# replayed at any time by leaving out its timestamp.
_RELAY = HmacSha256Hex("X-Chatwoot-Signature", setting="CHATWOOT_RELAY_SECRET")
_TOKEN = Token(setting="CHATWOOT_WEBHOOK_TOKEN")

PROVIDER = Provider(
    key="chatwoot",
    title="Chatwoot",
    endpoints=(
        # Posted once and unsigned by Chatwoot, which waits five seconds and shows the new customer nothing.
        Endpoint(
            name=webhooks.INSTALLATION,
            path=f"{webhooks.PATH}/account-created",
            takes_token_in_path=True,
            verifiers=(_SIGNATURE, _RELAY, _TOKEN),
            read=webhooks.read_installation,
            immediate=True,
            reply=webhooks.reply,
            about="Accounts, by Chatwoot's installation events. The answer has the outcome for the account.",
            examples=examples.ACCOUNTS,
            paste_at=setup.INSTALLATION_AT,
            type_field="event",
            id_header="X-Chatwoot-Delivery",
        ),
        Endpoint(
            name="account",
            path=f"{webhooks.PATH}/events",
            takes_token_in_path=True,
            verifiers=(_SIGNATURE, _RELAY, _TOKEN),
            read=webhooks.read,
            reply=reply_with({"success": True}),
            about="Contacts, by the webhooks of single accounts.",
            examples=examples.CONTACTS,
            paste_at=setup.ACCOUNT_AT,
            type_field="event",
            id_header="X-Chatwoot-Delivery",
        ),
    ),
    handled=frozenset(webhooks.HANDLED),
    ignored=webhooks.IGNORED,
    parse=webhooks.parse,
    simulation=SIMULATION,
    credentials=("CHATWOOT_PLATFORM_TOKEN",),
    api_settings=("CHATWOOT_BASE_URL",),
    purposes=setup.PURPOSES,
    key_at=setup.KEY_AT,
    probes=setup.PROBES,
    features=("chatwoot-auto-sync", "chatwoot-contacts", "chatwoot-embed"),
    phrases=PHRASES,
)
