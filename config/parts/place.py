"""The place of Enlace: its folders, the environment, its address, its providers. All other parts begin here."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ

from config.private_files import keep_private

BASE_DIR = Path(__file__).resolve().parents[2]
# Of what says where something is, `NAME=` with nothing behind it means the default, as if the line were not there.
env = environ.Env()
# ENV_FILE names another file than .env; empty means none.
if _env_file := os.environ.get("ENV_FILE", str(BASE_DIR / ".env")):
    environ.Env.read_env(_env_file)

VAR_DIR = Path(env.str("VAR_DIR", default="") or BASE_DIR / "var").resolve()
keep_private(VAR_DIR)
TESTING = "pytest" in sys.modules

HOST = env.str("HOST", default="") or "127.0.0.1"
PORT = int(env.str("PORT", default="") or 8000)
FRONTEND_URL = (env.str("FRONTEND_URL", default="") or f"http://{HOST}:{PORT}").rstrip("/")
_frontend = urlsplit(FRONTEND_URL)
HTTPS = _frontend.scheme == "https"
frontend_host = _frontend.hostname or ""

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and TESTING:
    SECRET_KEY = "only-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[frontend_host or HOST, HOST, "localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[FRONTEND_URL] if HTTPS else [])
# Origins of a front end of its own, whose browsers may call what config/access.py shares with them.
FRONTEND_ORIGINS = [origin.lower() for origin in env.list("FRONTEND_ORIGINS", default=[])]
# How many proxies of ours stand in front and append to X-Forwarded-For; 0 means that the header is not believed.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

# The folder of each provider is an application of its own: commands, console pages, templates and settings in it count.
PROVIDERS = [
    f"integrations.providers.{path.parent.name}"
    for path in sorted(BASE_DIR.glob("integrations/providers/*/provider.py"))
]
