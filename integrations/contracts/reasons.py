"""Reasons that events of several providers have."""

from django.utils.translation import gettext_lazy as _

from core.phrases import CODE, FIELD, KNOWN, OWNER, Phrase

NO_EMAIL = Phrase.worded("the event names no e-mail", _("It names no e-mail address, so it belongs to nobody"))
NO_COURSE = Phrase.worded("the event names no course", _("It names no course"))
ONLY_AN_ID = Phrase.worded(
    "the notice only names a {kind}, and {provider} API is not configured to be asked",
    _("It names only an ID, and the API of {provider} is not set up to look it up"),
    kind=CODE,
    provider=OWNER,
)
A_RECORD = Phrase("{field}: a record is expected", field=CODE)
A_RECORD_BUT = Phrase("{field}: a record is expected, a {type} came", field=CODE, type=CODE)
EVENT_NAME = Phrase("{field}: the name of an event is expected", field=CODE)
HAS_AN_ID = Phrase("id: a record has one")
AT_FIELD = Phrase("{field}: {problem}", field=FIELD, problem=KNOWN)  # of a record, and what is wrong with it
