"""Histories shuffled, doubled, posted at once and processed by several workers end like sorted ones (R13)."""

import random
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.chaos.effects import wait_until_done
from tests.harness import Sender, production, relay
from tests.harness.environment import STAFF_EMAIL
from tests.harness.histories import History, granted, histories, shuffled_and_doubled, state_of_sorted

CLIENTS = 4


@pytest.mark.parametrize("children", [1, 2, 4])
def test_shuffled_and_doubled_histories_end_like_sorted_ones(
    tmp_path: Path, database_url: str, long_form: bool, children: int
) -> None:
    if not long_form and children != 4:
        pytest.skip("in the long form only (CHAOS=long)")
    chance = random.Random(children)
    sent = histories(relay, chance, count=200 if long_form else 60)
    bodies = shuffled_and_doubled(sent, chance)
    with production(tmp_path, database_url, workers=0) as app:
        app.start_worker(concurrency=children)
        refused = post_from_several_clients(app.url, bodies)
        assert refused == []
        wait_until_done(app.rows, seconds=120)

        assert app.rows.statuses() == {"processed": sum(map(len, sent))}
        now = datetime.now(UTC)
        expected = {}
        for number, history in enumerate(sent):
            state = state_of_sorted(history, now)
            expected[f"member{number}@example.com"] = (
                state.status,
                state.started_at,
                state.period_end,
                state.canceled_at,
            )
        ended = app.rows.all(
            "SELECT u.email, s.status, s.started_at, s.current_period_end, s.canceled_at"
            " FROM accounts_subscription s JOIN accounts_user u ON u.id = s.user_id"
        )
        assert {row.pop("email"): tuple(row.values()) for row in ended} == expected
        welcomed = app.rows.column(
            'SELECT "to" FROM accounts_emailmessage WHERE "to" <> %s AND key LIKE %s', STAFF_EMAIL, "granted:%"
        )
        assert len(welcomed) == len(set(welcomed)), "one welcome each"
        with_access = app.rows.column(
            "SELECT u.email FROM accounts_subscription s JOIN accounts_user u ON u.id = s.user_id"
            " WHERE s.access_from <= now() AND (s.access_until IS NULL OR s.access_until > now())"
        )
        assert set(with_access) & set(granted(sent)) <= set(welcomed) <= set(granted(sent))


def post_from_several_clients(url: str, bodies: History) -> list[int]:
    """Post all bodies from CLIENTS threads; return the statuses of those that were not accepted."""
    refused: list[int] = []

    def post(share: History) -> None:
        sender = Sender(url)
        for body in share:
            answer = sender.post(body)
            if not answer.is_accepted:
                refused.append(answer.status)
        sender.close()

    threads = [threading.Thread(target=post, args=(bodies[start::CLIENTS],)) for start in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused
