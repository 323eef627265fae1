"""Enlace's settings: one file, every value from the environment (or `.env`), safe where nothing is said.

Without DATABASE_URL and REDIS_URL this is the embedded default: SQLite and an in-process broker under `var/`.
"""

import os
import secrets
import sys
from email.utils import formataddr
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import DomainNameValidator

from accounts.mail.amazon_ses import mail_server
from config.log_file import prepared
from config.logs import Redactor
from config.masked_values import values_to_mask
from config.private_files import keep_private
from core.queue.limits import HARD_SECONDS, SOFT_SECONDS

BASE_DIR = Path(__file__).resolve().parent.parent
# Of what says where something is, `NAME=` with nothing behind it means the default, as if the line were not there.
env = environ.Env()
# ENV_FILE names another file than .env; empty means none.
if _env_file := os.environ.get("ENV_FILE", str(BASE_DIR / ".env")):
    environ.Env.read_env(_env_file)

VAR_DIR = Path(env.str("VAR_DIR", default="") or BASE_DIR / "var").resolve()
keep_private(VAR_DIR)
TESTING = "pytest" in sys.modules

# Where we are ---------------------------------------------------------------------------------------------------------

HOST = env.str("HOST", default="") or "127.0.0.1"
PORT = int(env.str("PORT", default="") or 8000)
FRONTEND_URL = (env.str("FRONTEND_URL", default="") or f"http://{HOST}:{PORT}").rstrip("/")
_frontend = urlsplit(FRONTEND_URL)
HTTPS = _frontend.scheme == "https"

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and TESTING:
    SECRET_KEY = "only-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_frontend.hostname or HOST, HOST, "localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[FRONTEND_URL] if HTTPS else [])
# Origins of a front end of its own, whose browsers may call what config/access.py shares with them.
FRONTEND_ORIGINS = [origin.lower() for origin in env.list("FRONTEND_ORIGINS", default=[])]
# How many proxies of ours stand in front and append to X-Forwarded-For; 0 means that the header is not believed.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

# The folder of each provider is an application of its own: commands, console pages, templates and settings in it count.
PROVIDERS = [
    f"integrations.providers.{path.parent.name}"
    for path in sorted(BASE_DIR.glob("integrations/providers/*/provider.py"))
]

# What it is made of ---------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.EnlaceAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "anymail",
    "csp",
    "import_export",
    "accounts",
    "integrations",
    *PROVIDERS,
]
MIDDLEWARE = [
    # What sets headers stands outside of what may answer by itself, so that every answer has them.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.web.no_store.NoStoreMiddleware",
    "integrations.middleware.HttpsForMachinesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "core.web.cross_origin.CrossOriginMiddleware",
    "core.web.guards.RequestLineMiddleware",
    "integrations.middleware.MachineRequestsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "core.web.guards.RequestBodyMiddleware",  # before whatever reads forms
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.staff.idle.IdleStaffMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "accounts.signin.language.MemberLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "core.web.access.ListedAddressesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # every path answers with and without it; a redirect would drop a webhook's body
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.web.context_processors.page",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True  # no collectstatic step to forget
WHITENOISE_MAX_AGE = 3600
CACHEABLE_PATHS = (
    STATIC_URL,
    "/docs",
    "/api/schema",
    "/site/",
)  # the same for everybody; nothing else may be stored on the way
WHITENOISE_MIMETYPES = {".svg": "image/svg+xml; charset=utf-8"}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # above the webhooks' own limit of 1 MiB, which answers 413
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 5
MAX_BODY = 64 * 1024  # bytes of a form or of the API's JSON; signed-in staff may send LARGEST_UPLOAD to the console

# What a client may take, on both servers (core/web/bodies.py, config/waitress_server.py, config/gunicorn_worker.py).
LARGEST_BODY = DATA_UPLOAD_MAX_MEMORY_SIZE
LARGEST_UPLOAD = 6 * 1024 * 1024  # a file of completions (5 MiB) and the form around it
UPLOAD_PATHS = ("/admin/",)
LARGEST_HEADER = 32 * 1024  # the request line and all headers
HEADER_SECONDS = env.float("HEADER_SECONDS", default=10.0)  # from the first byte to the last header
BODY_SECONDS = env.float("BODY_SECONDS", default=30.0)  # more, to the last byte of the body
MAX_CONNECTIONS = env.int("MAX_CONNECTIONS", default=600)  # open at a time, in one process

# How pages and mails present the business (core/web/branding.py); SITE_LOGO is the path of a picture.
SITE_NAME = env.str("SITE_NAME", default="").strip() or "Enlace"
SITE_LOGO = env.str("SITE_LOGO", default="").strip()
SITE_COLOR = env.str("SITE_COLOR", default="").strip()
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", default="").strip()

# Database, broker, cache ----------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url_config(env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # DEFERRED fails with "database is locked" as soon as two transactions write
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        "PRAGMA secure_delete=ON;",
    }
