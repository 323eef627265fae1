"""NowCerts (Momentum AMS): insureds, policies and quotes. Documents no webhook of its own; see README.md."""

from http import HTTPStatus

from integrations.contracts.provider import Endpoint, Provider
from integrations.providers.nowcerts import confirming, contact_api, examples, setup, webhooks
from integrations.providers.nowcerts.pulls import PULLS
from integrations.providers.nowcerts.simulation import SIMULATION
from integrations.toolkit.phrases import in_and_out
from integrations.toolkit.replies import reply
from integrations.toolkit.signatures import HmacSha256Hex, Token

PROVIDER = Provider(
    key="nowcerts",
    title="NowCerts",
    endpoints=(
        Endpoint(
            name="webhooks",
            path="api/v1/webhooks/nowcerts",
            takes_token_in_path=True,
            verifiers=(
                HmacSha256Hex("X-Webhook-Signature", setting="NOWCERTS_WEBHOOK_SECRET"),
                Token(setting="NOWCERTS_WEBHOOK_TOKEN"),
            ),
            read=webhooks.read,
            split=webhooks.events_of,
            reply=reply,
            busy_status=HTTPStatus.TOO_MANY_REQUESTS,
            about="Insureds, prospects, policies and quotes, from a relay, Zapier or NowCerts' notices.",
            examples=examples.BODIES,
            paste_at=setup.PASTE_AT,
            type_field="event_type",
        ),
    ),
    handled=frozenset(webhooks.HANDLED),
    ignored=webhooks.IGNORED,
    parse=webhooks.parse,
    is_hint=confirming.is_hint,
    confirm=confirming.confirm,
    read_contact=confirming.read_contact,
    read_contacts=confirming.read_contacts,
    simulation=SIMULATION,
    pulls=PULLS,
    mirror=contact_api.MIRROR,
    phrases=in_and_out("NOWCERTS_WEBHOOK"),
    credentials=("NOWCERTS_USERNAME", "NOWCERTS_PASSWORD"),
    purposes=setup.PURPOSES,
    key_at=setup.KEY_AT,
    probes=setup.PROBES,
)
