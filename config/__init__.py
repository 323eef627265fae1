from config.celery import app as celery_app

__version__ = "1.5.0"  # of Enlace; moves with CHANGELOG.md. The API's own is SPECTACULAR_SETTINGS["VERSION"].

__all__ = ["__version__", "celery_app"]
