"""GoHighLevel's contacts as they are read, looked for and written (contracts/mirror.py)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.conf import settings
from django.utils import timezone

from core.phones import spellings
from core.text import LINE
from integrations.contracts.exceptions import Gone, Permanent, Unreadable
from integrations.contracts.mirror import TAGS, Mirror, OutgoingCall, RemoteContact, Sent
from integrations.providers.gohighlevel import fields, webhooks
from integrations.providers.gohighlevel.client import GoHighLevelClient, Record, Written, existing, record_path
from integrations.providers.gohighlevel.permissions import CONTACTS
from integrations.toolkit import answers
from integrations.toolkit.failures import NotFound, Refused
from integrations.toolkit.fields import text_of

_TAGS = f"/{TAGS}"
_FAMILY = 10  # contacts of one number that are read


@dataclass(frozen=True)
class GoHighLevelContacts:
    """The ContactApi of the location."""

    client: GoHighLevelClient

    def read(self, external_id: str) -> RemoteContact:
        asked_at = timezone.now()
        try:
            record = self.client.contact(external_id)
        except NotFound as error:
            raise Gone(answers.NO_MORE(provider="GoHighLevel", kind="contact", id=external_id)) from error
        return _remote_contact({**record, "id": external_id}, asked_at=asked_at)

    def search(self, *, emails: Sequence[str] = (), phones: Sequence[str] = ()) -> Sequence[RemoteContact]:
        """Search in one call where nobody has the values. The vendor gives one contact for each call.

        What "duplicate" means is the location's setting: a contact may come that matches in something else. Where the
        number found somebody without the addresses, a family may share it, and all who have it are read.
        """
        asked = [*zip_longest(emails[:1], phones[:1], fillvalue=""), *((email, "") for email in emails[1:])]
        found: dict[str, RemoteContact] = {}
        for email, phone in [*asked, *(("", phone) for phone in phones[1:])]:
            remote = self._duplicate(email=email, phone=phone)
            if remote is not None and email and phone and email not in remote.emails:
                found[remote.external_id] = remote
                remote = self._duplicate(email=email)
            if remote is not None:
                found[remote.external_id] = remote
                if set(emails) & set(remote.emails):
                    return [remote]
        with_phone = [remote for remote in found.values() if set(phones) & set(remote.phones)]
        shared = {phone for remote in with_phone for phone in remote.phones if phone in phones}
        for spelling in {text for phone in shared for text in spellings(phone)}:
            ids = [text_of(row, (("id",),)) for row in self.client.contacts_with_phone(spelling)]
            with_phone += [self.read(one) for one in ids[:_FAMILY] if one and one not in found]
        return with_phone

    def _duplicate(self, *, email: str = "", phone: str = "") -> RemoteContact | None:
        asked_at = timezone.now()
        record = self.client.find_contact(email=email, phone=phone)
        return _remote_contact(record, asked_at=asked_at) if record else None

    def creation(self, values: Mapping[str, Any]) -> OutgoingCall:
        body = {**fields.write(values), "locationId": self.client.location_id}
        return OutgoingCall(method="POST", path="/contacts/", body=body)

    def change(self, remote: RemoteContact, values: Mapping[str, Any]) -> OutgoingCall:
        """Return the call that changes a record: the vendor's update leaves the fields that it does not name.

        Tags have calls of their own, for just those that the record lacks or has too many.
        """
        path, external_id = record_path("/contacts", remote.external_id), remote.external_id
        body = fields.write(values)
        wanted = body.pop(TAGS, None)
        calls = [] if wanted is None else list(_tag_changes(remote, wanted))
        if body or not calls:
            calls.insert(0, OutgoingCall(method="PUT", path=path, body=body, external_id=external_id))
        return replace(calls[0], then=tuple(calls[1:]))

    def send(self, call: OutgoingCall) -> Sent:
        external_id, answer = call.external_id, dict[str, Any]()
        try:
            if call.creates:
                return _sent(self.client.create_contact(call.body))
            for one in (call, *call.then):
                if one.path.endswith(_TAGS):
                    tags, has = one.body[TAGS], one.method == "POST"
                    answer[TAGS] = self.client.change_tags(external_id, tags, has=has)
                else:
                    answer["contact"] = self.client.update_contact(external_id, one.body)
        except NotFound as error:
            raise Gone(answers.NO_MORE(provider="GoHighLevel", kind="contact", id=call.external_id)) from error
        except Refused as error:
            if refused := _refused_values(error):
                return Sent(external_id=call.external_id, answer={"refused": str(error)}, refused=refused)
            return _sent(existing(error))
        return Sent(external_id=external_id, answer=answer)


def marking(external_id: str, is_marked: bool) -> OutgoingCall:
    """Return the call that gives a contact the tag GHL_DELETED_TAG, or takes it away; other tags stay."""
    return _tag_change(external_id, [settings.GHL_DELETED_TAG], has=is_marked)


def _tag_changes(remote: RemoteContact, wanted: Sequence[str]) -> Iterator[OutgoingCall]:
    """Yield the calls after which a contact has the `wanted` tags, as `fields.parse_tags` has them, and its mark."""
    has = [(tag, fields.parse_tags([tag])) for tag in remote.report.tags or ()]  # "": our mark
    names = {name for _tag, name in has}
    if added := [name for name in wanted if name not in names]:
        yield _tag_change(remote.external_id, added, has=True)
    if removed := [tag for tag, name in has if name and name not in wanted]:
        yield _tag_change(remote.external_id, removed, has=False)


def _tag_change(external_id: str, tags: Sequence[str], *, has: bool) -> OutgoingCall:
    path = record_path("/contacts", external_id) + _TAGS
    return OutgoingCall(
        method="POST" if has else "DELETE", path=path, body={"tags": list(tags)}, external_id=external_id
    )


def own_fields(patience: float) -> list[tuple[str, str]]:
    """Return what of a contact a rule may name: what GoHighLevel alone has, and the location's fields: (id, name)."""
    remote_fields = GoHighLevelClient(patience=patience).custom_fields("contact")
    own = [(text_of(field, (("id",),)), text_of(field, (("name",),))) for field in remote_fields]
    return [*((name, str(label)) for name, label in fields.RULED.items()), *own]


