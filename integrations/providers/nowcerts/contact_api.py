"""NowCerts' insureds and prospects as they are read, looked for and written (contracts/mirror.py).

A change sends the whole record as it was read, with the changed values in it. The vendor's document does not say
whether `Insured/Insert` leaves alone what is not sent or empties it: sent again, nothing is lost either way. What
somebody changes there between the reading and the writing is lost, so a call is made of a fresh reading and sent at
once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.contracts.exceptions import Gone, Permanent, Unreadable
from integrations.contracts.mirror import Mirror, OutgoingCall, RemoteContact, Sent
from integrations.providers.nowcerts import fields, webhooks
from integrations.providers.nowcerts.client import NowCertsClient, Record
from integrations.providers.nowcerts.permissions import INSUREDS
from integrations.toolkit import answers
from integrations.toolkit.failures import NotFound
from integrations.toolkit.fields import as_day, text_of, value_at
from integrations.toolkit.reading import text_at

_UPDATE, _INSERT = "/api/Insured/Insert", "/api/Insured/OnlyInsertInsured"
_INSURED, _PROSPECT = 0, 1  # `type`
_COMMERCIAL, _PERSONAL = 0, 1  # `insuredType`
_NEW_AS = {"insured": _INSURED, "prospect": _PROSPECT}
_TYPES = {"0": _INSURED, "insured": _INSURED, "1": _PROSPECT, "prospect": _PROSPECT}
_INSURED_TYPES = {"0": _COMMERCIAL, "commercial": _COMMERCIAL, "1": _PERSONAL, "personal": _PERSONAL}
# What Insured/Insert takes beside the ids and what it requires.
_WRITABLE = (
    *("commercialName", "firstName", "middleName", "lastName", "dba", "addressLine1", "addressLine2", "city", "state"),
    *("zipCode", "eMail", "eMail2", "eMail3", "phone", "cellPhone", "smsPhone", "website", "dateOfBirth"),
    *("description", "referralSourceCompanyName", "customFieldsSimple"),
)


@dataclass(frozen=True)
class NowCertsInsureds:
    """The ContactApi of the agency."""

    client: NowCertsClient

    def read(self, external_id: str) -> RemoteContact:
        asked_at = timezone.now()
        try:
            record = self.client.insured(external_id)
        except NotFound as error:
            raise Gone(answers.NO_MORE(provider="NowCerts", kind="insured", id=external_id)) from error
        return _remote_contact(record, external_id, asked_at=asked_at)

    def search(self, *, emails: Sequence[str] = (), phones: Sequence[str] = ()) -> Sequence[RemoteContact]:
        asked_at = timezone.now()
        found = [
            _remote_contact(record, text_at(record, "id"), asked_at=asked_at)
            for record in self.client.insureds_with(emails=emails, phones=phones)
        ]
        return [remote for remote in found if {*emails, *phones}.intersection((*remote.emails, *remote.phones))]

    def creation(self, values: Mapping[str, Any]) -> OutgoingCall:
        """Return the call that creates an insured or a prospect, by NOWCERTS_NEW_CONTACTS_AS."""
        written = fields.write_insured(values)
        required = {
            "type": _NEW_AS[settings.NOWCERTS_NEW_CONTACTS_AS],
            "active": True,
            "insuredType": _insured_type(written),
        }
        return OutgoingCall(method="POST", path=_INSERT, body={**written, **required})

    def change(self, remote: RemoteContact, values: Mapping[str, Any]) -> OutgoingCall:
        record = remote.record
        written = fields.write_insured(values, record)
        current = {name: value for name in _WRITABLE if (value := value_at(record, ((name,),))) is not None}
        if not as_day(current.get("dateOfBirth", "")):  # one of the year 1 means none
            current.pop("dateOfBirth", None)
        if "customFieldsSimple" in written:
            written["customFieldsSimple"] = _merged(current.get("customFieldsSimple"), written["customFieldsSimple"])
        body = {
            **current,
            **written,
            "databaseId": remote.external_id,
            "type": _TYPES.get(text_of(record, (("type",),)).lower(), _INSURED),
            "active": value_at(record, (("active",),)) is not False,
            "insuredType": _INSURED_TYPES.get(text_of(record, (("insuredType",),)).lower(), _insured_type(current)),
        }
        return OutgoingCall(method="POST", path=_UPDATE, body=body, external_id=remote.external_id)

    def send(self, call: OutgoingCall) -> Sent:
        """Send a call. Raises Gone where the record was deleted since it was read: NowCerts then writes on one of the
        same name, or makes a new one, and reports it only by the id in its answer.
        """
        if call.creates:
            answer = self.client.insert_insured(call.body)
            return Sent(external_id=text_at(answer, "insuredDatabaseId"), answer=answer)
        answer = self.client.update_insured(call.body)
        written = text_at(answer, "insuredDatabaseId")
        if written and written.lower() != call.external_id.lower():
            message = f"NowCerts has no insured {call.external_id} any more: it wrote on {written} instead"
            raise Gone(message, written_on=written)
        return Sent(external_id=call.external_id, answer=answer)


MIRROR = Mirror(
    fields=fields.INSURED.local_names,
    own_prefix=fields.OWN_PREFIX,
    source="NowCerts",
    open=lambda patience: NowCertsInsureds(NowCertsClient(patience=patience)),
    as_webhook=webhooks.as_webhook,
    resources=(INSUREDS,),
    found_together=6,  # two calls
)


def _remote_contact(record: Record, external_id: str, *, asked_at: datetime) -> RemoteContact:
    try:
        report = webhooks.insured(record, external_id, occurred_at=asked_at, is_whole=True)
    except Unreadable as error:
        raise Permanent(
            answers.NOT_READABLE(provider="NowCerts", kind="insured", id=external_id, error=error)
        ) from error
    return RemoteContact(external_id=external_id, report=report, record=record)


def _insured_type(written: Mapping[str, Any]) -> int:
    """Return the type of a company where there is a company's name and no person's."""
    has_person = any(text_at(written, name) for name in ("firstName", "lastName"))
    return _COMMERCIAL if text_at(written, "commercialName") and not has_person else _PERSONAL


def _merged(current: Any, changed: Sequence[Mapping[str, str]]) -> list[Mapping[str, Any]]:
    """Return the custom fields as they were, with the changed ones in them."""
    names = {field["text"] for field in changed}
    fields_before = current if isinstance(current, list) else []
    return [*(field for field in fields_before if text_of(field, (("text",),)) not in names), *changed]
