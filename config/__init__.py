import gc

# Python looks for garbage after each 700 new objects. While Django and its libraries are loaded that is hundreds of
# times, in which next to nothing is found: a quarter of the time that each process took to start.
gc.set_threshold(50_000, 20, 50)

from config.celery import app as celery_app  # noqa: E402


def keep_what_is_loaded() -> None:
    """Let a server, once it has loaded what it needs, look for garbage in what its requests leave, and often.

    A look through the whole heap would be a pause of sixty milliseconds and more in the answers that meet it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 10)  # Python's own


__version__ = "1.5.0"  # of Enlace; moves with CHANGELOG.md. The API's own is SPECTACULAR_SETTINGS["VERSION"].

__all__ = ["__version__", "celery_app", "keep_what_is_loaded"]
