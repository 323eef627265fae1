"""Pages of long lists without counting them."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property


class PageByPage(Paginator):
    """Knows the pages up to the one that is asked for and whether another follows.

    It reads one row more than it shows, and never asks COUNT(*).
    """

    open_ended = True

    def __init__(self, object_list: Any, per_page: int, *, page_number: int = 1) -> None:
        super().__init__(object_list, per_page)
        self._asked = max(page_number, 1)

    @cached_property
    def _rows(self) -> list[Any]:
        start = (self._asked - 1) * self.per_page
        return list(self.object_list[start : start + self.per_page + 1])

    @cached_property
    def count(self) -> int:
        """Rows up to and including the first of the next page: all that the list needs to know."""
        return (self._asked - 1) * self.per_page + len(self._rows)

    def page(self, number: Any) -> Page:
        if self.validate_number(number) != self._asked:
            return super().page(number)
        return Page(self._rows[: self.per_page], self._asked, self)
