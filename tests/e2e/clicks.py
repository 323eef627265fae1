"""Counter of what a person activates in a browser: trusted clicks, by mouse or keyboard, and typed addresses."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, expect

SCRIPT = Path(__file__).with_name("clicks.js")


class Clicks:
    """Activations in all pages of a context, as the browser's own events tell them, so that no test can leave one out.

    Enter or Space on a link or button is one, as is Enter in a form, and the click on a label with the one on its
    control. To type, to move the focus and to choose in a `select` is none. An address that is opened without a link of
    the page before, as from a mail, is one. Both scripts run in the browser's own way, which no CSP of a page refuses.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.seen: list[str] = []
        context.expose_binding("countedActivation", self._count)
        context.add_init_script(path=SCRIPT)

    def _count(self, source: dict[str, Any], said: str) -> None:
        self.seen.append(said)

    def so_far(self) -> int:
        """Return the number of activations, after those that are on their way here."""
        for page in self.context.pages:
            page.wait_for_load_state()
            expect(page.locator("html")).to_be_attached()  # the reply comes after all that the page reported before
        return len(self.seen)

    @contextmanager
    def limited(self, *, at_most: int, job: str) -> Iterator[None]:
        """Raise AssertionError after the block where it took more activations than `at_most`, or none at all."""
        before = self.so_far()
        yield
        taken = self.so_far() - before
        assert 0 < taken <= at_most, f"{job}: {taken} clicks, at most {at_most}: {'; '.join(self.seen[before:])}"
