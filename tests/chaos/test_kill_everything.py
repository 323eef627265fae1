"""kill -9 of the whole application under load: acknowledged events are stored and took effect once (R1, R2)."""

from pathlib import Path

from tests.chaos.effects import assert_every_effect_once, wait_until_done
from tests.harness import Flood, embedded, production
from tests.harness.failpoints import with_failpoints


def test_embedded_loses_nothing_when_killed_under_load(tmp_path: Path, long_form: bool) -> None:
    kills, load = (6, 200) if long_form else (2, 60)
    acknowledged: set[str] = set()
    with embedded(tmp_path) as app:
        for number in range(kills):
            with Flood(app.url, name=f"run{number}") as flood:
                flood.wait_for(load)
                app.kill()
            acknowledged |= flood.acknowledged
            assert flood.refusals == []
            app.start()
        assert len(acknowledged) >= kills * load
        wait_until_done(app.rows, seconds=60)
        assert_every_effect_once(app.rows, acknowledged)
        assert app.rows.value("PRAGMA integrity_check") == "ok"


def test_production_loses_nothing_when_killed_under_load(tmp_path: Path, database_url: str, long_form: bool) -> None:
    kills, load = (6, 200) if long_form else (2, 60)
    # What a killed worker held comes back with its lease: the product's own in the long form, a short one otherwise.
    worker_env = {} if long_form else with_failpoints("")
    acknowledged: set[str] = set()
    with production(tmp_path, database_url, worker_env=worker_env) as app:
        for number in range(kills):
            with Flood(app.url, name=f"run{number}") as flood:
                flood.wait_for(load)
                app.kill()
            acknowledged |= flood.acknowledged
            assert flood.refusals == []
            app.start_worker(env=worker_env)
            app.start_beat()
            app.start_web()
        assert len(acknowledged) >= kills * load
        wait_until_done(app.rows, seconds=60)
        assert_every_effect_once(app.rows, acknowledged)
