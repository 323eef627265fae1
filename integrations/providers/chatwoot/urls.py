"""Chatwoot's own URLs: the company of an account, its metrics, and the page in a frame."""

from django.urls import path, re_path

from integrations.providers.chatwoot.api.companies import CompanyView, MetricsView
from integrations.providers.chatwoot.api.embed import COMPANY, dashboard, home
from integrations.providers.chatwoot.webhooks import PATH

MACHINES = [re_path(rf"^{PATH}/company/(?P<account_id>[^/]+)/?$", CompanyView.as_view(), name=COMPANY)]
PEOPLE = [
    path("", home, name="home"),
    re_path(rf"^{PATH}/metrics/?$", MetricsView.as_view(), name="metrics-chatwoot"),
    re_path(r"^embed/dashboard/?$", dashboard, name="embed"),
]
