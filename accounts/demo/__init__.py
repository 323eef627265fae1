"""The demo business of `manage.py demo`: what marks its rows."""
