"""`manage.py check`: what is not configured and what that means."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string


def register() -> None:
    checks.register(check_people)
    checks.register(check_provisioning)


def check_people(**kwargs: Any) -> list[checks.CheckMessage]:
    """System messages about staff notices, the second factor and the mailbox."""
    found: list[checks.CheckMessage] = []
    if settings.ADMIN_2FA not in ("optional", "required"):
        found.append(
            checks.Error(f"ADMIN_2FA is {settings.ADMIN_2FA!r}.", hint="Use optional or required.", id="accounts.E001")
        )
    if settings.HTTPS and settings.ADMIN_2FA != "required":
        found.append(
            checks.Warning(
                "Staff sign in without a second factor.",
                hint="Set ADMIN_2FA=required in production.",
                id="accounts.W001",
            )
        )
    if settings.HTTPS and settings.EMAIL_BACKEND == "accounts.mail.FileMailbox":
        found.append(
            checks.Warning(
                "Mails go to files, not to people.", hint="Set EMAIL_BACKEND and EMAIL_HOST.", id="accounts.W002"
            )
        )
    if not settings.ADMIN_EMAIL:
        found.append(
            checks.Info(
                "Nobody gets staff notifications.", hint="Set ADMIN_EMAIL, comma-separated.", id="accounts.I001"
            )
        )
    if not settings.CERTIFICATE_HOSTS:
        found.append(
            checks.Info(
                "Certificates of completed courses are not checked.",
                hint="Set CERTIFICATE_HOSTS to the hosts that they are at.",
                id="accounts.I002",
            )
        )
    return found


def check_provisioning(**kwargs: Any) -> list[checks.CheckMessage]:
    """A step that is not there would fail for every company."""
    found: list[checks.CheckMessage] = []
    for path in settings.COMPANY_PROVISIONING_STEPS:
        try:
            import_string(path)
        except ImportError as error:
            hint = f"COMPANY_PROVISIONING_STEPS takes dotted paths of functions: {error}"
            found.append(checks.Error(f"There is no provisioning step {path}.", hint=hint, id="accounts.E002"))
    return found
