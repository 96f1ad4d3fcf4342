"""A device of which nothing is heard."""

import numpy as np
import pandas as pd
import pytest
from made_valves import made_times, made_valve

from belimo_nb.hydronics import judge
from belimo_nb.hydronics.checks.silent import silent
from belimo_nb.hydronics.verdict import cannot_judge


@pytest.mark.parametrize(("hours", "verdict"), [(2, "ok"), (24, "ok"), (30, "warn"), (240, "warn")])
def test_hours_without_a_reading(hours, verdict):
    """More than a day after the last reading; rows without readings are none."""
    valve = made_valve(made_times(30))
    heard = valve.frame.copy()
    heard.iloc[len(heard) - 4 * hours :] = np.nan
    found = silent(type(valve)(heard, valve.step), heard.index[-1])
    assert (found.verdict, found.figure) == (verdict, hours)
    assert ("Silent since" in found.sentence) == (verdict == "warn")
    assert bool(found.recommendation) == (verdict == "warn")


def test_until_when_must_be_known():
    """Without a moment up to which there could be readings silence is not judged, nor in a period without any."""
    valve = made_valve(made_times(3))
    assert silent(valve).verdict == "cannot judge"
    until = pd.Timestamp("2018-03-01", tz="UTC")
    (found,) = judge(valve.frame[:0], until=until, checks=["silent"])
    assert found == cannot_judge("silent", "There are no samples in the period.")
    (found,) = judge(valve, until=until, checks=["silent"])
    assert found.verdict == "warn"
