"""Declarations of the personal data in accounts' and Django's models; docs/personal-data.md explains them."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment, Policy
from accounts.courses.models import (
    Activity,
    CertificateCheck,
    CertificateState,
    Completion,
    CourseProgress,
    PointsEntry,
    Requirement,
)
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.memberships.models import Plan, PlanOffer, Subscription, SubscriptionFact, SubscriptionTransition
from accounts.people.mentions import REMOVED, Mentions, addresses_in
from accounts.people.models import (
    Company,
    Contact,
    ContactChange,
    ContactEmail,
    ContactMapping,
    ContactTag,
    ExternalIdentity,
    ForgottenKey,
    PossibleDuplicate,
    ProvisioningStep,
    Tag,
    User,
)
from accounts.people.person import NOBODY, Person
from accounts.privacy.holdings import DELETED, Holding, Retention, register
from accounts.signin.models import LinkRequest
from accounts.signin.password_links import FORGET_AFTER
from accounts.staff.models import ApiToken, AuditEntry

HISTORY_KEPT = timedelta(days=730)  # who of staff did what
_PRUNED_AT_ONCE = 500
CONFIGURATION = "what staff configure; holds nobody"
AS_LONG_AS_KNOWN = "as long as the person is known"
LEDGER = "for ever: access, points and money are computed from it; without a name once the person is erased"


def register_all() -> None:
    """Declare every model of accounts and of the installed parts of Django."""
    register([*_people(), *_business(), *_messages(), *_credentials(), *_platform()])


def _people() -> list[Holding]:
    emptied = {column.name: column.get_default() for column in Contact._meta.concrete_fields if _is_value(column)}
    return [
        Holding(
            model=ContactEmail,
            holds="the addresses of a person",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts) | Q(email__in=person.emails),
            anchors=True,
        ),
        Holding(
            model=ContactMapping,
            holds="their ids at providers and the values last synced there",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts),
            anchors=True,
        ),
        Holding(
            model=ExternalIdentity,
            holds="their ids at providers",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(user__in=person.users),
            anchors=True,
        ),
        Holding(
            model=ContactChange,
            holds="values before and after each change",
            retention=Retention(
                since="recorded_at",
                rows=~Q(kind=ContactChange.Kind.FROZEN) | Q(settled_at__isnull=False),
                becomes={"before": None, "after": None},
            ),
            own=lambda person: Q(contact__in=person.contacts),
            anchors=True,
        ),
        Holding(
            model=ContactTag,
            holds="their tags",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts),
        ),
        Holding(
            model=PossibleDuplicate,
            holds="whom staff compared",
            retention=Retention(
                since="decided_at",
                rows=~Q(status=PossibleDuplicate.Status.OPEN),
                becomes={"other_name": "", "reason": ""},
            ),
            own=lambda person: Q(contact__in=person.contacts) | Q(other__in=person.contacts),
        ),
        Holding(
            model=Contact,
            holds="the person: name, addresses, phones, custom fields",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(pk__in=person.contacts),
            becomes={**emptied, "company_id": None},
            anchors=True,
        ),
        Holding(
            model=User,
            holds="their login",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(pk__in=person.users),
            becomes={
                "email": lambda user: f"forgotten-{user.pk}{NOBODY}",
                "first_name": "",
                "last_name": "",
                "language": "",
                "password": lambda user: make_password(None) if user.has_usable_password() else user.password,
                "is_active": False,
                "last_login": None,
                "link_version": lambda user: user.link_version + (not user.email.endswith(NOBODY)),
            },
            anchors=True,
            secret=frozenset({"password", "link_version"}),
        ),
        Holding(
            model=Company,
            holds="names and addresses of a company's administrators, as the help desk has them",
            retention="as long as the company is known",
            erase=_without_administrator,
        ),
    ]


def _business() -> list[Holding]:
    return [
        Holding(
            model=Order,
            holds="what they ordered; amounts and the order's own id stay, so that no money is counted twice",
            retention=LEDGER,
            own=lambda person: Q(contact__in=person.contacts),
            becomes={},
        ),
        Holding(
            model=OrderLine,
            holds="lines of orders",
            retention=LEDGER,
            own=lambda person: Q(order__contact__in=person.contacts),
            becomes={},
        ),
        Holding(
            model=Payment,
            holds="what they paid; as orders",
            retention=LEDGER,
            own=lambda person: Q(contact__in=person.contacts),
            becomes={},
        ),
        Holding(
            model=FormSubmission,
            holds="answers to forms",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts),
            becomes={"answers": {}},
        ),
        Holding(
            model=Policy,
            holds="insurance policies and quotes",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts),
            becomes={"number": "", "external_id": lambda policy: f"forgotten:{policy.pk}", "reported_times": {}},
            anchors=True,  # its ids are among those by which the provider's records are found
        ),
        Holding(
            model=CertificateCheck,
            holds="which certificate is to be checked; what was found stands on the completion",
            retention=Retention(since="finished_at", rows=~Q(status=CertificateCheck.Status.PENDING)),
            own=lambda person: Q(completion__user__in=person.users) | Q(completion__email__in=person.emails),
            attempts="voided",
        ),
        Holding(
            model=Completion,
            holds="completed courses: who, which course, the answers",
            retention=Retention(
                since="decided_at",
                rows=Q(state=Completion.State.DISMISSED),
                becomes={"answers": {}, "certificate_url": "", "certificate_reason": ""},
            ),
            own=lambda person: Q(user__in=person.users) | Q(email__in=person.emails),
            becomes={
                "email": "",
                "email_received": "",
                "name": "",
                "certificate_url": "",
                "certificate_state": CertificateState.NOT_CHECKED.value,
                "certificate_reason": "",
                "answers": {},
                "reason": "",
                "state": _closed_completion,
            },
            anchors=True,
        ),
        Holding(
            model=CourseProgress,
            holds="how far they are in courses",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(user__in=person.users) | Q(email__in=person.emails),
            anchors=True,  # events lead to them
        ),
        Holding(
            model=PointsEntry,
            holds="the ledger of points",
            retention=LEDGER,
            own=lambda person: Q(user__in=person.users),
            becomes={"reason": ""},
        ),
        Holding(
            model=Subscription,
            holds="what a login has access to",
            retention=LEDGER,
            own=lambda person: Q(user__in=person.users),
            becomes={"external_member_id": ""},
        ),
        Holding(
            model=SubscriptionFact,
            holds="purchases, payments, renewals, refunds",
            retention=LEDGER,
            own=lambda person: Q(subscription__user__in=person.users),
            becomes={"references": _without_member},
        ),
        Holding(
            model=SubscriptionTransition,
            holds="the history of a subscription's status",
            retention=LEDGER,
            own=lambda person: Q(subscription__user__in=person.users),
            becomes={"reason": ""},
        ),
    ]


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
            model=ForgottenKey,
            holds="keyed digests of erased addresses and ids",
            retention="for ever: without them old records at providers would bring the person back",
            scans=False,
        ),
        *(
            Holding(model=model, holds=CONFIGURATION, retention=CONFIGURATION, scans=False)
            for model in (Activity, Requirement, Plan, PlanOffer, Tag, Group, Permission, ContentType)
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


def _is_value(column: "models.Field[Any, Any]") -> bool:
    """Return whether a column of Contact says something of the person, and not only which row it is."""
    kept = ("id", "created_at", "updated_at", "subscribed")
    return not column.is_relation and column.name not in kept


def _closed_completion(completion: Completion) -> str:
    """Return the state: what waits for a person waits for nobody any more."""
    waits = completion.state == Completion.State.RECEIVED
    return Completion.State.DISMISSED.value if waits else completion.state


def _without_member(fact: SubscriptionFact) -> dict[str, Any]:
    return {name: value for name, value in fact.references.items() if name != "member"}


def _without_administrator(company: Company, mentions: Mentions, own: bool) -> Mapping[str, Any]:
    listed = [one for one in company.administrators if not (addresses_in(one) & mentions.emails)]
    return {
        "administrators": mentions.scrubbed(listed, own=False),
        **{name: mentions.scrubbed(getattr(company, name), own=False) for name in ("name", "source")},
    }


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
        if str(decoded.get("_auth_user_id")) in users or mentions.name(json.dumps(decoded, default=str)):
            found.add(session.pk)
    return found
