"""A fake of NowCerts' API over real HTTP: insureds and policies in memory, tokens that rotate, OData that is enough.

Bad days: `misbehave(failure("…"), Reset(), Lost(), …)` for single requests; the attributes for what lasts.
"""

import json
import re
import threading
import uuid
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.http_server import Answer, Asked, FakeServer, Hang, Lost, Reset

__all__ = ["PASSWORD", "USERNAME", "Answer", "FakeNowCerts", "Hang", "Lost", "Reset", "failure"]

USERNAME, PASSWORD = "agent@example.com", "a-nowcerts-password-of-tests"
Record = dict[str, Any]
_CONDITION = re.compile(r"\((\w+) (eq|ge) ('(?:[^']|'')*'|[^\s')]+)\)")
_TOKEN = "/api/token"


def failure(message: str) -> Answer:
    """A failure as NowCerts has them: HTTP 200."""
    return _answer(200, {"status": 0, "message": message})


class FakeNowCerts(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.insureds: dict[str, Record] = {}
        self.policies: dict[str, Record] = {}
        self.deleted: list[Record] = []
        self.token_life: Any = 86_399  # seconds
        self.refreshes_are_refused = False
        self.ignores_filters = False
        self.grants: list[str] = []  # the grant types that were asked for, in their order
        self._tokens: set[str] = set()
        self._refresh_token = ""
        self._changing = threading.RLock()

    def add_insured(self, **fields: Any) -> Record:
        record = {"id": str(uuid.uuid4()), "type": "Insured", "active": True} | _dated(len(self.insureds)) | fields
        self.insureds[record["id"]] = record
        return record

    def add_policy(self, **fields: Any) -> Record:
        record = {"id": str(uuid.uuid4())} | _dated(len(self.policies)) | fields
        self.policies[record["id"]] = record
        return record

    def expire_tokens(self) -> None:
        """Every access token given so far ends; the last refresh token stays good."""
        self._tokens.clear()

    def answer(self, asked: Asked) -> Answer:
        with self._changing:
            if asked.path == _TOKEN:
                return self._token(asked)
            if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
                return _answer(401, {"message": "Authorization has been denied for this request."})
            return self._routed(asked)

    def _token(self, asked: Asked) -> Answer:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        self.grants.append(form.get("grant_type", ""))
        right = {"username": USERNAME, "password": PASSWORD, "grant_type": "password", "client_id": "ngAuthApp"}
        spent = {"grant_type": "refresh_token", "refresh_token": self._refresh_token, "client_id": "ngAuthApp"}
        is_refresh = form == spent and self._refresh_token and not self.refreshes_are_refused
        if asked.headers.get("content-type") != "application/x-www-form-urlencoded" or not (
            form == right or is_refresh
        ):
            return _answer(400, {"error": "invalid_grant", "error_description": "Not accepted"})
        number = len(self.grants)
        token, self._refresh_token = f"access-{number}-of-the-fake", f"refresh-{number}-of-the-fake"
        self._tokens.add(token)
        granted = {"access_token": token, "token_type": "bearer", "expires_in": self.token_life}
        return _answer(200, granted | {"refresh_token": self._refresh_token, "userName": USERNAME, "agencyId": "a"})

    def _routed(self, asked: Asked) -> Answer:
        body = json.loads(asked.body) if asked.body else {}
        lists = {
            "/api/InsuredDetailList()": list(self.insureds.values()),
            "/api/PolicyDetailList()": list(self.policies.values()),
            "/api/DeletedInsuredList()": self.deleted,
        }
        if asked.method == "GET" and asked.path in lists:
            return self._list(lists[asked.path], dict(asked.query))
        match asked.method, asked.path:
            case "POST", "/api/Insured/Insert":
                return self._upsert_insured(body)
            case "POST", "/api/Insured/OnlyInsertInsured":
                return self._inserted(self.add_insured(**body))
            case "POST", ("/api/Policy/Insert" | "/api/Quote/Insert") as path:
                return self._write_policy(body, is_quote=path == "/api/Quote/Insert")
        return _answer(404, {"message": f"No HTTP resource was found at {asked.path}."})

    def _list(self, records: list[Record], query: dict[str, str]) -> Answer:
        conditions = [] if self.ignores_filters else _CONDITION.findall(query.get("$filter", ""))
        found = [record for record in records if not conditions or any(_holds(record, *one) for one in conditions)]
        found.sort(key=lambda record: str(record.get(query["$orderby"], "")))
        first = int(query["$skip"])
        return _answer(200, {"@odata.count": len(found), "value": found[first : first + int(query["$top"])]})

    def _upsert_insured(self, body: Record) -> Answer:
        """By databaseId, then by name: never by e-mail or phone."""
        name = (body.get("firstName"), body.get("lastName"))
        known = self.insureds.get(str(body.get("databaseId"))) or next(
            (
                one
                for one in self.insureds.values()
                if any(name) and (one.get("firstName"), one.get("lastName")) == name
            ),
            None,
        )
        if known is None:
            return self._inserted(self.add_insured(**body))
        known.update(body)
        return self._inserted(known)

    def _inserted(self, record: Record) -> Answer:
        return _answer(200, {"insuredDatabaseId": record["id"], "status": 1, "message": "Saved."})

    def _write_policy(self, body: Record, *, is_quote: bool) -> Answer:
        if not body.get("number"):
            written = {"policyOrQuoteId": None, "isQuote": is_quote, "status": 0, "message": "number is required"}
            return _answer(200, {"policiesOrQuotes": [written], "status": 1, "message": ""})
        known = self.policies.get(str(body.get("databaseId"))) or next(
            (one for one in self.policies.values() if one.get("number") == body["number"]), None
        )
        if known is None:
            known = self.add_policy(isQuote=is_quote, **body)
        known.update(body)
        written = {"policyOrQuoteId": known["id"], "isQuote": is_quote, "status": 1, "message": ""}
        return _answer(200, {"policiesOrQuotes": [written], "insuredDatabaseId": None, "status": 1, "message": ""})


def _holds(record: Record, name: str, operator: str, value: str) -> bool:
    wanted = value[1:-1].replace("''", "'") if value.startswith("'") else value
    has = str(record.get(name) or "")
    return has >= wanted if operator == "ge" else has.lower() == wanted.lower()


def _dated(number: int) -> Record:
    moment = f"2026-03-02T10:{number // 60:02}:{number % 60:02}Z"
    return {"createDate": moment, "changeDate": moment}


def _answer(status: int, document: Any) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode())
