"""A cloud whose valve reports what has changed, every quarter of an hour, or once a day: all that is made of it."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from second_cloud import says
from second_fleet import HEATING, NOW, POSITION, POWER, T1, T2, epoch, iso

import belimo_nb as bn
from belimo_nb import plots
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.checkup import samples_of
from belimo_nb.demo import DemoCloud
from belimo_nb.explorer.points import points_of
from belimo_nb.explorer.samples import last_readings
from belimo_nb.hydronics import Design

ZURICH = "Europe/Zurich"
HISTORY = "/devices/d7Kx01/data/history/timeseries"
HOUR, DAY = 3600, 86400
START, END = "2021-03-01", "2021-03-31"


def value(key, time):
    """A valve that heats with 10 kW from 6 to 18 h UTC and is closed at night, while its water cools slowly."""
    day, second = divmod(time, DAY)
    heating = 6 * HOUR <= second < 18 * HOUR
    return {
        HEATING: 1e5 + 120.0 * day + 10 * min(max(second / HOUR - 6, 0), 12),
        POWER: 10.0 if heating else 0.0,
        POSITION: 60.0 if heating else 0.0,
        T1: 50 + second // HOUR * 0.1,
        T2: 40.0,
    }.get(key)


def report(second, spacing, *, by_change):
    """Let the first valve report so: at these seconds, what has changed since, and everything once a day."""

    def sent(key, time):
        now, before = value(key, time), value(key, time - spacing)
        return now is not None and (not by_change or now != before or time % DAY < spacing)

    def timeseries(request, _):
        begin, end = (int(epoch(request.query[name])) for name in ("from", "to"))
        number, unit = int(request.query["resolution"][:-1]), request.query["resolution"][-1]
        step = number * {"m": 60, "h": HOUR, "d": DAY}[unit]
        series = []
        for key in request.query["datapointIds"].split(","):
            buckets = {}
            for time in range(-(-begin // spacing) * spacing, min(end, NOW), spacing):
                if sent(key, time):
                    buckets[time // step * step] = value(key, time)
            rows = [{"timestamp": iso(stamp), "value": found} for stamp, found in buckets.items()]
            series.append({"datapointId": key, "values": rows})
        return says({"resolution": request.query["resolution"], "series": series})

    second.always(HISTORY, timeseries)


@pytest.fixture
def valve(client):
    """Its first valve."""
    return client.device("Heizkreis 01")


@pytest.mark.parametrize("spacing", [900, HOUR])
@pytest.mark.parametrize("by_change", [False, True])
def test_energy_of_nights_and_days(valve, second, spacing, by_change):
    """However it reports: nights are 0 kWh, known, and days have their 120 kWh, measured, with a coverage of 1."""
    report(second, spacing, by_change=by_change)
    days = valve.energy("heating", START, END, tz="UTC")
    assert (days["coverage"] == 1).all()
    assert set(days["quality"]) == {"measured"}
    np.testing.assert_allclose(days["kwh"], 120, atol=10 * spacing / HOUR)
    hours = valve.energy("heating", START, END, "h", tz="UTC")
    night = hours[(hours.index.hour >= 20) | (hours.index.hour < 5)]
    assert (night["kwh"] == 0).all()
    assert (night["coverage"] == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("reporting", ["change", "15m", "1h", "1d"])
def test_a_demo_valve_however_it_reports(reporting, monkeypatch, tmp_path):
    """A heating and a cooling valve of the demo cloud: the energy of a season, its coverage, and no new finding."""
    found = {}
    for habit in ("5m", reporting):
        with DemoCloud(reporting=habit) as server:
            for name, setting in server.environment().items():
                monkeypatch.setenv(name, setting)
            monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / habit))
            with contextlib.closing(bn.connect()) as cloud:
                heats, cools = cloud.device("2.OG Nord-Ost"), cloud.device("Kälte 2.OG Nord")
                found[habit] = [
                    heats.energy("heating", "2018-09-01", "2018-11-25"),
                    cools.energy("cooling", "2018-06-01", "2018-09-01"),
                    heats.checkup("2018-09-01", "2018-11-25").verdicts["verdict"],
                ]
    for whole, thin in zip(found["5m"][:2], found[reporting][:2], strict=True):
        assert (thin["coverage"] - whole["coverage"]).abs().mean() < 0.001
        share = 0.02 if reporting == "1d" else 0.001
        assert thin["kwh"].sum() == pytest.approx(whole["kwh"].sum(), rel=share)
    verdicts = found[reporting][2]
    assert ((verdicts == found["5m"][2]) | ((verdicts == "cannot judge") & (reporting in ("1h", "1d")))).all()


def test_energy_of_one_reading_a_day(valve, second):
    """The spacing is measured: a day between two readings is none of the gaps of an hourly meter."""
    report(second, DAY, by_change=True)
    days = valve.energy("heating", START, END, tz="UTC")
    assert (days["coverage"] == 1).all()
    assert set(days["quality"]) == {"measured"}
    np.testing.assert_allclose(days["kwh"], 120, atol=1e-6)


@pytest.mark.parametrize("resolution", ["5m", "15m", "1h"])
def test_measurements_hold(valve, second, resolution):
    """Sent by change or not, what was measured is the same at every moment, from the first on."""
    wanted = ["t1", "t2", "position", "power", "heating_energy"]
    report(second, 900, by_change=False)
    whole = valve.measurements(wanted, "2021-03-02T03:00", "2021-03-04", resolution)
    report(second, 900, by_change=True)
    second.next("/devices/d7Kx02/data/history/timeseries", lambda *_: second._always[HISTORY](*_))
    thin = valve._connection.device_list.known()["d7Kx01"] | {"id": "d7Kx02"}
    thin = type(valve)(valve._connection, thin).measurements(wanted, "2021-03-02T03:00", "2021-03-04", resolution)
    assert whole.notna().all(axis=None)
    pd.testing.assert_frame_equal(whole, thin)


def test_checks_see_the_true_spacing(valve, second):
    """One reading that holds for a quarter of an hour is no three samples of five minutes."""
    report(second, 900, by_change=False)
    frame = valve.measurements(["t1", "flow", "position"], "2021-03-02", "2021-03-04", "5m")
    samples = samples_of(frame, pd.Timedelta(minutes=5), Design())
    assert samples.step == pd.Timedelta(minutes=15)
    assert len(samples) == 192
    hourly = valve.measurements(["t1", "flow", "position"], "2021-03-02", "2021-03-04", "1h")
    assert samples_of(hourly, pd.Timedelta(hours=1), Design()).step == pd.Timedelta(hours=1)


def test_explorer_holds(valve, second):
    """The explorer shows a closed valve as closed all night, not as unknown."""
    report(second, 900, by_change=True)
    points = [point for point in points_of(valve.profile) if point.id in (POSITION, T1)]
    period = Period(pd.Timestamp("2021-03-02", tz=ZURICH), pd.Timestamp("2021-03-04", tz=ZURICH))
    found = last_readings(valve, points, period, "15m")
    assert found.notna().all(axis=None)
    assert len(found) == 192


def test_data_map_of_daily_samples(valve, second):
    """A sample a day stands for its 24 hours: none of them is missing."""
    report(second, DAY, by_change=False)
    days = valve.measurements(["t1", "heating_energy"], START, END, "1d")
    period = Period(pd.Timestamp(START, tz=ZURICH), pd.Timestamp(END, tz=ZURICH))
    assert "Readings in every one of" in plots.data_map(days.notna().any(axis=1), period=period).alt
