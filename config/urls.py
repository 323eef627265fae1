from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.mail.api.webhooks import report
from integrations.api.embed import home

# Our own page: drf-spectacular's has inline styles, which the Content-Security-Policy refuses.
docs = SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="docs/api.html")

# Console pages that the membership documents name, where today's pages for the same are.
former_pages = {
    "kajabiwebhookevent": "/admin/integrations/inboxevent/?provider=kajabi",
    "customuser": "/admin/accounts/user/?auth_provider__exact=kajabi",
}

urlpatterns = [
    path("", home, name="home"),
    path("", include("integrations.urls")),
    path("", include("integrations.staff_urls")),
    path("", include("integrations.company_urls")),
    path("", include("accounts.urls")),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^docs/?$", require_safe(docs), name="docs"),
    path("anymail/<path:path>", report, name="mail_report"),
    *(
        path(f"admin/core/{page}/", require_safe(RedirectView.as_view(url=today)), name=f"former-{page}")
        for page, today in former_pages.items()
    ),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index"), name="admin_without_slash"),
]

handler404 = "core.web.refusals.not_found"
handler500 = "core.web.refusals.server_error"
