"""Messages from providers and to them, and reports about them."""

from accounts.staff.models import AuditEntry
from integrations.history.models import HistoryImport, HistoryRow
from integrations.inbox.models import ContactRefresh, Effect, InboxAttempt, InboxEvent, Replay
from integrations.inbox.models.event_text import EventText
from integrations.issues.models import Issue
from integrations.operations.models import DailyClose, Notice, Silence
from integrations.outbox.models import OutgoingWrite
from integrations.reconcile.models import ProviderRecord, SubscriptionSync, SyncFinding, SyncRun
from tests.large.filling import DAYS, PROVIDERS, Rows, ago, mostly, one_of, spread

EVENT_TYPES = (
    *("offer.purchased", "payment.succeeded", "contact.updated", "form.submitted", "insured.updated"),
    *("policy.updated", "ContactUpdate", "ContactTagUpdate", "conversation_created", "message_created"),
)


def add_events(rows: Rows, *, events: int, people: int) -> None:
    """Add events with their attempts, effects and texts, the newest received now."""
    received = ago(f"age * {DAYS * 86_400 / events}")
    status = mostly("processed", unmatched=500, failed=1000, pending=5000, ignored=40)
    email = "'person' || " + spread("n", people) + " || '@example.com'"
    rows.add(
        Issue,
        400,
        provider=one_of(PROVIDERS),
        kind="'event'",
        type=one_of(EVENT_TYPES),
        cause="'cause ' || n",
        status=mostly("resolved", open=10, acknowledged=25, ignored=26),
        failures="n",
        first_seen_at=ago("age * 20000"),
        last_seen_at=ago("age * 10000"),
        changed_at=ago("age * 10000"),
    )
    rows.add(
        InboxEvent,
        events,
        next_attempt_at=f"CASE WHEN n % 5000 = 2 THEN {ago('60')} END",
        wake_at=f"CASE WHEN n % 5000 = 2 THEN {ago('60')} END",
        finished_at=f"CASE WHEN n % 5000 <> 2 THEN {received} + interval '2 seconds' END",
        attempts="1",
        provider=one_of(PROVIDERS, "(n / 10)"),
        endpoint="'relay'",
        event_type=one_of(EVENT_TYPES),
        external_id="'evt_' || n",
        key="'relay:evt_' || n",
        body="''",
        body_digest="'0'",
        payload="jsonb_build_object('id', 'evt_' || n, 'member', jsonb_build_object('email', " + email + "))",
        person_email=email,
        received_at=received,
        status=status,
        reason="CASE WHEN n % 500 = 0 THEN 'nobody has this address' ELSE '' END",
        awaits="CASE WHEN n % 1000 = 0 THEN 'remote-' || n ELSE '' END",
        issue_id="CASE WHEN n % 1000 = 1 THEN " + spread("n / 1000", 400) + " END",
    )
    rows.add(EventText, events, event_id="n", text=f"E'\\n.id=evt_' || n || E'\\n.member.email=' || {email} || E'\\n'")
    rows.add(
        InboxAttempt,
        events,
        event_id="n",
        number="1",
        started_at=received,
        duration_ms="40",
        outcome=mostly("done", unmatched=500, failed=1000, started=5000),
    )
    rows.add(
        Effect,
        events,
        event_id="n",
        description="'changed the phone'",
        content_type_id="(SELECT id FROM django_content_type WHERE app_label = 'accounts' AND model = 'contact')",
        object_id=spread("n", people),
    )
    rows.add(
        ContactRefresh,
        people,
        provider=one_of(PROVIDERS),
        external_id="'remote-' || n",
        status=mostly("done", failed=1000),
        next_attempt_at="NULL",
        requested_at=ago("age * 35"),
        last_requested_at=ago("age * 35"),
    )
    rows.add(
        Replay,
        200,
        status="'done'",
        provider=one_of(PROVIDERS),
        event_status="'failed'",
        pace="100",
        total="0",
        last_id="0",
        key="gen_random_uuid()",
        created_at=ago("age * 30000"),
        next_attempt_at="NULL",
    )


def add_sync(rows: Rows, *, events: int, people: int) -> None:
    """Add writes, runs, differences and imports."""
    rows.add(
        OutgoingWrite,
        people * 2,
        kind="'contact'",
        provider=one_of(PROVIDERS),
        contact_id=spread("n", people),
        status=mostly("done", not_needed=4, skipped=100, failed=1000),
        operation="'update'",
        external_id="'remote-' || n",
        cause="'kajabi contact.updated'",
        next_attempt_at="NULL",
        finished_at=ago("age * 15"),
        created_at=ago("age * 15"),
        issue_id="CASE WHEN n % 1000 = 3 THEN " + spread("n / 1000", 400) + " END",
    )
    rows.add(
        SyncRun,
        people // 50,
        provider=one_of(PROVIDERS),
        kind="CASE WHEN n / 4 % 6 = 0 THEN 'audit' ELSE 'incremental' END",
        status=mostly("done", failed=100),
        next_attempt_at="NULL",
        started_at=ago("age * 1900"),
        window_to=ago("age * 1900"),
    )
    rows.add(
        SyncFinding,
        people // 20,
        run_id=spread("n", people // 50),
        key="'finding-' || n",
        kind=one_of(("missing_here", "ended_there", "status")),
        status=mostly("applied", open=100),
        person="'person' || n || '@example.com'",
        user_id="n",
    )
    rows.add(
        SubscriptionSync,
        people,
        provider="'kajabi'",
        user_id=spread("n", people // 2),
        status=mostly("done", failed=1000),
        outcome="'synced'",
        next_attempt_at="NULL",
        requested_at=ago("age * 35"),
    )
    rows.add(
        ProviderRecord,
        people,
        provider=one_of(PROVIDERS),
        key="'record-' || n",
        person_id="'remote-' || n",
        email="'person' || n || '@example.com'",
        read_at=ago("age"),
    )
    rows.add(
        HistoryImport,
        40,
        provider="'kajabi'",
        kind="'purchases'",
        status="'done'",
        stage="'applying'",
        next_attempt_at="NULL",
        created_at=ago("age * 90000"),
    )
    rows.add(
        HistoryRow,
        people,
        history_id=spread("n", 40),
        line="n",
        outcome=mostly("changed", error=1000, question=500),
    )


def add_reports(rows: Rows, *, events: int, people: int) -> None:
    """Add the audit log, daily closes and notices."""
    rows.add(
        AuditEntry,
        people,
        action="'accounts.contact.change'",
        outcome="'done'",
        actor_id=spread("n", people // 2),
        target_type="'contact'",
        target_id="n::text",
        about_contact=spread("n", people),
        recorded_at=ago("age * 35"),
    )
    rows.add(
        DailyClose,
        DAYS * 4,
        provider=one_of(PROVIDERS),
        day="current_date - 1 - (n - 1) / 4",
        state=mostly("balanced", differs=50),
        compared="'no_list'",
        events=f"{events // DAYS // 4}",
        counted_at=ago("age * 20000"),
    )
    rows.add(Silence, 300, provider=one_of(PROVIDERS), since=ago("age * 25000"), ended_at=ago("(age * 25000 - 9000)"))
    rows.add(
        Notice,
        2000,
        key="'notice-' || n",
        text="'something'",
        status="'sent'",
        next_attempt_at="NULL",
        created_at=ago("age * 4000"),
    )
