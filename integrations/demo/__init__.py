"""`manage.py demo`: a plausible business, made of webhooks that the real code stores and processes."""
