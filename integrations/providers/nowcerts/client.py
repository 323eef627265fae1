"""NowCerts' API, one method an endpoint; above each its path in the vendor's document (v2.1.5, api.nowcerts.com/Help).

Two things are unlike other APIs. A failure may be HTTP 200 with `{"status": 0, "message"}`: here it is a Refused like
any other. And `Insured/Insert` matches by databaseId, then by name, never by e-mail or phone: two people named alike
become one. So it is called with a databaseId alone; whoever has none looks for the person first and then inserts.

Every method may raise TemporaryFailure or Refused.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Self

from django.conf import settings

from config.logs import mask
from integrations.providers.nowcerts.odata import any_of, changed_page, equal, guid, records_in
from integrations.toolkit.changes import Cursor
from integrations.toolkit.client import PATIENCE, READ_TIMEOUT, JsonClient
from integrations.toolkit.failures import NotConfigured, NotFound, Refused, TemporaryFailure
from integrations.toolkit.fields import as_phone, text_of
from integrations.toolkit.reading import text_at
from integrations.toolkit.tokens import Grant, SharedToken, granted

Record = Mapping[str, Any]
MARGIN = 300.0  # seconds before its end in which the token is renewed
_CLIENT_ID = "ngAuthApp"  # the one that the vendor's document names
_TOKEN_PATIENCE = 12.0  # seconds; a refresh and a sign-in after it must end within the lock's life
_CREDENTIALS = "Check NOWCERTS_USERNAME and NOWCERTS_PASSWORD."


class NowCertsClient:
    """Calls in the name of the configured account, for one thread. `from_settings()` is that of this installation."""

    def __init__(
        self,
        base_url: str,
        *,
        username: str,
        password: str,
        token_path: str = "/api/token",  # noqa: S107 (a path)
        patience: float = PATIENCE,
        read_timeout: float = READ_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
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
            return granted(token_http, token_path, form=form, repeatable=True)

        # POST /api/token, grant_type=refresh_token: rotates, so it is good once
        def refresh(refresh_token: str) -> Grant:
            form = {"grant_type": "refresh_token", "refresh_token": refresh_token} | account
            return granted(token_http, token_path, form=form, repeatable=False)

        # POST /api/auth/login: another way to sign in, in JSON and without an endpoint to refresh at
        def log_in() -> Grant:
            body = {"username": username, "password": password}
            return granted(token_http, token_path, body=body, repeatable=True)

        is_login = token_path.rstrip("/").endswith("/login")
        tokens = SharedToken(
            "nowcerts",
            identity=(base_url, token_path, username, password),
            fetch=log_in if is_login else sign_in,
            refresh=None if is_login else refresh,
            margin=MARGIN,
        )
        self._http = client(tokens=tokens, hints={401: _CREDENTIALS}, patience=patience)

    @classmethod
    def from_settings(cls, *, patience: float = PATIENCE) -> Self:
        """The client of this installation; `patience` is the seconds that one call may take with its repetitions.

        Raises NotConfigured with the variables that are not set.
        """
        missing = [name for name in ("NOWCERTS_USERNAME", "NOWCERTS_PASSWORD") if not getattr(settings, name)]
        if missing:
            raise NotConfigured(f"NowCerts' API is not configured: set {' and '.join(missing)}")
        return cls(
            settings.NOWCERTS_BASE_URL,
            username=settings.NOWCERTS_USERNAME,
            password=settings.NOWCERTS_PASSWORD,
            token_path=settings.NOWCERTS_TOKEN_PATH,
            patience=patience,
        )

    # Insureds ---------------------------------------------------------------------------------------------------------

    # POST /api/Insured/Insert
    def update_insured(self, fields: Mapping[str, Any]) -> Record:
        """Write `fields` (vendor's names; type, active and insuredType are required) on the insured with its
        databaseId; the answer, which names the insured that was written as `insuredDatabaseId`.
        """
        if not text_at(fields, "databaseId"):
            raise ValueError("an insured is updated by its databaseId; without one NowCerts would match by name")
        answer = self._call("POST", "/api/Insured/Insert", body=dict(fields), repeatable=True)
        return answer if isinstance(answer, dict) else {}

    # POST /api/Insured/OnlyInsertInsured
    def insert_insured(self, fields: Mapping[str, Any]) -> Record:
        """The answer, with the id of a new insured as `insuredDatabaseId`. Not repeated when the answer was lost: there
        might be two then; look first.
        """
        answer: Record = self._call("POST", "/api/Insured/OnlyInsertInsured", body=dict(fields))
        _id_in(answer, "insuredDatabaseId", called="POST /api/Insured/OnlyInsertInsured")
        return answer

    # GET /api/InsuredDetailList()
    def insured(self, database_id: str) -> Record:
        """Raises NotFound where there is none."""
        return self._one("/api/InsuredDetailList()", database_id)

    # GET /api/InsuredDetailList()
    def insureds_by_id(self, database_ids: Iterable[str]) -> list[Record]:
        """Those of these insureds that there are, for one call."""
        wanted = [equal("id", guid(database_id), quoted=False) for database_id in database_ids]
        return self._matching(*wanted) if wanted else []

    # GET /api/InsuredDetailList()
    def insureds_with_email(self, email: str) -> list[Record]:
        """The insureds and prospects with just this address, in whatever case, the oldest first."""
        wanted = email.strip()
        found = self._matching(equal("eMail", wanted)) if wanted else []
        return [one for one in found if text_at(one, "eMail").casefold() == wanted.casefold()]

    # GET /api/InsuredDetailList()
    def insureds_with_phone(self, phone: str) -> list[Record]:
        """The insureds and prospects with this number, however it is written there, the oldest first."""
        wanted = as_phone(phone)
        if not wanted:
            return []
        names = ("phone", "cellPhone", "smsPhone")
        found = self._matching(*(equal(name, spelling) for spelling in _spellings(wanted) for name in names))
        return [one for one in found if wanted in {as_phone(one.get(name)) for name in names}]

    # GET /api/InsuredDetailList()
    def changed_insureds(self, cursor: Cursor) -> list[Record]:
        """Insureds and prospects from where the cursor stands, the oldest change first, at most a page."""
        return changed_page(self._call, "/api/InsuredDetailList()", cursor)

    # GET /api/DeletedInsuredList()
    def deleted_insureds(self, cursor: Cursor) -> list[Record]:
        """As `changed_insureds`, those that were deleted; each has its id under "id", however the vendor calls it."""
        found = changed_page(self._call, "/api/DeletedInsuredList()", cursor)
        return [{**one, "id": text_of(one, (("id",), ("databaseId",), ("insuredDatabaseId",)))} for one in found]

    # Policies and quotes ----------------------------------------------------------------------------------------------

    # GET /api/PolicyDetailList()
    def policy(self, database_id: str) -> Record:
        """A policy or quote. Raises NotFound where there is none."""
        return self._one("/api/PolicyDetailList()", database_id)

    # GET /api/PolicyDetailList()
    def policies_with_number(self, number: str) -> list[Record]:
        """The policies and quotes with just this number, the oldest first: a renewal may have the number of the policy
        before it, and another carrier's policy any number. Whether the list compares by case is not documented.
        """
        wanted = number.strip()
        found = self._list("/api/PolicyDetailList()", filters=equal("number", wanted), top=50) if wanted else []
        same = [one for one in found if text_at(one, "number").strip().casefold() == wanted.casefold()]
        return [one for one in same if text_at(one, "number").strip() == wanted] or same

    # GET /api/PolicyDetailList()
    def changed_policies(self, cursor: Cursor) -> list[Record]:
        """As `changed_insureds`."""
        return changed_page(self._call, "/api/PolicyDetailList()", cursor)

    # POST /api/Policy/Insert
    def insert_policy(self, fields: Mapping[str, Any]) -> str:
        """The id of the policy with this databaseId, else this number, else of a new one."""
        return self._written_policy("/api/Policy/Insert", fields)

    # POST /api/Quote/Insert
    def insert_quote(self, fields: Mapping[str, Any]) -> str:
        return self._written_policy("/api/Quote/Insert", fields)

    # ------------------------------------------------------------------------------------------------------------------

    def _written_policy(self, path: str, fields: Mapping[str, Any]) -> str:
        """It is matched by databaseId or number, so that a repetition writes the same one again."""
        is_matched = bool(fields.get("databaseId") or fields.get("number"))
        answer = self._call("POST", path, body=dict(fields), repeatable=is_matched)
        written = answer.get("policiesOrQuotes") if isinstance(answer, dict) else None
        first = written[0] if isinstance(written, list) and written else {}
        _refuse_failure(first, called=f"POST {path}")
        return _id_in(first, "policyOrQuoteId", called=f"POST {path}")

    def _one(self, path: str, database_id: str) -> Record:
        found = self._list(path, filters=equal("id", guid(database_id), quoted=False), top=1)
        if not found:
            raise NotFound(f"NowCerts: GET {path} knows no record {database_id}", status=404)
        return found[0]

    def _matching(self, *filters: str) -> list[Record]:
        return self._list("/api/InsuredDetailList()", filters=any_of(filters), top=50)

    def _list(self, path: str, *, filters: str, top: int) -> list[Record]:
        query = {"$filter": filters, "$orderby": "createDate", "$top": str(top), "$skip": "0"}
        return records_in(self._call("GET", path, query=query), called=f"GET {path}")

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
    ) -> Any:
        answer = self._http.call(method, path, query=query, body=body, repeatable=repeatable)
        _refuse_failure(answer, called=f"{method} {path}")
        return answer


def _refuse_failure(answer: Any, *, called: str) -> None:
    """Raise for what says `status: 0` (success is 1; lists say nothing): Refused for a write, which is as it is and
    will be refused again, and TemporaryFailure for a reading, in which nothing can be wrong but the moment.
    """
    if isinstance(answer, dict) and text_at(answer, "status") == "0":
        said = text_at(answer, "message") or "no reason is given"
        message = f"NowCerts: {called} failed, with HTTP 200: {mask(said[:300])}"
        if called.startswith("GET "):
            raise TemporaryFailure(message, status=200)
        raise Refused(message, status=200, document=answer)


def _id_in(answer: Any, name: str, *, called: str) -> str:
    external_id = text_at(answer, name)
    if not external_id:
        raise Refused(f"NowCerts: {called} was answered without {name}", status=200, document=answer)
    return external_id


def _explain(document: Any) -> str:
    return ": ".join(
        text for name in ("error", "error_description", "message", "Message") if (text := text_at(document, name))
    )


def _spellings(number: str) -> list[str]:
    """Return how people write a North American number; any other is taken as it stands."""
    if not number.startswith("+1") or len(number) != 12:
        return [number]
    area, office, line = number[2:5], number[5:8], number[8:]
    return [number, number[1:], number[2:], f"({area}) {office}-{line}", f"{area}-{office}-{line}"]
