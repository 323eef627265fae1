"""Moments in the different forms that senders use."""

import pytest

from integrations.toolkit.reading import read_day, read_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01T10:00:00Z", "2026-07-01T10:00:00+00:00"),
        ("2026-07-01 10:00:00 UTC", "2026-07-01T10:00:00+00:00"),
        ("2026-07-01 10:00:00.123 GMT", "2026-07-01T10:00:00.123000+00:00"),
        ("2026-07-01 10:00:00 -0500", "2026-07-01T15:00:00+00:00"),
        ("2026-07-01 10:00:00", "2026-07-01T10:00:00+00:00"),
        ("2026-07-01", "2026-07-01T00:00:00+00:00"),
        ("1782900000", "2026-07-01T10:00:00+00:00"),
        ("1782900000000", "2026-07-01T10:00:00+00:00"),
    ],
)
def test_moment_of_every_form_is_read_in_utc(text: str, moment: str) -> None:
    found = read_moment(text)
    assert found is not None
    assert found.isoformat() == moment


@pytest.mark.parametrize("text", ["", " UTC", "UTC", "soon", "2026-13-01 UTC", "07/01/2026", "2026-07-01 10:00:00 XYZ"])
def test_text_without_a_certain_moment_is_none(text: str) -> None:
    assert read_moment(text) is None
    assert read_day(text) is None
