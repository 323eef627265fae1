"""Reasons not to make the demo: it is for trying Enlace out, and never for an installation that is in use."""

from django.conf import settings

from integrations import registry
from integrations.demo.play import real_people

# Mail that these send stays on this machine.
_LOCAL_MAIL = (
    "accounts.mail.file_mailbox.FileMailbox",
    *(f"django.core.mail.backends.{name}.EmailBackend" for name in ("locmem", "dummy", "console", "filebased")),
)


def reason() -> str:
    """Return why no demo can be made here, "" where it can."""
    if number := real_people():
        return f"There are {number} real members or contacts here. The demo needs a database of its own: set VAR_DIR."
    if settings.HTTPS:
        return "FRONTEND_URL is an https address: this is an installation in use, not one for trying out."
    if connected := [one.title for one in registry.all_providers().values() if one.is_connected()]:
        return f"The API of {', '.join(connected)} is connected here. Unset its credentials first."
    if settings.EMAIL_BACKEND not in _LOCAL_MAIL:
        return "Mail would leave this machine. Unset EMAIL_BACKEND first; mails are files in var/mail then."
    for name in ("SLACK_WEBHOOK_URL", "COMPANY_WEBHOOK_URL"):
        if getattr(settings, name):
            return f"{name} is set, and would be told of the demo. Unset it first."
    return ""
