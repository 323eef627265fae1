"""NowCerts' lists, as reconciliation reads them: insureds and prospects, then policies and quotes, then the deleted.

All by `changeDate`. There is no other way to hear of everything: the vendor documents no webhook.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from core.phrases import Phrase
from integrations.contracts import reasons
from integrations.contracts.events import ContactGone, Event, PolicyReported
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.pull import (
    LocalList,
    Place,
    PulledEvent,
    PulledPage,
    PulledRecord,
    Puller,
    PullSource,
    RunKind,
)
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.nowcerts import webhooks
from integrations.providers.nowcerts.client import NowCertsClient, Record
from integrations.toolkit.changes import UNSURE, Cursor, true_at
from integrations.toolkit.failures import NotFound, Refused
from integrations.toolkit.reading import read_moment, text_at

PATIENCE = 10.0  # seconds for a call: an attempt at a page makes several under a lease of 30

INSUREDS = "insureds"
POLICIES = "policies"
DELETED = "deleted insureds"
_NOT_LISTED = Phrase("NowCerts did not list what was deleted: an audit (--full) finds it.")()


class NowCertsPuller(Puller):
    def __init__(self, client: NowCertsClient) -> None:
        self._client = client

    def page(self, place: Place, *, kind: RunKind, since: datetime | None) -> PulledPage:
        cursor, asked_at = Cursor.at(place.cursor, since=since), timezone.now()
        changed, record_of = {
            INSUREDS: (self._client.changed_insureds, _insured),
            POLICIES: (self._client.changed_policies, _policy),
            DELETED: (self._client.deleted_insureds, _deleted),
        }[place.stage]
        try:
            rows = changed(cursor)
        except Refused as error:
            if place.stage != DELETED or error.status not in (400, 404):
                raise
            return PulledPage(next=None, note=_NOT_LISTED)
        after = cursor.after(rows, dated_by="changeDate", title=f"NowCerts' list of {place.stage}")
        return PulledPage(
            records=[record_of(row, asked_at) for row in cursor.unread(rows)],
            next=self.list_after(place.stage, kind=kind) if after is None else place.next_page(cursor=after.text),
            note=UNSURE(title="NowCerts", what=place.stage) if after is not None and after.counts else "",
        )

    def list_after(self, stage: str, *, kind: RunKind) -> Place | None:
        then = {INSUREDS: POLICIES, POLICIES: DELETED}.get(stage) if kind is not RunKind.AUDIT else None
        return Place(stage=then) if then else None

    def record(self, key: str) -> PulledRecord | None:
        asked_at = timezone.now()
        try:
            return _insured(self._client.insured(key.removeprefix("contact:")), asked_at)
        except NotFound:
            return None


def _insured(row: Record, asked_at: datetime) -> PulledRecord:
    def event(at: datetime) -> tuple[Event, str]:
        insured_id = text_at(row, "id")
        reported = webhooks.insured(row, insured_id, occurred_at=at, is_whole=True)
        return replace(reported, changed_at=_changed(row)), insured_id

    return _record("contact", row, asked_at, event)


def _policy(row: Record, asked_at: datetime) -> PulledRecord:
    """Return a policy as its webhook would report it, so that one parser knows the names of its fields."""

    def event(at: datetime) -> tuple[Event, str]:
        event_type = "QUOTE_UPDATE" if row.get("isQuote") is True else "POLICY_UPDATE"
        undated = {name: value for name, value in row.items() if name != "changeDate"}
        delivered = StoredWebhook(
            endpoint="",
            event_type=event_type,
            external_id=text_at(row, "id"),
            payload={"event_type": event_type, "data": undated},
            received_at=at,
        )
        (reported,) = webhooks.parse(delivered)
        assert isinstance(reported, PolicyReported)
        return reported, reported.identities.get("contact", "")

    return _record("policy", row, asked_at, event)


def _deleted(row: Record, asked_at: datetime) -> PulledRecord:
    contact_id = text_at(row, "id")
    return _record("gone", row, asked_at, lambda at: (ContactGone(occurred_at=at, contact_id=contact_id), contact_id))


def _record(kind: str, row: Record, asked_at: datetime, event: Callable[[datetime], tuple[Event, str]]) -> PulledRecord:
    """Return the record of a row; `event` returns its event, as of a moment, and the id of the person."""
    changed_at, external_id = _changed(row), text_at(row, "id")
    key = f"{kind}:{external_id}"
    try:
        if not external_id:
            raise Unreadable(reasons.HAS_AN_ID(), at=("id",))
        reported, person_id = event(true_at(changed_at, asked_at=asked_at))
    except (Unreadable, Unmatched) as error:
        return PulledRecord(key=key, changed_at=changed_at, person_id="", problem=str(error))
    return PulledRecord(key=key, changed_at=changed_at, person_id=person_id, events=[PulledEvent(event=reported)])


def _changed(row: Record) -> datetime | None:
    return read_moment(text_at(row, "changeDate"))


PULLS = PullSource(
    identity="contact",
    local_list=LocalList.CONTACTS,
    interval_setting="NOWCERTS_RECONCILE_MINUTES",
    first_place=lambda kind: Place(stage=INSUREDS),
    puller=lambda: NowCertsPuller(NowCertsClient(patience=PATIENCE)),
)
