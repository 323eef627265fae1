"""Count the queries of an accepted, a repeated and a processed event and of a sent mail; print them as JSON.

Run in an installation's environment, on a database that may be changed: python -m tests.bench.queries
"""

import json
import os
from collections.abc import Callable
from typing import Any

import django

TRANSACTION_WORDS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


def count(act: Callable[[], Any]) -> dict[str, int]:
    """Return the number of queries of `act`, without and with the statements that only frame a transaction."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        act()
    statements = [query for query in captured.captured_queries if not query["sql"].startswith(TRANSACTION_WORDS)]
    return {"statements": len(statements), "all": len(captured)}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from django.conf import settings
    from django.test import Client

    from accounts.mail.models import EmailMessage
    from core.queue import runner
    from integrations.inbox.models import InboxEvent
    from tests.harness.webhooks import RELAY_PATH, purchase, sign

    def post(event_id: str) -> None:
        body = json.dumps(purchase(event_id, f"{event_id.replace('_', '-')}@example.com")).encode()
        signature = sign(body, settings.KAJABI_WEBHOOK_SECRET[0])
        answer = Client(SERVER_NAME="127.0.0.1").post(
            RELAY_PATH, body, content_type="application/json", headers={"X-Kajabi-Signature": signature}
        )
        if answer.status_code != 200:
            raise SystemExit(f"{answer.status_code}: {answer.content!r}")

    def key(event_id: str) -> int:
        return InboxEvent.objects.values_list("pk", flat=True).get(external_id=event_id)

    # The first of each fills caches that every later one finds full.
    post("evt_queries_first")
    runner.run(InboxEvent, key("evt_queries_first"))
    accepted = count(lambda: post("evt_queries"))
    duplicate = count(lambda: post("evt_queries"))
    event_key = key("evt_queries")
    processed = count(lambda: runner.run(InboxEvent, event_key))
    mail_key = EmailMessage.objects.values_list("pk", flat=True).get(to="evt-queries@example.com")
    sent = count(lambda: runner.run(EmailMessage, mail_key))
    print(
        json.dumps(
            {"accepted event": accepted, "duplicate": duplicate, "processed event": processed, "sent mail": sent}
        )
    )


if __name__ == "__main__":
    main()
