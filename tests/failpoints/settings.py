"""The product's settings and the fail points."""

import os

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as PRODUCT_APPS

INSTALLED_APPS = [*PRODUCT_APPS, "tests.failpoints"]
if _limits := os.environ.get("FAILPOINT_TIME_LIMITS"):  # seconds: soft, hard
    CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = map(float, _limits.split(","))
