from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.mail.api.webhooks import report
from accounts.signin.views import home
from core.web import branding_views

# Our own page: drf-spectacular's has inline styles, which the Content-Security-Policy refuses.
docs = SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="docs/api.html")

urlpatterns = [
    path("", include("integrations.urls")),
    path("", include("accounts.urls")),
    path("", home, name="home"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^docs/?$", require_safe(docs), name="docs"),
    path("site/colours.css", branding_views.colours, name="site_colours"),
    path("site/logo", branding_views.logo, name="site_logo"),
    path("anymail/<path:path>", report, name="mail_report"),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index"), name="admin_without_slash"),
]

handler404 = "core.web.refusals.not_found"
handler500 = "core.web.refusals.server_error"
