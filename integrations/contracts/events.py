"""Facts that events are translated into: frozen, in the past tense, naming no provider's field.

Every fact carries `occurred_at`, when it happened at the provider; without that it is the time of receipt. Texts are
within the limits of `integrations.contracts.bounds`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from integrations.contracts.bounds import (
    Bounded,
    Columns,
    Document,
    Email,
    Emails,
    Id,
    Ids,
    IdsByKind,
    Line,
    Names,
    Offers,
    People,
    Url,
    WholeList,
)


@dataclass(frozen=True, kw_only=True)
class Event(Bounded):
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class ContactReported(Event):
    """A provider's record of a person, as it was at `occurred_at`. A field that is left out was not reported.

    `identities`: kind of id → id; the first is the record that `fields` are read from, and "contact" is the one that
    the provider's API can be asked for. `company` is the provider's account that the person belongs to, where accounts
    are companies of ours. `fields` are named as our contact's columns. `tags` and `offers` ({"id", "title"}) are whole
    lists; `tags_added` and `tags_removed` are changes. `is_whole`: there is nothing more to read.
    `changed_at` is when the record was last changed at the provider, where it says so. `aliases` and `phones` are the
    addresses and numbers that the record has beside its main ones. `left_out`: name there → why its value, or a part
    of it, could not be used.
    """

    email: Email = ""
    aliases: Emails = ()
    phones: Names = ()
    left_out: Document = field(default_factory=dict)
    identities: IdsByKind = field(default_factory=dict)
    company: Id = ""
    fields: Columns = field(default_factory=dict)
    custom_fields: Document = field(default_factory=dict)
    tags: WholeList = None
    tags_added: Names = ()
    tags_removed: Names = ()
    offers: Offers = None
    is_whole: bool = False
    changed_at: datetime | None = None

    @property
    def only_names(self) -> bool:
        """Return whether it names a record and says nothing of it."""
        return self == ContactReported(
            occurred_at=self.occurred_at, identities=self.identities, changed_at=self.changed_at
        )


@dataclass(frozen=True, kw_only=True)
class ContactGone(Event):
    """A provider's record of a person was deleted, or merged into another one."""

    contact_id: Id


@dataclass(frozen=True, kw_only=True)
class CompanyReported(Event):
    """A provider's account, which is a company of ours, as it was at `occurred_at`.

    `administrators` are {"id", "name", "email"} each; None and "" where they were not reported.
    """

    account_id: Id
    name: Line = ""
    administrators: People = None


@dataclass(frozen=True, kw_only=True)
class CompanyClosed(Event):
    """A provider's account was deleted, for good."""

    account_id: Id


@dataclass(frozen=True, kw_only=True)
class AboutSomebody(Event):
    """A fact about a contact, who is named by ids, kind → id, or an e-mail."""

    external_id: Id
    email: Email = ""
    identities: IdsByKind = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OrderLine(Bounded):
    """`total` in minor units of the order's currency."""

    external_id: Id
    title: Line = ""
    offer_id: Id = ""
    quantity: int = 1
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(AboutSomebody):
    """Amounts in minor units of `currency`."""

    number: Line = ""
    currency: str
    total: int
    tax: int = 0
    discount: int = 0
    lines: tuple[OrderLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MoneyMoved(AboutSomebody):
    """A transaction: `kind` is charge, refund or dispute; `amount` in minor units, negative where it left us."""

    kind: str
    state: Line = ""
    amount: int
    tax: int = 0
    currency: str
    order_id: Id = ""
    purchase_ids: Ids = ()


@dataclass(frozen=True, kw_only=True)
class CompletedCourse(Bounded):
    """A course as the answers to a form name it; "" and None where they do not."""

    course: Line = ""
    completed_on: date | None = None
    certificate_url: Url = ""
    student_name: Line = ""


@dataclass(frozen=True, kw_only=True)
class FormSubmitted(AboutSomebody):
    """A person answered a form; `answers` by the names of its fields.

    `completed` is what the answers say of a course; staff decide whether the form reports completed courses.
    """

    form_id: Id = ""
    form_title: Line = ""
    answers: Document = field(default_factory=dict)
    completed: CompletedCourse = CompletedCourse()


@dataclass(frozen=True, kw_only=True)
class CourseCompleted(AboutSomebody):
    """A person completed a course, as the provider itself reports it. `external_id` is the event's.

    `details` is what else the event says, for staff.
    """

    course_id: Id = ""
    completed: CompletedCourse
    details: Document = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AssessmentCompleted(CourseCompleted):
    """A person took an assessment. `passed` is None where the event does not say, or says both.

    `completed` names the course that it belongs to, where the event does.
    """

    assessment_id: Id = ""
    title: Line = ""
    score: Line = ""
    passed: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CourseProgressed(Event):
    """A person made progress in a course: `percent` of it is done, 0 to 100 and rounded down.

    A course without a title is named by its id.
    """

    email: Email
    course: Line
    course_id: Id = ""
    percent: int


@dataclass(frozen=True, kw_only=True)
class PolicyReported(AboutSomebody):
    """An insurance policy, or a quote for one, as it was at `occurred_at`. "" and None were not reported.

    `external_id` is "" where the provider names it by its `number` alone. `line_of_business` may be several, with
    commas. `status` is the provider's own word. `premium` in minor units of `currency`.
    """

    is_quote: bool = False
    number: Line = ""
    line_of_business: Line = ""
    status: Line = ""
    carrier: Line = ""
    premium: int | None = None
    currency: str
    effective_on: date | None = None
    expires_on: date | None = None
