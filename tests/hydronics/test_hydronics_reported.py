"""Errors that a device reports of itself, by the bits of its error status."""

import numpy as np
import pytest
from made_valves import made_times, made_valve

from belimo_nb.hydronics import Samples, judge
from belimo_nb.hydronics.checks.reported import ADVICE, reported
from belimo_nb.quantities import ERRORS


def reporting(bits, column="error_bits"):
    """A valve of thirty days of hours from 2018-01-08 on, with its error status."""
    times = made_times(30, "1h")
    return Samples(made_valve(times, "1h").frame.assign(**{column: np.broadcast_to(bits, len(times)).astype(float)}))


def spell(bits, first, after, count=720):
    """Bits that are set in some hours, and else none."""
    values = np.zeros(count)
    values[first:after] = bits
    return values


@pytest.mark.parametrize("place", range(len(ERRORS)))
def test_each_bit_is_told_with_its_begin_and_what_to_do(place):
    """A bit that is still set is named, since the first of its last run; what to do is that of the bit."""
    found = reported(reporting(spell(1 << place, 100, 110) + spell(1 << place, 240, 720)))
    assert found.verdict == ("fault" if place in (0, 1, 2, 3, 8, 9) else "warn")
    assert found.sentence == f"The device reports {ERRORS[place]} since 2018-01-18 01:00."
    assert found.recommendation == ADVICE[place]
    assert found.figure == 490


def test_several_bits_and_one_from_before():
    """Each has its own begin; one that was there from the first reading on may be older."""
    found = reported(reporting(spell(32, 700, 720) + 8))
    assert found.sentence == (
        "The device reports actuator stalled since 2018-01-08 01:00 or before, air bubbles since 2018-02-06 05:00."
    )


@pytest.mark.parametrize(("hours", "verdict"), [(23, "ok"), (24, "warn")])
def test_an_error_that_is_over(hours, verdict):
    """One that lasted for a day is a warning, a shorter one is only told."""
    found = reported(reporting(spell(32, 24, 24 + hours)))
    assert found.verdict == verdict
    assert found.sentence.startswith(
        "The device reports no error now; it reported air bubbles from 2018-01-09 01:00 to 2018-01-"
    )
    assert f"{hours} h in all." in found.sentence
    assert bool(found.recommendation) == (verdict == "warn")


def test_no_error_and_no_bits():
    """Zeros are judged and well; a device that tells no bits is not judged; other numbers are no bits."""
    assert (reported(reporting(0)).verdict, reported(reporting(0)).figure) == ("ok", 0)
    assert reported(made_valve(made_times(3))).verdict == "cannot judge"
    assert reported(reporting(spell(781.8, 10, 11))).verdict == "ok"


@pytest.mark.parametrize(("column", "bit", "place"), [("other_error_bits", 1, 0), ("error_bits", 1 << 20, 20)])
def test_bits_that_nobody_has_explained(column, bit, place):
    """Of Energy Valve 4, and beyond those that are known, a bit is told by its number, and is a warning."""
    found = reported(reporting(spell(bit, 240, 720), column))
    assert found.verdict == "warn"
    assert found.sentence == f"The device reports bit {place}, unknown to us, since 2018-01-18 01:00."
    assert "vendor" in found.recommendation


def test_among_all_checks():
    """A failed flow sensor makes two rows: nothing is known of the meter, and since when the device says so."""
    table = {found.check: found for found in judge(reporting(spell(4, 240, 720)))}
    assert [table[check].verdict for check in ("sensor range", "reported errors")] == ["fault", "fault"]
    assert table["sensor range"].figure == table["reported errors"].figure == 480
