"""Messages to Slack: enqueued in the transaction of their reason, posted by a worker to SLACK_WEBHOOK_URL.

That address is a secret: whoever has it can post. It stands in no error and in no log.
"""

import time
from collections.abc import Callable

import requests
from django.conf import settings
from django.utils import translation

from core.insert_once import insert_once
from core.phrases import CODE, Phrase
from core.queue.outcomes import Permanent, TryAgain
from core.queue.runner import JobKind
from core.queue.wakeup import wake_on_commit
from integrations.operations.models import Notice
from integrations.toolkit import log_lines

_NOT_SET = Phrase("SLACK_WEBHOOK_URL is not set any more")
_NO_ADDRESS = Phrase("SLACK_WEBHOOK_URL is no address")
_ANSWERED = Phrase("answered with {status}", status=CODE)
_REFUSED = Phrase("answered with {status}; check SLACK_WEBHOOK_URL", status=CODE)

TIMEOUT = (5, 10)  # seconds to connect, and without a byte; together below the lease


def enqueue(text: Callable[[], str], *, key: str) -> Notice | None:
    """Store a message, to be posted after the commit; None where its reason has one already, or no SLACK_WEBHOOK_URL is
    set. `text` is called in the language of LANGUAGE_CODE.
    """
    if not settings.SLACK_WEBHOOK_URL:
        return None
    with translation.override(settings.LANGUAGE_CODE):
        notice = Notice(key=key[:200], text=text()[:3000])
    notice.schedule_wake_up()
    if not insert_once(notice):
        return None
    wake_on_commit(notice)
    return notice


def _post(notice: Notice) -> None:
    if not settings.SLACK_WEBHOOK_URL:
        raise Permanent(_NOT_SET())
    began = time.perf_counter()
    status, problem = 0, ""
    try:
        # Slack reads <, > and & as its own marks.
        text = notice.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        answer = requests.post(
            settings.SLACK_WEBHOOK_URL, json={"text": text}, timeout=TIMEOUT, allow_redirects=False
        )  # fmt: skip
        status = answer.status_code
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
        raise Permanent(_NO_ADDRESS()) from None
    except requests.RequestException as error:  # its text holds the address
        problem = f"no answer ({type(error).__name__})"
        raise TryAgain(problem) from None
    finally:
        seconds = time.perf_counter() - began
        log_lines.called("Slack", "POST", status=status, problem=problem, seconds=seconds, attempt=notice.attempts)
    if answer.status_code == 429 or answer.status_code >= 500:
        raise TryAgain(_ANSWERED(status=answer.status_code))
    if answer.status_code >= 300:
        raise Permanent(_REFUSED(status=answer.status_code))
    notice.close(Notice.Status.SENT)


JOBS = JobKind(model=Notice, work=_post)
