"""Real processes for tests: start Enlace as operators do, post to it, kill it, read its rows."""

from tests.harness.embedded import Embedded, embedded
from tests.harness.flood import Flood
from tests.harness.process import Process, free_port, wait_until
from tests.harness.production import Production, production
from tests.harness.rows import Rows
from tests.harness.webhooks import Answer, Sender, post_at_once, purchase, relay, sign

__all__ = [
    "Answer",
    "Embedded",
    "Flood",
    "Process",
    "Production",
    "Rows",
    "Sender",
    "embedded",
    "free_port",
    "post_at_once",
    "production",
    "purchase",
    "relay",
    "sign",
    "wait_until",
]
