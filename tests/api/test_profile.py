"""Dataprofiles: datapoints by id, name or description, and the quantities that they measure."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belimo_nb.api.profile import Profile
from belimo_nb.errors import AnswerError, UnknownDatapoint
from belimo_nb.quantities import ENERGY, FLOW, QUANTITIES, TEMPERATURE

VENDOR = [
    ("evcloud.80", "RelPos_Fb", "Relative valve position", "percent"),
    ("evcloud.81", "RelPos_Sp", "Position setpoint", "percent"),
    ("evcloud.140", "AbsPower_Fb_W", "Absolute Power", "W"),
    ("evcloud.150", "T1_remote_K", "Temperature 1, remote", "K"),
    ("evcloud.151", "T2_embeded_K", "Temperature 2, embedded", "K"),
    ("evcloud.160", "DeltaT_K", "Delta temperature", "K"),
    ("evcloud.200", "Cooling_E_J", "Cooling Energy in J", "J"),
    ("evcloud.210", "Heating_E_J", "Heating Energy in J", "J"),
    ("evcloudplus.461", "Flow_Volume_total_m3", "Total volume", "m3"),
    ("evcloud.120", "AbsFlow_Fb_m3s", "Absolute flow", "m3/s"),
]


def point(identifier, name="", description="", unit="", **features):
    """A datapoint as the API has it; what is "" is left out."""
    values = {"default.name": name, "default.description": description, "default.unit": unit}
    return {"id": identifier, "featureValues": {k: v for k, v in values.items() if v} | features, "definedBy": "x/1"}


def profile(*points):
    """A dataprofile of these datapoints."""
    return Profile({"id": "valve", "version": "1.2", "name": "a.valve", "datapoints": [point(*p) for p in points]})


ENERGY_VALVE = profile(*VENDOR)


@pytest.fixture
def valve():
    """The vendor's energy valve."""
    return ENERGY_VALVE


def test_datapoints(valve):
    """One row a datapoint, in the profile's order, all text; what is not said is ""."""
    frame = valve.datapoints
    assert list(frame.index) == [row[0] for row in VENDOR]
    assert frame.index.name == "id"
    assert frame.loc["evcloud.140"].tolist() == ["AbsPower_Fb_W", "Absolute Power", "W", "", ""]


def test_wrapped_descriptions():
    """Descriptions that are wrapped over indented lines become one line."""
    found = profile(("a.1", "x", "Description of health status,\n\t\t\tset together", ""))
    assert found.datapoints.loc["a.1", "description"] == "Description of health status, set together"


@pytest.mark.parametrize(
    ("body", "ref", "name"),
    [
        ({"id": "a", "version": "1.0", "ref": "a/1.0", "name": "n"}, "a/1.0", "n"),
        ({"id": "a", "version": "1.0"}, "a/1.0", "a/1.0"),
    ],
)
def test_names(body, ref, name):
    """A profile is known by its reference and name, or by its id and version."""
    found = Profile({**body, "datapoints": []})
    assert (found.ref, found.name) == (ref, name)
    assert found.datapoints.empty
    assert all(found.locate(quantity) is None for quantity in QUANTITIES)


@pytest.mark.parametrize("points", [None, {}, "x", [1], [{"featureValues": {}}]])
def test_bodies_that_are_no_profile(points):
    """What lists no datapoints is no dataprofile."""
    with pytest.raises(AnswerError, match=r"dataprofile a/1 lists no datapoints"):
        Profile({"id": "a", "version": "1", "datapoints": points})


def test_features_may_be_missing():
    """A datapoint without any features is there, without a meaning."""
    found = Profile({"id": "a", "version": "1", "datapoints": [{"id": "a.1"}, {"id": "a.2", "featureValues": None}]})
    assert list(found.datapoints.index) == ["a.1", "a.2"]
    assert (found.datapoints == "").all(axis=None)


def test_each_id_once():
    """An id that two subprofiles bring is one datapoint: the first."""
    found = profile(("a.1", "first", "", "J"), ("a.2", "x"), ("a.1", "second", "", "K"))
    assert list(found.datapoints.index) == ["a.1", "a.2"]
    assert found.unit("a.1") == "J"


@pytest.mark.parametrize(
    ("key", "identifier"),
    [
        ("evcloud.140", "evcloud.140"),
        ("AbsPower_Fb_W", "evcloud.140"),
        ("abspower_fb_w", "evcloud.140"),
        (" Heating Energy in J ", "evcloud.210"),
        ("temperature 1, REMOTE", "evcloud.150"),
    ],
)
def test_resolve(valve, key, identifier):
    """A datapoint is found by id, name or description, whatever the case."""
    assert valve.resolve(key) == identifier


def test_resolve_by_the_last_part_of_a_path():
    """Names such as /hlk/temp_setpoint are found by their last part."""
    found = profile(("a.1", "/hlk/temp_setpoint"), ("a.2", "/hlk/mode"))
    assert found.resolve("Temp_Setpoint") == "a.1"


def test_an_id_wins_over_a_name():
    """An id means itself, even where another datapoint has it for a name."""
    found = profile(("a.1", "a.2"), ("a.2", "x"))
    assert found.resolve("a.2") == "a.2"


