"""Access control: the one table of every URL, action and role. What it does not list is refused.

To add an address: a row in ADDRESSES by the name of its URL. To add a page of the console: a row in PAGES. To add an
action: a row in config/actions.py, and where Django's four permissions do not fit, one of its own in the model's
Meta.permissions and a row in PERMISSIONS. tests/test_access.py walks every address and action with every role. Rows of
a provider's own addresses stand in its folder (`access.py`).

Superusers may do everything. Members' own pages need no permission, only to be signed in.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from config.actions import ACTIONS
from core.web.access import (
    ANYBODY,
    MEMBER,
    NOBODY,
    OWN_PROOF,
    STAFF,
    SUPERUSER,
    Rule,
    Rules,
    Shared,
    Table,
    Who,
    needs,
)
from integrations import registry

# Roles: groups of these names, whose permissions are always what stands here.
OPERATOR, SUPPORT, AUDITOR = "operator", "support", "auditor"

# Scopes of API tokens. A token narrows what its owner may do, it never widens it.
READ, WRITE, SYNC, METRICS = "read", "write", "sync", "metrics"
SCOPES = {
    READ: _("read: members, points, comparisons with a provider"),
    WRITE: _("write: report completions"),
    SYNC: _("sync: synchronise records and subscriptions"),
    METRICS: _("metrics: figures for monitoring"),
}

_PERSON = needs("accounts.view_contact", "accounts.view_user")  # whose parts have permissions of their own

# The API and the pages, by the name of their URL ---------------------------------------------------------------------

ADDRESSES: dict[str, Rules] = {
    # members
    "home": ANYBODY,
    "sign_in": ANYBODY,
    "sign_out": ANYBODY,
    "setup_password": ANYBODY,
    "forgot_password": ANYBODY,
    "link_sent": ANYBODY,
    "set_language": ANYBODY,
    "site_colours": {"GET": ANYBODY},
    "site_logo": {"GET": ANYBODY},
    "dashboard": {"GET": MEMBER},
    "change_password": MEMBER,
    "sign_out_elsewhere": MEMBER,
    "api_setup_password": {"POST": ANYBODY},
    "api_resend_setup_email": {"POST": ANYBODY},
    "api_me": {"GET": Rule(who=Who.MEMBER, scope=READ)},
    "api_my_courses": {"GET": Rule(who=Who.MEMBER, scope=READ)},
    # staff and their scripts
    "api_members": {"GET": needs("accounts.view_user", scope=READ)},
    "api_points": {"GET": needs("accounts.view_pointsentry", scope=READ)},
    "api_completions": {"POST": needs("accounts.add_completion", scope=WRITE)},
    "explain": {
        "GET": needs(
            "accounts.view_user",
            "accounts.view_contact",
            "accounts.view_subscription",
            "integrations.view_inboxevent",
            scope=READ,
        )
    },
    "manual-sync": {"POST": needs("integrations.sync_record", scope=SYNC)},
    "manual-sync-status": {"GET": needs("integrations.sync_record", scope=SYNC)},
    "verify-*-subscription": {"GET": needs("integrations.compare_record", scope=READ)},
    "sync-*-subscription": {"POST": needs("integrations.sync_record", scope=SYNC)},
    "sync-*-subscription-status": {"GET": needs("integrations.sync_record", scope=SYNC)},
    "metrics": {"GET": needs("integrations.view_metrics", scope=METRICS, setting="METRICS_TOKEN")},
    # machines
    "health": {"GET": ANYBODY},
    "system-info": {"GET": ANYBODY},
    "schema": {"GET": ANYBODY},
    "docs": {"GET": ANYBODY},
    "webhook-*": {"GET": ANYBODY, "POST": OWN_PROOF},  # GET where the sender looks before it posts, else 405
    "mail_report": {"POST": OWN_PROOF},
    # the console
    "admin_without_slash": ANYBODY,
    "admin:login": ANYBODY,
    "admin:logout": ANYBODY,
    "admin:jsi18n": ANYBODY,
    "admin:second_factor": OWN_PROOF,
    "admin:second_factor_new": OWN_PROOF,
    "admin:second_factor_picture": OWN_PROOF,
    "admin:index": STAFF,
    "admin:app_list": STAFF,
    "admin:search": {"GET": STAFF},  # finds what somebody may see
    "admin:presentation": {"GET": STAFF},
    "admin:staff": {"GET": needs("accounts.view_user")},
    "admin:review": {"GET": STAFF},  # shows the kinds of questions that somebody may see
    "admin:review_question": {"GET": STAFF},
    "admin:review_decided": {"GET": STAFF},
    "admin:review_decide": STAFF,  # the action's own rule is checked
    "admin:saved_filter": {"POST": STAFF},  # the list's own rule is checked
    "admin:saved_filter_delete": {"POST": STAFF},  # one's own; superusers any
    "admin:dismiss": needs("accounts.add_dismissal"),
    "admin:password_change": STAFF,
    "admin:password_change_done": STAFF,
    "admin:autocomplete": NOBODY,  # no form uses it
    "admin:view_on_site": STAFF,
    "admin:django.views.generic.base.RedirectView": STAFF,  # an older address of a row's page
    "admin:django.contrib.admin.sites.catch_all_view": STAFF,  # 404
    "admin:auth_user_password_change": SUPERUSER,
    "admin:accounts_contact_person": {"GET": _PERSON},
    "admin:accounts_user_person": {"GET": _PERSON},
    "admin:accounts_contact_merge": needs(
        "accounts.view_contact",
        "accounts.view_user",
        "accounts.view_possibleduplicate",
        "accounts.change_possibleduplicate",
    ),
    "admin:accounts_completion_import": needs("accounts.add_completion"),
    "admin:accounts_completion_process_import": needs("accounts.add_completion"),
    "admin:accounts_completion_export": needs("accounts.export_completion"),
    "admin:integrations_inboxevent_body": needs("integrations.view_inboxevent"),
    "admin:integrations_inboxevent_replay": {
        "GET": needs("integrations.view_inboxevent"),
        "POST": needs("integrations.replay_inboxevent"),
    },
    "admin:metrics": needs("integrations.view_metrics"),
    "admin:reading-lists": {"GET": needs("integrations.view_syncrun"), "POST": needs("integrations.start_sync")},
    "admin:first-sync": {"GET": needs("integrations.view_syncrun"), "POST": needs("integrations.start_sync")},
    "admin:connections": {
        "GET": needs("integrations.view_inboxevent"),
        "POST": needs("integrations.change_circuit"),
    },
    "admin:history-import": needs("integrations.run_historyimport"),
    "admin:integrations_historyimport_columns": needs("integrations.run_historyimport"),
    "admin:integrations_historyimport_offers": needs("integrations.run_historyimport", "accounts.add_planoffer"),
    "admin:integrations_historyimport_results": needs("integrations.run_historyimport"),
}

# Which of these browsers on other origins may call, without cookies: a separate front end.
_FRONT_END = Shared(origins=("FRONTEND_ORIGINS",))
SHARED: dict[str, Shared] = {
    "api_setup_password": _FRONT_END,
    "api_resend_setup_email": _FRONT_END,
    "explain": Shared(origins=("FRONTEND_ORIGINS",), headers=("Accept", "Authorization", "Content-Type")),
}

for _own in registry.modules("access"):  # of providers' folders
    ADDRESSES |= _own.ADDRESSES
    SHARED |= getattr(_own, "SHARED", {})

# The console's pages of rows -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The pages of a model among view, add, change and delete; which of them only superusers open, and which every
    member of staff opens (a page that shows each of them their own rows).

    `operator` and `support` are those roles' permissions on the model; auditors see everything.
    """

    pages: str = "view"
    superusers: str = ""
    everyone: str = ""
    operator: str = "view"
    support: str = "view"


