"""Enlace's settings: every value from the environment (or `.env`), safe where nothing is said.

Without DATABASE_URL and REDIS_URL this is the embedded default: SQLite and an in-process broker under `var/`. The parts
by topic stand in config/parts, those of providers in their folders.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import DomainNameValidator

from config.log_file import prepared
from config.logs import Redactor
from config.masked_values import values_to_mask
from config.parts.application import *  # noqa: F403
from config.parts.mail import *  # noqa: F403
from config.parts.people import *  # noqa: F403
from config.parts.place import *  # noqa: F403
from config.parts.place import HTTPS, PROVIDERS, TESTING, TRUSTED_PROXY_COUNT, env
from config.parts.storage import *  # noqa: F403

# Platform security ----------------------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/?$"]  # the load balancer asks over http
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Both are promises about other sites of the same domain, and preload about years to come: for the owner to make.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # they ask for both
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if HTTPS and TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "accounts.signin.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
RATE_LIMIT_UNVERIFIED = env.int("RATE_LIMIT_UNVERIFIED", default=60)  # webhooks a minute and address
RATE_LIMIT_VERIFIED = env.int("RATE_LIMIT_VERIFIED", default=6000)  # webhooks a minute and provider

# Personal data --------------------------------------------------------------------------------------------------------

# Days after which the contents of what is finished are removed: bodies of events, requests and answers of providers,
# contexts of mails (accounts/privacy/holdings.py has the whole table). 0 keeps them for ever.
RETENTION_DAYS = env.int("RETENTION_DAYS", default=90)
if RETENTION_DAYS < 0:
    raise ImproperlyConfigured(f"RETENTION_DAYS is a number of days, not {RETENTION_DAYS}")

# SECRET_KEYs of before: they sign nothing, and only recognise whom they erased (accounts/people/forgotten.py).
FORMER_SECRET_KEYS = env.list("FORMER_SECRET_KEYS", default=[])

# Completed courses ----------------------------------------------------------------------------------------------------

# Hosts whose certificates are fetched and read; "*.example.com" is everything beneath it. None: nothing is fetched.
CERTIFICATE_HOSTS = [host.strip().lower() for host in env.list("CERTIFICATE_HOSTS", default=[])]
for _host in CERTIFICATE_HOSTS:
    try:
        DomainNameValidator(accept_idna=False)(_host.removeprefix("*."))
    except ValidationError as error:
        raise ImproperlyConfigured(
            f"CERTIFICATE_HOSTS takes names of hosts, such as certificates.example.com or *.example.com, not {_host!r}"
        ) from error

# Providers ------------------------------------------------------------------------------------------------------------

# Each folder's own, from its module `settings`, where it has one (docs/adding-a-provider.md).
for _provider in PROVIDERS:
    if find_spec(f"{_provider}.settings"):
        _own = vars(import_module(f"{_provider}.settings"))
        globals().update({name: value for name, value in _own.items() if name.isupper()})

# Whether contacts are kept equal at the providers that can be written to: True, False, or "guided": staff start it.
CONTACT_SYNC: str | bool = "guided"
if os.environ.get("CONTACT_SYNC", "").strip().lower() not in ("", "guided"):
    CONTACT_SYNC = env.bool("CONTACT_SYNC")
# What follows for a contact's other records where one was deleted: "never" anything, a "mark", or "ask" staff.
CONTACT_DELETIONS = env.str("CONTACT_DELETIONS", default="never").strip().lower() or "never"
if CONTACT_DELETIONS not in {"never", "mark", "ask"}:
    raise ImproperlyConfigured(f'CONTACT_DELETIONS is "never", "mark" or "ask", not {CONTACT_DELETIONS!r}')
COMPANY_PROVISIONING_STEPS = env.list(
    "COMPANY_PROVISIONING_STEPS",
    default=["integrations.steps.redis_prefix.check", "integrations.steps.company_created.send"],
)
COMPANY_WEBHOOK_URL = env.str("COMPANY_WEBHOOK_URL", default="")
COMPANY_WEBHOOK_SECRET = env.list("COMPANY_WEBHOOK_SECRET", default=[])
METRICS_TOKEN = env.list("METRICS_TOKEN", default=[])
WEBHOOKS_ALLOW_UNSIGNED = env.list("WEBHOOKS_ALLOW_UNSIGNED", default=[])
# Our calls to them: repetitions after the first try, seconds before the first of these, growth of each further wait.
MAX_RETRIES = env.int("MAX_RETRIES", default=3)
RETRY_INITIAL_DELAY = env.float("RETRY_INITIAL_DELAY", default=1.0)
RETRY_BACKOFF_FACTOR = env.float("RETRY_BACKOFF_FACTOR", default=2.0)

# Where alerts are posted, beside the mails to ADMIN_EMAIL; the address is a secret.
SLACK_WEBHOOK_URL = env.str("SLACK_WEBHOOK_URL", default="")

# API ------------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # The token first: its scheme is what a 401 names.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.signin.token_authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.signin.api.permissions.AsListed"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.web.json_parser.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
# Tokens of staff's scripts: ours in the place of knox's model, which then has no table and no migrations.
API_TOKEN_DAYS = env.int("API_TOKEN_DAYS", default=90)
if API_TOKEN_DAYS < 1:
    raise ImproperlyConfigured(f"API_TOKEN_DAYS is a number of days, 1 or more, not {API_TOKEN_DAYS}")
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105 (a name)
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"TOKEN_PREFIX": "enlace_"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Enlace",
    "DESCRIPTION": "Membership and contact hub: webhooks, what staff and monitors ask, what a member has, and password "
    "set-up. Every address works with and without a slash at its end. Moments are UTC, as 2026-01-20T00:00:00Z.",
    "ENUM_NAME_OVERRIDES": {"SubscriptionStatusEnum": "accounts.memberships.models.subscription.Status"},
    "VERSION": "1.0.0",
    "DEFAULT_GENERATOR_CLASS": "integrations.api.description.OnceGenerator",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accounts.api.description.describe",
        "integrations.api.description.describe",
    ],
    "SERVE_PERMISSIONS": ["accounts.signin.api.permissions.AsListed"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Logs -----------------------------------------------------------------------------------------------------------------

SENTRY_DSN = env.str("SENTRY_DSN", default="")
LOG_REDACTOR = Redactor(values_to_mask(globals(), os.environ))
_prepare: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FILE = prepared(env.str("LOG_FILE", default=""))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _prepare,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                LOG_REDACTOR,
                structlog.processors.LogfmtRenderer(
                    key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
                ),
            ],
        }
    },
    "handlers": {
        "log": (
            {"()": "config.log_file.LogFile", "filename": LOG_FILE, "formatter": "line"}
            if LOG_FILE
            else {"class": "logging.StreamHandler", "formatter": "line"}
        )
    },
    "root": {"handlers": ["log"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True, "level": LOG_LEVEL},
        "django.server": {"handlers": [], "propagate": True},
        "django.template": {"level": "INFO"},  # at DEBUG it writes whole contexts, links with tokens among them
        "django.db.backends": {"level": "INFO"},  # at DEBUG it writes every value of every row
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
    },
}
structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_prepare, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=not TESTING,
)

if SENTRY_DSN:
    from config import sentry

    sentry.start(SENTRY_DSN, redact=LOG_REDACTOR)
