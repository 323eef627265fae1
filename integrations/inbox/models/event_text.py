"""Texts of events for the search of contents: each payload as lines, indexed by trigrams."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.inbox.models.event import InboxEvent


class EventText(models.Model):
    """An event's payload as `body_text` writes it; "" where it has changed and is to be written again.

    A table of its own, written by the clock: accepting a webhook costs nothing more, and an event whose status changes
    is not indexed anew. Triggers empty a text as soon as the contents of its event change (migration 0029).
    """

    event = models.OneToOneField(InboxEvent, on_delete=models.CASCADE, primary_key=True, related_name="search_text")
    text = models.TextField()

    objects: Any = models.Manager()

    class Meta:
        verbose_name = _("text of an event")
        verbose_name_plural = _("texts of events")
        indexes = [models.Index(fields=["event"], name="event_text_to_be_written", condition=models.Q(text=""))]

    def __str__(self) -> str:
        return f"event {self.pk}"