PAGES = {
    "accounts.user": Pages(pages="view add change", operator="view add change"),
    "accounts.contact": Pages(operator="view change"),
    "accounts.contactmapping": Pages(),
    "accounts.contactchange": Pages(operator="view change"),
    "accounts.possibleduplicate": Pages(operator="view change"),
    "accounts.company": Pages(pages="view add", operator="view add change"),
    "accounts.provisioningstep": Pages(operator="view change"),
    "accounts.subscription": Pages(pages="view add", operator="view add change"),
    "accounts.subscriptionfact": Pages(),
    "accounts.order": Pages(),
    "accounts.payment": Pages(),
    "accounts.policy": Pages(),
    "accounts.formsubmission": Pages(),
    "accounts.completion": Pages(operator="view add"),
    "accounts.pointsentry": Pages(),
    "accounts.courseprogress": Pages(),
    "accounts.emailmessage": Pages(),
    "accounts.suppressedaddress": Pages(operator="view change"),
    "accounts.linkrequest": Pages(),
    "accounts.plan": Pages(pages="view add change", operator="view change"),
    "accounts.planmail": Pages(pages="view add change delete", operator="view add change delete"),
    "accounts.activity": Pages(pages="view add change"),
    "integrations.inboxevent": Pages(),
    "integrations.replay": Pages(),
    "integrations.outgoingwrite": Pages(),
    "integrations.refusedvalue": Pages(),
    "integrations.circuit": Pages(operator="view change", support=""),
    "integrations.contactrefresh": Pages(support=""),
    "integrations.syncrun": Pages(),
    "integrations.syncfinding": Pages(operator="view change", support=""),
    "integrations.subscriptionsync": Pages(),
    "integrations.historyimport": Pages(support=""),
    "integrations.historyrow": Pages(support=""),
    "integrations.fieldrule": Pages(pages="view add change delete", support=""),
    "integrations.pipelinerule": Pages(pages="view add change delete", support=""),
    "integrations.policystatusrule": Pages(pages="view add change delete", support=""),
    "integrations.alertstate": Pages(),
    "integrations.issue": Pages(operator="view change"),
    "integrations.dailyclose": Pages(),
    "integrations.silence": Pages(),
    "integrations.notice": Pages(support=""),
    "accounts.apitoken": Pages(everyone="view add", operator="", support=""),
    "accounts.auditentry": Pages(operator="", support=""),
    "admin.logentry": Pages(operator="", support=""),
    "auth.group": Pages(superusers="add change delete", operator="", support=""),
    "otp_totp.totpdevice": Pages(superusers="delete", operator="", support=""),
    "otp_static.staticdevice": Pages(superusers="delete", operator="", support=""),
}

