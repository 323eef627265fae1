"""GoHighLevel's contacts as they are read, looked for and written (contracts/mirror.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from integrations.contracts.exceptions import Gone, Permanent, Unreadable
from integrations.contracts.mirror import Mirror, OutgoingCall, RemoteContact, Sent
from integrations.providers.gohighlevel import fields, webhooks
from integrations.providers.gohighlevel.client import GoHighLevelClient, Record, record_path
from integrations.toolkit.failures import NotFound
from integrations.toolkit.fields import as_phone, text_of


@dataclass(frozen=True)
class GoHighLevelContacts:
    """The ContactApi of the location."""

    client: GoHighLevelClient

    def read(self, external_id: str) -> RemoteContact:
        asked_at = timezone.now()
        try:
            record = self.client.contact(external_id)
        except NotFound as error:
            raise Gone(f"GoHighLevel has no contact {external_id} any more") from error
        return _remote_contact({**record, "id": external_id}, asked_at=asked_at)

    def with_email(self, email: str) -> Sequence[RemoteContact]:
        """Return one contact at most: the vendor gives no more. An additional e-mail of the contact counts."""
        asked_at, wanted = timezone.now(), email.strip().casefold()
        match = self.client.find_contact(email=email)
        # What "duplicate" means is the location's setting: a contact may come that matches in something else.
        return [_remote_contact(match, asked_at=asked_at)] if match and wanted in _addresses(match) else []

    def with_phone(self, phone: str) -> Sequence[RemoteContact]:
        """Return one contact at most, as with an address."""
        asked_at, wanted = timezone.now(), as_phone(phone)
        match = self.client.find_contact(phone=wanted)
        return [_remote_contact(match, asked_at=asked_at)] if match and as_phone(match.get("phone")) == wanted else []

    def creation(self, values: Mapping[str, Any]) -> OutgoingCall:
        body = {**fields.write(values), "locationId": self.client.location_id}
        return OutgoingCall(method="POST", path="/contacts/", body=body)

    def change(self, remote: RemoteContact, values: Mapping[str, Any]) -> OutgoingCall:
        """Return the call that changes a record: the vendor's update leaves the fields that it does not name."""
        path, external_id = record_path("/contacts", remote.external_id), remote.external_id
        return OutgoingCall(method="PUT", path=path, body=fields.write(values), external_id=external_id)

    def send(self, call: OutgoingCall) -> Sent:
        if call.creates:
            made = self.client.create_contact(call.body)
            return Sent(external_id=made.external_id, answer=made.answer, existed=not made.is_new)
        try:
            record = self.client.update_contact(call.external_id, call.body)
        except NotFound as error:
            raise Gone(f"GoHighLevel has no contact {call.external_id} any more") from error
        return Sent(external_id=call.external_id, answer={"contact": record})


def own_fields(patience: float) -> list[tuple[str, str]]:
    """Return the location's custom fields for contacts: (id, name)."""
    remote_fields = GoHighLevelClient(patience=patience).custom_fields("contact")
    return [(text_of(field, (("id",),)), text_of(field, (("name",),))) for field in remote_fields]


MIRROR = Mirror(
    fields=fields.FIELDS.local_names,
    own_prefix=fields.OWN_PREFIX,
    source="GHL",
    open=lambda patience: GoHighLevelContacts(GoHighLevelClient(patience=patience)),
    as_webhook=webhooks.as_webhook,
    own_fields=own_fields,
)


def _remote_contact(record: Record, *, asked_at: datetime) -> RemoteContact:
    external_id = text_of(record, (("id",),))
    try:
        report = webhooks.contact(record, occurred_at=asked_at, is_whole=True)
    except Unreadable as error:
        raise Permanent(f"GoHighLevel: contact {external_id} cannot be read: {error}") from error
    return RemoteContact(external_id=external_id, report=report, record=record)


def _addresses(record: Record) -> set[str]:
    more = record.get("additionalEmails")
    holders = [record, *(more if isinstance(more, list) else [])]
    return {address.casefold() for holder in holders if (address := text_of(holder, (("email",),)))}
