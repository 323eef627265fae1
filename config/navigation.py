"""The console's navigation: one table of every page, by the task for which staff open it.

A page is a model ("accounts.contact": its list) or a tool (`core/console/tools.py`). A provider's own pages join by
`navigation.py` in its folder: PAGES, names by the key of the section.
"""

from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from core.console.navigation import Section
from integrations import registry

_OURS = (
    Section(
        key="home",
        label=_("Home"),
        pages=("index", "review"),
        addresses=("review_question", "review_decide", "review_decided"),
    ),
    Section(
        key="people",
        label=_("People"),
        pages=(
            "accounts.contact",
            "accounts.user",
            "accounts.subscription",
            "accounts.order",
            "accounts.payment",
            "accounts.emailmessage",
            "accounts.possibleduplicate",
            "accounts.subscriptionfact",
            "accounts.policy",
            "accounts.formsubmission",
            "accounts.contactmapping",
            "accounts.contactchange",
            "accounts.linkrequest",
            "accounts.suppressedaddress",
        ),
    ),
    Section(
        key="events",
        label=_("Events"),
        pages=("integrations.inboxevent", "integrations.issue", "integrations.replay", "integrations.contactrefresh"),
    ),
    Section(
        key="sync",
        label=_("Sync"),
        pages=(
            "reading-lists",
            "first-sync",
            "integrations.outgoingwrite",
            "integrations.refusedvalue",
            "integrations.syncrun",
            "integrations.syncfinding",
            "integrations.subscriptionsync",
            "history-import",
            "integrations.historyimport",
            "integrations.historyrow",
        ),
    ),
    Section(
        key="courses",
        label=_("Courses"),
        pages=("accounts.completion", "accounts.pointsentry", "accounts.courseprogress"),
    ),
    Section(key="companies", label=_("Companies"), pages=("accounts.company", "accounts.provisioningstep")),
    Section(key="connections", label=_("Connections"), pages=("connections", "integrations.circuit")),
    Section(
        key="reports",
        label=_("Reports"),
        pages=(
            "metrics",
            "integrations.dailyclose",
            "integrations.silence",
            "integrations.alertstate",
            "integrations.notice",
            "accounts.auditentry",
            "admin.logentry",
        ),
    ),
    Section(
        key="settings",
        label=_("Settings"),
        pages=(
            "presentation",
            "staff",
            "accounts.plan",
            "accounts.planmail",
            "accounts.activity",
            "integrations.fieldrule",
            "integrations.pipelinerule",
            "integrations.policystatusrule",
            "accounts.apitoken",
            "auth.group",
            "otp_totp.totpdevice",
            "otp_static.staticdevice",
        ),
        addresses=("password_change", "password_change_done", "second_factor_new", "auth_user_password_change"),
    ),
)


def joined(modules: Sequence[object]) -> tuple[Section, ...]:
    """Return the table with the pages of providers' folders. Raises KeyError where one names no section of ours."""
    further: dict[str, list[str]] = {section.key: [] for section in _OURS}
    for module in modules:
        for key, pages in vars(module)["PAGES"].items():
            further[key] += pages
    return tuple(replace(section, pages=(*section.pages, *further[section.key])) for section in _OURS)


SECTIONS = joined(registry.modules("navigation"))
