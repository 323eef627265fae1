"""Settings of gunicorn: `gunicorn -c config/gunicorn.py config.wsgi`."""

from pathlib import Path

from config import keep_what_is_loaded
from config.settings import HOST, MAX_CONNECTIONS, PORT, env

bind = f"{HOST}:{PORT}"

# Threads, because a request mostly waits for the database. A worker's connection pool (DATABASE_POOL_MAX_SIZE, 10)
# has to cover its threads. WEB_CONCURRENCY: about one process a core.
worker_class = "config.gunicorn_worker.Worker"  # gthread, with time-outs
workers = env.int("WEB_CONCURRENCY", default=2)
threads = 8
worker_connections = MAX_CONNECTIONS
limit_request_line = 8190  # the console's filters make long ones
limit_request_fields = 64
limit_request_field_size = 8190
keepalive = 75  # seconds; longer than the proxy's own, so that it is never the one who finds a closed connection

# A request that takes 30 s is stuck. On SIGTERM the requests in hand get 20 s.
timeout = 30
graceful_timeout = 20
# A worker is replaced now and then, which bounds what a leak can cost; jitter keeps them from going at once.
max_requests = 20_000
max_requests_jitter = 2_000

# The heartbeat file must not wait for a slow disk, and a read-only container has no other place for it.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - made by mkstemp, not at a known name
# No second way in: nothing here is steered while it runs.
control_socket_disable = True

# No access log: a request line holds what opens doors, the tokens in webhook URLs and in set-up links. What is accepted
# is a row, what is refused or breaks is logged by the application, without them; the rest is the proxy's to log.
accesslog = None
errorlog = "-"

# No header may set where the application is mounted. Whether a request came by https is Django's to judge
# (TRUSTED_PROXY_COUNT).
forwarder_headers = ""
forwarded_allow_ips = ""


def post_worker_init(worker: object) -> None:
    """Gunicorn calls this once a worker has loaded the application."""
    keep_what_is_loaded()
