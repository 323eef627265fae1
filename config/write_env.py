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

ENV_PATH = Path(__file__).resolve().parent.parent / ".env"

PROVIDERS = ENV_PATH.parent / "integrations" / "providers"
PLACE = "{secret}"  # where it stands, a secret is generated

FIRST = """\
# Written once by `make run`, for this machine only; it holds secrets, so it is not under version control.
# Every variable that can stand here is explained in .env.example. The process environment wins over this file.

# Signs sessions and the links in mails. Whoever knows it can sign in as anybody.
SECRET_KEY={secret}{secret}
"""
LAST = """\
# User and password, as user:password, of the mail provider's delivery webhooks.
ANYMAIL_WEBHOOK_SECRET=anymail:{secret}

# Opens the metrics to a monitor that sends it as "Authorization: Bearer …".
METRICS_TOKEN={secret}
"""


def env_text() -> str:
    """Return the text of a new .env, with the lines of each provider's folder; every call generates other secrets."""
    folders = [path.read_text(encoding="utf-8") for path in sorted(PROVIDERS.glob("*/first.env"))]
    texts = "\n".join([FIRST, *folders, LAST]).split(PLACE)
    return texts[0] + "".join(secrets.token_urlsafe(32) + text for text in texts[1:])


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
