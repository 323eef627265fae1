"""The actions of the console, by the model on whose pages they stand: a part of the table of config/access.py."""

from core.web.access import STAFF, Rule, needs

ACTIONS: dict[str, dict[str, Rule]] = {
    "accounts.apitoken": {"revoke": STAFF},  # one's own; superusers any
    "accounts.user": {
        "use-new-address": needs("accounts.change_user"),
        "end-sessions": needs("accounts.change_user"),
        "send-set-up-mail": needs("accounts.send_link"),
        "award-points": needs("accounts.award_points"),
        "export": needs("accounts.export_contact"),
        "forget": needs("accounts.forget_contact"),
        "verify-*": needs("integrations.compare_record"),
        "sync-*": needs("integrations.sync_record"),
    },
    "accounts.contact": {
        "add-alias": needs("accounts.change_contact"),
        "remove-alias": needs("accounts.change_contact"),
        "merge": needs("accounts.view_possibleduplicate", "accounts.change_possibleduplicate"),
        "use-new-address": needs("accounts.change_user"),
        "preview": needs("integrations.compare_record"),
        "sync-now": needs("integrations.sync_record"),
        "read-again": needs("integrations.refresh_contact"),
        "export": needs("accounts.export_contact"),
        "forget": needs("accounts.forget_contact"),
    },
    "accounts.contactmapping": {
        "remove-id": needs("accounts.delete_contactmapping"),
        "leave-out": needs("accounts.change_contact"),
        "leave-others": needs("integrations.repair_outgoingwrite"),
        "mark-others": needs("integrations.repair_outgoingwrite"),
    },
    "accounts.contactchange": {
        "release": needs("accounts.change_contactchange"),
        "take-other": needs("accounts.change_contactchange"),
    },
    "accounts.possibleduplicate": {
        "merge": needs("accounts.change_possibleduplicate"),
        "keep-apart": needs("accounts.change_possibleduplicate"),
        "ask-again": needs("accounts.change_possibleduplicate"),
    },
    "accounts.company": {"provision": needs("accounts.change_company")},
    "accounts.provisioningstep": {"run_again": needs("accounts.change_provisioningstep")},
    "accounts.subscription": {
        "cancel": needs("accounts.change_subscription"),
        "expire": needs("accounts.change_subscription"),
        "extend": needs("accounts.change_subscription"),
        "shorten": needs("accounts.change_subscription"),
        "send-set-up-mail": needs("accounts.send_link"),
    },
    "accounts.subscriptionfact": {
        "decide": needs("accounts.change_subscription"),
    },
    "accounts.plan": {"mails": needs("accounts.view_plan")},
    "accounts.planmail": {"preview": needs("accounts.view_planmail")},
    "accounts.completion": {
        "link": needs("accounts.link_completion"),
        "create-member": needs("accounts.link_completion", "accounts.add_user"),
        "dismiss": needs("accounts.decide_completion"),
        "reverse": needs("accounts.decide_completion"),
        "award": needs("accounts.decide_completion"),
        "undo-bulk-award": needs("accounts.decide_completion"),
        "check-certificate": needs("accounts.link_completion"),
        "accept-certificate": needs("accounts.decide_completion"),
    },
    "accounts.emailmessage": {
        "resend": needs("accounts.resend_emailmessage"),
        "send-now": needs("accounts.resend_emailmessage"),
        "correct-address": needs("accounts.change_user", "accounts.resend_emailmessage"),
    },
    "accounts.suppressedaddress": {"lift": needs("accounts.change_suppressedaddress")},
    "integrations.inboxevent": {
        "retry": needs("integrations.replay_inboxevent"),
        "replay": needs("integrations.replay_inboxevent"),
        "ignore": needs("integrations.ignore_inboxevent"),
        "choose-plan": needs("accounts.add_planoffer", "integrations.replay_inboxevent"),
        "choose-member": needs("accounts.delete_contactmapping", "integrations.replay_inboxevent"),
    },
    "integrations.replay": {
        "stop": needs("integrations.replay_inboxevent"),
        "resume": needs("integrations.replay_inboxevent"),
    },
    "integrations.outgoingwrite": {
        "retry": needs("integrations.repair_outgoingwrite"),
        "skip": needs("integrations.repair_outgoingwrite"),
        "undo": needs("integrations.repair_outgoingwrite"),
    },
    "integrations.refusedvalue": {
        "correct": needs("accounts.change_contact", "integrations.repair_outgoingwrite"),
        "leave-out": needs("integrations.repair_outgoingwrite"),
        "try-again": needs("integrations.repair_outgoingwrite"),
        "ask-again": needs("integrations.repair_outgoingwrite"),
    },
    "integrations.circuit": {
        "pause": needs("integrations.change_circuit"),
        "close": needs("integrations.change_circuit"),
    },
    "integrations.contactrefresh": {"read-now": needs("integrations.refresh_contact")},
    "integrations.syncrun": {
        "stop": needs("integrations.start_sync"),
        "resume": needs("integrations.start_sync"),
    },
    "integrations.syncfinding": {
        "apply": needs("integrations.change_syncfinding"),
        "set-aside": needs("integrations.change_syncfinding"),
    },
    "integrations.historyimport": {
        "confirm": needs("integrations.run_historyimport"),
        "stop": needs("integrations.run_historyimport"),
        "resume": needs("integrations.run_historyimport"),
        "apply-rest": needs("integrations.run_historyimport"),
        "discard": needs("integrations.run_historyimport"),
    },
    "integrations.issue": {
        "acknowledge": needs("integrations.change_issue"),
        "resolve": needs("integrations.change_issue"),
        "set-aside": needs("integrations.change_issue"),
        "open-again": needs("integrations.change_issue"),
        "accept": needs("integrations.change_issue"),
    },
    "integrations.dailyclose": {
        "heal": needs("integrations.start_sync", "integrations.replay_inboxevent"),
        "count-again": needs("integrations.start_sync"),
    },
    "integrations.notice": {"post-again": needs("integrations.resend_notice")},
}
