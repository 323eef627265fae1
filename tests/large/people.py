"""Contacts, logins, companies, and what they have learnt."""

from accounts.courses.models import Activity, Completion, CourseProgress, PointsEntry
from accounts.people.models import (
    Company,
    Contact,
    ContactChange,
    ContactEmail,
    ContactMapping,
    ContactPhone,
    PossibleDuplicate,
    ProvisioningStep,
    User,
)
from tests.large.filling import PROVIDERS, Rows, ago, mostly, one_of, spread

FIRST_NAMES = ("Jane", "Robert", "María", "Ana", "Luis", "Olga", "Peter", "Wei", "Fatima", "Ivan", "Carmen", "Noah")
LAST_NAMES = ("Doe", "Smith", "García", "Rossi", "Novak", "Kim", "Okafor", "Silva", "Haddad", "Weber", "Cruz")
EVENT_TYPES = (
    *("offer.purchased", "payment.succeeded", "contact.updated", "form.submitted", "insured.updated"),
    *("policy.updated", "ContactUpdate", "ContactTagUpdate", "conversation_created", "message_created"),
)
LAST_NAMES = ("Doe", "Smith", "García", "Rossi", "Novak", "Kim", "Okafor", "Silva", "Haddad", "Weber", "Cruz")
EVENT_TYPES = (
    *("offer.purchased", "payment.succeeded", "contact.updated", "form.submitted", "insured.updated"),
    *("policy.updated", "ContactUpdate", "ContactTagUpdate", "conversation_created", "message_created"),
)


def add_people(rows: Rows, *, events: int, people: int) -> None:
    """Add contacts with all that identifies them, logins, companies."""
    people, logins = people, people // 2
    name = {"first_name": one_of(FIRST_NAMES), "last_name": f"{one_of(LAST_NAMES)} || ' ' || n / 132"}
    rows.add(
        User,
        logins,
        email="'person' || n || '@example.com'",
        password="'!'",
        language="'en'",
        auth_provider=one_of(("local", "kajabi")),
        date_joined=ago("age * 60"),
        **name,
    )
    rows.add(
        Contact,
        people,
        user_id="CASE WHEN n % 2 = 0 THEN n / 2 END",
        company_id=f"CASE WHEN n % 20 = 0 THEN {spread('n', people // 100)} END",
        email="'person' || n || '@example.com'",
        phone="'+1305' || lpad(n::text, 7, '0')",
        created_at=ago("age * 30"),
        updated_at=ago("age * 10"),
        **name,
    )
    rows.add(ContactEmail, people // 5, contact_id=spread("n", people), email="'alias' || n || '@work.example.com'")
    rows.add(ContactPhone, people // 5, contact_id="n * 5", number="'+1786' || lpad(n::text, 7, '0')")
    rows.add(
        ContactMapping,
        people * 2,
        contact_id="(n + 1) / 2",
        provider="CASE WHEN n % 2 = 0 THEN 'gohighlevel' ELSE " + one_of(PROVIDERS, "n / 2") + " END",
        kind="CASE WHEN n % 2 = 0 THEN 'other' ELSE 'contact' END",
        external_id="'remote-' || n",
        is_main="true",
        known_since=ago("age * 10"),
        gone_at=f"CASE WHEN n % 997 = 0 THEN {ago('age')} END",
    )
    rows.add(
        ContactChange,
        people * 2,
        contact_id=spread("n", people),
        kind=mostly("changed", won=10, lost=11, staff=100),
        name=one_of(("phone", "first_name", "last_name", "city")),
        provider=one_of(PROVIDERS),
        recorded_at=ago("age * 15"),
    )
    rows.add(
        PossibleDuplicate,
        people // 100,
        contact_id="n * 2",
        other_id="n * 2 + 1",
        reason="'the same phone number'",
        status=mostly("merged", open=20),
        found_at=ago("age * 3000"),
    )
    rows.add(
        Company,
        people // 100,
        company_id="'chatwoot_' || n",
        company_name="'Company ' || n",
        chatwoot_account_id="n::text",
        redis_prefix="'chatwoot_' || n || ':'",
        vectorstore_index="'chatwoot_' || n || '_documents'",
        status="'active'",
        created_at=ago("age * 3000"),
    )
    rows.add(
        ProvisioningStep,
        people // 25,
        company_id="(n + 3) / 4",
        step=one_of(("one", "two", "three", "four")),
        status=mostly("done", failed=500),
        next_attempt_at="NULL",
    )


def add_courses(rows: Rows, *, events: int, people: int) -> None:
    """Add completions, points and progress of each member."""
    members = people // 2
    rows.add(Activity, 5, code="'ACT' || n", name="'Activity ' || n", points="10", forms="'{}'")
    rows.add(
        Completion,
        members,
        activity_id=spread("n", 5),
        source="'form:' || n",
        channel=one_of(("form", "import")),
        email="'person' || n || '@example.com'",
        email_received="'person' || n || '@example.com'",
        name="'Jane ' || n",
        course="'Ethics ' || n % 50",
        course_key="'ethics ' || n % 50",
        completed_on="current_date - n % 90",
        certificate_state=one_of(("accepted", "not_checked", "valid")),
        state=mostly("awarded", received=200, matched=300),
        user_id="n",
        received_at=ago("age * 70"),
        event_id=spread("n", events),
    )
    rows.add(
        PointsEntry,
        members,
        user_id="n",
        points="10",
        activity_id=spread("n", 5),
        completion_id="n",
        created_at=ago("age * 70"),
    )
    rows.add(
        CourseProgress,
        members,
        email="'person' || n || '@example.com'",
        user_id="n",
        course="'Ethics ' || n % 50",
        course_key="'ethics ' || n % 50",
        percent="n % 100",
        highest="n % 100",
        occurred_at=ago("age * 70"),
        highest_at=ago("age * 70"),
    )