def test_resolve_ambiguous():
    """A name that several datapoints share is refused with their ids."""
    found = profile(("a.1", "/in/status"), ("a.2", "/out/status"), ("a.3", "x"))
    with pytest.raises(UnknownDatapoint, match=r"'status' names 2 datapoints: a\.1, a\.2; give the id\."):
        found.resolve("status")


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("Heating_E_kWh", "'Heating_E_J'"),
        ("AbsPower", "'AbsPower_Fb_W'"),
        ("energy", "'Cooling Energy in J', 'Heating Energy in J'"),
        ("evcloud.141", "'evcloud.140'"),
        ("140", "'evcloud.140'"),
    ],
)
def test_unknown_datapoints(valve, key, near):
    """An unknown datapoint is named, with those that look like it."""
    with pytest.raises(UnknownDatapoint) as caught:
        valve.resolve(key)
    assert str(caught.value).startswith(f"The dataprofile valve/1.2 has no datapoint {key!r}; near matches: ")
    assert near in str(caught.value)


@pytest.mark.parametrize("key", ["qqqq", "", "  "])
def test_unknown_datapoints_like_no_other(valve, key):
    """Where nothing is like it, the message says where to look."""
    with pytest.raises(UnknownDatapoint, match="lists what there is"):
        valve.resolve(key)


def test_find(valve):
    """Rows whose id, name or description contain the text, whatever the case."""
    assert list(valve.find("energy").index) == ["evcloud.200", "evcloud.210"]
    assert list(valve.find("_FB_").index) == ["evcloud.140", "evcloud.120"]
    assert list(valve.find("plus").index) == ["evcloudplus.461"]
    assert valve.find("zzz").empty
    assert list(valve.find("zzz").columns) == list(valve.datapoints.columns)


def test_quantities_of_the_vendor(valve):
    """Every quantity is found by the vendor's names."""
    found = {quantity: valve.locate(quantity) for quantity in QUANTITIES}
    assert found == {
        "heating_energy": "evcloud.210",
        "cooling_energy": "evcloud.200",
        "volume": "evcloudplus.461",
        "power": "evcloud.140",
        "flow": "evcloud.120",
        "t1": "evcloud.150",
        "t2": "evcloud.151",
        "delta_t": "evcloud.160",
        "position": "evcloud.80",
        "position_setpoint": "evcloud.81",
    }


def test_quantities_by_their_words():
    """In profiles with other names quantities are found by the words of description or name, and by their unit."""
    found = profile(
        ("a.1", "/x/e", "Heating energy of the last month", "kWh"),
        ("a.2", "/x/f", "Heating energy", "kWh"),
        ("a.3", "/x/cooling_energy", "", "MWh"),
        ("a.4", "/x/g", "Valve position setpoint", "%"),
        ("a.5", "/x/h", "Valve position", "%"),
        ("a.6", "/x/i", "Heating energy price", "EUR"),
        ("a.7", "/x/temperature_1", "", "°C"),
    )
    located = {quantity: found.locate(quantity) for quantity in QUANTITIES}
    assert {quantity: where for quantity, where in located.items() if where} == {
        "heating_energy": "a.2",
        "cooling_energy": "a.3",
        "position": "a.5",
        "position_setpoint": "a.4",
        "t1": "a.7",
    }


@pytest.mark.parametrize("unit", ["", "EUR", "BTU"])
def test_units_that_are_not_known(unit):
    """A datapoint of the right name in a unit that is not known is not used: a wrong figure is worse than none."""
    assert profile(("a.1", "Heating_E_J", "Heating Energy in J", unit)).locate("heating_energy") is None


@pytest.mark.parametrize(
    ("dimension", "value", "unit", "shown"),
    [
        (ENERGY, 3.6e6, "J", 1),
        (ENERGY, 3.6, "MJ", 1),
        (ENERGY, 3.6, "GJ", 1000),
        (ENERGY, 5, "kWh", 5),
        (ENERGY, 0.25, "MWh", 250),
        (FLOW, 0.001, "m3/s", 3.6),
        (FLOW, 0.001, "m³/s", 3.6),
        (FLOW, 10, "l/min", 0.6),
        (FLOW, 1, "l/s", 3.6),
        (FLOW, 100, "gpm", 22.71247),
        (TEMPERATURE, 273.15, "K", 0),
        (TEMPERATURE, 350, "K", 76.85),
        (TEMPERATURE, 21.5, "°C", 21.5),
        (TEMPERATURE, 212, "°F", 100),
        (TEMPERATURE, 32, "°F", 0),
        (QUANTITIES["delta_t"].dimension, 18, "°F", 10),
        (QUANTITIES["delta_t"].dimension, 10, "K", 10),
        (QUANTITIES["position"].dimension, 0.5, "1", 50),
        (QUANTITIES["power"].dimension, 444_000, "W", 444),
    ],
)
def test_units(dimension, value, unit, shown):
    """Known values in display units; a temperature difference has no offset."""
    assert dimension.convert(float(value), unit) == pytest.approx(shown, abs=1e-9)
    series = dimension.convert(pd.Series([float(value), float("nan")]), unit)
    assert series[0] == pytest.approx(shown, abs=1e-9)
    assert math.isnan(series[1])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(key=st.text(max_size=12))
def test_resolve_never_fails_otherwise(key):
    """Whatever is asked for, it is either a datapoint or an error of one line that repeats it."""
    found = ENERGY_VALVE
    try:
        assert found.resolve(key) in found.datapoints.index
    except UnknownDatapoint as error:
        assert repr(key) in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
