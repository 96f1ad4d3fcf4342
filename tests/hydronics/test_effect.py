"""Did it work? The demo building's change that works, dates on which nothing changed, and days that tell nothing."""

import functools

import numpy as np
import pandas as pd
import pytest
from demo_valves import simulation, valve_named, valve_samples, valves

from belimo_nb import hydronics
from belimo_nb.demo.fleet.building import Kind
from belimo_nb.demo.fleet.faults import IMPROVEMENT, FaultKind, first_spec
from belimo_nb.demo.fleet.plants import plants
from belimo_nb.demo.operation.valves import simulate
from belimo_nb.demo.world.physics import FLOW_UNITS, KELVIN_UNITS, ZERO_C
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, SAMPLES, STEP
from belimo_nb.heating import daily_means

ZURICH = "Europe/Zurich"
BEGIN, END = (pd.Timestamp(day, tz=ZURICH) for day in ("2016-12-02", "2018-12-01"))
CHANGED = pd.Timestamp(IMPROVEMENT.begin, unit="s", tz=ZURICH)
QUANTITIES = ["energy", "volume per kWh", "delta-T", "return temperature"]

pytestmark = pytest.mark.xdist_group("effects")


@functools.cache
def outdoor():
    """Daily means of the outdoor temperature."""
    times, values = simulation().outdoor_temperature(*(int(edge.timestamp()) for edge in (BEGIN, END)))
    return daily_means(pd.Series(values, pd.to_datetime(times, unit="s", utc=True)), ZURICH)


def recorded(record):
    """Hourly samples of a cooling valve's record, as `Device.measurements` would give them."""
    times = pd.to_datetime(HISTORY_BEGIN + STEP * (np.arange(SAMPLES) + 1), unit="s", utc=True)
    columns = {
        "heating_kwh": 0.0,
        "cooling_kwh": np.cumsum(record.power.astype(float)) * STEP / 3.6e6,
        "volume_m3": np.cumsum(record.flow.astype(float)) * STEP / FLOW_UNITS,
        "flow_m3h": record.flow * 3600 / FLOW_UNITS,
        "t1_c": record.t1 / KELVIN_UNITS - ZERO_C,
        "t2_c": record.t2 / KELVIN_UNITS - ZERO_C,
    }
    return pd.DataFrame(columns, times).iloc[11::12].tz_convert(ZURICH)


@functools.cache
def water(name):
    """A demo valve's two years of days, and what it does."""
    device = valve_named(name)
    kind = "cooling" if device.kind in (Kind.COOLING_ZONE, Kind.SERVER_ROOM, Kind.AIR_COOLER) else "heating"
    edges = (int(edge.timestamp()) for edge in (BEGIN, END))
    samples = valve_samples(simulation(), device, *edges, 3600).tz_convert(ZURICH)
    return hydronics.daily_water(samples, kind, BEGIN, END), kind


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_change_that_works(seed):
    """All four true effects lie inside the stated uncertainties, and the water saved is no chance."""
    plant = plants(seed)[IMPROVEMENT.name]
    with_it, without = (
        hydronics.daily_water(recorded(simulate(plant, seed, improved=improved)), "cooling", BEGIN, END)
        for improved in (True, False)
    )
    found = hydronics.before_and_after(with_it, outdoor(), CHANGED, "cooling").effects

    def means(days):
        after = days[days.index > CHANGED]
        sums = after[["kwh", "m3"]].sum()
        weighted = after[["delta_t_k", "return_c"]].mul(after["m3"], axis=0).sum() / sums["m3"]
        return np.array([sums["kwh"], sums["m3"] / sums["kwh"], *weighted])

    now, then = means(with_it), means(without)
    truth = dict(zip(QUANTITIES, [*(now / then - 1)[:2], *(now - then)[2:]], strict=True))
    assert truth["volume per kWh"] < -0.05
    for name, effect in found.items():
        assert abs(effect.change - truth[name]) <= effect.uncertainty, name
    assert {name: found[name].verdict for name in QUANTITIES[1:]} == dict.fromkeys(QUANTITIES[1:], "better")


@pytest.mark.slow
def test_placebo_dates():
    """On 200 days on which nothing changed, at most a tenth show any change; most of them say something."""
    draw, said, changed = np.random.default_rng(20), 0, 0
    names = [device.name for device in valves() if device.name != IMPROVEMENT.name]
    begins = {
        first_spec(kind).name: first_spec(kind).begin for kind in (FaultKind.LOW_DELTA_T, FaultKind.SENSORS_SWAPPED)
    }
    for _ in range(200):
        name = names[draw.integers(len(names))]
        days, kind = water(name)
        # A year of days before it, without the day on which something did change.
        first = max(BEGIN, pd.Timestamp(begins.get(name, 0), unit="s", tz=ZURICH).normalize() + pd.Timedelta(days=1))
        date = first + pd.DateOffset(days=int(draw.integers(365, (END - first).days - 14)))
        date = min(date, END - pd.Timedelta(days=20))
        until = date + pd.DateOffset(days=int(draw.choice([45, 90, 180, 365])))
        span = days[(days.index >= first) & (days.index < until)]
        effects = [e for e in hydronics.before_and_after(span, outdoor(), date, kind).effects.values() if not e.reason]
        said += bool(effects)
        changed += any(effect.changed for effect in effects)
    assert said >= 150
    assert changed <= 20


