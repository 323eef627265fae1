"""The one reader of dates and times that strangers write.

ISO 8601, RFC 2822 ("Tue, 03 Mar 2026 10:00:00 GMT"), SQL's forms with an offset or a word for the zone
("2027-08-01 18:00:00 UTC", "… America/Bogota"), Unix seconds and milliseconds, and days in numbers with slashes where
only one reading is a date. Nothing is guessed: what has two readings is an error like what has none.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import get_default_timezone, localtime

from core.phrases import QUOTED, Phrase

NO_DATE = Phrase("{text} is no date", text=QUOTED)
AMBIGUOUS = Phrase("{text} is ambiguous: day and month could be either", text=QUOTED)
TOO_LONG = Phrase("the date is too long")

LONGEST = 60  # characters
YEARS = range(1970, 2200)  # any other is a slip or a trick, and dates counted from it may not exist
# RFC 2822, section 4.3: the only names of zones that have one meaning on the net.
_ZONES = {"UTC": 0, "GMT": 0, "UT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6}
_ZONES |= {"PST": -8, "PDT": -7}
_SLASHES = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T,]+(\d{1,2}:\d{2}(?::\d{2})?)(?: ?([AaPp][Mm]))?)?")
_NUMBER = re.compile(r"\d+(\.\d+)?")


class InvalidDate(ValueError):
    """The text is no date, or could be two; the message says so."""


class AmbiguousDate(InvalidDate):
    """The text is a date in two ways: day and month could be either."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time as it was written: `value` in its own zone. `is_day`: no time of day was given.

    `is_plain` is False where the order of day and month was told by their size alone.
    """

    value: datetime
    is_day: bool = False
    is_plain: bool = True

    @property
    def utc(self) -> datetime:
        return self.value.astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The moment at which it has passed: a day lasts until its end in TIME_ZONE."""
        if not self.is_day:
            return self.utc
        after = self.value.date() + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=get_default_timezone()).astimezone(UTC)


def last_day(end: datetime) -> date:
    """Return the last day of what lasts until `end`, in TIME_ZONE: an end at midnight is that of the day before."""
    return localtime(end - timedelta(seconds=1), get_default_timezone()).date()


def parse(text: str, *, day_first: bool | None = None) -> Moment:
    """Return the moment that `text` names; without a zone in UTC, a day alone in TIME_ZONE.

    `day_first` says how days in numbers are written, where somebody knows; 31/03/2027 is then no date with the month
    first. Raises InvalidDate, AmbiguousDate.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise InvalidDate(TOO_LONG())
    try:
        moment = _parsed(text, day_first)
        is_date = moment is not None and moment.utc.year in YEARS
    except InvalidDate:
        raise
    except (ValueError, OverflowError, OSError, TypeError, IndexError) as error:
        raise InvalidDate(NO_DATE(text=text)) from error
    if moment is None or not is_date:
        raise InvalidDate(NO_DATE(text=text))
    return moment


def _parsed(text: str, day_first: bool | None) -> Moment | None:
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        if seconds <= 1e8:
            return None
        return Moment(value=datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, tz=UTC))
    if day := _day(text):
        return Moment(value=_at_start(day), is_day=True)
    if moment := parse_datetime(text):
        return Moment(value=moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    clock, _space, name = text.rpartition(" ")
    if (zone := _zone(name)) and (moment := parse_datetime(clock)) and moment.tzinfo is None:
        return Moment(value=moment.replace(tzinfo=zone))
    if slashes := _SLASHES.fullmatch(text):
        return _with_slashes(text, day_first, *slashes.groups())
    if "," in text or text[:1].isdigit():
        moment = parsedate_to_datetime(text)
        return Moment(value=moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return None


def _day(text: str) -> date | None:
    return parse_date(text) if len(text) <= 10 else None


def _at_start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=get_default_timezone())


def _zone(name: str) -> timezone | ZoneInfo | None:
    if name.upper() in _ZONES:
        return timezone(timedelta(hours=_ZONES[name.upper()]))
    if "/" not in name or not name[:1].isalpha():
        return None
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return None


def _with_slashes(
    text: str, day_first: bool | None, first: str, other: str, year: str, clock: str | None, half: str | None
) -> Moment:
    """Read 03/31/2027 and 31/03/2027, which can be one day only; 03/04/2027 can be two."""
    one, two = int(first), int(other)
    if day_first is None and one <= 12 and two <= 12 and one != two:
        raise AmbiguousDate(AMBIGUOUS(text=text))
    is_day_first = one > 12 if day_first is None else day_first
    day, month = (one, two) if is_day_first else (two, one)
    value = _at_start(date(int(year), month, day))
    if clock:
        hour, minute, second = (int(part) for part in [*clock.split(":"), "0"][:3])
        if half:
            if not 1 <= hour <= 12:
                raise InvalidDate(NO_DATE(text=text))
            hour = hour % 12 + (12 if half.lower() == "pm" else 0)
        value = datetime(value.year, value.month, value.day, hour, minute, second, tzinfo=UTC)
    return Moment(value=value, is_day=not clock, is_plain=day_first is not None)
