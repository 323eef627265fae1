from django.contrib.admin.apps import AdminConfig


class EnlaceAdminConfig(AdminConfig):
    """Django's admin with our own site object: title, sign-in form with its limits, second factor."""

    default_site = "accounts.signin.admin.site.StaffSite"

    def ready(self) -> None:
        from config import checks, transport_checks

        super().ready()
        checks.register()
        transport_checks.register()
