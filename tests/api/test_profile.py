"""Dataprofiles: datapoints by id, name or description, and the quantities that they measure."""

import math

import pandas as pd
import pytest
import valve_4
from hypothesis import given, settings
from hypothesis import strategies as st

from belimo_nb.api.profile import Profile
from belimo_nb.errors import AnswerError, UnknownDatapoint
from belimo_nb.quantities import DIFFERENCE, ENERGY, FLOW, POWER, QUANTITIES, SETTINGS, SHARE, TEMPERATURE, VOLUME

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
        ("powr", "'AbsPower_Fb_W'"),
        ("power_kw", "'AbsPower_Fb_W'"),
        ("heatig", "Heating Energy in J"),
        ("flow_m3h", "AbsFlow_Fb_m3s"),
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
    """Where nothing is like it, the message names some that there are, and says where the others are."""
    with pytest.raises(UnknownDatapoint, match=r"it has '.*', '.*' and others, which `datapoints` lists"):
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
    found = {quantity: where for quantity in QUANTITIES if (where := valve.locate(quantity))}
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


@pytest.mark.parametrize("unit", ["", "EUR", "MBtu", "W", "mWh"])
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


@settings(max_examples=50)
@given(key=st.text(max_size=12))
def test_resolve_never_fails_otherwise(key):
    """Whatever is asked for, it is either a datapoint or an error of one line that repeats it."""
    found = ENERGY_VALVE
    try:
        assert found.resolve(key) in found.datapoints.index
    except UnknownDatapoint as error:
        assert repr(key) in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("path", ["", "application/EnergyValve4/sensors/"])
def test_quantities_of_energy_valve_4(path):
    """Ids that are names, with a path or without, in units of the SI: lifetime counters before all others."""
    found = Profile(valve_4.body(path))
    wanted = {
        "heating_energy": ("HeatingEnergyLifetime", "J"),
        "cooling_energy": ("CoolingEnergyLifetime", "J"),
        "volume": ("WaterFlowVolumeLifetime", "m3"),
        "power": ("AbsolutePower", "W"),
        "heating_power": ("AbsoluteHeatingPower", "W"),
        "cooling_power": ("AbsoluteCoolingPower", "W"),
        "flow": ("AbsoluteWaterFlow", "m3/s"),
        "t1": ("RemoteWaterTemperature", "K"),
        "t2": ("FlowBodyWaterTemperature", "K"),
        "delta_t": ("DifferentialWaterTemperature", "K"),
        "position": ("RelativeActuatorPosition", "percent"),
        "position_setpoint": ("RelativeActuatorPositionSetpoint", "percent"),
        "other_errors": ("MasterDeviceErrorStatus", ""),
        "manager_active": ("DifferentialTemperatureManagerActiveHours", "h"),
        "nominal_flow": ("NominalWaterFlow", "m3/s"),
        "max_flow_absolute": ("SetMaximumWaterFlow", "m3/s"),
        "glycol": ("GlycolConcentration", "percent"),
    }
    located = {key: where for key in QUANTITIES | SETTINGS if (where := found.locate(key))}
    assert located == {key: f"{path}{name}" for key, (name, _) in wanted.items()}
    assert {key: found.unit(where) for key, where in located.items()} == {k: unit for k, (_, unit) in wanted.items()}
    assert (found.refused, found.lacking) == ({}, [])
    for name in ("HeatingEnergy", "heatingenergymeterreading"):
        assert found.resolve(name).casefold() == f"{path}{name}".casefold(), "the other counters are there by name"
        assert found.unit(found.resolve(name)) == "J"


def test_without_a_lifetime_counter():
    """The certified meter's reading stands in for it, then the counter that a user may reset."""
    points = valve_4.body()["datapoints"]
    without = [point for point in points if point["id"] != "HeatingEnergyLifetime"]
    assert Profile({"id": "a", "version": "1", "datapoints": without}).locate("heating_energy") == (
        "HeatingEnergyMeterReading"
    )
    without = [point for point in without if point["id"] != "HeatingEnergyMeterReading"]
    assert Profile({"id": "a", "version": "1", "datapoints": without}).locate("heating_energy") == "HeatingEnergy"


