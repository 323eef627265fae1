"""Actions of staff on an import: confirm, stop, resume, choose columns, map offers, do the rest again, discard.

Each is one conditional UPDATE, so of two presses at once one does it.
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
from integrations.history.columns import what_is_missing
from integrations.history.models import HistoryImport, HistoryRow, HistoryStage, HistoryStatus, RowOutcome
from integrations.history.work import SET_UP_MAIL

NO_MEMBERSHIP = "none"
ABANDONED_AFTER = timedelta(days=14)


def problem_of(history: HistoryImport) -> str:
    """Return what is missing before an import can be read; "" where nothing is."""
    files = registry.provider(history.provider).history
    return what_is_missing(history.headings, files.kinds[history.kind], history.columns) if files else "not possible"


def may_be_confirmed(history: HistoryImport) -> bool:
    """Return whether every row was looked at, and nothing is missing."""
    return history.status == HistoryStatus.READY and history.stage == HistoryStage.PREVIEW and not problem_of(history)


def confirm(history: HistoryImport, *, sends_mails: bool, wake: bool = True) -> bool:
    """Let a previewed import be applied; False where it is not ready, or somebody else confirmed it."""
    if not may_be_confirmed(history):
        return False
    return _begin(
        history,
        HistoryStatus.READY,
        wake=wake,
        stage=HistoryStage.APPLYING,
        done=0,
        sends_mails=sends_mails,
        confirmed_at=timezone.now(),
    )


def apply_rest(history: HistoryImport, *, wake: bool = True) -> bool:
    """Let what a finished import left as a question or an error be tried again; False where there is none."""
    left = history.rows.filter(is_settled=False).count()
    if not left:
        return False
    return _begin(history, HistoryStatus.DONE, wake=wake, stage=HistoryStage.APPLYING, done=history.total - left)


def choose_columns(history: HistoryImport, places: Mapping[str, int], *, wake: bool = True) -> bool:
    """Read a previewed import anew with these columns; False where it is not one that waits."""
    files = registry.provider(history.provider).history
    if files is None:
        return False
    history.columns = dict(places)
    problem = what_is_missing(history.headings, files.kinds[history.kind], history.columns)
    columns: dict[str, Any] = {
        "columns": history.columns,
        "last_error": problem,
        "stage": HistoryStage.READING,
        "exported_at": history.exported_at_by_staff,
    }
    with transaction.atomic():
        if problem:
            found = HistoryImport.objects.filter(pk=history.pk, status=HistoryStatus.READY)
            return bool(found.update(**columns))
        if not _begin(history, HistoryStatus.READY, wake=wake, done=0, **columns):
            return False
        history.rows.update(outcome="", detail="", offer_key="", offer_title="")
    return True


def map_offers(history: HistoryImport, chosen: Mapping[str, str], *, wake: bool = True) -> int:
    """Map offers of an import to plans, by the plan's key or NO_MEMBERSHIP, and look at their rows again; how many."""
    known = {
        str(plan.pk): plan
        for plan in Plan.objects.filter(pk__in=[key for key in chosen.values() if key.isdecimal() and len(key) < 10])
    }
    asked = set(questions_by_offer(history))
    count = 0
    with transaction.atomic():
        held = HistoryImport.objects.select_for_update().get(pk=history.pk)
        ignored = list(held.ignored_offers)
        for offer, answer in chosen.items():
            if offer not in asked:
                continue
            if answer == NO_MEMBERSHIP and offer not in ignored:
                ignored.append(offer)
                count += 1
            elif answer in known:
                insert_once(PlanOffer(plan=known[answer], provider=history.provider, external_id=offer))
                count += 1
        if not count:
            return 0
        HistoryImport.objects.filter(pk=history.pk).update(ignored_offers=ignored)
        if held.status == HistoryStatus.DONE:
            apply_rest(held, wake=wake)
        elif held.status == HistoryStatus.READY and held.stage == HistoryStage.PREVIEW:
            again = history.rows.filter(outcome__in=[RowOutcome.QUESTION, RowOutcome.ERROR]).values("person")
            _begin(held, HistoryStatus.READY, wake=wake, done=held.total - _look_again(held, again))
    return count


