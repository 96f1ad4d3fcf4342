"""Meters that fail: found, named, left out, and their time unknown, never saved energy."""

import numpy as np
import pandas as pd
import pytest
from test_comparison import BEFORE, NOW, ZURICH, frame, hourly, two_years

from belimo_nb.heating import Study
from belimo_nb.heating.failing import fleet_shares


def study(valves, errors=None, *, weather=True):
    """Two years of several valves: name to what it used in each, as functions of the building's energy."""
    used, now, then, before = two_years()
    return Study(
        frame(**{name: change(used) for name, (change, _) in valves.items()}),
        frame(**{name: change(then) for name, (_, change) in valves.items()}),
        hourly(before, now) if weather else hourly(before, now) * np.nan,
        ZURICH,
        errors,
    )


def same(kwh):
    """As it was."""
    return kwh


def dead_from(day):
    """Nothing from a day on."""
    return lambda kwh: kwh.where(kwh.index < day, 0.0)


def test_a_dead_meter_saves_nothing():
    """Its valve is named and left out, so the building's change is that of the others; its days are unknown."""
    found = study({"A": (same, same), "B": (same, same), "C": (dead_from("2018-10-20"), same)})
    assert found.sound == found.comparable == ["A", "B"]
    assert abs(found.together.corrected_change) < 0.02
    ((name, (spell,)),) = found.failing.items()
    assert (name, spell.last, spell.cause) == ("C", NOW[-1], "")
    assert spell.first <= pd.Timestamp("2018-11-05", tz=ZURICH)
    failed = found.days.loc[spell.first :]
    assert failed[("kwh", "C")].isna().all()
    assert (failed[("coverage", "C")] == 0).all()
    assert set(failed[("quality", "C")]) == {"meter failed"}
    assert found.counted[("kwh", "C")].notna().all(), "what was counted stays at hand"


def test_a_meter_dead_in_both_periods():
    """A valve that has never counted while the others heated is named, though nothing says how much it misses."""
    found = study({"A": (same, same), "B": (same, same), "N": (lambda kwh: kwh * 0, lambda kwh: kwh * 0)})
    ((name, (spell,)),) = found.failing.items()
    assert name == "N"
    assert np.isnan(spell.due_kwh)
    assert found.comparable == ["A", "B"]
    assert found.days[("kwh", "N")].isna().all(), "also of days before the others heated it says no 0"


def test_a_meter_that_failed_before():
    """A meter that stood still in the baseline makes no increase of the fleet's."""
    still = lambda kwh: kwh.where((kwh.index < "2017-01-05") | (kwh.index > "2017-03-20"), 0.0)  # noqa: E731
    found = study({"A": (same, same), "B": (same, still)})
    assert list(found.failing) == ["B"]
    assert found.silent == {}, "not in the reporting period"
    assert found.before.loc["2017-02-01", ("quality", "B")] == "meter failed"
    assert abs(found.together.corrected_change) < 0.03


def test_a_building_that_is_off_is_no_failure():
    """When all valves count nothing at once, no meter has failed."""
    off = lambda kwh: kwh.where((kwh.index < "2018-02-03") | (kwh.index > "2018-02-16"), 0.0)  # noqa: E731
    assert study(dict.fromkeys("ABC", (off, same))).failing == {}


def test_a_building_whose_every_meter_died():
    """When none counts for longer than any plant is off in the cold, that is no saving of 100 %, but unknown."""
    for names in ("A", "AB", "ABC"):
        for change in (dead_from("2017-12-01"), dead_from("2018-02-01")):
            found = study(dict.fromkeys(names, (change, same)))
            assert list(found.failing) == list(names)
            assert found.comparable == []
            assert np.isnan([found.together.raw_change, found.together.corrected_change]).all()
            assert found.days["kwh"].loc["2018-11-01":].isna().all(axis=None)
            assert np.isnan([found.valves["A"].raw_change, found.valves["A"].corrected_change]).all()


def test_summer_is_no_failure():
    """No heat for months of warm days says nothing of the meter."""
    _, now, *_ = two_years()
    warm = now > 14
    assert study({"A": (lambda kwh: kwh.where(~warm, 0.0), same), "B": (same, same)}).failing == {}


def test_devices_say_it_themselves():
    """An error of the flow sensor costs its days, counted or not; silence beside it is the same spell."""
    begin, end = (pd.Timestamp(text, tz="UTC") for text in ("2018-11-05T16:50", "2018-12-01"))
    errors = {"B": [(begin, end, "Flow_sensor_error")], "gone": [(begin, end, "x")]}
    for change in (same, dead_from("2018-11-06")):
        found = study({"A": (same, same), "B": (change, same)}, errors | {"A": []})
        (spell,) = found.failing["B"]
        assert (f"{spell.first:%m-%d}", f"{spell.last:%m-%d}", spell.cause) == ("11-05", "11-30", "Flow_sensor_error")
        assert found.comparable == ["A"]
        assert (found.days.loc["2018-11-05":, ("coverage", "B")] == 0).all()
        counted = found.counted[("kwh", "B")]
        assert found.days[("kwh", "B")].sum() == pytest.approx(counted.sum()), "what it did count is not thrown away"


def test_shares_of_a_fleet():
    """A valve's gap costs its share of the load on those days, whatever the others do."""
    load = pd.Series([1.0, 5.0, 3.0, 2.0, 4.0, 6.0], pd.date_range("2018-01-01", periods=6))
    kwh = pd.DataFrame({"A": load * 1, "B": load * 3, "C": load * 6})
    kwh.iloc[1, 2] = kwh.iloc[4, 0] = kwh.iloc[5, :] = np.nan
    part, share = fleet_shares(kwh, kwh)
    assert share.tolist() == pytest.approx([1, 0.4, 1, 1, 0.9, 0])
    assert part.iloc[:5].tolist() == pytest.approx([10, 20, 30, 20, 36])
    assert np.isnan(part.iloc[5])
    nothing = pd.DataFrame({"A": [0.0, 0.0], "B": [0.0, np.nan]}, load.index[:2])
    assert fleet_shares(nothing, nothing)[1].tolist() == [1, 0.5]
    assert len(BEFORE) == 365


@pytest.mark.parametrize("names", ["A", "AB", "ABC"])
def test_without_weather_the_year_before_tells_what_was_due(names):
    """A fleet whose every meter died is unknown, not -100 %, also where nothing says how cold it was."""
    for day in ("2017-12-01", "2018-02-01"):
        found = study(dict.fromkeys(names, (dead_from(day), same)), weather=False)
        assert list(found.failing) == list(names)
        assert np.isnan(found.together.raw_change)
        assert found.days["kwh"].loc["2018-11-01":].isna().all(axis=None)
    off = lambda kwh: kwh.where((kwh.index < "2018-02-03") | (kwh.index > "2018-02-20"), 0.0)  # noqa: E731
    assert study(dict.fromkeys(names, (off, same)), weather=False).failing == {}, "a plant that is off for a fortnight"
    assert study(dict.fromkeys(names, (same, off)), weather=False).failing == {}
