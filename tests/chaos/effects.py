"""End state of every fault test: each stored purchase had each of its effects once."""

from collections.abc import Iterable

from tests.harness import Rows, wait_until
from tests.harness.environment import STAFF_EMAIL


def wait_until_done(rows: Rows, *, seconds: float) -> None:
    """Wait until no event is pending and no mail unsent; raise AssertionError with the counts after `seconds`."""

    def is_done() -> bool:
        return not rows.statuses().get("pending") and not rows.unsent_mails()

    try:
        wait_until(is_done, seconds=seconds, what="no pending event, no unsent mail", every=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}: {rows.statuses()}, {rows.unsent_mails()} mails unsent") from error


def assert_every_effect_once(rows: Rows, acknowledged: Iterable[str]) -> None:
    """Assert that every acknowledged id is stored, and every stored purchase (one buyer each) took effect once."""
    stored = rows.column("SELECT external_id FROM integrations_inboxevent")
    assert len(stored) == len(set(stored)), "an id is stored twice"
    assert set(acknowledged) - set(stored) == set(), "acknowledged, yet not stored"
    assert rows.statuses() == {"processed": len(stored)}

    members = "SELECT COUNT(*) FROM accounts_user WHERE email <> %s"
    assert rows.value(members, STAFF_EMAIL) == len(stored), "one user a buyer"
    active = "SELECT COUNT(*) FROM accounts_subscription WHERE status = 'active'"
    assert rows.value("SELECT COUNT(*) FROM accounts_subscription") == rows.value(active) == len(stored)
    assert rows.value("SELECT COUNT(DISTINCT user_id) FROM accounts_subscription") == len(stored)
    assert rows.value("SELECT COUNT(*) FROM accounts_subscriptiontransition") == len(stored)

    per_address = 'SELECT "to", COUNT(*) AS many FROM accounts_emailmessage WHERE "to" <> %s GROUP BY "to"'
    mails = rows.all(per_address, STAFF_EMAIL)
    assert [mail for mail in mails if mail["many"] != 1] == [], "one welcome mail a buyer"
    assert len(mails) == len(stored)
    unsent = "SELECT COUNT(*) FROM accounts_emailmessage WHERE status <> 'sent'"
    assert rows.value(f'{unsent} AND "to" <> %s', STAFF_EMAIL) == 0
    # Of many sales staff get the first ones as they come, and the others in a digest.
    assert rows.value("SELECT COUNT(*) FROM accounts_emailmessage WHERE kind = 'staff_new_member'") == len(stored)
    digested = rows.value(f"{unsent} AND kind = 'staff_new_member' AND last_error NOT LIKE %s", "in a digest: %")
    assert digested == 0, "neither sent nor in a digest"
    successes = (
        "SELECT event_id, COUNT(*) AS many FROM integrations_inboxattempt WHERE outcome = 'done'"
        " GROUP BY event_id HAVING COUNT(*) <> 1"
    )
    assert rows.all(successes) == [], "more than one attempt of an event succeeded"
