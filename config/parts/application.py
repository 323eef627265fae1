"""The parts of Enlace, the limits of what a client may send, and how pages present the business."""

from config.parts.place import BASE_DIR, PROVIDERS, VAR_DIR, env

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
