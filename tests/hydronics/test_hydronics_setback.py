"""Night setback: power at night against power by day."""

import numpy as np
import pandas as pd
import pytest
from demo_valves import demo_samples, simulation
from made_valves import hour_of, made_times, made_valve

from belimo_nb.errors import UsageError
from belimo_nb.heating.days import daily_means
from belimo_nb.hydronics.checks.setback import setback

ZURICH = "Europe/Zurich"


def night_valve(ratio, step="1h", tz=ZURICH, days=42, weekend=1.0, day_kw=20.0, **columns):
    """A valve whose power from 23 to 5 is a share of that by day, and on weekends a share of that."""
    times = made_times(days, step, tz=tz)
    hour = hour_of(times, step)
    power = np.where((hour >= 23) | (hour < 5), ratio, 1.0) * day_kw
    local = times.tz_localize(None) - pd.Timedelta(step) / 2
    power = np.where(local.day_of_week >= 5, weekend, 1.0) * power
    return made_valve(times, step, power_kw=power, **columns)


@pytest.mark.parametrize("step", ["15min", "1h"])
@pytest.mark.parametrize(
    ("ratio", "verdict", "word"),
    [(1.0, "warn", "no night setback"), (0.92, "warn", "no night"), (0.75, "ok", "in part"), (0.4, "ok", "effective")],
)
def test_ratio(ratio, verdict, word, step):
    """The figure is the ratio that was put in, at quarter hours and hours."""
    found = setback(night_valve(ratio, step), ZURICH)
    assert (found.verdict, found.figure) == (verdict, pytest.approx(ratio))
    assert word in found.sentence
    assert bool(found.recommendation) == (verdict == "warn")
    assert np.isnan(found.waste_kwh)


@pytest.mark.parametrize(
    ("tz", "away"),
    [
        ("America/New_York", "Asia/Tokyo"),
        ("Asia/Kolkata", "America/New_York"),
        ("Australia/Lord_Howe", "UTC"),
        ("UTC", "Pacific/Auckland"),
    ],
)
def test_nights_are_local(tz, away):
    """The night is that of the site, and only of the site."""
    valve = night_valve(0.3, "15min", tz)
    assert setback(valve, tz).figure == pytest.approx(0.3)
    assert setback(valve, away).figure > 0.5


def test_clock_changes():
    """Nights of 23 to 5 with five or seven hours are nights."""
    times = made_times(60, "1h", "2018-03-01", ZURICH)
    hour = hour_of(times, "1h")
    valve = made_valve(times, "1h", power_kw=np.where((hour >= 23) | (hour < 5), 5.0, 20.0))
    assert setback(valve, ZURICH).figure == pytest.approx(0.25)


def test_weekends_neither_hide_nor_feign_a_setback():
    """An office that is low all weekend has no night setback for that, and one that has keeps it."""
    assert setback(night_valve(1.0, weekend=0.3), ZURICH).figure == pytest.approx(1.0)
    assert setback(night_valve(0.4, weekend=2.0), ZURICH).figure == pytest.approx(0.4)


def test_a_trend_of_the_weather_cancels():
    """Where it gets colder day by day, a night is held against the mean of the days around it."""
    times = made_times(42, "1h", tz=ZURICH)
    power = np.linspace(10, 40, len(times))
    found = setback(made_valve(times, "1h", power_kw=power), ZURICH)
    assert found.figure == pytest.approx(1.0, abs=0.01)


def test_off_at_night():
    """A fan coil that is off at night, its water at room temperature, has what a setback can give."""
    times = made_times(42, "1h", tz=ZURICH)
    works = (hour_of(times, "1h") >= 6) & (hour_of(times, "1h") < 19)
    flow = np.where(works, 2.0, 0.0)
    found = setback(made_valve(times, "1h", flow_m3h=flow, position_pct=30 * flow), ZURICH)
    assert (found.verdict, found.figure) == ("ok", 0.0)
    assert "no heat flowed" in found.sentence


def test_outdoor_temperature_decides_on_days():
    """With the weather given, warm days and days of unlike weather are left out; without enough days: no verdict."""
    valve = night_valve(1.0)
    days = pd.date_range("2018-01-08", periods=43, tz=ZURICH)
    cold = pd.Series(2.0, days)
    assert setback(valve, ZURICH, cold).verdict == "warn"
    assert setback(valve, ZURICH, cold + 12).verdict == "cannot judge"
    assert setback(valve, ZURICH, cold + np.arange(43) % 2 * 5).verdict == "cannot judge"
    hourly = pd.Series(2.0, pd.date_range("2018-01-08", "2018-02-20", freq="h", tz="UTC"))
    assert repr(setback(valve, ZURICH, hourly)) == repr(setback(valve, ZURICH, cold))  # NaN equals itself in no == here


def test_a_process_is_no_heating():
    """A load that does not follow the weather is not blamed; one that does is."""
    days = pd.date_range("2018-01-08", periods=43, tz=ZURICH)
    outdoor = pd.Series(2 + 6 * np.sin(np.arange(43) / 3), days)
    process = setback(night_valve(1.0), ZURICH, outdoor)
    assert process.verdict == "cannot judge"
    assert "process" in process.sentence
    times = made_times(42, "1h", tz=ZURICH)
    at = (times - pd.Timedelta(minutes=30)).normalize()
    heating = made_valve(times, "1h", power_kw=20 - outdoor.reindex(at).to_numpy())
    assert setback(heating, ZURICH, outdoor).verdict == "warn"


def test_cannot_judge():
    """Cooling, a few days, days that are too rare, unknown power: no verdict, and the reason."""
    times = made_times(42, "1h", tz=ZURICH)
    assert "it cools" in setback(made_valve(times, "1h", t1_c=8, t2_c=14), ZURICH).sentence
    assert "nights" in setback(night_valve(1.0, days=8), ZURICH).sentence
    coarse = made_times(90, "3h", tz=ZURICH)
    assert "60 min" in setback(made_valve(coarse, "3h"), ZURICH).sentence
    assert setback(made_valve(times, "1h", power_kw=np.nan), ZURICH).verdict == "cannot judge"
    assert setback(made_valve(times, "1h", power_kw=0.0), ZURICH).verdict == "cannot judge"


def test_gaps():
    """Half of the nights unknown change nothing about the others; half of the hours of each leave none."""
    valve = night_valve(0.7)
    hour, day = np.arange(len(valve)) % 24, np.arange(len(valve)) // 24
    some = setback(valve.part((day % 8 < 5) | (hour > 5)), ZURICH)
    assert some.figure == pytest.approx(0.7)
    assert setback(valve.part(hour % 2 == 0), ZURICH).verdict == "cannot judge"


def test_an_unknown_zone_is_told():
    """A zone that there is not is an error, not a night at another time."""
    with pytest.raises(UsageError, match="Mars"):
        setback(night_valve(1.0), "Mars/Olympus")


def test_demo():
    """The planted zone has none, its sister has one; the same with the weather, and at hours."""
    times, values = simulation().outdoor_temperature(0, 2**40)
    outdoor = daily_means(pd.Series(values, pd.to_datetime(times, unit="s", utc=True)), ZURICH)
    for step, weather in (("15min", None), ("1h", outdoor)):
        planted = setback(demo_samples("Energieventil Heizung 1.OG Sued-West", step), ZURICH, weather)
        healthy = setback(demo_samples("Energieventil Heizung 2.OG Sued-Ost", step), ZURICH, weather)
        assert (planted.verdict, healthy.verdict) == ("warn", "ok")
        assert planted.figure == pytest.approx(1.0, abs=0.05)
        assert healthy.figure < 0.6
