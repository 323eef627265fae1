from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """The business: people, plans, subscriptions and mails. Knows no provider."""

    name = "accounts"
    verbose_name = _("Members")

    def ready(self) -> None:
        from accounts import checks, signals
        from accounts.courses import certificate_pages, completion_mails
        from accounts.mail import contexts, digests
        from accounts.mail import deliver as mail
        from accounts.mail.models import EmailMessage
        from accounts.memberships import notices
        from accounts.people import provisioning
        from accounts.privacy import declarations
        from accounts.signin import password_links, sessions
        from accounts.staff import roles
        from core.queue import runner

        checks.register()
        signals.connect()
        sessions.connect()
        roles.connect()
        declarations.register_all()
        contexts.register(notices.CHECKED, notices.mail_context)
        contexts.register([EmailMessage.Kind.STAFF_QUESTION], digests.mail_context)
        contexts.register(password_links.WITH_LINK, password_links.mail_context)
        contexts.register([EmailMessage.Kind.COURSE_COMPLETED], completion_mails.context_of)
        runner.register(password_links.JOBS, mail.JOBS, provisioning.JOBS, certificate_pages.JOBS)
