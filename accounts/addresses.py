"""E-mail addresses in the form in which they are stored; the rules stand in `core.text`."""

from core.text import InvalidAddress, normalise_email

__all__ = ["InvalidAddress", "normalise"]

normalise = normalise_email
