"""System checks of accounts: missing or unsafe settings."""

from typing import Any

from anymail.exceptions import AnymailConfigurationError
from django.conf import settings
from django.core import checks
from django.http import Http404
from django.utils.module_loading import import_string

from accounts.mail import smtp
from accounts.mail.amazon_ses import mail_server
from accounts.mail.api import webhooks


def register() -> None:
    checks.register(check_people)
    checks.register(check_provisioning)
    checks.register(check_mail_reports)


def check_people(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check staff notifications, the second factor and the mailbox."""
    messages: list[checks.CheckMessage] = []
    if settings.ADMIN_2FA not in ("optional", "required"):
        messages.append(
            checks.Error(f"ADMIN_2FA is {settings.ADMIN_2FA!r}.", hint="Use optional or required.", id="accounts.E001")
        )
    if settings.HTTPS and settings.ADMIN_2FA != "required":
        messages.append(
            checks.Warning(
                "Staff sign in without a second factor.",
                hint="Set ADMIN_2FA=required in production.",
                id="accounts.W001",
            )
        )
    if settings.HTTPS and settings.EMAIL_BACKEND == "accounts.mail.file_mailbox.FileMailbox":
        messages.append(
            checks.Warning(
                "Mails go to files, not to people.", hint="Set EMAIL_BACKEND and EMAIL_HOST.", id="accounts.W002"
            )
        )
    if not settings.ADMIN_EMAIL:
        messages.append(
            checks.Info(
                "Nobody gets staff notifications.", hint="Set ADMIN_EMAIL, comma-separated.", id="accounts.I001"
            )
        )
    if not settings.CERTIFICATE_HOSTS:
        messages.append(
            checks.Info(
                "Certificates of completed courses are not checked.",
                hint="Set CERTIFICATE_HOSTS to the hosts that they are at.",
                id="accounts.I002",
            )
        )
    return messages


def check_provisioning(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that each provisioning step exists."""
    messages: list[checks.CheckMessage] = []
    for path in settings.COMPANY_PROVISIONING_STEPS:
        try:
            import_string(path)
        except ImportError as error:
            hint = f"COMPANY_PROVISIONING_STEPS takes dotted paths of functions: {error}"
            messages.append(checks.Error(f"There is no provisioning step {path}.", hint=hint, id="accounts.E002"))
    return messages


def check_mail_reports(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that bounces and complaints are received."""
    return [*_reports_of_ses(), *_reports_without_a_view()]


def _reports_of_ses() -> list[checks.CheckMessage]:
    if settings.EMAIL_BACKEND != smtp.DJANGO_BACKEND or not mail_server.is_host(settings.EMAIL_HOST):
        return []
    hint = "docs/deployment.md says how, under Amazon SES."
    if "amazon_ses" not in settings.MAIL_WEBHOOKS:
        problem = "Mail goes through Amazon SES, and ANYMAIL_WEBHOOKS leaves out amazon_ses."
    elif settings.MAIL_WEBHOOKS_ARE_CLOSED and not settings.SES_TOPIC_ARN:
        problem = "Mail goes through Amazon SES, and neither ANYMAIL_WEBHOOK_SECRET nor SES_TOPIC_ARN is set."
    else:
        return []
    return [checks.Warning(f"{problem} Nobody hears of bounces and complaints.", hint=hint, id="accounts.W003")]


def _reports_without_a_view() -> list[checks.CheckMessage]:
    """Return a warning for each provider whose view lacks a setting or a package."""
    messages: list[checks.CheckMessage] = []
    for name in settings.MAIL_WEBHOOKS:
        try:
            webhooks.check(name)
        except Http404:
            hint = "ANYMAIL_WEBHOOKS takes the names of Anymail's providers, such as postmark."
            messages.append(checks.Warning(f"{name} brings no reports.", hint=hint, id="accounts.W004"))
        except AnymailConfigurationError as error:
            problem, _line, hint = str(error).partition("\n")
            messages.append(
                checks.Warning(
                    f"Reports of {name} are not taken: {problem}", hint=" ".join(hint.split()), id="accounts.W005"
                )
            )
    return messages
