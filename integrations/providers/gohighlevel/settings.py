"""Settings of GoHighLevel, read by config/settings.py."""

import environ

from integrations.providers.gohighlevel.pipelines import read_pipelines

env = environ.Env()

GHL_BASE_URL = env.str("GHL_BASE_URL", default="") or "https://services.leadconnectorhq.com"
GHL_API_KEY = env.str("GHL_API_KEY", default="")
GHL_LOCATION_ID = env.str("GHL_LOCATION_ID", default="").strip()
GHL_PIPELINES = read_pipelines(env.str("GHL_PIPELINES", default=""))
# The tag of a contact that was deleted elsewhere, where deletions are marked; tags are in small letters there.
GHL_DELETED_TAG = env.str("GHL_DELETED_TAG", default="").strip().lower() or "deleted elsewhere"
GHL_RECONCILE_MINUTES = env.int("GHL_RECONCILE_MINUTES", default=60)
GHL_WEBHOOK_SECRET = env.list("GHL_WEBHOOK_SECRET", default=[])
GHL_WEBHOOK_TOKEN = env.list("GHL_WEBHOOK_TOKEN", default=[])
GHL_PUBLIC_KEYS = env.list("GHL_PUBLIC_KEYS", default=[])
