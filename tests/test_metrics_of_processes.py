"""Counts add up over real processes, at whichever one is scraped, and outlive each of them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.harness import Process, Sender, free_port, purchase, wait_until
from tests.harness.embedded import answers_health
from tests.harness.environment import environment
from tests.harness.migrated import copy_file
from tests.harness.process import run_to_end
from tests.harness.redis import RedisServer, private_redis, redis_binary

pytestmark = pytest.mark.embedded  # the SQLite and the Redis are its own

TOKEN = "a-monitor-that-only-tests-know"
COUNT = "import django; django.setup(); from integrations.toolkit import counting; "


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if redis_binary() is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    with private_redis(tmp_path) as server:
        yield server


@pytest.fixture
def variables(tmp_path: Path, redis_server: RedisServer) -> dict[str, str]:
    """Return the environment of one installation with that Redis."""
    named = {"REDIS_URL": redis_server.url, "METRICS_TOKEN": f"an-old-one,{TOKEN}", "WEB_CONCURRENCY": "2"}
    return environment(tmp_path, 1, DJANGO_SETTINGS_MODULE="config.settings", **named)


@pytest.fixture
def gunicorn(variables: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], tuple[Process, int]]]:
    """Start a gunicorn with two workers, as on another machine; yield it and its port."""
    copy_file(Path(variables["VAR_DIR"]) / "db.sqlite3")
    with ExitStack() as stack:

        def start() -> tuple[Process, int]:
            port = free_port()
            command = [Path(sys.executable).with_name("gunicorn"), "-c", "config/gunicorn.py", "config.wsgi"]
            server = Process("gunicorn", command, env=variables | {"PORT": str(port)}, log=tmp_path / f"{port}.log")
            stack.callback(server.kill)
            wait_until(lambda: answers_health(port), seconds=30, what=f"gunicorn answers; log: {server.log_path}")
            return server, port

        yield start


def counted(port: int, name: str = "webhook_requests_total") -> dict[tuple[str, ...], float]:
    """Return this server's samples of one name by the values of their labels."""
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    assert answer.status_code == 200, answer.text
    return {
        tuple(value for _, value in sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
        if one.name == name
    }


def post(port: int, name: str, *, many: int) -> None:
    """Post over one connection each, so that both of the server's workers get some."""
    for number in range(many):
        sender = Sender(f"http://127.0.0.1:{port}")
        assert sender.post(purchase(f"evt_{name}_{number}", "jane@example.com")).status == 200
        sender.close()


def test_servers_report_the_sum_of_all_and_it_outlives_them(gunicorn: Callable[[], tuple[Process, int]]) -> None:
    (first, first_port), (_second, second_port) = gunicorn(), gunicorn()
    post(first_port, "first", many=12)
    post(second_port, "second", many=7)
    for port in (first_port, second_port):
        wait_until(lambda port=port: counted(port) == {("kajabi", "200"): 19}, seconds=60, what="19 are counted")  # type: ignore[misc]

    post(first_port, "last", many=5)
    assert first.terminate() == 0
    assert counted(second_port) == {("kajabi", "200"): 24}, "a process that ends adds its counts"
    assert counted(second_port, "webhook_duration_seconds_count") == {("kajabi",): 24}

    _third, third_port = gunicorn()
    post(third_port, "third", many=1)
    wait_until(lambda: counted(third_port) == {("kajabi", "200"): 25}, seconds=60, what="the sums go on")


def run(program: str, variables: dict[str, str]) -> str:
    return run_to_end([sys.executable, "-c", COUNT + program], env=variables).strip()


TOTAL = "print(counting.totals().get(('webhook_requests_total', 'kajabi', '200'), 0))"


def test_forked_child_counts_for_itself(variables: dict[str, str]) -> None:
    """Expect each process to add its own counts, all of them, and no other's."""
    program = """
import os
counting.EVERY = 3600.0
counting.REQUESTS.add("kajabi", "200")
child = os.fork()
if child == 0:
    for _ in range(10):
        counting.REQUESTS.add("kajabi", "200")
    counting.flush_at_exit()
    os._exit(0)
os.waitpid(child, 0)
"""
    run(program, variables)
    assert run(TOTAL, variables) == "11.0"


def test_counts_during_an_outage_of_redis_are_added_later(variables: dict[str, str], redis_server: RedisServer) -> None:
    redis_server.kill()
    command = "import time; counting.EVERY = 0.1; counting.REQUESTS.add('kajabi', '200'); time.sleep(20)"
    log = Path(variables["VAR_DIR"]) / "counting.log"
    process = Process("counting", [sys.executable, "-c", COUNT + command], env=variables, log=log)
    try:
        wait_until(lambda: "could not be sent" in process.log, seconds=30, what=f"it noticed; log: {log}")
        redis_server.start()
        wait_until(lambda: redis_server.client.hgetall("enlace:metrics"), seconds=60, what="the counts are in Redis")
        assert redis_server.client.hgetall("enlace:metrics") == {b'["webhook_requests_total", "kajabi", "200"]': b"1"}
        assert process.log.count("could not be sent") == 1, "logged once, not each time"
    finally:
        process.kill()


def test_web_reports_the_counts_of_worker_children(
    gunicorn: Callable[[], tuple[Process, int]], variables: dict[str, str], tmp_path: Path
) -> None:
    _web, port = gunicorn()
    post(port, "worked", many=6)
    celery = [Path(sys.executable).with_name("celery"), "-A", "config", "worker", "--pool", "prefork"]
    options = ["--concurrency", "2", "--max-tasks-per-child", "1", "--loglevel", "INFO"]
    worker = Process("worker", [*celery, *options], env=variables, log=tmp_path / "worker.log")
    try:
        wait_until(
            lambda: counted(port, "events_processed_total") == {("done", "kajabi"): 6},
            seconds=60,
            what=f"six are counted, by children that end after a task each; log: {worker.log_path}",
        )
    finally:
        worker.kill()
