"""NowCerts' lists, as reconciliation reads them: insureds and prospects, then policies and quotes, then the deleted.

All by `changeDate`. There is no other way to hear of everything: the vendor documents no webhook.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from integrations.contracts.events import ContactGone, Event
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.pull import ContactSource, Kind, Place, PulledEvent, PulledPage
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.nowcerts import confirming, webhooks
from integrations.providers.nowcerts.client import NowCertsClient, Record
from integrations.toolkit.changes import UNSURE, Cursor, true_at
from integrations.toolkit.failures import NotFound, Refused
from integrations.toolkit.reading import read_moment, text_at

PATIENCE = 10.0  # seconds for a call: an attempt at a page makes several under a lease of 30

INSUREDS = "insureds"
POLICIES = "policies"
DELETED = "deleted insureds"
_NOT_LISTED = "NowCerts did not list what was deleted: an audit (--full) finds it."


class NowCertsPuller:
    def __init__(self, client: NowCertsClient) -> None:
        self._client = client

    def page(self, place: Place, *, kind: Kind, since: datetime | None) -> PulledPage:
        cursor = Cursor.at(place.cursor, since=since)
        if place.stage == POLICIES:
            return self._page(place, cursor, self._client.changed_policies, _policy, then=Place(stage=DELETED))
        if place.stage == DELETED:
            try:
                return self._page(place, cursor, self._client.deleted_insureds, _deleted, then=None)
            except Refused as error:
                if error.status not in (400, 404):
                    raise
                return PulledPage(next=None, note=_NOT_LISTED)
        then = None if kind is Kind.AUDIT else Place(stage=POLICIES)
        return self._page(place, cursor, self._client.changed_insureds, _insured, then=then)

    def contact(self, contact_id: str) -> PulledEvent | None:
        asked_at = timezone.now()
        try:
            return _insured(self._client.insured(contact_id), asked_at)
        except NotFound:
            return None

    def _page(
        self,
        place: Place,
        cursor: Cursor,
        read: Callable[[Cursor], Sequence[Record]],
        pulled: Callable[[Record, datetime], PulledEvent],
        *,
        then: Place | None,
    ) -> PulledPage:
        asked_at = timezone.now()
        records = read(cursor)
        after = cursor.after(records, dated_by="changeDate", title=f"NowCerts' list of {place.stage}")
        return PulledPage(
            events=[pulled(record, asked_at) for record in cursor.unread(records)],
            next=then if after is None else place.next_page(cursor=after.text),
            note=UNSURE.format(title="NowCerts", what=place.stage) if after is not None and after.counts else "",
        )


def _insured(record: Record, asked_at: datetime) -> PulledEvent:
    def event(at: datetime) -> Event:
        told = webhooks.insured(record, text_at(record, "id"), occurred_at=at, is_whole=True)
        return replace(told, changed_at=_changed(record))

    return _pulled("contact", record, asked_at, event)


def _policy(record: Record, asked_at: datetime) -> PulledEvent:
    def event(at: datetime) -> Event:
        (told,) = webhooks.parse(_as_delivered(record, at))
        return told

    return _pulled("policy", record, asked_at, event)


def _deleted(record: Record, asked_at: datetime) -> PulledEvent:
    contact_id = text_at(record, "id")
    return _pulled("gone", record, asked_at, lambda at: ContactGone(occurred_at=at, contact_id=contact_id))


def _pulled(kind: str, record: Record, asked_at: datetime, event: Callable[[datetime], Event]) -> PulledEvent:
    changed_at, external_id = _changed(record), text_at(record, "id")
    try:
        if not external_id:
            raise Unreadable("id: a record has one", at=("id",))
        told, problem = event(true_at(changed_at, asked_at=asked_at)), ""
    except (Unreadable, Unmatched) as error:
        told, problem = None, str(error)
    return PulledEvent(key=f"{kind}:{external_id}", changed_at=changed_at, event=told, problem=problem)


def _changed(record: Record) -> datetime | None:
    return read_moment(text_at(record, "changeDate"))


def _as_delivered(record: Record, at: datetime) -> StoredWebhook:
    """A policy as a webhook would tell of it, so that one reader knows its names."""
    event_type = "QUOTE_UPDATE" if record.get("isQuote") is True else "POLICY_UPDATE"
    undated = {name: value for name, value in record.items() if name != "changeDate"}
    return StoredWebhook(
        endpoint="",
        event_type=event_type,
        external_id=text_at(record, "id"),
        payload={"event_type": event_type, "data": undated},
        received_at=at,
    )


PULLS = ContactSource(
    identity="contact",
    minutes="NOWCERTS_RECONCILE_MINUTES",
    first=lambda kind: Place(stage=INSUREDS),
    puller=lambda: NowCertsPuller(NowCertsClient.from_settings(patience=PATIENCE)),
    configured=confirming.is_connected,
)
