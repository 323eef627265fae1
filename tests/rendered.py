"""Log of this process, through the formatter and the redactor of the product."""

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from logging.config import DictConfigurator
from typing import Any

from django.conf import settings

_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


@contextmanager
def rendered_log(level: int = logging.INFO) -> Iterator[io.StringIO]:
    """Capture what is logged meanwhile, down to `level`, as the product writes it."""
    config: Any = dict(settings.LOGGING)
    line = dict(config["formatters"]["line"])  # it is emptied
    formatter = DictConfigurator(config).configure_formatter(line)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("django", "django.request", "accounts", "integrations"))]
    before = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(level)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        for logger, level_before in zip(loggers, before, strict=True):
            logger.setLevel(level_before)


def parsed(line: str) -> dict[str, str]:
    """Return the fields of a line by name."""
    found = dict(_FIELD.findall(line))
    return {name: value[1:-1].replace('\\"', '"') if value[:1] == '"' else value for name, value in found.items()}


class Lines:
    """Lines of a rendered log so far."""

    def __init__(self, written: io.StringIO) -> None:
        self._written = written

    @property
    def text(self) -> str:
        return self._written.getvalue()

    def of(self, logger: str) -> list[dict[str, str]]:
        """Return the fields of each line of this logger."""
        return [line for line in map(parsed, self.text.splitlines()) if line.get("logger") == logger]

    def events(self, logger: str = "webhooks") -> list[str]:
        """Return the message of each line of this logger."""
        return [line["event"] for line in self.of(logger)]
