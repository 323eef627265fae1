"""Minimal Django settings for one view, with the product's own database settings."""

from config.settings import ALLOWED_HOSTS as ALLOWED_HOSTS
from config.settings import DATABASES as DATABASES
from config.settings import KAJABI_WEBHOOK_SECRET as KAJABI_WEBHOOK_SECRET
from config.settings import LARGEST_BODY as LARGEST_BODY  # asked by both servers
from config.settings import LARGEST_UPLOAD as LARGEST_UPLOAD
from config.settings import SECRET_KEY as SECRET_KEY
from config.settings import UPLOAD_PATHS as UPLOAD_PATHS

DEBUG = False
ROOT_URLCONF = "tests.bench.bare"
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
USE_TZ = True
TIME_ZONE = "UTC"
