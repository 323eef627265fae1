"""An empty `NAME=` in .env means the default, for settings of places and addresses."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

NAMES = [
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "FRONTEND_URL",
    "HOST",
    "PORT",
    "EMAIL_FILE_PATH",
    "KAJABI_API_BASE_URL",
    "NOWCERTS_BASE_URL",
    "NOWCERTS_TOKEN_PATH",
    "GHL_BASE_URL",
    "CHATWOOT_BASE_URL",
    "LANGUAGE_CODE",
    "TIME_ZONE",
]
PROGRAM = """
import json, config.settings as s
names = [name for name in dir(s) if name.isupper() and name not in ("ANYMAIL", "SECRET_KEY")]
print(json.dumps({name: getattr(s, name) for name in names}, default=repr))
"""


def settings_with(lines: str, folder: Path) -> dict[str, Any]:
    """Return the settings with these lines in .env and none of their names in the environment."""
    env_file = folder / "env"
    env_file.write_text(f"SECRET_KEY=only-for-this-test\nVAR_DIR={folder / 'var'}\n{lines}", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name not in {*NAMES, "VAR_DIR", "SECRET_KEY"}}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment | {"ENV_FILE": str(env_file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_empty_setting_has_the_default_value(tmp_path: Path) -> None:
    unset = settings_with("", tmp_path)
    empty = settings_with("".join(f"{name}=\n" for name in NAMES), tmp_path)
    unstable = {
        name for name in unset if " at 0x" in json.dumps(unset[name])
    }  # objects, shown by their place in memory
    differing = {name for name in unset if name not in unstable and empty[name] != unset[name]}
    assert differing == set()
    assert empty["DATABASES"]["default"]["NAME"] == str(tmp_path / "var" / "db.sqlite3")
    assert (empty["CELERY_BROKER_URL"], empty["FRONTEND_URL"]) == ("memory://localhost/", "http://127.0.0.1:8000")
