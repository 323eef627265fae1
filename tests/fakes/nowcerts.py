"""Fake of NowCerts' API over real HTTP: insureds and policies in memory, rotating tokens, filters of OData.

Bad days: `misbehave(failure("…"), Reset(), Lost(), …)` for single requests; the attributes for what lasts. `on_change`
hears of every record that is made or changed, by whomever, under the name that its webhook would have.
"""

import json
import re
import threading
import uuid
from copy import deepcopy
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.fakes import odata, versions
from tests.fakes.http_server import Answer, Asked, FakeServer, Hang, Lost, Reset
from tests.fakes.versions import OnChange, Versions, stamp

__all__ = ["PASSWORD", "USERNAME", "Answer", "FakeNowCerts", "Hang", "Lost", "Reset", "failure"]

USERNAME, PASSWORD = "agent@example.com", "a-nowcerts-password-of-tests"
Record = dict[str, Any]
_SEARCH = re.compile(r"\b(eMail[23]?|phone|cellPhone|smsPhone)\b")  # by anything but an id or a date
_TOKEN, _LOGIN = "/api/token", "/api/auth/login"
_REQUIRED = ("type", "active", "insuredType")
_ADDRESSES = ("eMail", "eMail2", "eMail3")
_PERMANENT = ("id", "createDate", "changeDate")  # what no upsert empties