MIRROR = Mirror(
    fields=fields.FIELDS.local_names,
    own_prefix=fields.OWN_PREFIX,
    source="GHL",
    open=lambda patience: GoHighLevelContacts(GoHighLevelClient(patience=patience)),
    as_webhook=webhooks.as_webhook,
    resources=(CONTACTS,),
    own_fields=own_fields,
    marking=marking,
    tags=fields.parse_tags,
)


def _sent(written: Written) -> Sent:
    contested = written.matched_by if written.matched_by in ("email", "phone") else ""
    existed = not written.is_new
    return Sent(external_id=written.external_id, answer=written.answer, existed=existed, contested=contested)


def _refused_values(error: Refused) -> dict[str, str]:
    """Return local name → reason for each of our values that a 422 names: its messages begin with the field."""
    messages = error.document.get("message") if error.status == 422 and isinstance(error.document, dict) else None
    local_names = {one.remote: one.local for one in fields.FIELDS.fields} | {TAGS: fields.OWN_TAGS}
    reasons = [text for text in messages if isinstance(text, str)] if isinstance(messages, list) else []
    return {local_names[name]: reason[:LINE] for reason in reasons if (name := reason.split(" ", 1)[0]) in local_names}


def _remote_contact(record: Record, *, asked_at: datetime) -> RemoteContact:
    external_id = text_of(record, (("id",),))
    try:
        report = webhooks.contact(record, occurred_at=asked_at, is_whole=True)
    except Unreadable as error:
        raise Permanent(
            answers.NOT_READABLE(provider="GoHighLevel", kind="contact", id=external_id, error=error)
        ) from error
    return RemoteContact(external_id=external_id, report=report, record=record)
