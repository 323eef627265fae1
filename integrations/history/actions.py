"""Actions of staff on an import: confirm, stop, resume, choose columns, map offers, apply the rest, discard.

Each is one conditional UPDATE, so of two requests at once one takes effect.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from accounts.memberships import plans
from accounts.memberships.models import Plan, PlanOffer
from core.insert_once import insert_once
from core.queue.delivery import GRACE
from core.queue.wakeup import wake_on_commit
from integrations import registry
from integrations.history.columns import problem_with_columns
from integrations.history.models import HistoryImport, HistoryRow, HistoryStage, HistoryStatus, RowOutcome
from integrations.history.work import SET_UP_MAIL

NO_MEMBERSHIP = "none"
ABANDONED_AFTER = timedelta(days=14)


def problem_of(history: HistoryImport) -> str:
    """Return the problem that keeps an import from being read; "" where there is none."""
    files = registry.provider(history.provider).history
    return (
        problem_with_columns(history.headings, files.kinds[history.kind], history.columns) if files else "not possible"
    )


def can_be_confirmed(history: HistoryImport) -> bool:
    """Return whether every row was previewed, and no column is missing."""
    return history.status == HistoryStatus.READY and history.stage == HistoryStage.PREVIEW and not problem_of(history)


def confirm(history: HistoryImport, *, sends_mails: bool, wake: bool = True) -> bool:
    """Start applying a previewed import; False where it is not ready, or was confirmed already."""
    if not can_be_confirmed(history):
        return False
    return _start(
        history,
        HistoryStatus.READY,
        wake=wake,
        stage=HistoryStage.APPLYING,
        done=0,
        sends_mails=sends_mails,
        confirmed_at=timezone.now(),
    )


def apply_rest(history: HistoryImport, *, wake: bool = True) -> bool:
    """Retry the questions and errors of a finished import; False where there are none."""
    pending = history.rows.filter(is_settled=False).count()
    if not pending:
        return False
    return _start(history, HistoryStatus.DONE, wake=wake, stage=HistoryStage.APPLYING, done=history.total - pending)


def choose_columns(history: HistoryImport, places: Mapping[str, int], *, wake: bool = True) -> bool:
    """Read a previewed import anew with these columns; False where it is not awaiting confirmation."""
    files = registry.provider(history.provider).history
    if files is None:
        return False
    history.columns = dict(places)
    problem = problem_with_columns(history.headings, files.kinds[history.kind], history.columns)
    columns: dict[str, Any] = {
        "columns": history.columns,
        "last_error": problem,
        "stage": HistoryStage.READING,
        "exported_at": history.exported_at_by_staff,
    }
    with transaction.atomic():
        if problem:
            ready = HistoryImport.objects.filter(pk=history.pk, status=HistoryStatus.READY)
            return bool(ready.update(**columns))
        if not _start(history, HistoryStatus.READY, wake=wake, done=0, **columns):
            return False
        history.rows.update(outcome="", detail="", offer_key="", offer_title="")
    return True


def map_offers(history: HistoryImport, chosen: Mapping[str, str], *, wake: bool = True) -> int:
    """Map offers of an import to plans, by the plan's key or NO_MEMBERSHIP, and retry their rows; return how many."""
    plans_by_key = {
        str(plan.pk): plan
        for plan in Plan.objects.filter(pk__in=[key for key in chosen.values() if key.isdecimal() and len(key) < 10])
    }
    unmapped = set(questions_by_offer(history))
    count = 0
    with transaction.atomic():
        locked = HistoryImport.objects.select_for_update().get(pk=history.pk)
        ignored = list(locked.ignored_offers)
        for offer, answer in chosen.items():
            if offer not in unmapped:
                continue
            if answer == NO_MEMBERSHIP and offer not in ignored:
                ignored.append(offer)
                count += 1
            elif answer in plans_by_key:
                insert_once(PlanOffer(plan=plans_by_key[answer], provider=history.provider, external_id=offer))
                count += 1
        if not count:
            return 0
        HistoryImport.objects.filter(pk=history.pk).update(ignored_offers=ignored)
        if locked.status == HistoryStatus.DONE:
            apply_rest(locked, wake=wake)
        elif locked.status == HistoryStatus.READY and locked.stage == HistoryStage.PREVIEW:
            people = history.rows.filter(outcome__in=[RowOutcome.QUESTION, RowOutcome.ERROR]).values("person")
            _start(locked, HistoryStatus.READY, wake=wake, done=locked.total - _reset_preview(locked, people))
    return count