def failure(message: str) -> Answer:
    """Return a failure as NowCerts does: with HTTP 200."""
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
        self.compares_case = False  # whether a text equals another one in other case: undocumented
        self.longest_query = 8_000  # characters, as they are sent
        self.upsert_empties_unnamed = False  # what Insured/Insert does with fields that are not sent: undocumented
        self.lag = 0.0  # seconds after which an insured is found by what was written
        self.on_change: OnChange | None = None
        self.now = versions.now
        self.grants: list[str] = []  # the grant types that were asked for, in their order
        self._versions = Versions()
        self._tokens: set[str] = set()
        self._refresh_token = ""
        self._changing = threading.RLock()

    # Changes by people at the provider --------------------------------------------------------------------------------

    def add_insured(self, **fields: Any) -> Record:
        """Add an insured, or a prospect with type="Prospect"."""
        with self._changing:
            record = {"id": str(uuid.uuid4()), "type": "Insured", "active": True} | self._dated() | fields
            self.insureds[record["id"]] = record
            self._record(record, "INSERT")
            return record

    def edit(self, insured_id: str, **fields: Any) -> Record:
        with self._changing:
            record = self.insureds[insured_id]
            record.update({"changeDate": self._moment()} | fields)
            self._record(record, "UPDATE")
            return record

    def delete_insured(self, insured_id: str) -> None:
        with self._changing:
            record = self.insureds.pop(insured_id)
            record["changeDate"] = self._moment()
            self.deleted.append(record)
            self._versions.note(insured_id, None, at=self.now())
            self._notify(f"{_kind(record)}_DELETE", record)

    def merge_insureds(self, survivor_id: str, loser_id: str) -> Record:
        """Merge two insureds: the loser is listed as deleted, its policies and further addresses are the survivor's."""
        with self._changing:
            survivor, loser = self.insureds[survivor_id], self.insureds[loser_id]
            kept = [str(survivor.get(name) or "") for name in _ADDRESSES]
            more = [address for name in _ADDRESSES if (address := loser.get(name)) and address not in kept]
            gained = {name: more.pop(0) for name in _ADDRESSES if not survivor.get(name) and more}
            gained |= {name: value for name, value in loser.items() if name not in survivor and name not in _ADDRESSES}
            for policy in self.policies.values():
                if policy.get("insuredDatabaseId") == loser_id:
                    policy["insuredDatabaseId"] = survivor_id
            self.delete_insured(loser_id)
            return self.edit(survivor_id, **gained)

    def add_policy(self, **fields: Any) -> Record:
        with self._changing:
            record = {"id": str(uuid.uuid4())} | self._dated() | fields
            self.policies[record["id"]] = record
            self._notify("QUOTE_INSERT" if record.get("isQuote") else "POLICY_INSERT", record)
            return record

    def edit_policy(self, policy_id: str, **fields: Any) -> Record:
        with self._changing:
            record = self.policies[policy_id]
            record.update({"changeDate": self._moment()} | fields)
            self._notify("QUOTE_UPDATE" if record.get("isQuote") else "POLICY_UPDATE", record)
            return record

    def expire_tokens(self) -> None:
        """Expire every access token issued so far; the last refresh token stays valid."""
        self._tokens.clear()

    # ------------------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Answer:
        with self._changing:
            if asked.path == _TOKEN:
                return self._token(asked)
            if asked.path == _LOGIN:
                return self._login(asked)
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
        return _answer(200, self._granted() | {"token_type": "bearer", "userName": USERNAME, "agencyId": "a"})

    def _login(self, asked: Asked) -> Answer:
        """Answer the other login dialect: JSON, without a refresh token."""
        self.grants.append("login")
        is_json = asked.headers.get("content-type") == "application/json"
        if not is_json or json.loads(asked.body) != {"username": USERNAME, "password": PASSWORD}:
            return _answer(401, {"message": "Not accepted"})
        return _answer(200, self._granted())

    def _granted(self) -> Record:
        number = len(self.grants)
        token, self._refresh_token = f"access-{number}-of-the-fake", f"refresh-{number}-of-the-fake"
        self._tokens.add(token)
        return {"access_token": token, "expires_in": self.token_life, "refresh_token": self._refresh_token}

    def _routed(self, asked: Asked) -> Answer:
        body = json.loads(asked.body) if asked.body else {}
        lists = {
            "/api/InsuredDetailList()": list(self.insureds.values()),
            "/api/PolicyDetailList()": list(self.policies.values()),
            "/api/DeletedInsuredList()": self.deleted,
        }
        if asked.method == "GET" and asked.path in lists:
            query = dict(asked.query)
            if len(urlencode(query)) > self.longest_query:
                return _answer(414, {"message": "The request URL is too long."})
            lags = self.lag and asked.path == "/api/InsuredDetailList()" and _SEARCH.search(query.get("$filter", ""))
            shown = self._versions.at(self.now() - timedelta(seconds=self.lag)) if lags else lists[asked.path]
            return self._list(shown, query)
        match asked.method, asked.path:
            case "POST", ("/api/Insured/Insert" | "/api/Insured/OnlyInsertInsured") as path:
                if missing := [name for name in _REQUIRED if name not in body]:
                    return failure(f"{missing[0]} is required")
                return self._upsert_insured(body) if path == "/api/Insured/Insert" else self._insert_insured(body)
            case "POST", ("/api/Policy/Insert" | "/api/Quote/Insert") as path:
                return self._write_policy(body, is_quote=path == "/api/Quote/Insert")
        return _answer(404, {"message": f"No HTTP resource was found at {asked.path}."})

    def _list(self, records: list[Record], query: dict[str, str]) -> Answer:
        wanted = "" if self.ignores_filters else query.get("$filter", "")
        try:
            holds = odata.condition(wanted, compares_case=self.compares_case) if wanted else None
        except odata.BadFilter as error:
            return _answer(400, {"message": f"The query specified in the URI is not valid. {error}"})
        found = [record for record in records if holds is None or holds(record)]
        found.sort(key=lambda record: str(record.get(query["$orderby"], "")))
        first = int(query["$skip"])
        return _answer(200, {"@odata.count": len(found), "value": found[first : first + int(query["$top"])]})

    def _upsert_insured(self, body: Record) -> Answer:
        """Match by databaseId, then by company name, then by personal name: never by e-mail or phone."""
        company, name = body.get("commercialName"), (body.get("firstName"), body.get("lastName"))
        everybody = list(self.insureds.values())
        of_company = (one for one in everybody if company and one.get("commercialName") == company)
        of_name = (one for one in everybody if any(name) and (one.get("firstName"), one.get("lastName")) == name)
        known = self.insureds.get(str(body.get("databaseId"))) or next(of_company, None) or next(of_name, None)
        if known is None:
            return self._insert_insured(body)
        written = _as_stored(body, had=known.get("customFieldsSimple"))
        if self.upsert_empties_unnamed:
            for name in set(known) - set(_PERMANENT):
                del known[name]
        known.update(written | {"changeDate": self._moment()})
        self._record(known, "UPDATE")
        return self._inserted(known)

    def _insert_insured(self, body: Record) -> Answer:
        return self._inserted(self.add_insured(**_as_stored(body)))

    def _inserted(self, record: Record) -> Answer:
        return _answer(200, {"insuredDatabaseId": record["id"], "status": 1, "message": "Saved."})

    def _write_policy(self, body: Record, *, is_quote: bool) -> Answer:
        if not body.get("number"):
            written = {"policyOrQuoteId": None, "isQuote": is_quote, "status": 0, "message": "number is required"}
            return _answer(200, {"policiesOrQuotes": [written], "status": 1, "message": ""})
        known = self.policies.get(str(body.get("databaseId"))) or next(
            (one for one in self.policies.values() if one.get("number") == body["number"]), None
        )
        known = self.add_policy(isQuote=is_quote, **body) if known is None else self.edit_policy(known["id"], **body)
        written = {"policyOrQuoteId": known["id"], "isQuote": is_quote, "status": 1, "message": ""}
        return _answer(200, {"policiesOrQuotes": [written], "insuredDatabaseId": None, "status": 1, "message": ""})

    def _moment(self) -> str:
        return stamp(self.now())

    def _dated(self) -> Record:
        moment = self._moment()
        return {"createDate": moment, "changeDate": moment}

    def _record(self, record: Record, verb: str) -> None:
        self._versions.note(record["id"], record, at=self.now())
        self._notify(f"{_kind(record)}_{verb}", record)

    def _notify(self, name: str, record: Record) -> None:
        if self.on_change:
            self.on_change(name, deepcopy(record))


def _as_stored(body: Record, *, had: Any = None) -> Record:
    """Return a written record in its read form: type 0 or 1 as a word, custom fields merged."""
    stored = {name: value for name, value in body.items() if name != "databaseId"}
    stored["type"] = {0: "Insured", 1: "Prospect"}.get(body["type"], body["type"])
    if "customFieldsSimple" in body:
        texts = {one["text"]: one["value"] for one in [*(had or []), *body["customFieldsSimple"]]}
        stored["customFieldsSimple"] = [{"text": text, "value": value} for text, value in texts.items()]
    return stored


def _kind(record: Record) -> str:
    return "PROSPECT" if record.get("type") == "Prospect" else "INSURED"


def _answer(status: int, document: Any) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode())
