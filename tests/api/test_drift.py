"""Settings that differ from the usual, or from the wanted."""

import pandas as pd
import pytest
import valve_4
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.api.drift import drift, settings_frame
from belimo_nb.api.profile import Profile


def settings(*values, setting="Vmax_Rel_Write", unit="percent"):
    """One setting of as many valves as there are values."""
    rows = [(str(n), f"Valve {n}", setting, value, unit) for n, value in enumerate(values, 1)]
    return pd.DataFrame(rows, columns=["id", "device", "setting", "value", "unit"])


@pytest.mark.parametrize(
    ("values", "differing"),
    [
        ([80, 80, 80, 80, 100], ["Valve 5"]),
        ([80, 80.0, "80", 80, 80], []),
        ([80, 80, 80, 100], []),
        ([80, 80, 90, 90, 100], []),
        (["Open", "open ", "OPEN", "Close", "open"], ["Valve 4"]),
    ],
)
def test_the_usual_value(values, differing):
    """That of more than half of at least five valves; fewer, or no such value, and nothing differs."""
    assert drift(settings(*values))["device"].tolist() == differing


def test_a_row_says_both_values():
    """What the valve has, what is usual, in words where there are any, and of how many valves."""
    found = drift(settings(1, 1, 3, 1, 1, 4, setting="Override_Write", unit=""))
    assert found.to_dict("records")[0] == {
        "device": "Valve 3",
        "setting": "Override_Write",
        "value": "probably open (3)",
        "expected": "probably automatic (1)",
        "unit": "",
        "valves": 6,
    }
    assert found["value"].tolist() == ["probably open (3)", "4"]


def test_wanted_values():
    """Any number of valves is held against them; settings that are not wanted do not matter."""
    both = pd.concat([settings(80, 100), settings(10, 12, setting="SpDeltaT_K_Write", unit="K")])
    found = drift(both, {"vmax_rel_write": "80"})
    assert found[["device", "setting", "value", "expected"]].to_numpy().tolist() == [
        ["Valve 2", "Vmax_Rel_Write", "100", "80"]
    ]
    assert drift(both, {}).empty


def test_settings_of_devices():
    """Writable datapoints with a value, without the owner's metadata; of Energy Valve 4 those named so."""
    third = Profile(
        {
            "id": "a",
            "version": "1",
            "datapoints": [
                {
                    "id": key,
                    "featureValues": {"default.name": name, "default.access": access, "default.unit": "percent"},
                }
                for key, name, access in (("e.1", "Vmax", "rw"), ("e.2", "RelPos", "r"), ("metadata.1", "name", "rw"))
            ],
        }
    )
    fourth = Profile(valve_4.body("application/"))
    names = ("application/SetMaximumWaterFlow", "application/SelectWaterControlMode", "application/AbsolutePower")
    points = {
        "a": {"e.1": {"value": 80}, "e.2": {"value": 10}, "metadata.1": {"value": "x"}},
        "b": {name: {"value": 2} for name in names},
        "c": {},
    }
    records = [
        {"id": key, "displayName": f"Valve {key}", "dataprofile": {"ref": ref}, "state": {"datapoints": points[key]}}
        for key, ref in (("a", "3"), ("b", "4"), ("c", "none"))
    ]
    found = settings_frame(records, {"3": third, "4": fourth}.get)
    assert found[["device", "setting", "value", "unit"]].to_numpy().tolist() == [
        ["Valve a", "Vmax", 80, "percent"],
        ["Valve b", "SetMaximumWaterFlow", 2, "m3/s"],
        ["Valve b", "SelectWaterControlMode", 2, ""],
    ]


@given(values=st.lists(st.one_of(st.integers(0, 3), st.sampled_from(["a", "b"])), max_size=12))
def test_most_valves_never_differ(values):
    """Whatever the values are, those that differ are fewer than half."""
    assert 2 * len(drift(settings(*values))) < max(len(values), 1)
