"""Settings of Kajabi, read by config/settings.py."""

import environ

env = environ.Env()

KAJABI_WEBHOOK_SECRET = env.list("KAJABI_WEBHOOK_SECRET", default=[])
KAJABI_WEBHOOK_TOKEN = env.list("KAJABI_WEBHOOK_TOKEN", default=[])
KAJABI_API_KEY = env.str("KAJABI_API_KEY", default="")  # of the older API: it does nothing here, and `check` says so
KAJABI_CLIENT_ID = env.str("KAJABI_CLIENT_ID", default="")
KAJABI_CLIENT_SECRET = env.str("KAJABI_CLIENT_SECRET", default="")
KAJABI_SITE_ID = env.str("KAJABI_SITE_ID", default="")
KAJABI_SITE_NAME = env.str("KAJABI_SITE_NAME", default="")
KAJABI_API_BASE_URL = env.str("KAJABI_API_BASE_URL", default="") or "https://api.kajabi.com"
# Minutes between two readings of what changed there (0: never by the clock); needs the API key above.
KAJABI_RECONCILE_MINUTES = env.int("KAJABI_RECONCILE_MINUTES", default=60)
WEBHOOK_CONFIG_PASSWORD = env.str("WEBHOOK_CONFIG_PASSWORD", default="")
NSSA_KAJABI_PRODUCT_ID = env.list("NSSA_KAJABI_PRODUCT_ID", default=[])
