"""Stacked bars as numbers for an inline SVG that the server makes: no script, no style attribute, links in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT, GAP = 10, 48, 1  # of a bar, in units of the viewBox


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar: `parts` are (kind, number) from below; None for what was not counted."""

    label: str
    url: str
    parts: Sequence[tuple[str, int]] | None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`columns` hold rectangles as mappings of SVG attributes; `width` and `height` are those of the viewBox."""

    width: int
    height: int = HEIGHT
    most: int = 0
    columns: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def chart(bars: Sequence[Bar]) -> Chart:
    """Return the chart of these bars, the highest of them as high as the chart; what is not 0 can be seen."""
    most = max((sum(number for _kind, number in bar.parts) for bar in bars if bar.parts), default=0)
    columns = []
    for place, bar in enumerate(bars):
        rects, top = [], HEIGHT
        for kind, number in bar.parts or ():
            height = max(round(HEIGHT * number / most), 1) if number else 0
            top -= height
            if height:
                rects.append({"kind": kind, "y": max(top, 0), "height": height})
        columns.append({"x": place * WIDTH, "bar": bar, "rects": rects, "is_unknown": bar.parts is None})
    return Chart(width=len(bars) * WIDTH, most=most, columns=columns)
