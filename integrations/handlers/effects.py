"""The effects of events, as they are stored and staff read them."""

from django.utils.translation import gettext_lazy as _

from accounts.commerce.models import Policy
from accounts.mail.models import EmailMessage
from accounts.memberships.purchase_state import Question, Status
from accounts.people.models import Company
from core.field_names import field_label
from core.phrases import DAY, KNOWN, NUMBER, TEXT, VALUES, Labels, Names, Phrase, Words

_STATUS = Words(dict(Status.choices))
_MAIL = Labels(EmailMessage.Kind)
_OF_CONTACT = Names(field_label)
_OF_COMPANY, _OF_POLICY = (
    Words({field.name: field.verbose_name for field in model._meta.fields}) for model in (Company, Policy)
)

OUR_OWN_WRITE = Phrase.worded("our own write came back: nothing is new", _("An echo of our own write: nothing new"))
CONTACT_CREATED = Phrase("contact created")
CONTACT_CHANGED = Phrase("contact changed: {names}", names=_OF_CONTACT)
CONTACT_CHANGED_VALUES = Phrase.worded(
    "contact changed: {names} ({values})", _("Contact changed: {values}"), names=_OF_CONTACT, values=VALUES
)
CONTACT_OLDER = Phrase.worded(
    "contact known better: this is older than the last report",
    _("Nothing changed: it is older than the last report"),
)
CONTACT_TO_READ = Phrase.worded("contact {id} is to be read whole", _("Contact {id} will be read"))
CONTACT_DELETED = Phrase.worded(
    "contact {id} was deleted there; ours stays", _("Contact {id} was deleted at the provider; ours stays")
)
CONTACT_OF_COMPANY = Phrase("contact belongs to {company}")
LEFT_OUT = Phrase("left out: {fields}", fields=TEXT)
ORDER_RECORDED = Phrase("order recorded")
ORDER_KNOWN = Phrase("order known already")
ANSWERS_RECORDED = Phrase("answers recorded")
ANSWERS_KNOWN = Phrase("answers known already")
COMPANY_CREATED = Phrase("company created")
COMPANY_CHANGED = Phrase("company changed: {names}", names=_OF_COMPANY)
COMPANY_KNOWN = Phrase("company known already")
POLICY = {
    False: (
        Phrase("policy recorded"),
        Phrase("policy changed: {names}", names=_OF_POLICY),
        Phrase("policy known already"),
    ),
    True: (
        Phrase("quote recorded"),
        Phrase("quote changed: {names}", names=_OF_POLICY),
        Phrase("quote known already"),
    ),
}
PAYMENT = {
    "charge": (Phrase("charge recorded"), Phrase("charge known already")),
    "refund": (Phrase("refund recorded"), Phrase("refund known already")),
    "dispute": (Phrase("dispute recorded"), Phrase("dispute known already")),
}
MEMBER_CREATED = Phrase("member created")
MEMBER_KNOWN = Phrase.worded("member found", _("Member known already"))
NOTHING_CHANGED = Phrase("known already, nothing changed")
MAIL_ENQUEUED = Phrase("e-mail enqueued: {mail}", mail=_MAIL)
MAIL_HELD = Phrase("e-mail held back: {mail}", mail=_MAIL)
# What became of a subscription: without and with the day until which it gives access.
SUBSCRIPTION = {
    "new": (
        Phrase("subscription {status}", status=_STATUS),
        Phrase("subscription {status}, access until {day}", status=_STATUS, day=DAY),
    ),
    "moved": (
        Phrase("subscription {before} → {status}", before=_STATUS, status=_STATUS),
        Phrase("subscription {before} → {status}, access until {day}", before=_STATUS, status=_STATUS, day=DAY),
    ),
    "noted": (
        Phrase("noted; the subscription stays {status}", status=_STATUS),
        Phrase("noted; the subscription stays {status}, access until {day}", status=_STATUS, day=DAY),
    ),
}
QUESTIONS = {value: Phrase.of_label(label) for value, label in Question.choices}
POINTS_GIVEN = Phrase("points given")
POINTS_OF_A_PATH = Phrase.worded("points of a path given", _("Points of a learning path given"))
POINTS_REVERSED = Phrase("points were given and reversed")
POINTS_REVERSED_WHY = Phrase("points were given and reversed: {why}", why=TEXT)
COMPLETION_ASKS = Phrase.worded("completion needs your decision", _("The completion needs your decision"))
COMPLETION_ASKS_WHY = Phrase.worded(
    "completion needs your decision: {why}", _("The completion needs your decision: {why}"), why=TEXT
)
# Stored so before the words were changed.
Phrase.worded("completion waits for a person", _("The completion needs your decision"))
Phrase.worded("completion waits for a person: {why}", _("The completion needs your decision: {why}"), why=TEXT)
COMPLETION_MATCHED = Phrase("completion matched, without points")
COMPLETION_MATCHED_WHY = Phrase("completion matched, without points: {why}", why=TEXT)
COMPLETION_DISMISSED = Phrase("completion was dismissed")
COMPLETION_DISMISSED_WHY = Phrase("completion was dismissed: {why}", why=TEXT)
COMPLETION_KNOWN = Phrase("completion known already: {what}", what=KNOWN)
NOBODYS_ADDRESS = Phrase("nobody has this address")
PROGRESS = Phrase("progress: {percent} % of {course}", percent=NUMBER)
PROGRESS_OF_NOBODY = Phrase("progress: {percent} % of {course}; nobody has this address yet", percent=NUMBER)
PROGRESS_KNOWN = Phrase("progress known better already")
