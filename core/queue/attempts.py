"""One attempt at an owed row: whatever happens to it is written on the row."""

import logging
from collections.abc import Callable

from django.db import OperationalError

from core.queue.delivery import FAILED, MAX_CRASHES, Delivery, LeaseLost

logger = logging.getLogger(__name__)


def attempt(
    row: Delivery, work: Callable[[], None], *, is_permanent: Callable[[Exception], bool] = lambda error: False
) -> None:
    """Do `work` for a row that was just claimed; `work` closes the row itself.

    An error pushes the row's date back, or ends it as `failed` where it is permanent or the last of too many. So does a
    row whose worker died three times over it. Where somebody else closed the row meanwhile, their word stands.
    Only a database that is away is raised: then the row falls due again by its lease.
    """
    what = {"row": row.pk, "kind": row._meta.model_name}
    try:
        if row.crashes > MAX_CRASHES:
            row.close(FAILED, error=f"gave up: the worker died {MAX_CRASHES} times over this row")
            return
        work()
    except OperationalError:
        raise
    except LeaseLost:
        logger.info("closed by somebody else meanwhile", extra=what)
    except Exception as error:  # noqa: BLE001 (where an attempt is recorded on its row)
        text = f"{type(error).__name__}: {error}"[:2000]
        failed = row.back_off(text, give_up=is_permanent(error))
        logger.warning("owed, and not done", extra={**what, "error": text, "failed": failed})
