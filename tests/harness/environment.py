"""Environment of a started process: nothing of the developer's `.env` or shell."""

import os
from pathlib import Path

IS_LONG = os.environ.get("CHAOS") == "long"  # the long forms of tests were asked for

WEBHOOK_SECRET = "harness-webhook-secret-for-tests-only"
WEBHOOK_TOKEN = "harness-webhook-token-for-tests-only"
STAFF_EMAIL = "staff@example.com"
STAFF_PASSWORD = "harness staff passphrase"
OFFER_ID = "off_456"

# What a process needs of the machine; everything else stays outside.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


def examples(number: int) -> int:
    """Return how many examples Hypothesis tries: all in the long form, else a third, which is the same in every run."""
    return number if IS_LONG else number // 3


def environment(var_dir: Path, port: int, **changes: str) -> dict[str, str]:
    """Return the environment of an installation on `port` with its files in `var_dir`."""
    variables = {name: os.environ[name] for name in INHERITED if name in os.environ}
    variables |= {
        "ENV_FILE": "",
        "PYTHONUNBUFFERED": "1",
        "VAR_DIR": str(var_dir),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "FRONTEND_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "DEBUG": "false",
        "CONTACT_SYNC": "true",
        "SECRET_KEY": "harness-secret-key-that-is-long-enough-and-used-by-tests-only-0123456789",
        "KAJABI_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "KAJABI_WEBHOOK_TOKEN": WEBHOOK_TOKEN,
        "NSSA_KAJABI_PRODUCT_ID": OFFER_ID,
        "DJANGO_SUPERUSER_EMAIL": STAFF_EMAIL,
        "DJANGO_SUPERUSER_PASSWORD": STAFF_PASSWORD,
        "ADMIN_EMAIL": STAFF_EMAIL,
    }
    return variables | changes
