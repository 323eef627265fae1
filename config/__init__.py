import gc

# Python looks for garbage after each 700 new objects. While Django and its libraries are loaded that is hundreds of
# times, in which next to nothing is found: a quarter of the time that each process took to start.
gc.set_threshold(700, 10, 10)

from config.celery import app as celery_app  # noqa: E402

__version__ = "1.5.0"  # of Enlace; moves with CHANGELOG.md. The API's own is SPECTACULAR_SETTINGS["VERSION"].

__all__ = ["__version__", "celery_app"]
