import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

from core.web.bodies import BodyGuard  # noqa: E402 (reads the settings)

application = BodyGuard(_django)
