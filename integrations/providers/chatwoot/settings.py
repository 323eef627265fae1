"""Settings of Chatwoot, read by config/settings.py."""

import environ

env = environ.Env()

CHATWOOT_BASE_URL = env.str("CHATWOOT_BASE_URL", default="").rstrip("/")
CHATWOOT_PLATFORM_TOKEN = env.str("CHATWOOT_PLATFORM_TOKEN", default="")
CHATWOOT_WEBHOOK_SECRET = env.list("CHATWOOT_WEBHOOK_SECRET", default=[])
CHATWOOT_RELAY_SECRET = env.list("CHATWOOT_RELAY_SECRET", default=[])
CHATWOOT_WEBHOOK_TOKEN = env.list("CHATWOOT_WEBHOOK_TOKEN", default=[])
# Signs the account ids of the company look-up and the embedded page; without one both answer everybody.
CHATWOOT_EMBED_SECRET = env.list("CHATWOOT_EMBED_SECRET", default=[])
CHATWOOT_EMBED_ORIGINS = [origin.lower() for origin in env.list("CHATWOOT_EMBED_ORIGINS", default=[])]
# Origins that may show /embed/dashboard in a frame.
CHATWOOT_FRAME_ORIGINS = env.list(
    "CHATWOOT_FRAME_ORIGINS", default=["/".join(CHATWOOT_BASE_URL.split("/")[:3])] if CHATWOOT_BASE_URL else []
)
