"""Declarations of the personal data in mails, credentials, histories and settings; see docs/personal-data.md."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.courses.models import Activity, FileLayout, Requirement
from accounts.demo.models import DemoRow
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.memberships.models import Plan, PlanMail, PlanOffer
from accounts.people.mentions import REMOVED, Mentions
from accounts.people.models import Contact, ForgottenKey, ProvisioningStep, Tag, User
from accounts.people.models.user import NOBODY
from accounts.people.person import Person
from accounts.privacy.holdings import CONFIGURATION, DELETED, Holding, Retention
from accounts.signin.models import LinkRequest
from accounts.signin.password_links import FORGET_AFTER
from accounts.staff.models import ApiToken, AuditEntry, Dismissal, SavedFilter

HISTORY_KEPT = timedelta(days=730)  # of what staff did
_PRUNED_AT_ONCE = 500


def declare() -> list[Holding]:
    """Return the declarations of these models."""
    return [*_messages(), *_credentials(), *_platform()]


def _messages() -> list[Holding]:
    status = EmailMessage.Status
    sent = [status.SENT, status.DELIVERED, status.BOUNCED, status.SUPPRESSED]
    return [
        Holding(
            model=EmailMessage,
            holds="mails to a person, and to staff about one; the mail itself is not kept",
            retention=Retention(
                since="created_at", rows=Q(status__in=sent), becomes={"context": {}, "last_error": "", "location": ""}
            ),
            own=lambda person: Q(user__in=person.users) | Q(to__in=person.emails),
            becomes={
                "to": f"forgotten{NOBODY}",
                "context": {},
                "location": "",
                "provider_message_id": "",
                "last_error": "",
                "pruned_at": lambda message: message.pruned_at or timezone.now(),
            },
            erase=_mail,
            attempts="waited for",
        ),
        Holding(
            model=SuppressedAddress,
            holds="addresses whose owner complained about a mail",
            retention=Retention(since="lifted_at", rows=Q(lifted_at__isnull=False)),
            own=lambda person: Q(email__in=person.emails),
        ),
        Holding(
            model=LinkRequest,
            holds="addresses for which a password link was asked for",
            retention=Retention(
                since="requested_at", rows=~Q(status=LinkRequest.Status.PENDING), kept_for=FORGET_AFTER
            ),
            own=lambda person: Q(email__in=person.emails),
        ),
        Holding(
            model=ProvisioningStep,
            holds="what was set up for a company",
            retention="as long as the company is known",
        ),
    ]


def _credentials() -> list[Holding]:
    owned = {ApiToken: {"digest", "token_key", "owner_seal"}, TOTPDevice: {"key"}, StaticDevice: set()}
    return [
        *(
            Holding(
                model=model,
                holds="what lets a user in",
                retention="until it is taken back",
                own=lambda person: Q(user__in=person.users),
                secret=frozenset(secret),
                scans=False,
            )
            for model, secret in owned.items()
        ),
        Holding(
            model=StaticToken,
            holds="recovery codes",
            retention="until they are used",
            own=lambda person: Q(device__user__in=person.users),
            secret=frozenset({"token"}),
            scans=False,
        ),
    ]


def _platform() -> list[Holding]:
    return [
        Holding(
            model=Session,
            holds="who is signed in",
            retention=Retention(since="expire_date", kept_for=timedelta(seconds=1)),
            own=_sessions_of,
            scans=False,
            secret=frozenset({"session_key", "session_data"}),
        ),
        Holding(
            model=LogEntry,
            holds="what staff did in the console; names of the rows it was done to",
            retention=Retention(since="action_time", kept_for=HISTORY_KEPT),
            own=_log_entries_about,
            becomes={"object_repr": REMOVED, "change_message": ""},
        ),
        Holding(
            model=AuditEntry,
            holds="who did what to what; values are masked when they are written",
            retention=Retention(
                since="recorded_at",
                kept_for=HISTORY_KEPT,
                delete=_prune_audit,
            ),
            own=lambda person: (
                Q(actor__in=person.users) | Q(about_user__in=person.users) | Q(about_contact__in=person.contacts)
            ),
            # The database permits nothing else than emptying these.
            erase=lambda entry, mentions, own: {
                "client_address": "",
                "target_label": "",
                "before": None,
                "after": None,
                "facts": None,
            },
        ),
        Holding(
            model=Dismissal,
            holds="why staff dismissed a problem",
            retention=Retention(since="dismissed_at", kept_for=HISTORY_KEPT),
        ),
        Holding(
            model=SavedFilter,
            holds="filters of lists that staff saved, some by a person's address",
            retention="until its owner deletes it, or is deleted",
            own=lambda person: Q(owner__in=person.users),
            erase=_erase_saved_filter,
        ),
        Holding(
            model=ForgottenKey,
            holds="keyed digests of erased addresses and ids",
            retention="for ever: without them old records at providers would bring the person back",
            scans=False,
        ),
        *(
            Holding(model=model, holds=CONFIGURATION, retention=CONFIGURATION, scans=False)
            for model in (
                Activity,
                DemoRow,
                FileLayout,
                Requirement,
                Plan,
                PlanMail,
                PlanOffer,
                Tag,
                Group,
                Permission,
                ContentType,
            )
        ),
        *(
            Holding(
                model=through,
                holds="rights of staff",
                retention="as long as they are staff",
                own=lambda person: Q(user__in=person.users),
                scans=False,
            )
            for through in (User.groups.through, User.user_permissions.through)
        ),
        Holding(model=Group.permissions.through, holds=CONFIGURATION, retention=CONFIGURATION, scans=False),
    ]


def _mail(message: EmailMessage, mentions: Mentions, own: bool) -> Mapping[str, Any] | str:
    """Cancel a mail that the person has not got yet, and empty one to staff that names them: it would say nothing."""
    if own:
        return DELETED if message.status in (EmailMessage.Status.PENDING, EmailMessage.Status.HELD) else {}
    return {"context": {}, "location": "", "pruned_at": message.pruned_at or timezone.now()}


def _prune_audit(before: datetime) -> int:
    keys = AuditEntry.objects.filter(recorded_at__lt=before).order_by("recorded_at").values_list("pk", flat=True)
    return int(AuditEntry.objects.filter(pk__in=list(keys[:_PRUNED_AT_ONCE])).prune(before=before))


def _log_entries_about(person: Person) -> Q:
    types = ContentType.objects.get_for_models(User, Contact)
    return Q(content_type=types[User], object_id__in=map(str, person.users)) | Q(
        content_type=types[Contact], object_id__in=map(str, person.contacts)
    )


def _sessions_of(person: Person) -> set[Any]:
    """Return the keys of the person's sessions, and of those in which something of them stands."""
    users = set(map(str, person.users))
    mentions = person.mentions()
    found = set()
    for session in Session.objects.iterator(chunk_size=500):
        decoded = session.get_decoded()
        if str(decoded.get("_auth_user_id")) in users or mentions.match(json.dumps(decoded, default=str)):
            found.add(session.pk)
    return found


def _erase_saved_filter(row: Any, mentions: Mentions, own: bool) -> Mapping[str, Any] | str:
    """Delete one's own filter, and one that looks for the person."""
    return DELETED if own or mentions.match(row.name) or mentions.match(unquote_plus(row.query)) else {}
