"""The other side of outgoing calls while the demo is made: a CRM in memory, and nothing else.

Whatever the process asks by HTTP is answered here or refused, so that nothing leaves this machine, and each write is in
the console as it would be: what was asked, what was sent and what came back.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings

from accounts.demo.marks import DOMAIN, playing
from integrations.providers.gohighlevel.demo import DemoLocation

_URL = f"https://crm.{DOMAIN}"
# The settings of this process: the CRM is connected, its pace is nobody else's, and staff have an address.
_SETTINGS: dict[str, Any] = {
    "GHL_BASE_URL": _URL,
    "GHL_API_KEY": "demo",
    "GHL_LOCATION_ID": "demo",
    "GHL_PIPELINES": {},
    "CONTACT_SYNC": True,
    "ADMIN_EMAIL": [f"office@{DOMAIN}"],
    "CERTIFICATE_HOSTS": [],
    "COMPANY_PROVISIONING_STEPS": ["integrations.steps.company_created.send"],
    "COMPANY_WEBHOOK_URL": "",
}


class _Adapter(requests.adapters.BaseAdapter):
    """Answers requests to the CRM of the demo; refuses any other."""

    def __init__(self, location: DemoLocation) -> None:
        super().__init__()
        self._location = location

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        if url.hostname != urlsplit(_URL).hostname:
            raise requests.ConnectionError(f"the demo calls nobody, and {url.hostname} was to be called")
        body = json.loads(request.body) if request.body else {}
        status, document = self._location.answer(request.method or "", url.path, url.query, body)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = status, request.url or "", request
        answer.headers["Content-Type"] = "application/json"
        content = io.BytesIO(json.dumps(document).encode())
        answer.raw = urllib3.HTTPResponse(content, status=status, preload_content=False)
        return answer

    def close(self) -> None:
        pass


@contextmanager
def connected() -> Iterator[DemoLocation]:
    """Answer this process's calls by the demo's CRM inside the block, with the settings that lead there."""
    location = DemoLocation()
    adapter = _Adapter(location)
    before = {name: getattr(settings, name) for name in _SETTINGS}
    get_adapter = requests.Session.get_adapter
    token = playing.set(True)
    try:
        for name, value in _SETTINGS.items():
            setattr(settings, name, value)
        requests.Session.get_adapter = lambda self, url: adapter  # type: ignore[method-assign]
        yield location
    finally:
        requests.Session.get_adapter = get_adapter  # type: ignore[method-assign]
        for name, value in before.items():
            setattr(settings, name, value)
        playing.reset(token)
