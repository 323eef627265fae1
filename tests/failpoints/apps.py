"""Installation of the environment's fail points into the product's functions."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings

from tests.failpoints.points import Point, parse, reach


class FailpointsConfig(AppConfig):
    name = "tests.failpoints"
    label = "failpoints"

    def ready(self) -> None:
        points = list(parse(os.environ.get("FAILPOINT", "")))
        shorten_lease(os.environ.get("FAILPOINT_LEASE", ""))
        hurry_scheduler(os.environ.get("FAILPOINT_BEAT", ""))
        for place, install in {"wake": in_wake_ups, "mail": in_mails}.items():
            for point in points:
                if point.place == place:
                    install(point)
        in_handlers([point for point in points if point.place.startswith("handler")])


def var_dir() -> Path:
    return Path(settings.VAR_DIR)


def shorten_lease(seconds: str) -> None:
    from core.queue import delivery

    if seconds:
        delivery.LEASE = timedelta(seconds=float(seconds))


def hurry_scheduler(seconds: str) -> None:
    from config.celery import app

    if seconds:
        for entry in app.conf.beat_schedule.values():
            entry["schedule"] = float(seconds)


def in_wake_ups(point: Point) -> None:
    """End the process, or drop the wake-up, at every wake-up after its commit."""
    from core.queue.wakeup import Publisher

    def put(self: Publisher, task: str, key: int) -> None:
        reach(point, f"{task}:{key}", var_dir=var_dir())

    Publisher.put = put  # type: ignore[method-assign]


def in_mails(point: Point) -> None:
    """Reach the point between writing a mail's file and marking its row."""
    from accounts.mail.file_mailbox import mail_written

    def sent(sender: Any, message: Any, **kwargs: Any) -> None:
        reach(point, message.to[0], var_dir=var_dir())

    mail_written.connect(sent, weak=False, dispatch_uid="failpoint")


def in_handlers(points: list[Point]) -> None:
    """Reach the points before and after the product's handler, in its transaction."""
    from integrations.contracts.events import Event
    from integrations.handlers import Change, Context
    from integrations.inbox import process

    product_handle = process.handle

    def handle(fact: Event, context: Context) -> list[Change]:
        event_id = context.cause.text.rpartition(" ")[2]
        meant = [point for point in points if point.part in event_id]
        for point in meant:
            if point.place == "handler":
                reach(point, event_id, var_dir=var_dir())
        changes = product_handle(fact, context)
        for point in meant:
            if point.place == "handler-after":
                reach(point, event_id, var_dir=var_dir())
        return changes

    if points:
        process.handle = handle