def made(days=730, after=1.0, **columns):
    """Two years of a valve that takes 40 l/kWh at 20 K, and `after` times as much water from the second year on."""
    index = pd.date_range("2017-01-01", periods=days, tz=ZURICH)
    noise = np.random.default_rng(3).normal(0, 1, days)
    temperature = pd.Series(10 - 10 * np.cos(2 * np.pi * np.arange(days) / 365.25) + 3 * noise, index)
    kwh = 50 + 20 * np.maximum(15 - temperature, 0) * (1 + 0.05 * np.roll(noise, 7))
    factor = np.where(index >= "2018-01-01", after, 1.0)
    water = {"kwh": kwh, "m3": 0.04 * kwh * factor, "delta_t_k": 20 / factor, "supply_c": 60.0}
    return pd.DataFrame(water | {"return_c": 60 - 20 / factor} | columns, index), temperature


NEW_YEAR = pd.Timestamp("2018-01-01T10:00", tz=ZURICH)


def test_what_a_known_change_does():
    """A tenth less water per kWh: found as such, with delta-T up and the return of a heating down; energy unchanged."""
    days, temperature = made(after=0.9)
    found = hydronics.before_and_after(days, temperature, NEW_YEAR, what="the limit")
    assert found.changed == NEW_YEAR.normalize()
    assert found.what == "the limit"
    effects = found.effects
    assert effects["volume per kWh"].change == pytest.approx(-0.1, abs=1e-9)
    assert effects["volume per kWh"].relative
    assert effects["delta-T"].change == pytest.approx(20 / 0.9 - 20)
    assert effects["return temperature"].change == pytest.approx(20 - 20 / 0.9)
    assert [effects[name].verdict for name in QUANTITIES] == ["within chance", "better", "better", "better"]
    assert effects["energy"].days_before == 365
    assert effects["energy"].days_after == 364


def test_of_cooling_a_warmer_return_is_better():
    """The same change of a cooling valve: the return falls, which is worse."""
    days, temperature = made(after=0.9)
    assert (
        hydronics.before_and_after(days, temperature, NEW_YEAR, "cooling").effects["return temperature"].verdict
        == "worse"
    )


def test_days_that_tell_nothing_are_left_out_with_their_reason():
    """A failing meter, a gap, unknown weather, no energy for days, weather beyond any: each told, none counted."""
    days, temperature = made()
    errors = [
        (pd.Timestamp("2018-02-03T12:00", tz=ZURICH), pd.Timestamp("2018-02-05T01:00", tz=ZURICH), "Flow_sensor_error")
    ]
    days.loc["2018-03-01":"2018-03-04", "m3"] = np.nan
    temperature["2018-04-01"] = np.nan
    days.loc["2018-11-20":"2018-11-29", ["kwh", "m3"]] = 0.0
    temperature["2018-07-07"] = 60.0
    found = hydronics.before_and_after(days, temperature, NEW_YEAR, failed=errors)
    told = [(f"{row['from']:%m-%d}", row["days"], row["why"]) for _, row in found.left_out.iterrows()]
    assert told == [
        ("01-01", 1, "the day of the change"),
        ("02-03", 3, "the meter failed: Flow_sensor_error"),
        ("03-01", 4, "energy or volume not known in full"),
        ("04-01", 1, "the outdoor temperature is unknown"),
        ("07-07", 1, "colder or warmer than any day before the change"),
        ("11-20", 10, "no energy for days on end, though some was due"),
    ]
    assert found.effects["energy"].days_after == 364 - 19
    assert not found.effects["energy"].changed


def test_no_more_than_a_year_on_either_side():
    """What lies further back or later is another plant; it moves nothing."""
    days, temperature = made(1500)
    found = hydronics.before_and_after(days, temperature, pd.Timestamp("2019-06-01", tz=ZURICH))
    assert found.effects["energy"].days_before == 365
    assert found.effects["energy"].days_after == 365


@pytest.mark.parametrize(
    ("changed", "end", "reason"),
    [
        ("2017-01-20", "2019-01-01", "only 19 days before the change tell it; 30 are needed"),
        ("2018-12-25", "2019-01-01", "only 6 days after the change tell it; 14 are needed"),
        ("2017-04-01", "2017-09-01", "days were colder or warmer than any before the change"),
    ],
)
def test_refused_with_a_reason(changed, end, reason):
    """Too few days on one side, or weather unlike any before: no figure, but the reason."""
    days, temperature = made()
    found = hydronics.before_and_after(days[days.index < end], temperature, pd.Timestamp(changed, tz=ZURICH))
    for effect in found.effects.values():
        assert reason in effect.reason
        assert np.isnan(effect.change)
        assert effect.verdict == "cannot be said"


def test_next_to_nothing_is_no_divisor():
    """Of a valve that hardly ever ran before, energy has no change in percent."""
    days, temperature = made()
    days.loc[days.index < "2018-01-01", "kwh"] = 0.0
    found = hydronics.before_and_after(days, temperature, NEW_YEAR).effects["energy"]
    assert found.reason == "next to nothing was to be expected"