# Every other permission that a role has: rows on another model's page, and what is no view, add, change or delete.
PERMISSIONS = {
    "accounts.delete_contactmapping": (OPERATOR,),
    "accounts.view_planoffer": (OPERATOR, SUPPORT, AUDITOR),
    "accounts.add_planoffer": (OPERATOR,),
    "accounts.change_planoffer": (OPERATOR,),
    "accounts.add_dismissal": (OPERATOR,),
    "accounts.view_requirement": (OPERATOR, SUPPORT, AUDITOR),
    "integrations.view_fieldplace": (OPERATOR, AUDITOR),
    "accounts.send_link": (OPERATOR, SUPPORT),
    "accounts.resend_emailmessage": (OPERATOR, SUPPORT),
    "accounts.link_completion": (OPERATOR, SUPPORT),
    "accounts.decide_completion": (OPERATOR,),
    "accounts.export_completion": (OPERATOR,),
    "accounts.award_points": (OPERATOR,),
    "accounts.export_contact": (OPERATOR,),
    "accounts.export_list": (OPERATOR,),
    "accounts.forget_contact": (),
    "integrations.replay_inboxevent": (OPERATOR,),
    "integrations.ignore_inboxevent": (OPERATOR,),
    "integrations.repair_outgoingwrite": (OPERATOR,),
    "integrations.compare_record": (OPERATOR, SUPPORT),
    "integrations.sync_record": (OPERATOR,),
    "integrations.refresh_contact": (OPERATOR,),
    "integrations.start_sync": (OPERATOR,),
    "integrations.run_historyimport": (OPERATOR,),
    "integrations.resend_notice": (OPERATOR,),
    "integrations.view_metrics": (OPERATOR, SUPPORT, AUDITOR),
}

# What follows from the rows above ------------------------------------------------------------------------------------


def _of_model(label: str, of: Pages) -> dict[str, Rules]:
    app, _dot, model = label.partition(".")

    def rule(verb: str) -> Rule:
        if verb in of.superusers.split():
            return SUPERUSER
        if verb in of.everyone.split():
            return STAFF
        return needs(f"{app}.{verb}_{model}") if verb in of.pages.split() else NOBODY

    name = f"admin:{app}_{model}"
    return {
        f"{name}_changelist": rule("view"),
        f"{name}_csv": {"GET": needs(*rule("view").permissions, "accounts.export_list")},
        f"{name}_history": rule("view"),
        f"{name}_add": rule("add"),
        f"{name}_change": {"GET": rule("view"), "POST": rule("change")},
        f"{name}_delete": rule("delete"),
        f"{name}_act": STAFF,  # the action's own rule is checked
    }


def _permissions_of(role: str) -> frozenset[str]:
    found = {permission for permission, roles in PERMISSIONS.items() if role in roles}
    for label, of in PAGES.items():
        app, _dot, model = label.partition(".")
        verbs = {OPERATOR: of.operator, SUPPORT: of.support, AUDITOR: "view"}[role]
        found |= {f"{app}.{verb}_{model}" for verb in verbs.split()}
    return frozenset(found)


TABLE = Table(
    addresses=ADDRESSES | {name: rules for label, of in PAGES.items() for name, rules in _of_model(label, of).items()},
    actions=ACTIONS,
    shared=SHARED,
    roles={role: _permissions_of(role) for role in (OPERATOR, SUPPORT, AUDITOR)},
    scopes=SCOPES,
)
