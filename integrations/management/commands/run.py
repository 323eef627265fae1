"""`manage.py run`: web server, worker and scheduler in one process, until Ctrl-C."""

import fcntl
import logging
import os
import re
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from celery.beat import Service
from celery.worker import WorkController
from celery.worker import state as worker_state
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts.demo import marks
from accounts.mail.file_mailbox import mail_written
from accounts.people.models import User
from config import __version__, keep_what_is_loaded
from config.celery import app
from config.waitress_server import make_server
from config.wsgi import application
from core.queue import runner
from core.queue.delivery import DeliveryQuerySet

logger = logging.getLogger(__name__)

WEB_THREADS = 8
WORKER_THREADS = 2
RESTART_AFTER = 1.0  # seconds
_LINK = re.compile(r"https?://\S{1,300}?token=\S+")


class Command(BaseCommand):
    help = "Runs web server, worker and scheduler in one process, on SQLite or DATABASE_URL; Ctrl-C stops it cleanly."
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        self._say(f"Enlace {__version__}")
        lock = _lock_var()
        call_command("migrate", interactive=False, verbosity=0)
        self._create_first_staff_user()
        if connection.vendor == "sqlite":  # it lies in VAR_DIR, so the lock says that nobody else works on it
            for kind in runner.KINDS.values():
                DeliveryQuerySet(kind.model).release_leases()
        mail_written.connect(self._announce_mail)
        self._serve()
        lock.close()

    def _create_first_staff_user(self) -> None:
        if User.objects.filter(is_staff=True).exists():
            return
        email = os.environ.get("DJANGO_SUPERUSER_EMAIL") or "admin@localhost"
        given = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        User.objects.create_superuser(email, password)
        self._say(f"first staff user: {email}" + ("" if given else f"  password: {password}  (shown only this once)"))

    def _serve(self) -> None:
        try:
            server = make_server(application, threads=WEB_THREADS)
        except OSError as error:
            raise CommandError(
                f"Cannot serve on {settings.HOST}:{settings.PORT}: {error}. Set PORT to a free one."
            ) from error
        keep_what_is_loaded()
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stopper(stopping))
        worker = _Kept("worker", make=_new_worker, end=_end_worker)
        scheduler = _Kept("scheduler", make=lambda: Service(app, max_interval=1), end=lambda service: service.stop())
        worker.start()
        scheduler.start()
        self._say(f"ready: http://{settings.HOST}:{settings.PORT}")
        self._say(f"admin: http://{settings.HOST}:{settings.PORT}/admin/")
        if marks.presence().is_offered:
            self._say("nothing is here yet; for a made-up business to look at: .venv/bin/python manage.py demo")
        try:
            server.run()  # until a signal; requests in hand are finished
        finally:
            self._say("stopping…")
            server.close()
            scheduler.stop()
            worker.stop()
        self._say("stopped")

    def _announce_mail(self, *, path: Any, message: Any, **kwargs: Any) -> None:
        """Say where a mail lies; to a person at a terminal also whom it is for and its link, which sets a password.

        Elsewhere our output ends up in a log, which more people read than the mailbox.
        """
        if not self.stdout.isatty():
            self._say(f"mail: {path}")
            return
        link = _LINK.search(message.body)
        self._say(f"mail for {message.to[0]}: {path}" + (f"\n  link: {link.group()}" if link else ""))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class _Kept:
    """A service in a thread of this process, started anew whenever it ends without having been asked to.

    `make` gives something with a `start()` that returns when the service has ended; `end` asks it to end.
    """

    def __init__(self, name: str, *, make: Callable[[], Any], end: Callable[[Any], None]) -> None:
        self._name, self._make, self._end = name, make, end
        self._service: Any = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 15.0) -> None:
        """Finish what is in hand and end; what does not end in time falls due again by its lease."""
        self._stopping.set()
        if self._service is not None:
            self._end(self._service)
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._service = self._make()
            try:
                self._service.start()
            except Exception:
                logger.exception("the %s failed", self._name)
            if not self._stopping.wait(RESTART_AFTER):
                logger.error("the %s ended by itself; it is started anew", self._name)


def _new_worker() -> WorkController:
    """A Celery worker with a pool of threads, so that it sees the in-process broker."""
    worker_state.should_stop = worker_state.should_terminate = None
    app.loader.import_default_modules()
    return WorkController(
        app=app,
        pool="threads",
        concurrency=WORKER_THREADS,
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
    )


def _end_worker(worker: WorkController) -> None:
    worker_state.should_stop = 0  # type: ignore[assignment]  # an exit code: stop, warmly


def _stopper(stopping: threading.Event) -> Callable[..., None]:
    def stop(*args: Any) -> None:
        if stopping.is_set():
            return  # a second Ctrl-C does not interrupt the first one's work
        stopping.set()
        sys.exit(0)

    return stop


def _lock_var() -> Any:
    """The open lock file of VAR_DIR, held as long as this process lives. CommandError if another one holds it."""
    path = settings.VAR_DIR / "enlace.lock"
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        running = handle.read().strip() or "unknown"
        raise CommandError(
            f"Enlace runs already on {settings.VAR_DIR} (process {running}). Stop it, or set VAR_DIR."
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle
