"""Write a first .env with generated secrets: `python config/write_env.py`.

Run by its path, not with -m: it needs nothing but the standard library, so that it also works before anything is
installed. What can stand in the file is explained in .env.example. It holds every secret that the commands in README.md
and docs/ use, so that they work as they stand there.
"""

import os
import secrets
import sys
import tempfile
from pathlib import Path
from string import Formatter

ENV_PATH = Path(__file__).resolve().parent.parent / ".env"

TEMPLATE = """\
# Written once by `make run`, for this machine only; it holds secrets, so it is not under version control.
# Every variable that can stand here is explained in .env.example. The process environment wins over this file.

# Signs sessions and the links in mails. Whoever knows it can sign in as anybody.
SECRET_KEY={secret_key}

# Kajabi: what its relay signs with, and the token in the URL of its own webhooks (/kajabi-webhook/<token>).
KAJABI_WEBHOOK_SECRET={kajabi_webhook_secret}
KAJABI_WEBHOOK_TOKEN={kajabi_webhook_token}

# Opens /configurar-webhooks-kajabi and /gestionar-webhooks-kajabi, which make and show Kajabi's hooks.
WEBHOOK_CONFIG_PASSWORD={webhook_config_password}

# The Kajabi offers or products that are the NSSA membership, comma-separated.
# off_456 is the example offer of `manage.py simulate`: replace it by yours.
NSSA_KAJABI_PRODUCT_ID=off_456

# Tokens of what NowCerts and GoHighLevel post (X-Webhook-Token, or the end of the URL).
NOWCERTS_WEBHOOK_TOKEN={nowcerts_webhook_token}
GHL_WEBHOOK_TOKEN={ghl_webhook_token}

# The token in the URL of Chatwoot's installation events (/api/chatwoot/webhooks/account-created/<token>).
CHATWOOT_WEBHOOK_TOKEN={chatwoot_webhook_token}

# User and password, as user:password, of the mail provider's delivery webhooks.
ANYMAIL_WEBHOOK_SECRET={anymail_webhook_secret}

# Opens the metrics to a monitor that sends it as "Authorization: Bearer …".
METRICS_TOKEN={metrics_token}
"""


def env_text() -> str:
    """The text of a new .env; every call generates other secrets."""
    names = [name for _text, name, _form, _conversion in Formatter().parse(TEMPLATE) if name]
    values = {name: secrets.token_urlsafe(32) for name in names}
    values["secret_key"] = secrets.token_urlsafe(64)
    values["anymail_webhook_secret"] = f"anymail:{values['anymail_webhook_secret']}"
    return TEMPLATE.format(**values)


def write_env(path: Path = ENV_PATH) -> bool:
    """Write `path` if there is none; say whether it was written.

    The file is complete and readable by its owner alone from the moment that it exists, and one that is there already,
    even if it appears meanwhile, is never touched. Raises OSError where the folder cannot be written to.
    """
    if path.exists():
        return False
    # mkstemp makes the file 0600; link refuses to replace, which rename would not.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".env.")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(env_text())
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return False
        return True
    finally:
        unfinished.unlink()


def main() -> int:
    """Write .env at the root of the repository, say so, and return the exit code."""
    written = write_env()
    print(f"wrote {ENV_PATH} with generated secrets" if written else f"{ENV_PATH} is there already: left as it is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
