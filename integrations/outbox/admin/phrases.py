"""Why writes wait or failed, as staff read it."""

import re

from django.utils.translation import gettext_lazy as _

from core.console.phrases import Phrase, register
from integrations.outbox.switch import REASONS, Writing

_ALREADY_THERE = _("Already there as %(name)s (%(id)s). Same person?")

register(
    Phrase(
        stored=re.compile(
            r"\b(?:the address|the name and the number) \S.*? is contact (?P<id>\S+) there, who is (?P<name>.+)"
            r" \(contact \d+\) here: see possible duplicates$"
        ),
        text=_ALREADY_THERE,
    ),
    Phrase(stored=re.compile(r"^contact (?P<id>\S+) there is (?P<name>.+) \(contact \d+\) here$"), text=_ALREADY_THERE),
    Phrase(
        stored=re.compile(r"^writing to (?P<provider>.+?) is paused(?:: (?P<resource>\S+))?$"),
        text=_("Writing to %(provider)s is paused"),
    ),
    Phrase(stored=re.compile(re.escape(REASONS[Writing.OFF])), text=_("Nothing is written: CONTACT_SYNC is off")),
    Phrase(
        stored=re.compile(re.escape(REASONS[Writing.WAITING])),
        text=_("Nothing is written yet: open First sync, look at it, and start writing"),
    ),
    Phrase(
        stored=re.compile(r"^the policy's contact is written first$"), text=_("The policy's contact is written first")
    ),
    Phrase(
        stored=re.compile(r"^the contact has neither an e-mail nor a phone number, by which it could be found there$"),
        text=_("The contact has neither an e-mail address nor a phone number to be found by"),
    ),
    Phrase(
        stored=re.compile(
            r"^(?P<count>\d+) contacts there have (?P<by>.+) \((?P<ids>.+)\): merge them there, then retry$"
        ),
        text=_("%(count)s contacts there are this person (%(ids)s): merge them there, then retry"),
    ),
    Phrase(
        stored=re.compile(
            r"^(?P<id>\S+) was deleted there; nothing is made anew by itself"
            r"(?:; a record that it was merged into is looked for once more)?$"
        ),
        text=_("Record %(id)s was deleted there, and no other record is this person"),
    ),
    Phrase(
        stored=re.compile(r"^(?P<name>.+) \(id (?P<id>\S+) there\) has the number, and nothing proves .+$"),
        text=_("The record was deleted there. Is it %(name)s (%(id)s) now? Merge them there, then retry, or skip"),
    ),
    Phrase(stored=re.compile(r"^there is no record to be marked$"), text=_("There is no record to be marked")),
)
