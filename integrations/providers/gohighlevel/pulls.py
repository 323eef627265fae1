"""GoHighLevel's contacts by the date of their last change, as reconciliation reads them.

The list comes from a search index: names may be in small letters or stand under other names, some fields are missing,
dates are numbers. So a row only says that a contact changed, and the contact is read before anything is applied.
What was deleted is on no list; an audit compares all contacts and finds it.
"""

from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from core.phrases import Phrase
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
from integrations.providers.gohighlevel import webhooks
from integrations.providers.gohighlevel.client import GoHighLevelClient, Record
from integrations.toolkit.changes import EPOCH, UNSURE, Cursor, date_time, true_at
from integrations.toolkit.failures import NotFound
from integrations.toolkit.reading import read_moment, text_at

_HAS_AN_ID = Phrase("id: a contact has one")

PATIENCE = 10.0  # seconds for a call: an attempt at a page makes several under a lease of 30
CONTACTS = "contacts"


class GoHighLevelPuller(Puller):
    def __init__(self, client: GoHighLevelClient) -> None:
        self._client = client

    def page(self, place: Place, *, kind: RunKind, since: datetime | None) -> PulledPage:
        asked_at = timezone.now()
        cursor = Cursor.at(place.cursor, since=since, earliest=EPOCH)
        records = [_with_date(row) for row in self._client.changed_contacts(cursor)]
        after = cursor.after(
            records, dated_by="dateUpdated", title="GoHighLevel's list of contacts", short_is_last=True
        )
        return PulledPage(
            records=[_contact(record, asked_at, is_row=True) for record in cursor.unread(records)],
            next=None if after is None else place.next_page(cursor=after.text),
            note=UNSURE(title="GoHighLevel", what=CONTACTS) if after is not None and after.counts else "",
        )

    def record(self, key: str) -> PulledRecord | None:
        asked_at = timezone.now()
        try:
            return _contact(self._client.contact(key.removeprefix("contact:")), asked_at)
        except NotFound:
            return None


def _contact(record: Record, asked_at: datetime, *, is_row: bool = False) -> PulledRecord:
    contact_id, changed_at = text_at(record, "id"), read_moment(text_at(record, "dateUpdated"))
    key = f"contact:{contact_id}"
    try:
        if not contact_id:
            raise Unreadable(_HAS_AN_ID(), at=("id",))
        report = webhooks.contact(record, occurred_at=true_at(changed_at, asked_at=asked_at), is_whole=not is_row)
    except (Unreadable, Unmatched) as error:
        return PulledRecord(key=key, changed_at=changed_at, person_id="", problem=str(error))
    reported = PulledEvent(event=replace(report, changed_at=changed_at))
    return PulledRecord(key=key, changed_at=changed_at, person_id=contact_id, events=[reported], is_hint=is_row)


def _with_date(row: Record) -> Record:
    """Return a row with the date of its last change as a text, which the search takes as a filter; numbers are ms."""
    changed_at = row.get("dateUpdated")
    moment = read_moment(text_at(row, "dateUpdated")) if isinstance(changed_at, int | float) else None
    return {**row, "dateUpdated": date_time(moment)} if moment else row


PULLS = PullSource(
    identity="contact",
    local_list=LocalList.CONTACTS,
    interval_setting="GHL_RECONCILE_MINUTES",
    first_place=lambda kind: Place(stage=CONTACTS),
    puller=lambda: GoHighLevelPuller(GoHighLevelClient(patience=PATIENCE)),
)
