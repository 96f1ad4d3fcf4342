"""The statement: what an auditor recomputes by hand is what the report says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_energy import KWH, ZONES, counter, counters

from belimo_nb.energy import incidents, interval_energy, statement


def by_hand(row, side, edge):
    """The counter at an edge, from the readings that the row gives, with nothing but a rule of three."""
    time, value = row[f"{side}_time"], row[f"{side}_kwh"]
    following, next_value = row[f"{side}_next_time"], row[f"{side}_next_kwh"]
    if pd.isna(following):
        assert time == edge
        return value
    assert time < edge < following
    return value + (next_value - value) * ((edge - time) / (following - time))


def recomputed(frame):
    """The consumption of each row by hand."""
    return [by_hand(row, "closing", row["to"]) - by_hand(row, "opening", row["from"]) for _, row in frame.iterrows()]


@given(readings=counters(), zone=st.sampled_from(ZONES), resets=st.lists(st.floats(0.05, 0.95), max_size=3))
def test_the_rows_can_be_recomputed(readings, zone, resets):
    """By hand, each row gives its kWh, and the rows of an interval sum to its energy: across resets, too."""
    readings = readings + 1e13
    for share in resets:
        at = int(len(readings) * share)
        readings.iloc[at:] -= readings.iloc[at] - 3
    energy = interval_energy(readings, "D", tz=zone, p_max=1e9)
    frame = statement(readings, "D", tz=zone, p_max=1e9)
    known = frame[frame["kwh"].notna()]
    np.testing.assert_allclose(known["kwh"], recomputed(known), atol=2e-6)
    sums = frame.groupby("interval")["kwh"].sum(min_count=1)
    np.testing.assert_allclose(sums, energy["kwh"], atol=2e-6)
    assert sums.index.tolist() == energy.index.tolist()
    assert frame.drop_duplicates("interval")["quality"].tolist() == energy["quality"].tolist()


def test_readings_on_the_edges():
    """Where readings lie on the edges they are all that is needed, and one closing is the next opening."""
    readings = counter("2018-10-01T00:00Z", np.arange(24 * 61 + 1) * KWH + 7 * KWH)
    frame = statement(readings, "MS", "2018-10-01", "2018-12-01")
    assert frame["opening_kwh"].tolist() == pytest.approx([7, 7 + 744])
    assert frame["closing_kwh"].tolist() == pytest.approx([7 + 744, 7 + 744 + 720])
    assert frame["kwh"].tolist() == pytest.approx([744, 720])
    assert frame["opening_next_time"].isna().all()
    assert frame["closing_time"].iloc[0] == frame["opening_time"].iloc[1] == pd.Timestamp("2018-11-01", tz="UTC")


def test_a_gap_over_the_edge():
    """The two readings around the edge of the month are given, with their times."""
    readings = counter("2018-10-01T00:00Z", np.arange(24 * 61 + 1) * KWH)
    frame = statement(readings.drop(readings["2018-10-31T12:00":"2018-11-01T11:00"].index), "MS", "2018-10-01")
    row = frame.iloc[0]
    assert (row["closing_time"], row["closing_next_time"]) == (
        pd.Timestamp("2018-10-31T11:00Z"),
        pd.Timestamp("2018-11-01T12:00Z"),
    )
    assert row["quality"] == "estimated split"
    assert row["kwh"] == pytest.approx(744)


def test_a_month_without_readings():
    """It is listed, with nothing in it."""
    frame = statement(counter("2018-10-01T00:00Z", [1.0, 2.0]), "MS", "2018-11-01", "2019-01-01", "Europe/Zurich")
    assert frame["from"].tolist() == pd.to_datetime(["2018-10-31T23:00Z", "2018-11-30T23:00Z"]).tolist()
    assert frame["to"].tolist() == pd.to_datetime(["2018-11-30T23:00Z", "2018-12-31T23:00Z"]).tolist()
    assert set(frame["quality"]) == {"missing"}
    assert set(frame["coverage"]) == {0.0}
    for side in ("opening", "closing"):
        assert frame[[f"{side}_{what}" for what in ("time", "kwh", "next_time", "next_kwh")]].isna().all(axis=None)
    assert frame["kwh"].isna().all()


def test_the_columns():
    """By default months; their columns and types are the same with readings and without."""
    columns = ["interval", "part", "from", "to"]
    columns += [
        f"{side}_{what}" for side in ("opening", "closing") for what in ("time", "kwh", "next_time", "next_kwh")
    ]
    for values in ([], np.arange(24 * 40) * KWH):
        frame = statement(counter("2018-10-01T00:00Z", values))
        assert list(frame.columns) == [*columns, "kwh", "coverage", "quality"]
        assert [str(frame[side].dtype) for side in ("interval", "from", "closing_time")] == ["datetime64[ns, UTC]"] * 3
    assert frame["interval"].dt.strftime("%Y-%m-%d").tolist() == ["2018-10-01", "2018-11-01"]
    assert frame["part"].tolist() == [1, 1]


def test_parts_between_resets_and_jumps():
    """A month with a reset and a jump is three parts, each from its first reading to its last."""
    values = np.concatenate([np.arange(100.0, 124.0), np.arange(3.0, 27.0), np.arange(5000.0, 5025.0)]) * KWH
    frame = statement(counter("2018-10-01T00:00Z", values), "MS", "2018-10-01", "2018-11-01", p_max=5000.0)
    assert frame["part"].tolist() == [1, 2, 3]
    assert frame["from"].dt.strftime("%d %H").tolist() == ["01 00", "02 00", "03 00"]
    assert frame["to"].dt.strftime("%d %H").tolist() == ["01 23", "02 23", "04 00"]
    assert frame["kwh"].tolist() == pytest.approx([23, 23, 24])
    assert set(frame["quality"]) == {"partial"}
    days = statement(counter("2018-10-01T00:00Z", values), "D", "2018-10-01", "2018-10-04", p_max=5000.0)
    assert days["kwh"].tolist() == pytest.approx([23, 23, 24])
    assert days["quality"].tolist() == ["reset", "jump", "measured"]


def test_readings_that_end_with_a_month():
    """A month that begins where the readings end has no part of them."""
    readings = counter("2018-10-31T00:00Z", np.arange(25) * KWH)
    frame = statement(readings, "D", "2018-10-31", "2018-11-02")
    assert frame["opening_time"].isna().tolist() == [False, True]
    assert frame["from"].iloc[1] == pd.Timestamp("2018-11-01T00:00Z")


def test_the_spacing_that_is_given():
    """What is a gap follows from the spacing that is given."""
    readings = counter("2018-11-01T00:00Z", np.arange(25) * KWH)
    readings = readings.drop(readings.index[10:13])
    for step, quality in ((None, "estimated split"), ("2h", "measured")):
        assert statement(readings, "D", "2018-11-01", "2018-11-01T11:30", step=step)["quality"].tolist() == [quality]


def test_incidents_are_listed():
    """A dropout, a reset, a jump, a gap and a conflict, each once, with its readings and its energy."""
    values = np.arange(24.0 * 20) * KWH + 100 * KWH
    values[50:60] = 0
    values[100:] -= values[100] - KWH
    values[200:] += 9000 * KWH
    readings = counter("2018-11-01T00:00Z", values)
    readings = readings.drop(readings.index[300:310])
    readings = pd.concat([readings, pd.Series([0.5 * KWH], readings.index[400:401])])
    frame = incidents(readings, "Europe/Zurich", "1h", 5000.0)
    conflict = frame[frame["what"] == "conflict"]
    assert conflict["from"].tolist() == [readings.index[400]]
    by_what = frame.set_index("what")
    assert by_what.loc["gap", "kwh"] == pytest.approx(11)
    assert np.isnan(frame[frame["what"] == "reset"]["kwh"]).all()
    assert by_what.loc["jump", "kwh"] == pytest.approx(9001)
    assert not by_what.loc["jump", "counted"]
    dropout = frame[(frame["what"] == "dropout")].iloc[0]
    assert (dropout["from"], dropout["to"]) == (readings.index[49], pd.Timestamp("2018-11-03T12:00Z"))
    assert dropout["kwh"] == pytest.approx(11)
    assert frame["from"].is_monotonic_increasing
    assert str(frame["from"].dt.tz) == "Europe/Zurich"
    assert frame["what"].tolist() == ["dropout", "reset", "jump", "gap", "dropout", "conflict"]
    assert frame["counted"].tolist() == [True, False, False, True, True, True]
    assert frame["kwh"].tolist() == pytest.approx([11, np.nan, 9001, 11, 2, 0], nan_ok=True)


def test_readings_that_agree_are_no_conflict():
    """The same reading twice is none; of a joule's difference it is one."""
    readings = counter("2018-11-01T00:00Z", [1.0, 2.0, 3.0])
    for second, found in ((2.0, []), (3.0, ["conflict"])):
        twice = pd.concat([pd.Series([second], readings.index[1:2]), readings])
        assert incidents(twice)["what"].tolist() == found


def test_a_dropout_at_the_end():
    """A counter that ends in zeros: the dropout goes to its last reading, and nothing more is known of it."""
    readings = counter("2018-11-01T00:00Z", [*np.arange(1.0, 25.0) * KWH, 0, 0, 0])
    (row,) = incidents(readings).to_dict("records")
    assert (row["what"], row["from"], row["to"]) == ("dropout", readings.index[23], readings.index[26])


def test_no_incidents():
    """Nothing happened: no rows, the same columns."""
    frame = incidents(counter("2018-11-01T00:00Z", np.arange(48.0)))
    assert frame.empty
    assert list(frame.columns) == ["from", "to", "what", "kwh", "counted"]