else:
    _database["CONN_MAX_AGE"] = 0  # the pool keeps the connections
    _database["OPTIONS"] = {
        **_database.get("OPTIONS", {}),
        "connect_timeout": 5,
        "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL_MAX_SIZE", default=10), "timeout": 5},
    }

REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or REDIS_URL or "memory://localhost/"
BROKER_IN_PROCESS = CELERY_BROKER_URL.startswith("memory://")
CACHES: dict[str, Any] = {
    # Above Django's 300 entries: beyond them it forgets at random, an uploaded file before its confirmation too.
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    }

CELERY_TASK_DEFAULT_QUEUE = "enlace"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_STORE_EAGER_RESULT = False
CELERY_TASK_SOFT_TIME_LIMIT = SOFT_SECONDS
CELERY_TASK_TIME_LIMIT = HARD_SECONDS
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 15
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_TIMEZONE = "UTC"
# A wake-up is tried twice without a pause: with the broker away the sweep does it (measured: retry=False waits 6 s).
CELERY_TASK_PUBLISH_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"polling_interval": 0.05}
    if BROKER_IN_PROCESS
    else {
        "max_retries": 0,
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "visibility_timeout": 600,
        "unacked_restore_throttle": 1,
    }
)

# People ---------------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# A password may hold these, and does not count as one for them (docs/security.md).
PASSWORD_CONTEXT_WORDS = [
    *("enlace", "nssa", "leaps", "membership", "member", "contact", "webhook", "dashboard", "console"),
    *("admin", "staff", "operator", "support", "welcome", "miembro", "socio", "soporte"),
    *(_frontend.hostname or "").split("."),
    *SITE_NAME.lower().split(),
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "first_name", "last_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.signin.password_rules.ContextWordsValidator", "OPTIONS": {"words": PASSWORD_CONTEXT_WORDS}},
]
# Asked with the first five digits of a new password's SHA-1; empty: nobody is asked.
BREACHED_PASSWORDS_URL = env.str(
    "BREACHED_PASSWORDS_URL", default="https://api.pwnedpasswords.com/range/" if HTTPS else ""
)
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign_in"
PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds; a set-up link's life
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
# Under https the name itself keeps other hosts and http from setting it.
DEVICE_COOKIE_NAME = "__Host-device" if HTTPS else "device"
LANGUAGE_COOKIE_HTTPONLY = True
if HTTPS:  # with this prefix browsers take a cookie only over https, and from no other host of the domain
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-django_language"
STAFF_IDLE_MINUTES = env.int("STAFF_IDLE_MINUTES", default=60)  # staff who did nothing for so long sign in again
LANGUAGE_COOKIE_SAMESITE = "Lax"
ADMIN_2FA = env.str("ADMIN_2FA", default="optional")  # "optional" or "required"
ACCESS_TABLE = "config.access.TABLE"  # who may open what; what it does not list is refused
NAVIGATION = "config.navigation.SECTIONS"  # the console's pages by task
OTP_TOTP_ISSUER = "Enlace"

LANGUAGES = [("en", "English"), ("es", "Español")]
# Of mails to people whose language is not known, and of pages where the browser asks for neither.
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="").strip().lower() or "en"
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f'LANGUAGE_CODE is "en" or "es", not {LANGUAGE_CODE!r}')
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = env.str("TIME_ZONE", default="").strip() or "UTC"  # of the business's days and of the times that are shown
try:
    ZoneInfo(TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # the others: a path, a folder such as "America"
    raise ImproperlyConfigured(
        f"TIME_ZONE is the name of a time zone, such as America/Bogota or Europe/Madrid, not {TIME_ZONE!r}"
    ) from error
USE_TZ = True
USE_I18N = True

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

# E-mail ---------------------------------------------------------------------------------------------------------------

EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="accounts.mail.file_mailbox.FileMailbox")
EMAIL_FILE_PATH = env.str("EMAIL_FILE_PATH", default="") or str(VAR_DIR / "mail")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_TIMEOUT = 10  # seconds; a worker thread cannot be interrupted
_mail_domain = _frontend.hostname if HTTPS and _frontend.hostname else "localhost"
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