def _reset_preview(history: HistoryImport, people: Any) -> int:
    """Reset the preview of these people's rows, which depend on each other; return how many there are."""
    keys = list(history.rows.filter(person__in=people).values_list("pk", flat=True))
    for start in range(0, len(keys), 500):
        HistoryRow.objects.filter(pk__in=keys[start : start + 500]).update(outcome="", detail="")
    return len(keys)


def questions_by_offer(history: HistoryImport) -> dict[str, tuple[str, int]]:
    """Return the offers without a plan, most rows first: key → title and number of rows."""
    rows = history.rows.filter(outcome=RowOutcome.QUESTION).exclude(offer_key="")
    offers: dict[str, tuple[str, int]] = {}
    for row in rows.values("offer_key", "offer_title").annotate(count=Count("pk")).order_by("-count"):
        title, count = offers.get(row["offer_key"], (row["offer_title"], 0))
        offers[row["offer_key"]] = (title, count + row["count"])
    return {
        key: question
        for key, question in offers.items()
        if key not in history.ignored_offers and plans.sold_by([key], provider=history.provider) is None
    }


def count_set_up_mails(history: HistoryImport) -> int:
    """Return how many set-up mails the import would hold back or send, by its preview."""
    return history.rows.filter(detail__contains=SET_UP_MAIL).count()


def stop(history: HistoryImport) -> bool:
    """Stop an import; False where it is not running. A running attempt can store nothing more."""
    running = HistoryImport.objects.filter(pk=history.pk, status=HistoryStatus.PENDING)
    return bool(running.update(status=HistoryStatus.STOPPED, next_attempt_at=None, wake_at=None))


def resume(history: HistoryImport, *, wake: bool = True) -> bool:
    """Resume a stopped or failed import at its place; False where it is neither."""
    return any(
        _start(history, status, wake=wake, keeps_place=True) for status in (HistoryStatus.STOPPED, HistoryStatus.FAILED)
    )


def discard(history: HistoryImport) -> bool:
    """Delete the file's rows; applied changes stay. False where the import is running or discarded."""
    with transaction.atomic():
        idle = HistoryImport.objects.filter(pk=history.pk).exclude(
            status__in=[HistoryStatus.PENDING, HistoryStatus.DISCARDED]
        )
        now = timezone.now()
        if not idle.update(status=HistoryStatus.DISCARDED, finished_at=now, **_cleared(now)):
            return False
        _delete_rows(history.pk)
    return True


def prune(cutoff: datetime) -> int:
    """Delete the rows of idle imports that were uploaded before `cutoff`; return how many imports."""
    old = HistoryImport.objects.filter(created_at__lt=cutoff, pruned_at=None).exclude(status=HistoryStatus.PENDING)
    count = 0
    for history in old.order_by("created_at")[:20]:
        with transaction.atomic():
            status = history.status if history.status == HistoryStatus.DONE else HistoryStatus.DISCARDED
            unchanged = HistoryImport.objects.filter(pk=history.pk, status=history.status)
            if unchanged.update(status=status, **_cleared(timezone.now())):
                _delete_rows(history.pk)
                count += 1
    return count


def _cleared(now: datetime) -> dict[str, Any]:
    """Return the values of an import without its rows; the headings go too: without any, a person is there."""
    return {"pruned_at": now, "headings": [], "columns": {}, "last_error": "", "next_attempt_at": None, "wake_at": None}


def _delete_rows(history_id: int) -> None:
    rows = HistoryRow.objects.filter(history_id=history_id)
    rows._raw_delete(rows.db)  # nothing refers to them, and there may be very many


def _start(history: HistoryImport, status: str, *, wake: bool, keeps_place: bool = False, **columns: Any) -> bool:
    """Make an import with this status due; False where it has another one."""
    now = timezone.now()
    place = {} if keeps_place else {"person": "", "line": 0, "finished_at": None}
    changed = HistoryImport.objects.filter(pk=history.pk, status=status, pruned_at=None).update(
        status=HistoryStatus.PENDING,
        failures=0,
        crashes=0,
        **({"last_error": ""} | place | columns),
        next_attempt_at=now,
        wake_at=now + GRACE,
    )
    if changed and wake:
        wake_on_commit(history)
    return bool(changed)
