"""E-mail: how it is sent, from whom, and whose reports of it are taken."""

import os
import secrets
from email.utils import formataddr

from accounts.mail.amazon_ses import mail_server
from config.parts.application import SITE_NAME
from config.parts.place import HTTPS, VAR_DIR, env, frontend_host

EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="accounts.mail.file_mailbox.FileMailbox")
EMAIL_FILE_PATH = env.str("EMAIL_FILE_PATH", default="") or str(VAR_DIR / "mail")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_TIMEOUT = 10  # seconds; a worker thread cannot be interrupted
_mail_domain = frontend_host if HTTPS and frontend_host else "localhost"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="") or formataddr(
    (SITE_NAME if SITE_NAME.isprintable() else "Enlace", f"noreply@{_mail_domain}")
)
ADMIN_EMAIL = env.list("ADMIN_EMAIL", default=[])
# Whose reports of delivered and bounced mails are taken at /anymail/<name>/tracking/: Anymail's name of the provider
# whose backend or SMTP server sends, or others.
_sends_by = EMAIL_BACKEND.split(".")[2] if EMAIL_BACKEND.startswith("anymail.backends.") else ""
if EMAIL_BACKEND == "django.core.mail.backends.smtp.EmailBackend" and mail_server.is_host(EMAIL_HOST):
    _sends_by = "amazon_ses"
MAIL_WEBHOOKS = env.list("ANYMAIL_WEBHOOKS", default=[_sends_by] if _sends_by else [])
# The SNS topics by which SES reports, where they are to prove it in the place of ANYMAIL_WEBHOOK_SECRET.
SES_TOPIC_ARN = env.list("SES_TOPIC_ARN", default=[])
# Anymail reads ANYMAIL_<ESP>_<SETTING>; click tracking would hand the set-up token to the mail provider.
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): value for name, value in os.environ.items() if name.startswith("ANYMAIL_") and value
} | {
    "SEND_DEFAULTS": {"track_clicks": False, "track_opens": False},
    "REQUESTS_TIMEOUT": (5, 10),
    # Anymail believes everybody where there is no secret; so there always is one, if need be one that nobody knows.
    "WEBHOOK_SECRET": env.list("ANYMAIL_WEBHOOK_SECRET", default=[]) or [f"anymail:{secrets.token_urlsafe(32)}"],
}
MAIL_WEBHOOKS_ARE_CLOSED = not env.list("ANYMAIL_WEBHOOK_SECRET", default=[])  # the secret is one that nobody knows
