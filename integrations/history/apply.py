"""Apply rows of an import: parse a row into events, pass them to the handlers of webhooks, note the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction

from accounts.memberships import plans
from accounts.memberships.models import Plan, Subscription
from accounts.memberships.notices import Mails
from core.cause import Cause
from core.phrases import Phrase
from integrations.contracts.exceptions import PersonErased, Unmatched
from integrations.contracts.history import Cells, FileKind, FileOffer, InvalidRow, KeyedEvent, ParsedRow
from integrations.contracts.membership_events import MembershipEvent
from integrations.contracts.provider import Provider
from integrations.handlers import Change, Context, effects, handle
from integrations.history.columns import cells_of
from integrations.history.models import SETTLED, HistoryImport, HistoryRow, RowOutcome

_NO_OFFER = Phrase("the row names no offer: which membership is it of?")
_NO_PLAN = Phrase("no plan for the offer {offer}")
_NO_ORDER = Phrase("has {title}, and no order of it is known: import the orders, or grant it by hand")

_CREATED = (effects.MEMBER_CREATED(), effects.CONTACT_CREATED())
_UNREMARKABLE = (effects.MEMBER_KNOWN(), effects.NOTHING_CHANGED())


@dataclass(kw_only=True)
class RowApplier:
    """Applies the rows of one import. `touched` are the subscriptions that changed."""

    history: HistoryImport
    provider: Provider
    cause: Cause
    touched: dict[int, Subscription] = field(default_factory=dict)
    _plans: dict[tuple[str, ...], Plan | None] = field(default_factory=dict)

    def cells(self, row: HistoryRow) -> Cells:
        return cells_of(row.cells, self._kind, self.history.columns)

    def apply(self, row: HistoryRow) -> None:
        """Apply a row inside the caller's transaction, and set its outcome and detail without saving it.

        The detail has the reason where a row cannot be applied or needs review. Nothing is raised except for a
        database that is away and an attempt that ran out of time.
        """
        assert self.history.exported_at is not None, "set when the file was read"
        try:
            parsed = self._kind.read(self.cells(row), self.history.exported_at)
        except InvalidRow as error:
            _set_outcome(row, RowOutcome.ERROR, [str(error)])
            return
        offer = parsed.offer
        row.offer_key, row.offer_title = (offer.key[:100], offer.title[:255]) if offer else ("", "")
        if parsed.skipped:
            _set_outcome(row, RowOutcome.SKIPPED, [parsed.skipped])
            return
        result = _Result(questions=[parsed.question] if parsed.question else [])
        for keyed in parsed.events:
            self._handle(keyed, parsed, result)
        self._question_claims(parsed.claims, row, result)
        _set_outcome(row, result.outcome, result.text)
        if result.forgotten:
            row.person = ""

    @property
    def _kind(self) -> FileKind:
        assert self.provider.history is not None
        return self.provider.history.kinds[self.history.kind]

    def _handle(self, keyed: KeyedEvent, parsed: ParsedRow, result: "_Result") -> None:
        event, prefix = keyed.event, ""
        if isinstance(event, MembershipEvent):
            if parsed.offer is None:
                result.questions.append(_NO_OFFER())
                return
            if parsed.offer.key in self.history.ignored_offers:
                return
            plan = self._plan(event.offers)
            if plan is None:
                result.questions.append(_NO_PLAN(offer=parsed.offer.title or parsed.offer.key))
                return
            prefix = f"{plan.name}: "
        context = Context(provider=self.provider.key, key=keyed.key, cause=self.cause, mails=Mails.NONE)
        try:
            with transaction.atomic():
                changes = handle(event, context)
        except (OperationalError, SoftTimeLimitExceeded):  # nothing is wrong with the row
            raise
        except PersonErased:
            result.forgotten = True
        except Unmatched as error:
            result.questions.append(str(error))
        except Exception as error:  # noqa: BLE001 (the row's detail has the error)
            result.errors.append(str(error) or type(error).__name__)
        else:
            self._add_changes(changes, prefix, result)

    def _add_changes(self, changes: Sequence[Change], prefix: str, result: "_Result") -> None:
        for change in changes:
            label = prefix if isinstance(change.target, Subscription) else ""
            if isinstance(change.target, Subscription) and change.description != _UNREMARKABLE[1]:
                self.touched[change.target.pk] = change.target
            if change.description not in _UNREMARKABLE:
                result.lines.append(f"{label}{change.description}")
            result.is_new |= change.changed and change.description in _CREATED
            result.is_changed |= change.changed

    def _plan(self, offers: tuple[str, ...]) -> Plan | None:
        if offers not in self._plans:
            self._plans[offers] = plans.sold_by(offers, provider=self.provider.key)
        return self._plans[offers]

    def _question_claims(self, claims: Sequence[FileOffer], row: HistoryRow, result: "_Result") -> None:
        """Add a question for a claimed membership without a known sale: it may be a grant, and it may have ended; the
        claim has neither its beginning nor its end.
        """
        for claim in claims:
            plan = self._plan((claim.key,)) if claim.key not in self.history.ignored_offers else None
            if plan is None:
                continue
            if not Subscription.objects.filter(plan=plan, user__email=row.person).exists():
                row.offer_key, row.offer_title = claim.key[:100], claim.title[:255]
                result.questions.append(_NO_ORDER(title=claim.title))


@dataclass(kw_only=True)
class _Result:
    questions: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    is_new: bool = False
    is_changed: bool = False
    forgotten: bool = False

    @property
    def text(self) -> list[str]:
        erased = ["about a person who was erased: nothing is stored"] if self.forgotten else []
        return [*self.errors, *self.questions, *self.lines, *erased]

    @property
    def outcome(self) -> RowOutcome:
        if self.errors:
            return RowOutcome.ERROR
        if self.questions:
            return RowOutcome.QUESTION
        if self.is_new or self.is_changed:
            return RowOutcome.NEW if self.is_new else RowOutcome.CHANGED
        return RowOutcome.SKIPPED if self.forgotten else RowOutcome.NOTHING


def _set_outcome(row: HistoryRow, outcome: RowOutcome, lines: Sequence[str]) -> None:
    row.outcome = outcome
    row.detail = "; ".join(dict.fromkeys(lines))[:500]
    row.is_settled = outcome in SETTLED