def _look_again(history: HistoryImport, people: Any) -> int:
    """Have the rows of these people previewed anew, since they depend on each other; how many those are."""
    keys = list(history.rows.filter(person__in=people).values_list("pk", flat=True))
    for start in range(0, len(keys), 500):
        HistoryRow.objects.filter(pk__in=keys[start : start + 500]).update(outcome="", detail="")
    return len(keys)


def questions_by_offer(history: HistoryImport) -> dict[str, tuple[str, int]]:
    """Return the offers about which rows ask, most rows first: key → title and number of rows."""
    rows = history.rows.filter(outcome=RowOutcome.QUESTION).exclude(offer_key="")
    found: dict[str, tuple[str, int]] = {}
    for row in rows.values("offer_key", "offer_title").annotate(count=Count("pk")).order_by("-count"):
        title, count = found.get(row["offer_key"], (row["offer_title"], 0))
        found[row["offer_key"]] = (title, count + row["count"])
    return {
        key: asked
        for key, asked in found.items()
        if key not in history.ignored_offers and plans.sold_by([key], provider=history.provider) is None
    }


def mails_ahead(history: HistoryImport) -> int:
    """Return how many set-up mails the preview has found that the import would hold back or send."""
    return history.rows.filter(detail__contains=SET_UP_MAIL).count()


def stop(history: HistoryImport) -> bool:
    """Let an import rest; False where it is not running. What one attempt is at is not kept any more."""
    running = HistoryImport.objects.filter(pk=history.pk, status=HistoryStatus.PENDING)
    return bool(running.update(status=HistoryStatus.STOPPED, next_attempt_at=None, wake_at=None))


def resume(history: HistoryImport, *, wake: bool = True) -> bool:
    """Let a stopped or failed import go on at its place; False where it is neither."""
    return any(
        _begin(history, status, wake=wake, keeps_place=True) for status in (HistoryStatus.STOPPED, HistoryStatus.FAILED)
    )


def discard(history: HistoryImport) -> bool:
    """Remove the file's rows; what was applied stays. False where somebody works on it."""
    with transaction.atomic():
        waiting = HistoryImport.objects.filter(pk=history.pk).exclude(
            status__in=[HistoryStatus.PENDING, HistoryStatus.DISCARDED]
        )
        now = timezone.now()
        if not waiting.update(status=HistoryStatus.DISCARDED, finished_at=now, **_emptied(now)):
            return False
        _delete_rows(history.pk)
    return True


def prune(cutoff: datetime) -> int:
    """Remove the rows of imports that were uploaded before `cutoff` and on which nothing runs; how many imports."""
    old = HistoryImport.objects.filter(created_at__lt=cutoff, pruned_at=None).exclude(status=HistoryStatus.PENDING)
    count = 0
    for history in old.order_by("created_at")[:20]:
        with transaction.atomic():
            status = history.status if history.status == HistoryStatus.DONE else HistoryStatus.DISCARDED
            still = HistoryImport.objects.filter(pk=history.pk, status=history.status)
            if still.update(status=status, **_emptied(timezone.now())):
                _delete_rows(history.pk)
                count += 1
    return count


def _emptied(now: datetime) -> dict[str, Any]:
    """Return the columns of an import without its rows; a file without headings has somebody in their place."""
    return {"pruned_at": now, "headings": [], "columns": {}, "last_error": "", "next_attempt_at": None, "wake_at": None}


def _delete_rows(history_id: int) -> None:
    rows = HistoryRow.objects.filter(history_id=history_id)
    rows._raw_delete(rows.db)  # nothing hangs on them, and there may be very many


def _begin(history: HistoryImport, status: str, *, wake: bool, keeps_place: bool = False, **columns: Any) -> bool:
    """Let the work on an import that has this status begin; False where it has another one."""
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
