"""Alerts: a table of rules, looked at each minute; staff are notified when one is raised, and when it clears."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from math import isnan
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from core.insert_once import insert_once
from core.provider_names import provider_title
from integrations.operations import measures, notices
from integrations.operations.measures import Measured, Reader
from integrations.operations.models import AlertState

logger = logging.getLogger(__name__)
AN_HOUR = timedelta(hours=1)
TEN_MINUTES = timedelta(minutes=10)
PAGE = "/admin/metrics/"

_COMPLETIONS = _("completions: %(channel)s")
_SUBJECTS = {"audit log": _("audit log"), "import completions": _("completions of a file")}  # that are no provider


class Verdict(StrEnum):
    """A measure compared with its limit."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "not enough data"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Bad is a value below `least` or above `most`, taken from at least `sample` rows of the last `window`.

    `unit` is how values are shown: "%" for a share, "s" for seconds, "" for a number. A number of which there are no
    rows is 0; a share or a time of none is not known.
    """

    name: str
    title: Any
    measure: Callable[[Reader, timedelta], list[Measured]]
    window: timedelta = AN_HOUR
    least: float | None = None
    most: float | None = None
    sample: int = 1
    unit: str = ""

    def verdict(self, measured: Measured | None) -> Verdict:
        """Return whether a value is within its limit; the limit itself is. For the console and the alerts alike."""
        value, sample = (measured.value, measured.sample) if measured else (0.0, 0 if self.unit else self.sample)
        if sample < self.sample or isnan(value):
            return Verdict.UNKNOWN
        below = self.least is not None and value < self.least
        above = self.most is not None and value > self.most
        return Verdict.BAD if below or above else Verdict.GOOD

    def format_value(self, value: float | None) -> str:
        """Return a value for people, with as many digits as distinguish it from the limit."""
        if value is None or isnan(value):
            return "–"
        limit = self.least if self.least is not None else self.most
        texts = [self._format(value, digits) for digits in range(1, 6)]
        if limit is None or value == limit:
            return texts[0]
        return next((text for digits, text in enumerate(texts, 1) if text != self._format(limit, digits)), texts[-1])

    def _format(self, value: float, digits: int) -> str:
        if self.unit == "%":
            return f"{value:.{digits}%}"
        return f"{value:.{digits}f} s" if self.unit == "s" else f"{value:.{digits + 5}g}"

    @property
    def limit(self) -> str:
        """The limit of the value, for people."""
        return f"≥ {self.format_value(self.least)}" if self.least is not None else f"≤ {self.format_value(self.most)}"


def _is_locked(action: str, _outcome: str) -> bool:
    """Return whether an entry of the audit log is a lock-out, of whatever was guessed."""
    return action.endswith(".locked")


def _burst(name: str, title: Any, match: Callable[[str, str], bool], *, most: int) -> Rule:
    """Return a rule: more entries in the audit log within ten minutes than normal work makes."""
    measure = partial(measures.audited, subject="audit log", match=match)
    return Rule(name=name, title=title, measure=measure, window=TEN_MINUTES, most=most)


RULES = (
    Rule(name="failed", title=_("Failed processing"), measure=measures.failed_processing, most=0),
    Rule(
        name="delivery_success",
        title=_("Delivery success rate"),
        measure=measures.delivery_success,
        least=0.95,
        sample=20,
        unit="%",
    ),
    Rule(
        name="events_matched",
        title=_("Matched events"),
        measure=measures.events_matched,
        least=0.8,
        sample=10,
        unit="%",
    ),
    Rule(
        name="completions_matched",
        title=_("Matched members"),
        measure=measures.completions_matched,
        window=timedelta(days=1),
        least=0.8,
        sample=10,
        unit="%",
    ),
    Rule(
        name="latency",
        title=_("Processing latency, 95 of 100 events"),
        measure=measures.latency,
        window=timedelta(minutes=15),
        most=60,
        sample=5,
        unit="s",
    ),
    Rule(
        name="duplicates",
        title=_("Duplicate rate"),
        measure=measures.duplicates,
        most=0.5,
        sample=20,
        unit="%",
    ),
    Rule(name="failed_writes", title=_("Writes to providers that failed"), measure=measures.failed_writes, most=0),
    Rule(
        name="open_circuits",
        title=_("Minutes without writing to a provider, since it fails"),
        measure=measures.open_circuits,
        most=5,
    ),
    Rule(name="api_quota", title=_("Calls refused by the API as too many"), measure=measures.refused_calls, most=5),
    _burst(
        "failed_sign_ins",
        _("Sign-ins that failed"),
        lambda action, _outcome: action in ("sign_in.failed", "second_factor.failed"),
        most=20,
    ),
    _burst("lock_outs", _("Lock-outs after too many tries"), _is_locked, most=3),
    _burst(
        "denials",
        _("Requests that were denied"),
        lambda action, outcome: outcome == "denied" and not action.endswith(".locked"),
        most=20,
    ),
    _burst(
        "exports",
        _("Exports of personal data"),
        lambda action, _outcome: action in ("data.exported", "person.exported"),
        most=5,
    ),
)


def evaluate() -> list[AlertState]:
    """Evaluate every rule and return the states that changed. Safe to run twice at once: staff are notified once."""
    changed, reader = [], Reader()
    for rule in RULES:
        by_subject = {measured.subject: measured for measured in rule.measure(reader, rule.window)}
        known = set(AlertState.objects.filter(rule=rule.name).values_list("subject", flat=True))
        for subject in sorted(known | set(by_subject)):
            state = _update(rule, subject, by_subject.get(subject))
            if state is not None:
                changed.append(state)
    return changed


def _update(rule: Rule, subject: str, measured: Measured | None) -> AlertState | None:
    """Store what was measured; return the state where it changed, and notify staff then."""
    verdict = rule.verdict(measured)
    with transaction.atomic():
        insert_once(AlertState(rule=rule.name, subject=subject[:60]))
        state = AlertState.objects.select_for_update().get(rule=rule.name, subject=subject[:60])
        value = measured.value if measured and not isnan(measured.value) else None
        state.value, state.sample = value, measured.sample if measured else 0
        state.evaluated_at = timezone.now()
        # Too few rows leave an alert as it is; that there are none any more ends it.
        is_known = verdict is not Verdict.UNKNOWN or measured is None
        has_changed = is_known and (verdict is Verdict.BAD) != state.is_raised
        if has_changed:
            state.is_raised, state.since = verdict is Verdict.BAD, state.evaluated_at
            state.changes += 1
            _notify(rule, state)
        state.save()
    return state if has_changed else None


def _notify(rule: Rule, state: AlertState) -> None:
    reason = f"alert:{rule.name}:{state.subject}:{state.changes}"
    emails.notify_staff(EmailMessage.Kind.STAFF_ALERT, key=reason, context=partial(mail_context, rule, state))
    notices.enqueue(partial(notice_text, rule, state), key=reason)
    measured = {"subject": state.subject, "value": rule.format_value(state.value), "limit": rule.limit}
    logger.warning("alert %s", "raised" if state.is_raised else "cleared", extra={"rule": rule.name, **measured})


def subject_label(subject: str) -> str:
    """Return what a measure is of, in the reader's language: a provider by its name."""
    if subject in _SUBJECTS:
        return str(_SUBJECTS[subject])
    name, space, rest = subject.partition(" ")
    if rest == "completions":
        return str(_COMPLETIONS) % {"channel": provider_title(name)}
    return f"{provider_title(name)}{space}{rest}"


def mail_context(rule: Rule, state: AlertState) -> dict[str, Any]:
    """Return the context of the mail about a change of state, in the active language."""
    since = state.since and timezone.localtime(state.since)
    return {
        "title": str(rule.title),
        "subject": subject_label(state.subject),
        "value": rule.format_value(state.value),
        "limit": rule.limit,
        "is_raised": state.is_raised,
        "since": date_format(since, "SHORT_DATETIME_FORMAT") if since else "",
        "admin_path": PAGE,
    }


def notice_text(rule: Rule, state: AlertState) -> str:
    """Return the message about a change of state, in the active language."""
    if state.is_raised:
        text = _("ALERT: %(title)s (%(subject)s): %(value)s, should be %(limit)s")
    else:
        text = _("Cleared: %(title)s (%(subject)s): %(value)s, should be %(limit)s")
    return str(text) % mail_context(rule, state)
