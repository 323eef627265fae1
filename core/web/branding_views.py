"""The colours and the logo of the business, as files of our own: the pages' policy takes none from elsewhere."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from core.web import branding

_AN_HOUR = 3600


@require_safe
@cache_control(public=True, max_age=_AN_HOUR)
def colours(request: HttpRequest) -> HttpResponse:
    """Return the style sheet with the accents of SITE_COLOR, else the built-in ones."""
    return HttpResponse(branding.stylesheet(branding.current().palette), content_type="text/css; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=_AN_HOUR)
def logo(request: HttpRequest) -> HttpResponse:
    """Return the picture of SITE_LOGO; 404 where there is none."""
    found = branding.current().logo
    if found is None:
        raise Http404
    return HttpResponse(found.content, content_type=found.content_type)
