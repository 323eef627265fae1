"""Declarations of the personal data in the models of accounts; docs/personal-data.md explains them."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import models
from django.db.models import Q

from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment, Policy
from accounts.courses.models import (
    CertificateCheck,
    CertificateState,
    Completion,
    CourseProgress,
    PointsEntry,
)
from accounts.memberships.models import Purchase, Subscription, SubscriptionFact, SubscriptionTransition
from accounts.people.mentions import Mentions, addresses_in
from accounts.people.models import (
    Company,
    Contact,
    ContactChange,
    ContactEmail,
    ContactMapping,
    ContactPhone,
    ContactTag,
    PossibleDuplicate,
    User,
)
from accounts.people.models.user import NOBODY
from accounts.privacy import platform_declarations
from accounts.privacy.holdings import AS_LONG_AS_KNOWN, LEDGER, Holding, Retention, register


def register_all() -> None:
    """Declare every model of accounts and of the installed parts of Django."""
    register([*_people(), *_business(), *platform_declarations.declare()])


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
            model=ContactPhone,
            holds="the further telephone numbers of a person",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts),
        ),
        Holding(
            model=ContactMapping,
            holds="their ids at providers and the values last synced there",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts),
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
            model=Purchase,
            holds="purchases and what they paid for",
            retention=LEDGER,
            own=lambda person: Q(subscription__user__in=person.users),
        ),
        Holding(
            model=SubscriptionFact,
            holds="purchases, payments, renewals, refunds",
            retention=LEDGER,
            own=lambda person: Q(subscription__user__in=person.users),
            becomes={"references": _without_member, "reason": ""},
        ),
        Holding(
            model=SubscriptionTransition,
            holds="the history of a subscription's status",
            retention=LEDGER,
            own=lambda person: Q(subscription__user__in=person.users),
            becomes={"reason": ""},
        ),
    ]


def _is_value(column: "models.Field[Any, Any]") -> bool:
    """Return whether a column of Contact says something of the person, and not only which row it is."""
    kept = ("id", "created_at", "updated_at", "subscribed")
    return not column.is_relation and column.name not in kept


def _closed_completion(completion: Completion) -> str:
    """Return the state after erasure: what needed review is dismissed."""
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
