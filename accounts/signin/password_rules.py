"""Rules for a new password: Django's validators, one of ours, and no password that is known from a breach."""

import hashlib
import logging
import re
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import requests
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.web import small_answers

logger = logging.getLogger(__name__)

LEFT_OVER = 8  # letters that a password must have beside the words of this place
TIMEOUT = (1.0, 2.0)  # seconds: to connect, and without a byte
PATIENCE = 3.0  # seconds for the whole answer
LARGEST_ANSWER = 256 * 1024  # bytes
REST_AFTER_FAILURE = 60.0  # seconds
_resting_until = 0.0


def check_new_password(password: str, user: Any) -> None:
    """Raise Django's ValidationError where `password` is not good enough; it asks a service, so in no transaction."""
    validate_password(password, user)
    if is_breached(password):
        raise ValidationError(
            _("This password is known from a data breach: whoever guesses tries it first. Choose another one."),
            code="password_breached",
        )


class ContextWordsValidator:
    """Refuses a password that consists of the words that everybody connects with this place, and little else."""

    def __init__(self, words: Iterable[str]) -> None:
        longest_first = sorted({word.casefold() for word in words if len(word) > 2}, key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def validate(self, password: str, user: Any = None) -> None:
        folded = password[:1024].casefold()
        if self._words is None or not self._words.search(folded):
            return
        left = "".join(letter for letter in self._words.sub("", folded) if letter.isalpha())
        if len(left) < LEFT_OVER:
            raise ValidationError(
                _("This password consists of words that everybody connects with this site. Add words of your own."),
                code="password_of_context_words",
            )

    def get_help_text(self) -> str:
        return str(_("Your password can’t consist of words that everybody connects with this site."))


def is_breached(password: str) -> bool:
    """Ask BREACHED_PASSWORDS_URL whether `password` was in a breach; False where nobody can be asked.

    Only five of the forty digits of its SHA-1 leave this process; the service answers with all that begin so, and with
    made-up ones between them. Without an answer in time nobody is kept from setting a password.
    """
    global _resting_until
    if not settings.BREACHED_PASSWORDS_URL or time.monotonic() < _resting_until:
        return False
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        answer = _answer_to(digest[:5])
    except (requests.RequestException, OSError, ValueError) as error:
        _resting_until = time.monotonic() + REST_AFTER_FAILURE
        logger.warning("new passwords are not compared with known breaches for a minute: %s", type(error).__name__)
        return False
    # Made-up ones are counted 0 times.
    counted = (line.partition(":") for line in answer.splitlines())
    return any(rest.strip() == digest[5:] and times.strip() not in ("", "0") for rest, _colon, times in counted)


def _answer_to(prefix: str) -> str:
    answer = small_answers.get(
        f"{settings.BREACHED_PASSWORDS_URL}{prefix}",
        headers={"Add-Padding": "true"},
        timeout=TIMEOUT,
        patience=PATIENCE,
        largest=LARGEST_ANSWER,
    )
    if answer.status != HTTPStatus.OK:
        raise ValueError(f"answered with {answer.status}")
    return answer.body.decode("ascii")
