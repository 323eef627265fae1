"""People: passwords, sessions, the console's rules, languages and the time zone."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

from config.parts.application import SITE_NAME
from config.parts.place import BASE_DIR, HTTPS, env, frontend_host

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# A password may hold these, and does not count as one for them (docs/security.md).
PASSWORD_CONTEXT_WORDS = [
    *("enlace", "nssa", "leaps", "membership", "member", "contact", "webhook", "dashboard", "console"),
    *("admin", "staff", "operator", "support", "welcome", "miembro", "socio", "soporte"),
    *frontend_host.split("."),
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
