"""Calls to Amazon SNS, and to nobody else."""

import re
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from accounts.mail.amazon_ses.mail_server import REGION
from core.web import small_answers

_SNS = re.compile(rf"sns\.{REGION}\.amazonaws\.com(?:\.cn)?")
LONGEST_URL = 2000
TIMEOUT = (2.0, 3.0)  # seconds: to connect, and without a byte
PATIENCE = 5.0  # seconds for a whole answer; SNS waits 15 s for ours, which may need two
LARGEST_ANSWER = 64 * 1024  # bytes


class NotAmazon(Exception):
    """The address is not one of SNS'; nothing is asked of it."""


class NoAnswer(Exception):
    """SNS cannot be asked now; whoever wanted it comes again."""


class NotGiven(Exception):
    """SNS answered, and not with what was asked for: asking again would not help."""


def get(url: str, *, path_end: str = "") -> bytes:
    """Return what SNS has at `url`, without following redirects; to be called in no transaction.

    Raises NotAmazon for another host, another scheme than https or a path with another end; NoAnswer; NotGiven.
    """
    if not _is_of_sns(url, path_end=path_end):
        raise NotAmazon("the address is not one of Amazon SNS")
    try:
        return _answer_of(url)
    except (requests.RequestException, OSError) as error:
        raise NoAnswer(f"Amazon SNS did not answer: {type(error).__name__}") from error


def _is_of_sns(url: str, *, path_end: str) -> bool:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    # The whole of it: no user, no port, nothing that a second parser could read in another way.
    return parts.scheme == "https" and bool(_SNS.fullmatch(parts.netloc)) and parts.path.endswith(path_end)


def _answer_of(url: str) -> bytes:
    try:
        answer = small_answers.get(url, timeout=TIMEOUT, patience=PATIENCE, largest=LARGEST_ANSWER)
    except small_answers.TooLong as error:
        raise NotGiven("Amazon SNS sent too long an answer") from error
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise NoAnswer(f"Amazon SNS answered with {answer.status}")
    if answer.status != HTTPStatus.OK:
        raise NotGiven(f"Amazon SNS answered with {answer.status}")
    return answer.body
