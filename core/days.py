"""Business days: from midnight to midnight in TIME_ZONE, so 23 to 25 hours long."""

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone
from django.utils.timezone import get_default_timezone, localtime


def day_of(moment: datetime) -> date:
    """Return the business day in which an aware moment lies."""
    return localtime(moment, get_default_timezone()).date()


def today() -> date:
    """Return the business day of now."""
    return day_of(timezone.now())


def span_of(day: date) -> tuple[datetime, datetime]:
    """Return where a business day begins and where the next one does, in UTC."""
    begin, end = (
        datetime.combine(one, time.min, tzinfo=get_default_timezone()).astimezone(UTC)
        for one in (day, day + timedelta(days=1))
    )
    return begin, end
