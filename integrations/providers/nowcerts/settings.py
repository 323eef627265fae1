"""Settings of NowCerts, read by config/settings.py."""

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

NOWCERTS_BASE_URL = env.str("NOWCERTS_BASE_URL", default="") or "https://api.nowcerts.com"
NOWCERTS_TOKEN_PATH = env.str("NOWCERTS_TOKEN_PATH", default="") or "/api/token"
NOWCERTS_USERNAME = env.str("NOWCERTS_USERNAME", default="")
NOWCERTS_PASSWORD = env.str("NOWCERTS_PASSWORD", default="")
# The type of a contact that is created at NowCerts: insured or prospect.
NOWCERTS_NEW_CONTACTS_AS = env.str("NOWCERTS_NEW_CONTACTS_AS", default="insured").strip().lower()
if NOWCERTS_NEW_CONTACTS_AS not in {"insured", "prospect"}:
    raise ImproperlyConfigured(f'NOWCERTS_NEW_CONTACTS_AS is "insured" or "prospect", not {NOWCERTS_NEW_CONTACTS_AS!r}')
NOWCERTS_RECONCILE_MINUTES = env.int("NOWCERTS_RECONCILE_MINUTES", default=60)
NOWCERTS_WEBHOOK_SECRET = env.list("NOWCERTS_WEBHOOK_SECRET", default=[])
NOWCERTS_WEBHOOK_TOKEN = env.list("NOWCERTS_WEBHOOK_TOKEN", default=[])
