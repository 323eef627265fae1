"""Fake of Chatwoot's platform API over real HTTP: accounts by id, and those that the platform app may see."""

import json
from typing import Any

from tests.fakes.http_server import Answer, Asked, Drip, FakeServer, Hang, Reset

__all__ = ["PLATFORM_TOKEN", "Answer", "Drip", "FakeChatwoot", "Hang", "Reset"]

PLATFORM_TOKEN = "platform-token-that-only-tests-know"
_PATH = "/platform/api/v1/accounts/"


class FakeChatwoot(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, dict[str, Any]] = {}
        self.not_permissible: set[str] = set()

    def add(self, account_id: int, name: str) -> None:
        self.accounts[str(account_id)] = {"id": account_id, "name": name, "locale": "es", "status": "active"}

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("api_access_token") != PLATFORM_TOKEN:
            return _error(401, "Invalid access_token")
        if asked.method != "GET" or not asked.path.startswith(_PATH):
            return _error(404, "Resource could not be found")
        account_id = asked.path.removeprefix(_PATH)
        if account_id in self.not_permissible:
            return _error(401, "Non permissible resource")
        if account_id not in self.accounts:
            return _error(404, "Resource could not be found")
        return Answer(status=200, body=json.dumps(self.accounts[account_id]).encode())


def _error(status: int, error: str) -> Answer:
    return Answer(status=status, body=json.dumps({"error": error}).encode())
