"""Time the console's pages with a million events and 200,000 people; print milliseconds by address as JSON.

Run in an installation's environment, on a PostgreSQL database that may be emptied: python -m tests.bench.pages
"""

import argparse
import json
import os
import statistics
import time
from typing import Any

import django

TIMES = 3


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the pages of the console on large tables.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=200_000)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from django.db import connection, transaction
    from django.test import Client
    from django.test.utils import setup_test_environment

    from accounts.people.models import User
    from integrations.operations import figures
    from tests.large import pages, tables

    setup_test_environment()  # lets an answer know its list
    began = time.monotonic()
    with transaction.atomic():
        tables.fill(events=options.events, people=options.people)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
    filled = time.monotonic() - began
    figures.count()
    console = Client(SERVER_NAME="127.0.0.1")
    console.force_login(User.objects.create_superuser("reader@example.com"))
    took: dict[str, float] = {}

    def visit(address: str) -> Any:
        times = []
        for _time in range(TIMES):
            start = time.perf_counter()
            answer = console.get(address)
            times.append(time.perf_counter() - start)
        took[address] = round(statistics.median(times) * 1000, 1)
        return answer

    pages.opened(visit, in_full=False)
    print(json.dumps({"events": options.events, "filled_seconds": round(filled, 1), "ms": took}))


if __name__ == "__main__":
    main()
