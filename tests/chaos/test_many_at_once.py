"""One event posted over many connections at one moment is stored once (R11)."""

from collections import Counter
from pathlib import Path

from tests.chaos.effects import assert_every_effect_once, wait_until_done
from tests.harness import Embedded, Production, embedded, post_at_once, production, purchase

TIMES = 50


def assert_stored_once(app: Embedded | Production) -> None:
    answers = post_at_once(app.url, [purchase("evt_once", "jane@example.com")] * TIMES)
    assert Counter(answer.status for answer in answers) == {200: TIMES}
    assert Counter(answer.body for answer in answers if not answer.json().get("duplicate")).total() == 1
    assert {answer.json()["status"] for answer in answers} == {"success"}

    wait_until_done(app.rows, seconds=30)
    assert_every_effect_once(app.rows, {"evt_once"})
    event = app.rows.event("evt_once")
    assert (event["duplicates"], event["conflicts"], event["attempts"]) == (TIMES - 1, 0, 1)


def test_embedded_stores_one_event_of_many_posted_at_once(tmp_path: Path) -> None:
    with embedded(tmp_path) as app:
        assert_stored_once(app)


def test_production_stores_one_event_of_many_posted_at_once(tmp_path: Path, database_url: str) -> None:
    with production(tmp_path, database_url, workers=2, beats=2) as app:
        assert_stored_once(app)
