"""SIGTERM during work: the process ends in time, with no row stuck (R16)."""

from pathlib import Path

from tests.chaos.effects import assert_every_effect_once, wait_until_done
from tests.harness import Embedded, Production, embedded, post_at_once, production, purchase, wait_until
from tests.harness.failpoints import LEASE_SECONDS, reached, with_failpoints
from tests.harness.flood import email_of

IN_FLIGHT = 8
EVENT_IDS = [f"evt_flight_{number}" for number in range(IN_FLIGHT)]
STOPS_WITHIN = 25


def post_all(app: Embedded | Production) -> None:
    answers = post_at_once(app.url, [purchase(event_id, email_of(event_id)) for event_id in EVENT_IDS])
    assert {answer.status for answer in answers} == {200}


def held(app: Embedded | Production) -> set[str]:
    """Return the events whose handler was entered."""
    return {event_id for event_id in EVENT_IDS if reached(app.var_dir, event_id)}


def test_embedded_stops_cleanly_with_events_in_flight(tmp_path: Path) -> None:
    with embedded(tmp_path, **with_failpoints("handler:sleep:1:evt_flight")) as app:
        post_all(app)
        wait_until(lambda: held(app), seconds=20, what="events are being handled")
        assert app.terminate(within=STOPS_WITHIN) == 0, app.log[-3000:]
        assert not app.running.left_orphans()
        # What had been begun was finished; the rest was not touched.
        assert app.rows.value("SELECT COUNT(*) FROM integrations_inboxattempt WHERE outcome = 'started'") == 0

        app.start(FAILPOINT="")
        wait_until_done(app.rows, seconds=60)
        assert_every_effect_once(app.rows, EVENT_IDS)


def test_production_stops_cleanly_with_events_in_flight(tmp_path: Path, database_url: str) -> None:
    with production(tmp_path, database_url, workers=0) as app:
        worker = app.start_worker(concurrency=IN_FLIGHT, env=with_failpoints("handler:sleep:2:evt_flight"))
        post_all(app)
        wait_until(lambda: held(app), seconds=30, what="events are being handled")
        web, beat = app.web, app.beats[0]
        assert web is not None
        for process in (worker, web, beat):
            process.popen.terminate()
        for process in (worker, web, beat):
            assert process.wait(within=STOPS_WITHIN) == 0, process.log[-3000:]
            assert not process.left_orphans()

        app.start_worker(env=with_failpoints(""))
        app.start_beat()
        wait_until_done(app.rows, seconds=LEASE_SECONDS + 60)
        assert_every_effect_once(app.rows, EVENT_IDS)
