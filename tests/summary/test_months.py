"""The month's tables: totals, changes and what of them is known, side by side for all valves."""

import io

import numpy as np
import pandas as pd
import pytest

from belimo_nb.heating.failing import CONTRARY, Spell
from belimo_nb.summary import monthly_table, valve_months

ZURICH = "Europe/Zurich"


def months(start, count, kwh, marks=None):
    """Energy by month of some valves, as `Counters.energy` gives it; `marks`: qualities by valve and month."""
    index = pd.date_range(start, periods=count, freq="MS", tz=ZURICH, name="time")
    values = pd.DataFrame(kwh, index, dtype=float)
    quality = pd.DataFrame("measured", index, values.columns)
    for (valve, month), mark in (marks or {}).items():
        quality.loc[index[month], valve] = mark
    return pd.concat({"kwh": values, "coverage": values * 0 + 1, "quality": quality}, axis=1)


NOW = months("2018-01-01", 3, {"A": [100, 80, 60], "B": [10, 10, 20]})
THEN = months("2017-01-01", 3, {"A": [90, 100, 60], "B": [10, 0, 20]})


def back(table):
    """A table's CSV, read again."""
    return pd.read_csv(io.StringIO(table.csv()))


def test_month_by_month():
    """Sum, year before, change in kWh and %, and a total of each; the CSV has the valves, the page has not."""
    made = monthly_table(NOW, THEN)
    found = back(made)
    assert found["Month"].tolist()[-1] == "Total"
    assert found["Sum"].tolist() == [110, 90, 80, 280]
    assert found["Year before"].tolist() == [100, 100, 80, 280]
    assert found["Change kWh"].tolist() == [10, -10, 0, 0]
    assert found["Change %"].tolist() == [10, -10, 0, 0]
    assert found[["A", "B"]].to_numpy().tolist() == [[100, 10], [80, 10], [60, 20], [240, 40]]
    assert len(made.frame) == 3, "the total is no month"
    assert "<tfoot><tr><td>Total</td>" in made.html()
    assert ">A<" not in made.html()
    assert "+10" in made.text()
    assert made.data()["total"] is True


def test_a_change_is_between_what_is_known():
    """A month that readings tell in part has no change; the total's is of the others, and says of how many."""
    part = months("2018-01-01", 3, {"A": [100, 40, 60], "B": [10, 10, 20]}, {("A", 1): "partial"})
    made = monthly_table(part, THEN)
    found = back(made)
    assert np.isnan(found["Change kWh"][1])
    assert found["Change kWh"].tolist()[-1] == 10
    assert found["Change %"].tolist()[-1] == pytest.approx(100 * 10 / 180)
    assert "the total's change is of the 2 of 3 months known in both periods" in made.caption
    assert found["Known in part"].fillna("").tolist() == ["", "A", "", ""]


def test_unknown_stays_unknown():
    """A month without readings makes its sum and the total unknown, and no change is told of it."""
    lost = months("2018-01-01", 3, {"A": [100, np.nan, 60], "B": [10, 10, 20]})
    found = back(monthly_table(lost, THEN))
    assert found["Sum"].fillna(-1).tolist() == [110, -1, 80, -1]
    assert found["Change kWh"].fillna(-1).tolist() == [10, -1, 0, 10]


def test_failing_meters_are_in_no_total():
    """A valve whose meter failed keeps its row, and is in neither total nor change."""
    made = valve_months(NOW, THEN, left_out=["B"])
    found = back(made).set_index("valve")
    assert found.loc["B", "Sum"] == 40
    assert found.loc["Total", ["Sum", "Year before", "Change kWh"]].tolist() == [240, 250, -10]
    assert "the total is of 1 of 2 valves" in made.caption


def test_what_a_failed_meter_did_not_count_is_no_0():
    """A month in which it counted nothing is unknown, as its sum; what it did count stays."""
    dead = months("2018-01-01", 3, {"A": [100, 80, 60], "B": [10, 0, 0]})
    found = back(valve_months(dead, THEN, left_out=["B"])).set_index("valve")
    assert found.loc["B"].iloc[:4].fillna(-1).tolist() == [10, -1, -1, -1]
    assert back(valve_months(dead, THEN)).set_index("valve").loc["B"].iloc[:4].tolist() == [10, 0, 0, 10]


def test_only_the_months_in_which_a_meter_failed_are_unknown():
    """A change-over valve that failed in March heated nothing in February; what swapped sensors counted is no cold."""
    start, end = pd.Timestamp("2018-03-05", tz=ZURICH), pd.Timestamp("2018-03-31", tz=ZURICH)
    spells = {"A": [Spell(start, end, 5.0)], "B": [Spell(pd.Timestamp("2018-01-01", tz=ZURICH), end, np.nan, CONTRARY)]}
    some = months("2018-01-01", 3, {"A": [100, 0, 0], "B": [10, 5, 0], "C": [1, 1, 1]})
    found = back(valve_months(some, some, left_out=spells)).set_index("valve")
    assert found.loc["A"].iloc[:3].fillna(-1).tolist() == [100, 0, -1]
    assert found.loc["B"].iloc[:4].isna().all()


def test_without_anything_beside():
    """Periods of unequal length have no year before and no change; nothing stands in for it."""
    assert "Change kWh" not in back(monthly_table(NOW, THEN.iloc[:2])).columns
    assert "Change kWh" not in back(valve_months(NOW, THEN.iloc[:2])).columns


def test_valves_in_rows():
    """Each valve in a row, the greatest first, with its change, and the total below; months are columns."""
    made = valve_months(NOW, THEN)
    found = back(made)
    assert list(found) == ["valve", "2018-01", "2018-02", "2018-03", "Sum", "Year before", "Change kWh", "Change %"]
    assert found["valve"].tolist() == ["A", "B", "Total"]
    assert found["Sum"].tolist() == [240, 40, 280]
    assert found["Change kWh"].tolist() == [-10, 10, 0]
    assert "Jan" in made.html()


@pytest.mark.parametrize(
    ("count", "shown", "hidden"),
    [
        (1, ["2018-01", "Change kWh"], ["Sum"]),
        (6, ["2018-06", "Sum", "Year before", "Change %"], []),
        (12, ["2018-12", "Sum"], ["Year before", "Change kWh"]),
        (24, ["Q1 2018", "Q4 2019", "Sum"], ["2018-01", "2019-12"]),
        (60, ["2018", "2022", "Sum"], ["2018-01", "Q1 2018"]),
    ],
)
def test_as_many_columns_as_can_be_read(count, shown, hidden):
    """What would be too wide is grouped by quarter or year, or left to the CSV; 14 columns are the most."""
    values = {"A": np.arange(count) + 1.0}
    made = valve_months(months("2018-01-01", count, values), months("2017-01-01", count, values))
    names = [key for key in back(made) if key in shown + hidden]
    assert set(shown) <= set(names)
    visible = [name for i, name in enumerate(made.frame.columns) if i not in made.hidden]
    assert set(shown) <= set(visible)
    assert not set(hidden) & set(visible)
    assert len(visible) <= 14
    spans = [name for name in visible if name[0] in "Q2"]
    assert made.frame[spans].sum(axis=1).tolist() == [values["A"].sum()], "the groups are all of it"
