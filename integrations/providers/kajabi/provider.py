"""Kajabi: courses and memberships. Signs nothing itself; see README.md for what reaches us and how to set it up."""

from django.utils.translation import gettext_noop

from integrations.contracts.provider import Endpoint, Provider
from integrations.providers.kajabi import confirming, examples, hooks, setup, webhooks
from integrations.providers.kajabi.history import HISTORY
from integrations.providers.kajabi.phrases import PHRASES
from integrations.providers.kajabi.pulls import PULLS
from integrations.providers.kajabi.simulation import SIMULATION
from integrations.toolkit.signatures import HmacSha256Hex, Token

_SIGNATURE = HmacSha256Hex("X-Kajabi-Signature", setting="KAJABI_WEBHOOK_SECRET")
_TOKEN = Token(setting="KAJABI_WEBHOOK_TOKEN")

PROVIDER = Provider(
    key="kajabi",
    title="Kajabi",
    endpoints=(
        Endpoint(
            name="relay",
            path="api/webhook/kajabi",
            verifiers=(_SIGNATURE, _TOKEN),
            read=webhooks.read,
            about="A relay that reports memberships.",
            examples=examples.MEMBERSHIPS,
            paste_at=setup.RELAY_AT,
        ),
        Endpoint(
            name="course relay",
            path="api/kajabi/webhook",
            verifiers=(_SIGNATURE, _TOKEN),
            read=webhooks.read,
            about="A relay that reports completed courses, purchases and contacts.",
            examples=examples.COURSES,
            paste_at=setup.COURSES_AT,
            type_field="event_type",
        ),
        # Kajabi asks with GET or HEAD before it activates a hook, and gives a hook up that answers 405.
        Endpoint(
            name="native",
            path="kajabi-webhook",
            takes_token_in_path=True,
            answers_get=True,
            verifiers=(_SIGNATURE, _TOKEN),
            read=webhooks.read,
            about="Kajabi itself: the hooks of its API, and its in-app webhooks.",
            examples=examples.NATIVE | examples.IN_APP,
            paste_at=setup.NATIVE_AT,
            type_field="event",
        ),
    ),
    handled=frozenset(webhooks.HANDLED),
    ignored=webhooks.IGNORED,
    parse=webhooks.parse,
    confirm=confirming.confirm,
    read_contact=confirming.read_contact,
    missing_hooks=lambda: hooks.missing_events(hooks.KajabiHooks.from_settings().listed()),
    hooked=hooks.EVENTS,
    repeatable=webhooks.REPEATABLE,
    simulation=SIMULATION,
    pulls=PULLS,
    phrases=PHRASES,
    history=HISTORY,
    credentials=("KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET"),
    purposes=setup.PURPOSES,
    key_at=setup.KEY_AT,
    probes=setup.PROBES,
    retired_settings={
        "KAJABI_API_KEY": gettext_noop(
            "It is the key of Kajabi's older API; the public one wants a client id and a secret. In Kajabi, under "
            "Settings, Security, User API Keys, make a key and set KAJABI_CLIENT_ID and KAJABI_CLIENT_SECRET."
        )
    },
)
