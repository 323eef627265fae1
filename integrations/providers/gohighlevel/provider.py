"""GoHighLevel: the CRM. Its marketplace apps sign, its workflows cannot; see README.md."""

from http import HTTPStatus

from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.reply import Accepted, Reply
from integrations.providers.gohighlevel import (
    confirming,
    contact_api,
    examples,
    opportunity_api,
    setup,
    signatures,
    webhooks,
)
from integrations.providers.gohighlevel.pulls import PULLS
from integrations.providers.gohighlevel.simulation import SIMULATION
from integrations.toolkit.phrases import in_and_out
from integrations.toolkit.replies import reply
from integrations.toolkit.signatures import HmacSha256Hex, Token


def _reply(accepted: Accepted) -> Reply:
    """GoHighLevel sends its own webhooks again for hours after anything but 2xx, a conflict too."""
    is_own = accepted.event_type in webhooks.APP or accepted.event_type in webhooks.APP_IGNORED
    return reply(accepted, refuse_duplicates=not is_own)


PROVIDER = Provider(
    key="gohighlevel",
    title="GoHighLevel",
    endpoints=(
        Endpoint(
            name="webhooks",
            path="api/v1/webhooks/ghl",
            takes_token_in_path=True,
            verifiers=(
                signatures.CURRENT,
                signatures.LEGACY,
                HmacSha256Hex("X-Webhook-Signature", setting="GHL_WEBHOOK_SECRET"),
                Token(setting="GHL_WEBHOOK_TOKEN"),
            ),
            read=webhooks.read,
            reply=_reply,
            # The one status that it has always sent again; since April 2026 every other than 2xx.
            busy_status=HTTPStatus.TOO_MANY_REQUESTS,
            about="Contacts, from a marketplace app, a workflow or a relay.",
            examples=examples.BODIES,
            paste_at=setup.PASTE_AT,
            type_field="event",
        ),
    ),
    handled=frozenset(webhooks.HANDLED),
    ignored=webhooks.IGNORED,
    parse=webhooks.parse,
    is_hint=confirming.is_hint,
    confirm=confirming.confirm,
    read_contact=confirming.read_contact,
    calls_left=confirming.calls_left,
    simulation=SIMULATION,
    pulls=PULLS,
    mirror=contact_api.MIRROR,
    phrases=in_and_out("GHL_WEBHOOK"),
    deals=opportunity_api.DEALS,
    credentials=("GHL_API_KEY",),
    api_settings=("GHL_LOCATION_ID",),
    purposes=setup.PURPOSES,
    key_at=setup.KEY_AT,
    probes=setup.PROBES,
)
