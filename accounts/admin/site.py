"""The staff console: Django's admin, our sign-in form with its limits, and the second factor."""

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class StaffSite(AdminSite):
    site_title = site_header = _("Enlace")
    index_title = _("Console")
