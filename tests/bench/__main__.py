"""Measure accepted and processed webhooks a second beside a bare Django view, and the console's pages on large tables:

    python -m tests.bench

Everything runs on this machine: PostgreSQL (DATABASE_URL, else one of its own), a private Redis, gunicorn with two
workers. Enlace and the bare view take turns (A B A B …), so that what the machine does besides hurts both. Prints a
table, writes bench.json into VAR_DIR (else var/), asserts nothing.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.bench.load import Measurement, post_many
from tests.harness import Process, Production, free_port, production, wait_until
from tests.harness.embedded import answers_health
from tests.harness.process import ROOT, run_to_end

CONNECTIONS = 16
NO_LIMIT = {"RATE_LIMIT_VERIFIED": "1000000000"}


def start_bare(app: Production) -> tuple[Process, int]:
    """Start the bare view on the same database with the same gunicorn flags; return the process and its port."""
    port = free_port()
    bare = app.start_process(
        "web",
        "bare",
        {"DJANGO_SETTINGS_MODULE": "tests.bench.bare_settings", "PORT": str(port), "WEB_CONCURRENCY": "2"},
    )
    wait_until(lambda: answers_health(port), seconds=30, what=f"the bare view answers; its log: {bare.log_path}")
    return bare, port


def accepted(app: Production, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure both sides in turns; return the median rate and percentiles of each."""
    bare, bare_port = start_bare(app)
    ports = {"enlace": app.port, "bare": bare_port}
    measured: dict[str, list[Measurement]] = {"enlace": [], "bare": []}
    for number in range(-1, rounds):  # the first turn of each warms up and does not count
        for side, port in ports.items():
            took = post_many(
                port, f"{side}_{number + 1}", seconds=seconds if number >= 0 else 1, connections=CONNECTIONS
            )
            app.rows.execute("TRUNCATE integrations_inboxevent CASCADE")
            app.redis.flush()
            if number >= 0:
                measured[side].append(took)
                print(f"  {side:8} {took.per_second:8.0f}/s   {dict(took.statuses)}", flush=True)
    bare.kill()
    result: dict[str, Any] = {side: summary(rounds_of_side) for side, rounds_of_side in measured.items()}
    result["ratio"] = round(result["enlace"]["per_second"] / result["bare"]["per_second"], 3)
    return result


def summary(rounds: list[Measurement]) -> dict[str, Any]:
    """Return the medians over the rounds, and all statuses."""
    return {
        "per_second": round(statistics.median(one.per_second for one in rounds), 1),
        "rounds_per_second": [round(one.per_second, 1) for one in rounds],
        "p50_ms": round(statistics.median(one.percentile(0.5) for one in rounds), 2),
        "p99_ms": round(statistics.median(one.percentile(0.99) for one in rounds), 2),
        "statuses": dict(sum((one.statuses for one in rounds), Counter[int]())),
    }


def processed(app: Production, *, count: int) -> dict[str, Any]:
    """Accept `count` purchases with no worker running, then let one worker with two children drain them."""
    app.rows.execute("TRUNCATE integrations_inboxevent CASCADE")
    app.redis.flush()
    post_many(app.port, "drain", seconds=300, count=count, connections=CONNECTIONS)
    waiting = int(app.rows.value("SELECT COUNT(*) FROM integrations_inboxevent WHERE status = 'pending'"))
    app.start_beat()
    app.start_worker(concurrency=2)
    done = "SELECT COUNT(*) FROM integrations_inboxevent WHERE status = 'processed'"
    wait_until(lambda: app.rows.value(done) == waiting, seconds=60 + waiting / 10, what="all are processed", every=0.5)
    span = app.rows.all(
        "SELECT EXTRACT(EPOCH FROM (SELECT MAX(finished_at) FROM integrations_inboxevent)"
        " - (SELECT MIN(started_at) FROM integrations_inboxattempt)) AS seconds"
    )
    seconds = float(span[0]["seconds"])
    mails_began = time.monotonic()
    wait_until(lambda: not app.rows.unsent_mails(), seconds=60 + waiting / 10, what="all mails are sent", every=0.5)
    return {
        "events": waiting,
        "seconds": round(seconds, 2),
        "per_second": round(waiting / seconds, 1),
        "mails_later_seconds": round(time.monotonic() - mails_began, 1),
    }


def queries(app: Production) -> dict[str, Any]:
    """Count the queries of one accepted and one processed event in a separate process."""
    return dict(json.loads(run_to_end([sys.executable, "-m", "tests.bench.queries"], env=app.env).splitlines()[-1]))


def console_pages(app: Production, *, events: int, people: int) -> dict[str, Any]:
    """Time the console's pages on large tables in a separate process; the database is filled anew for it."""
    command = [sys.executable, "-m", "tests.bench.pages", f"--events={events}", f"--people={people}"]
    return dict(json.loads(run_to_end(command, env=app.env, seconds=1800).splitlines()[-1]))


def table(results: dict[str, Any]) -> str:
    """Return the results as a text table."""
    lines = [f"{'accepted':24}{'a second':>10}{'p50 ms':>10}{'p99 ms':>10}"]
    for side in ("enlace", "bare"):
        row = results["accepted"][side]
        lines.append(f"  {side:22}{row['per_second']:>10}{row['p50_ms']:>10}{row['p99_ms']:>10}")
    lines.append(f"  {'ratio of medians':22}{results['accepted']['ratio']:>10}")
    lines.append("")
    lines.append(f"{'queries':24}{'statements':>12}{'with BEGIN, COMMIT, SAVEPOINT':>32}")
    for name in ("accepted event", "duplicate", "processed event", "sent mail"):
        row = results["queries"][name]
        lines.append(f"  {name:22}{row['statements']:>12}{row['all']:>32}")
    drained = results["processed"]
    lines += ["", f"processed: {drained['events']} events in {drained['seconds']} s, {drained['per_second']} a second"]
    console = results["pages"]
    lines += ["", f"pages of the console with {console['events']} events, milliseconds (median of 3):"]
    lines += [f"{ms:>9.1f}  {address}" for address, ms in console["ms"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures how fast webhooks are accepted and processed.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (3)")
    parser.add_argument("--seconds", type=float, default=5, help="length of a turn (5)")
    parser.add_argument("--drain", type=int, default=1000, help="events that the worker drains (1000)")
    parser.add_argument("--events", type=int, default=1_000_000, help="events behind the console's pages (1000000)")
    parser.add_argument("--people", type=int, default=200_000, help="people behind them (200000)")
    options = parser.parse_args()
    if not os.environ.get("DATABASE_URL"):
        command = [sys.executable, "-m", "tests.services", "--postgres", "--", sys.executable, "-m", "tests.bench"]
        os.execv(sys.executable, [*command, *sys.argv[1:]])

    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        production(Path(directory), os.environ["DATABASE_URL"], workers=0, beats=0, **NO_LIMIT) as app,
    ):
        results: dict[str, Any] = {"cores": os.cpu_count(), "connections": CONNECTIONS, "web_workers": 2}
        results["queries"] = queries(app)
        print(f"accepted, {options.rounds} turns of {options.seconds:g} s each:", flush=True)
        results["accepted"] = accepted(app, rounds=options.rounds, seconds=options.seconds)
        results["processed"] = processed(app, count=options.drain)
        results["pages"] = console_pages(app, events=options.events, people=options.people)
    print(f"\n{table(results)}")
    target = Path(os.environ.get("VAR_DIR") or ROOT / "var") / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nwritten to {target}")


if __name__ == "__main__":
    main()
