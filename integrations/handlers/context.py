"""The context of a handler, and the value by which it returns what it changed."""

from dataclasses import dataclass, field

from django.db.models import Model

from accounts.memberships.notices import Mails
from core.cause import Cause
from integrations.fields.names import FieldConfiguration


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that an event made, described for people, with its row.

    `changed` is False where the row was only looked up or was so already. `review`: what staff should decide.
    """

    description: str
    target: Model
    changed: bool = True
    review: str = ""


@dataclass(frozen=True, kw_only=True)
class Context:
    """The context of a fact: its provider, its key, unique for the provider, and the cause.

    `reads_contacts`: the provider can be asked for a whole contact. `mails`: the fate of those about memberships.
    """

    provider: str
    key: str
    cause: Cause
    reads_contacts: bool = False
    fields: FieldConfiguration = field(default_factory=FieldConfiguration)
    mails: Mails = Mails.SEND
