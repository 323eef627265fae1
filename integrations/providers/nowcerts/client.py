"""NowCerts' API, one method an endpoint; above each its path in the vendor's document (v2.1.5, api.nowcerts.com/Help).

Two things are unlike other APIs. A failure may be HTTP 200 with `{"status": 0, "message"}`: here it is a Refused like
any other. And `Insured/Insert` matches by databaseId, then by name, never by e-mail or phone: two people named alike
become one. So it is called with a databaseId alone; without one the caller searches for the person first, then inserts.

Every method may raise TemporaryFailure or Refused.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote_plus

from django.conf import settings

from config.logs import mask
from core.phrases import Phrase
from integrations.providers.nowcerts.fields import EMAILS, PHONES
from integrations.providers.nowcerts.odata import contains_all, id_equals, text_equals
from integrations.providers.nowcerts.permissions import PERMISSIONS
from integrations.toolkit import answers, changes
from integrations.toolkit.changes import Cursor
from integrations.toolkit.client import PATIENCE, READ_TIMEOUT, JsonClient
from integrations.toolkit.failures import NotFound, Refused, TemporaryFailure, require_settings
from integrations.toolkit.fields import text_of
from integrations.toolkit.phone_groups import digit_groups
from integrations.toolkit.reading import text_at
from integrations.toolkit.tokens import Grant, SharedToken, request_grant

Record = Mapping[str, Any]
MARGIN = 300.0  # seconds before its end in which the token is renewed
_CLIENT_ID = "ngAuthApp"  # the one that the vendor's document names
_TOKEN_PATIENCE = 12.0  # seconds; a refresh and a sign-in after it must end within the lock's life
_INSUREDS, _POLICIES = "/api/InsuredDetailList()", "/api/PolicyDetailList()"
_LONGEST_FILTER = 1_900  # characters as they are sent: servers of this kind refuse queries of more than 2,048
_MOST_FOUND = 1_000  # records that a search reads
API_SETTINGS = ("NOWCERTS_USERNAME", "NOWCERTS_PASSWORD")
_CREDENTIALS = Phrase("Check NOWCERTS_USERNAME and NOWCERTS_PASSWORD.")()


class NowCertsClient:
    """Calls in the name of the configured account, for one thread.

    `patience` is the seconds that one call may take with its repetitions. Raises NotConfigured with the variables that
    are not set.
    """

    def __init__(
        self,
        *,
        patience: float = PATIENCE,
        read_timeout: float = READ_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        require_settings(API_SETTINGS, provider="NowCerts")
        username, password = settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD
        base_url, token_path = settings.NOWCERTS_BASE_URL, settings.NOWCERTS_TOKEN_PATH
        client = partial(
            JsonClient,
            base_url,
            title="NowCerts",
            explain=_explain,
            secrets=(password,),
            read_timeout=read_timeout,
            sleep=sleep,
        )
        token_http = client(hints={400: _CREDENTIALS, 401: _CREDENTIALS}, patience=min(patience, _TOKEN_PATIENCE))
        account = {"client_id": _CLIENT_ID}

        # POST /api/token, grant_type=password
        def sign_in() -> Grant:
            form = {"grant_type": "password", "username": username, "password": password} | account
            return request_grant(token_http, token_path, form=form, repeatable=True)

        # POST /api/token, grant_type=refresh_token: rotates, so it is good once
        def refresh(refresh_token: str) -> Grant:
            form = {"grant_type": "refresh_token", "refresh_token": refresh_token} | account
            return request_grant(token_http, token_path, form=form, repeatable=False)

        # POST /api/auth/login: another way to sign in, in JSON and without an endpoint to refresh at
        def log_in() -> Grant:
            body = {"username": username, "password": password}
            return request_grant(token_http, token_path, body=body, repeatable=True)

        is_login = token_path.rstrip("/").endswith("/login")
        tokens = SharedToken(
            "nowcerts",
            identity=(base_url, token_path, username, password),
            fetch=log_in if is_login else sign_in,
            refresh=None if is_login else refresh,
            margin=MARGIN,
        )
        self._http = client(tokens=tokens, hints={401: _CREDENTIALS}, permissions=PERMISSIONS, patience=patience)

    # Insureds ---------------------------------------------------------------------------------------------------------

    # POST /api/Insured/Insert
    def update_insured(self, fields: Mapping[str, Any]) -> Record:
        """Write `fields` (vendor's names; type, active and insuredType are required) on the insured with its
        databaseId; return the answer, which names the insured that was written as `insuredDatabaseId`.
        """
        if not text_at(fields, "databaseId"):
            raise ValueError("an insured is updated by its databaseId; without one NowCerts would match by name")
        answer = self._write("/api/Insured/Insert", fields, repeatable=True)
        return answer if isinstance(answer, dict) else {}

    # POST /api/Insured/OnlyInsertInsured
    def insert_insured(self, fields: Mapping[str, Any]) -> Record:
        """Return the answer, with the id of a new insured as `insuredDatabaseId`. Not repeated when the answer was
        lost: there might be two then; look first.
        """
        answer: Record = self._write("/api/Insured/OnlyInsertInsured", fields)
        _id_in(answer, "insuredDatabaseId", path="/api/Insured/OnlyInsertInsured")
        return answer

    # GET /api/InsuredDetailList()
    def insured(self, database_id: str) -> Record:
        """Return an insured or prospect. Raises NotFound where there is none."""
        return self._record(_INSUREDS, database_id)

    # GET /api/InsuredDetailList()
    def insureds_by_id(self, database_ids: Iterable[str]) -> list[Record]:
        """Return those of these insureds that exist, in one call."""
        filters = [id_equals(database_id) for database_id in database_ids]
        return self._matching(_INSUREDS, filters) if filters else []

    # GET /api/InsuredDetailList()
    def insureds_with(self, *, emails: Iterable[str] = (), phones: Iterable[str] = ()) -> list[Record]:
        """Return the insureds and prospects that seem to have one of these addresses or numbers (E.164), the oldest
        first; whoever asks compares.

        `contains`, as clients in use have it, finds a number whatever stands between its groups, and an address among
        others in its column. Whether the list compares by case is not documented.
        """
        filters = []
        for email in emails:
            filters += [contains_all(name, [email]) for name in EMAILS]
            filters += [text_equals(EMAILS[0], spelling) for spelling in (email.upper(), email.capitalize())]
        for phone in phones:
            filters += [contains_all(name, groups) for groups in digit_groups(phone) for name in PHONES]
        return self._matching(_INSUREDS, filters)

    # GET /api/InsuredDetailList()
    def changed_insureds(self, cursor: Cursor) -> list[Record]:
        """Return insureds and prospects from where the cursor stands, the oldest change first, at most a page."""
        return self._changed_page(_INSUREDS, cursor)

    # GET /api/DeletedInsuredList()
    def deleted_insureds(self, cursor: Cursor) -> list[Record]:
        """Return a page as `changed_insureds`, of those that were deleted; each has its id under "id", however the
        vendor calls it.
        """
        page = self._changed_page("/api/DeletedInsuredList()", cursor)
        return [
            {**record, "id": text_of(record, (("id",), ("databaseId",), ("insuredDatabaseId",)))} for record in page
        ]

    # Policies and quotes ----------------------------------------------------------------------------------------------

    # GET /api/PolicyDetailList()
    def policy(self, database_id: str) -> Record:
        """Return a policy or quote. Raises NotFound where there is none."""
        return self._record(_POLICIES, database_id)

    # GET /api/PolicyDetailList()
    def policies_with_number(self, number: str) -> list[Record]:
        """Return the policies and quotes with just this number, the oldest first: a renewal may have the number of the
        policy before it, and another carrier's policy any number. Whether the list compares by case is not documented.
        """
        wanted = number.strip()
        matches = self._matching(_POLICIES, [text_equals("number", wanted)]) if wanted else []
        same = [record for record in matches if text_at(record, "number").strip().casefold() == wanted.casefold()]
        return [record for record in same if text_at(record, "number").strip() == wanted] or same

    # GET /api/PolicyDetailList()
    def changed_policies(self, cursor: Cursor) -> list[Record]:
        """Return a page as `changed_insureds`."""
        return self._changed_page(_POLICIES, cursor)

    # POST /api/Policy/Insert
    def insert_policy(self, fields: Mapping[str, Any]) -> str:
        """Return the id of the policy with this databaseId, else this number, else of a new one."""
        return self._write_policy("/api/Policy/Insert", fields)

    # POST /api/Quote/Insert
    def insert_quote(self, fields: Mapping[str, Any]) -> str:
        return self._write_policy("/api/Quote/Insert", fields)

    # ------------------------------------------------------------------------------------------------------------------

    def _write_policy(self, path: str, fields: Mapping[str, Any]) -> str:
        """Write a policy or quote. It is matched by databaseId or number: a repetition writes the same one again."""
        is_matched = bool(fields.get("databaseId") or fields.get("number"))
        answer = self._write(path, fields, repeatable=is_matched)
        written = answer.get("policiesOrQuotes") if isinstance(answer, dict) else None
        first = written[0] if isinstance(written, list) and written else {}
        if text_at(first, "status") == "0":
            raise Refused(_failure_message("POST", path, first), status=200, document=first)
        return _id_in(first, "policyOrQuoteId", path=path)

    def _write(self, path: str, fields: Mapping[str, Any], *, repeatable: bool | None = None) -> Any:
        """Return the answer to a write. One that fails with HTTP 200 is Refused: it will be refused again."""
        answer = self._http.call("POST", path, body=dict(fields), repeatable=repeatable)
        if text_at(answer, "status") == "0":
            raise Refused(_failure_message("POST", path, answer), status=200, document=answer)
        return answer

    def _record(self, path: str, database_id: str) -> Record:
        query = {"$filter": id_equals(database_id), "$orderby": "createDate", "$top": "1", "$skip": "0"}
        records = self._list(path, query)
        if not records:
            raise NotFound(answers.NO_RECORD(provider="NowCerts", call=f"GET {path}", id=database_id), status=404)
        return records[0]

    def _matching(self, path: str, filters: Iterable[str]) -> list[Record]:
        """Return the records that meet one of the filters, the oldest first: one call, unless its URL would be too
        long.
        """
        conditions, found = list(filters), dict[str, Record]()
        while conditions:
            count = len(conditions)
            while count > 1 and len(quote_plus(" or ".join(conditions[:count]))) > _LONGEST_FILTER:
                count -= 1
            query = {"$filter": " or ".join(conditions[:count]), "$orderby": "createDate"}
            for skip in range(0, _MOST_FOUND, changes.PAGE_SIZE):
                page = self._list(path, query | {"$top": str(changes.PAGE_SIZE), "$skip": str(skip)})
                found |= {text_at(record, "id"): record for record in page}
                if len(page) < changes.PAGE_SIZE:
                    break
            conditions = conditions[count:]
        return sorted(found.values(), key=lambda record: text_at(record, "createDate"))

    def _changed_page(self, path: str, cursor: Cursor) -> list[Record]:
        """Return the records of a list from where the cursor stands, in the order of `changeDate`, at most a page."""
        query = {"$orderby": "changeDate", "$top": str(changes.PAGE_SIZE), "$skip": str(cursor.skip)}
        if cursor.since:
            query["$filter"] = f"(changeDate ge {cursor.since})"
        return self._list(path, query)

    def _list(self, path: str, query: Mapping[str, str]) -> list[Record]:
        """Return the records of a list. A failure with HTTP 200 is a TemporaryFailure: in a reading nothing can be
        wrong but the moment. Raises Refused where no list came.
        """
        answer = self._http.call("GET", path, query=query)
        if text_at(answer, "status") == "0":  # success is 1; lists have no status
            raise TemporaryFailure(_failure_message("GET", path, answer), status=200)
        records = answer.get("value") if isinstance(answer, dict) else None
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            message = answers.WITHOUT_LIST(provider="NowCerts", call=f"GET {path}", name="value")
            raise Refused(message, status=200, document=answer)
        return records


def _failure_message(method: str, path: str, answer: Any) -> str:
    reason = text_at(answer, "message") or answers.NO_REASON()
    return answers.FAILED_WITH_200(provider="NowCerts", call=f"{method} {path}", reason=mask(reason[:300]))


def _id_in(answer: Any, name: str, *, path: str) -> str:
    external_id = text_at(answer, name)
    if not external_id:
        raise Refused(answers.WITHOUT(provider="NowCerts", call=f"POST {path}", name=name), status=200, document=answer)
    return external_id


def _explain(document: Any) -> str:
    return ": ".join(
        text for name in ("error", "error_description", "message", "Message") if (text := text_at(document, name))
    )
