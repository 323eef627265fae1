import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

from core.web.bodies import BodyGuard  # noqa: E402 (reads the settings)

application = BodyGuard(_django)

# What was loaded until now stays: a look for garbage among it would only be a pause, of 60 ms and more, in some answer.
gc.collect()
gc.freeze()
gc.set_threshold(700, 10, 10)
