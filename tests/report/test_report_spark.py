"""Pictures of the size of a word for the index: true to the numbers, and small."""

from __future__ import annotations

import math
import re

import pytest

from belimo_nb.report.page.spark import HEIGHT, PAD, WIDTH, sparkline


def points(svg: str) -> list[list[tuple[int, int]]]:
    """The lines that a path draws, as absolute points."""
    (path,) = re.findall(r'<path d="([^"]*)"/>', svg)
    lines = []
    for part in path.split("M")[1:]:
        numbers = [int(number) for number in re.findall(r"-?\d+", part.replace("h0", ""))]
        line = [(numbers[0], numbers[1])]
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
            line.append((line[-1][0] + dx, line[-1][1] + dy))
        lines.append(line)
    return lines


def test_the_line_is_the_series():
    """Zero is at the bottom, the greatest at the top, time from left to right."""
    (line,) = points(sparkline([0.0, 5.0, 10.0, 0.0], "kWh"))
    assert line[0] == (PAD, HEIGHT - PAD)
    assert line[2][1] == PAD
    assert line[1][1] == HEIGHT // 2
    assert line[-1] == (WIDTH - PAD, HEIGHT - PAD)
    assert [x for x, _ in line] == sorted({x for x, _ in line})


def test_gaps_stay_gaps():
    """The unknown interrupts the line; what stands alone is a dot."""
    lines = points(sparkline([math.nan, 1.0, math.nan, 2.0, 3.0, math.nan], "kWh"))
    assert [len(line) for line in lines] == [1, 2]


@pytest.mark.parametrize("values", [[0.0, 0.0], [5.0], [-3.0, -1.0], [1e12, 1e-12]])
def test_odd_series_stay_inside(values):
    """All zero, one value, negative or vastly different ones: every point lies in the picture."""
    for line in points(sparkline(values)):
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in line)


def test_words():
    """Whoever does not see it hears the range; markup in the unit is text."""
    assert 'role="img" aria-label="0 to 12\u00a0kWh"' in sparkline([0.0, 12.0], "kWh")
    assert "<b>" not in sparkline([1.0], "<b>")


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_nothing_known(values):
    """A dash."""
    assert sparkline(values, "kWh") == "–"


def test_small():
    """A course of 48 points takes less than 500 characters."""
    assert len(sparkline([float((place * 7919) % 100) for place in range(48)], "kWh")) < 500