def test_units_of_energy_valve_4():
    """Where its profile names units, one that is missing is not guessed."""
    found = Profile(valve_4.body(HeatingEnergyLifetime="MWh", AbsolutePower="kW"))
    assert found.unit("HeatingEnergyLifetime") == "MWh"
    assert found.locate("flow") is None
    assert "AbsoluteWaterFlow, without a unit" in found.refused["flow"]


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("", "without a unit"),
        ("furlong", "in 'furlong', an unknown unit"),
        ("W", "in 'W', a unit of power"),
        ("MBtu", "in 'MBtu', which may be a thousand or a million Btu"),
        ("mWh", "in 'mWh', an unknown unit"),
    ],
)
@pytest.mark.parametrize("name", ["Heating_E_J", "/hlk/heat"])
def test_a_unit_that_cannot_be_used(name, unit, said):
    """The counter is refused by name, and no other datapoint steps in for it."""
    found = profile(
        ("a.1", name, "Heating energy", unit),
        ("a.2", "/hlk/other", "Heating energy, second circuit", "kWh"),
        ("a.3", "T1_remote_K", "Temperature 1", "K"),
    )
    assert found.locate("heating_energy") is None
    assert found.describes("heating_energy")
    assert "heating energy" not in found.lacking
    sentence = found.refused["heating_energy"]
    assert sentence.startswith(f"The dataprofile valve/1.2 gives heating energy, datapoint a.1 ({name}), {said};")
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "words", ["monthly", "of the last month", "maximum", "average", "daily", "previous year", "setpoint"]
)
@pytest.mark.parametrize("name", ["/hlk/e", "Heating_E_J"])
def test_what_is_no_lifetime_counter(name, words):
    """Energy of a span of time, or its extremes, is no lifetime counter, whatever its unit and name."""
    assert profile(("a.1", name, f"Heating energy, {words}", "kWh")).locate("heating_energy") is None
    both = profile(("a.1", name, f"Heating energy {words}", "kWh"), ("a.2", "/x/f", "Total heating energy", "kWh"))
    assert both.locate("heating_energy") == "a.2"


def test_names_that_look_alike():
    """Heating power is no power of both directions, and temperature 12 is not temperature 1."""
    found = profile(("a.1", "AbsoluteHeatingPower", "", "W"), ("a.2", "x", "Temperature 12", "K"))
    assert found.locate("heating_power") == "a.1"
    assert found.locate("power") is None
    assert found.locate("t1") is None


def test_the_unit_tells_a_share_from_a_flow():
    """A maximum flow in percent is one setting, in l/s another."""
    share = profile(("a.1", "x", "Maximum flow setting", "%"))
    flow = profile(("a.1", "x", "Maximum flow setting", "l/s"))
    assert (share.locate("max_flow"), share.locate("max_flow_absolute")) == ("a.1", None)
    assert (flow.locate("max_flow"), flow.locate("max_flow_absolute")) == (None, "a.1")
    assert (share.refused, flow.refused) == ({}, {})


SPELLED = (
    (ENERGY, {
        "kJ": 1 / 3600, "kW·h": 1, "KWH": 1, "kWhr": 1, "kilowatt-hours": 1, "Wh": 1e-3, "GWh": 1e6, "kcal": 1.163e-3,
        "Mcal": 1.163, "Gcal": 1163, "Btu": 2.930711e-4, "kBTU": 0.2930711, "MMBtu": 293.0711, "therm": 29.30711,
        "ton h": 3.516853, "TRh": 3.516853, "mwh": 1e3,
    }),
    (POWER, {
        "w": 1e-3, "KW": 1, "MW": 1e3, "BTU/hr": 2.930711e-4, "Btuh": 2.930711e-4, "kBTU/h": 0.2930711,
        "MBH": 0.2930711, "ton": 3.516853, "TR": 3.516853, "kcal/h": 1.163e-3, "kJ/s": 1,
    }),
    (FLOW, {
        "L/s": 3.6, "lps": 3.6, "l/MIN": 0.06, "L/h": 1e-3, "M3/H": 1, "m^3/h": 1, "m³/hr": 1, "GPM": 0.2271247,
        "US gpm": 0.2271247, "gal/min": 0.2271247, "CFM": 1.699011, "m3 / s": 3600,
    }),
    (VOLUME, {"M3": 1, "m^3": 1, "L": 1e-3, "litres": 1e-3, "gal": 3.785412e-3, "ft3": 0.02831685}),
    (SHARE, {"Percent": 1, "per cent": 1, "pct": 1}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("dimension", "unit", "shown"),
    [(dimension, unit, shown) for dimension, units in SPELLED for unit, shown in units.items()],
    ids=lambda value: getattr(value, "name", None),
)
def test_units_of_any_usual_spelling(dimension, unit, shown):
    """One of a unit in the unit that outputs show, whatever its case, blanks and dots."""
    assert dimension.convert(1.0, unit) == pytest.approx(shown, rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "freezing", "warmer"),
    [("K", 273.15, 10), ("°K", 273.15, 10), ("degC", 0, 10), ("C", 0, 10), ("\u2103", 0, 10), ("deg F", 32, 18)],
)
def test_temperatures_of_any_usual_spelling(unit, freezing, warmer):
    """Freezing is 0 °C and 10 K more 10 °C in each, and a difference has no zero."""
    assert TEMPERATURE.convert(freezing, unit) == pytest.approx(0)
    assert TEMPERATURE.convert(freezing + warmer, unit) == pytest.approx(10)
    assert DIFFERENCE.convert(float(warmer), unit) == pytest.approx(10)


@given(
    unit=st.sampled_from([(dimension, unit) for dimension, units in SPELLED for unit in units]),
    upper=st.booleans(),
    blanks=st.integers(0, 3),
)
def test_case_and_blanks_do_not_matter(unit, upper, blanks):
    """A unit in capitals, or with blanks around it, is the same unit."""
    dimension, text = unit
    written = " " * blanks + (text.upper() if upper else text) + " " * blanks
    assert dimension.convert(7.0, written) == dimension.convert(7.0, text)
