"""How the business is presented: what is set, by which variable, and what is shown where nothing is."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from core.console import tools
from core.web import branding

NAME = "presentation"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A setting: its variable, its value as it is set ("": not), what is shown, and why it cannot be used."""

    variable: str
    label: str
    value: str
    shown: str
    problem: str


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    context: dict[str, Any] = {**admin.site.each_context(request), "title": _("Presentation"), "rows": _rows()}
    return TemplateResponse(request, "admin/presentation.html", context)


def _rows() -> list[Row]:
    site, problems = branding.current(), dict(branding.problems())
    built_in = _("the built-in one")
    said = {
        "SITE_NAME": (_("Name"), "" if settings.SITE_NAME == branding.PRODUCT else settings.SITE_NAME, site.name),
        "SITE_LOGO": (_("Logo"), settings.SITE_LOGO, _("the picture above") if site.logo else built_in),
        "SITE_COLOR": (
            _("Colour"),
            settings.SITE_COLOR,
            f"{site.palette.light.accent}, {site.palette.dark.accent}" if site.stylesheet else built_in,
        ),
        "SUPPORT_EMAIL": (_("Address for questions"), settings.SUPPORT_EMAIL, site.support or "–"),
        "DEFAULT_FROM_EMAIL": (_("Sender of mails"), settings.DEFAULT_FROM_EMAIL, settings.DEFAULT_FROM_EMAIL),
        "LANGUAGE_CODE": (
            _("Language where a person's is not known"),
            settings.LANGUAGE_CODE,
            dict(settings.LANGUAGES)[settings.LANGUAGE_CODE],
        ),
        "TIME_ZONE": (_("Time zone"), settings.TIME_ZONE, settings.TIME_ZONE),
    }
    return [
        Row(variable=name, label=label, value=value, shown=shown, problem=problems.get(name, ""))
        for name, (label, value, shown) in said.items()
    ]


tools.register(tools.Tool(name=NAME, label=gettext_lazy("Presentation"), path="presentation/", view=page))
