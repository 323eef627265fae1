"""The course-completion document's payload and processing, against a running server."""

import sys
from collections.abc import Iterator

import pytest

from tests.harness.curl import send
from tests.harness.embedded import Embedded, embedded
from tests.harness.process import ROOT, run_to_end, wait_until
from tests.harness.webhooks import Answer, sign

pytestmark = pytest.mark.embedded

# "Expected payload structure", with an address that a browser could open.
EXPECTED = """curl -X POST https://leaps.mereka.org/api/kajabi/webhook -H "Content-Type: application/json" -d '{
  "event_type": "form.submitted",
  "event_id": "evt_123456789",
  "created_at": "2024-09-02T10:30:00Z",
  "data": {
    "form": {
      "id": "form_123",
      "name": "Course Completion Form",
      "site_id": "site_123"
    },
    "submission": {
      "id": "sub_123",
      "fields": {
        "email": "student@example.com",
        "course_name": "AI Foundations for Educators",
        "completion_date": "2024-09-02",
        "certificate_url": "https://certificates.example.com/1",
        "student_name": "John Doe"
      }
    }
  }
}'"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("leaps")) as installation:
        yield installation


def signed(app: Embedded, command: str) -> Answer:
    return send(command, to=app.url, proof=lambda body: {"X-Kajabi-Signature": sign(body)})


def ended(app: Embedded, event_id: str) -> str:
    """Wait until an event is finished; return its status."""
    wait_until(lambda: app.rows.event(event_id)["status"] != "pending", seconds=30, what=f"the end of {event_id}")
    return str(app.rows.event(event_id)["status"])


def points(app: Embedded, email: str) -> int:
    sum_of = "SELECT COALESCE(SUM(p.points), 0) FROM accounts_pointsentry p JOIN accounts_user u ON u.id = p.user_id"
    return int(app.rows.value(f"{sum_of} WHERE u.email = %s", email))


def test_unmatched_submission_waits_for_review_and_is_awarded_once_its_student_is_known(app: Embedded) -> None:
    """Steps 1 to 7 of the processing logic: signature, payload, match, duplicate, 20 points, log, state."""
    answer = signed(app, EXPECTED)
    assert answer.status == 200, answer.body
    assert ended(app, "evt_123456789") == "processed"
    waiting = "SELECT state FROM accounts_completion WHERE email = %s"
    assert app.rows.column(waiting, "student@example.com") == ["received"]  # for manual review

    purchase = """curl -X POST https://hub/api/kajabi/webhook -d '{
      "event_type": "purchase.created", "event_id": "evt_p", "created_at": "2024-09-03T10:30:00Z",
      "data": {"email": "Student@Example.com", "purchase": {"id": "pur_1", "offer_id": "off_456"}}}'"""
    assert signed(app, purchase).status == 200
    assert ended(app, "evt_p") == "processed"
    match = "from accounts.tasks import match_completions; match_completions()"  # as the scheduler does each minute
    run_to_end([sys.executable, ROOT / "manage.py", "shell", "--no-imports", "-c", match], env=app.env)
    assert points(app, "student@example.com") == 20
    assert app.rows.column(waiting, "student@example.com") == ["awarded"]


def test_same_submission_again_gives_no_second_points(app: Embedded) -> None:
    """Repeat it by `external_event_id`, and by the submission under another event id; e-mails in any case."""
    again = EXPECTED.replace("evt_123456789", "evt_other").replace("student@example.com", "STUDENT@example.com")
    for command in (EXPECTED, again):
        assert signed(app, command).status == 200
    assert ended(app, "evt_other") == "processed"
    assert points(app, "student@example.com") == 20


@pytest.mark.parametrize("proof", [{}, {"X-Kajabi-Signature": "0" * 64}], ids=["none", "wrong"])
def test_unsigned_submission_is_refused(app: Embedded, proof: dict[str, str]) -> None:
    answer = send(EXPECTED.replace("evt_123456789", "evt_forged"), to=app.url, proof=lambda _body: proof)
    assert answer.status in (401, 403)
    assert "evt_forged" not in app.rows.stored_ids()


@pytest.mark.parametrize("event_type", ["contact.created", "contact.updated", "purchase.refunded"])
def test_other_events_of_the_document_are_accepted(app: Embedded, event_type: str) -> None:
    command = f"""curl -X POST https://hub/api/kajabi/webhook -d '{{
      "event_type": "{event_type}", "event_id": "evt_{event_type}", "created_at": "2024-09-04T10:30:00Z",
      "data": {{"email": "student@example.com", "purchase": {{"id": "pur_1", "offer_id": "off_456"}}}}}}'"""
    assert signed(app, command).status == 200
    assert ended(app, f"evt_{event_type}") == "processed"
