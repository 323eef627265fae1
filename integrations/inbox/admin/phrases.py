"""The reasons and effects of events as staff read them."""

import re

from django.utils.translation import gettext_lazy as _

from accounts.memberships.purchase_state import Status
from core.console.phrases import Phrase, register
from integrations.contracts.webhook import A_TEST_EVENT
from integrations.handlers import missing_plan

_STATUSES = dict(Status.choices)

_REASONS = (
    Phrase(stored=missing_plan.REASON_WITH_TITLE, text=_("Offer “%(title)s” has no plan: choose one")),
    Phrase(stored=missing_plan.REASON, text=_("Offer “%(offers)s” has no plan: choose one")),
    Phrase(
        stored=re.compile(r"\bthe event names no e-mail\b(?:: it has [^;,]+, or [^;]+)?"),
        text=_("It names no e-mail address, so it belongs to nobody"),
    ),
    Phrase(stored=re.compile(r"\bthe event names no course\b"), text=_("It names no course")),
    Phrase(stored=re.compile(f"^{A_TEST_EVENT}$"), text=_("A test event from the console: nothing follows from it")),
    Phrase(
        stored=re.compile(
            r"\bthe notice only names a \w+, and (?P<provider>\w+)'s? API is not configured to be asked\b"
        ),
        text=_("It names only an ID, and the API of %(provider)s is not set up to look it up"),
    ),
    Phrase(
        stored=re.compile(r"^waits for contact (?P<id>.+?), until (?P<until>\S+ \S+ UTC) at most: .*$", re.DOTALL),
        text=_("Waits for the contact %(id)s to be known, until %(until)s at most"),
    ),
)
_EFFECTS = (
    Phrase(
        stored=re.compile(r"^our own write came back: nothing is new$"), text=_("An echo of our own write: nothing new")
    ),
    Phrase(stored=re.compile(r"^contact created$"), text=_("Contact created")),
    Phrase(
        stored=re.compile(r"^contact known better: .*$"), text=_("Nothing changed: it is older than the last report")
    ),
    Phrase(stored=re.compile(r"^contact changed: (?P<names>.+)$"), text=_("Contact changed: %(names)s")),
    Phrase(stored=re.compile(r"^contact (?P<id>\S+) is to be read whole$"), text=_("Contact %(id)s will be read")),
    Phrase(
        stored=re.compile(r"^contact (?P<id>\S+) was deleted there; ours stays$"),
        text=_("Contact %(id)s was deleted at the provider; ours stays"),
    ),
    Phrase(stored=re.compile(r"^order recorded$"), text=_("Order recorded")),
    Phrase(stored=re.compile(r"^order known already$"), text=_("Order known already")),
    Phrase(stored=re.compile(r"^answers recorded$"), text=_("Answers recorded")),
    Phrase(stored=re.compile(r"^answers known already$"), text=_("Answers known already")),
    Phrase(stored=re.compile(r"^company created$"), text=_("Company created")),
    Phrase(stored=re.compile(r"^company known already$"), text=_("Company known already")),
    Phrase(stored=re.compile(r"^points given$"), text=_("Points given")),
    Phrase(stored=re.compile(r"^points of a path given$"), text=_("Points of a learning path given")),
    Phrase(
        # Stored so before the words were changed, too.
        stored=re.compile(r"\bcompletion (?:needs your decision|waits for a person)\b"),
        text=_("The completion needs your decision"),
    ),
    Phrase(stored=re.compile(r"^member created$"), text=_("Member created")),
    Phrase(stored=re.compile(r"^member found$"), text=_("Member known already")),
    Phrase(stored=re.compile(r"^known already, nothing changed$"), text=_("Known already, nothing changed")),
    Phrase(
        stored=re.compile(r"^subscription (?P<status>\w+), access until (?P<day>[\d-]+)$"),
        text=_("Subscription: %(status)s, access until %(day)s"),
        says=_STATUSES,
    ),
    Phrase(
        stored=re.compile(r"^subscription (?P<before>\w+) → (?P<status>\w+), access until (?P<day>[\d-]+)$"),
        text=_("Subscription: %(before)s → %(status)s, access until %(day)s"),
        says=_STATUSES,
    ),
    Phrase(
        stored=re.compile(r"^subscription (?P<before>\w+) → (?P<status>\w+)$"),
        text=_("Subscription: %(before)s → %(status)s"),
        says=_STATUSES,
    ),
    Phrase(stored=re.compile(r"^subscription (?P<status>\w+)$"), text=_("Subscription: %(status)s"), says=_STATUSES),
)
register(*_REASONS, *_EFFECTS)
