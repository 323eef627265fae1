"""Pressing buttons of the console as a browser does."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse


def list_of(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def act_url(row: Any, act: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_act", args=[row.pk, act])


def press(client: Client, row: Any, act: str, **answers: Any) -> list[str]:
    """Presses the button on a row's page; the messages."""
    response = client.post(act_url(row, act), answers | {"answered": "1"} if answers else {}, follow=True)
    assert response.redirect_chain, response.content.decode()
    return [str(message) for message in response.context["messages"]]


def logged(row: Any) -> list[str]:
    entries = LogEntry.objects.filter(content_type__model=row._meta.model_name, object_id=str(row.pk))
    return [entry.change_message for entry in entries.order_by("pk")]


def rows_of(client: Client, model: Any, **query: Any) -> list[Any]:
    """Return the rows that the list of `model` shows for that query string."""
    return list(client.get(list_of(model), query).context["cl"].result_list)


def queries_of(client: Client, url: str) -> list[str]:
    """The SQL of a page that was open before, so that what is asked for once a process is not among it."""
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in queries]
