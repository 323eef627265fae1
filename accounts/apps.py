from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """The business: people, plans, subscriptions and the mails we owe. Knows no provider."""

    name = "accounts"
    verbose_name = _("Members")

    def ready(self) -> None:
        from accounts import checks, signals
        from accounts.privacy import declarations
        from accounts.signin import sessions
        from accounts.staff import roles

        checks.register()
        signals.connect()
        sessions.connect()
        roles.connect()
        declarations.register_all()
