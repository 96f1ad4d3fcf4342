"""Against the demo building, whose truth is known, through the real client and HTTP."""

import contextlib
import itertools

import numpy as np
import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb.demo import DemoCloud
from belimo_nb.demo.fleet.plants import plants
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.energy import JOULES_PER_KWH, interval_energy

ZURICH = "Europe/Zurich"
HEATING, COOLING = "evcloud.210", "evcloud.200"
START, END = "2017-12-01", "2018-12-01"
PLANTS = plants(1)
MEAN_USE = 0.602  # of the weekly schedule of use that cooling zones follow
ZONES = ("2.OG Sued-Ost", "2.OG Nord-Ost", "2.OG Nord-West", "1.OG Sued-West", "2.OG Sued-West")


@pytest.fixture(scope="module")
def simulation():
    """The truth behind the demo cloud."""
    return Simulation()


def true_kwh(simulation, name, frame, end, datapoint=HEATING):
    """What really passed in the intervals of a frame."""
    device = next(device for device in simulation.devices if device.name == name)
    edges = [time.timestamp() for time in [*frame.index, pd.Timestamp(end, tz=ZURICH)]]
    pairs = itertools.pairwise(edges)
    return np.array([simulation.true_energy(device, datapoint, *pair) / JOULES_PER_KWH for pair in pairs])


@pytest.mark.parametrize("zone", ZONES)
def test_signature_of_the_known_zones(cloud, simulation, zone):
    """Heat loss coefficient within 5 %, balance point within 0.5 K, base load near, all through the client."""
    valve = cloud.device(zone)
    truth = next(simulation.signature(device) for device in simulation.devices if device.name == valve.name)
    days = valve.energy("heating", START, END)
    outdoor = bn.weather.outdoor_temperature(cloud, START, END)
    found = bn.heating.fit_signature(bn.heating.complete_days(days), bn.heating.daily_means(outdoor, ZURICH))
    assert found.model == "3P"
    assert found.heat_loss_w_k == pytest.approx(truth.heat_loss_w_k, rel=0.05)
    assert found.balance_point_c == pytest.approx(truth.balance_point_c, abs=0.5)
    assert found.base_kwh_d == pytest.approx(truth.base_kwh_d, abs=5)
    assert found.r2 > 0.95
    assert 0.05 < found.cv_rmse < 0.15


def test_signature_refuses_a_winter(cloud):
    """Of winter days alone no balance point is told; of 8 days nothing at all."""
    days = bn.heating.complete_days(cloud.device("2.OG Sued-Ost").energy("heating", START, "2018-03-01"))
    outdoor = bn.heating.daily_means(bn.weather.outdoor_temperature(cloud, START, "2018-03-01"), ZURICH)
    winter = bn.heating.fit_signature(days, outdoor)
    assert winter.model in ("2P", None)
    assert winter.reason
    assert bn.heating.fit_signature(days[:8], outdoor).model is None


def test_reset(cloud, simulation):
    """Where a meter was replaced its day is a lower bound and marked; every other day is what really passed."""
    name = "Lüftung LA02 Kühler"
    days = cloud.device(name).energy("cooling", "2018-06-01", "2018-07-01")
    truth = true_kwh(simulation, name, days, "2018-07-01", COOLING)
    replaced = days.index == pd.Timestamp("2018-06-14", tz=ZURICH)
    assert days["quality"][replaced].tolist() == ["reset"]
    assert days["kwh"][replaced].iloc[0] <= truth[replaced][0]
    assert set(days["quality"][~replaced]) == {"measured"}
    np.testing.assert_allclose(days["kwh"][~replaced], truth[~replaced], rtol=0.02, atol=2.0)


def test_dropout(cloud, simulation):
    """Three weeks of zeros: the month's total is what really passed, the days in between are an estimate."""
    name = "Lüftung LA03 Kühler"
    valve = cloud.device(name)
    month = valve.energy("cooling", "2018-07-01", "2018-08-01", freq="MS")
    assert month["kwh"].tolist() == pytest.approx(true_kwh(simulation, name, month, "2018-08-01", COOLING), rel=0.003)
    assert month["quality"].tolist() == ["measured"]  # there are readings on both its edges
    assert month["coverage"].iloc[0] < 0.4
    days = valve.energy("cooling", "2018-07-01", "2018-08-01")
    assert (days["coverage"].iloc[2:21] == 0).all()
    (incident,) = valve.counter("cooling", "2018-07-01", "2018-08-01").incidents().to_dict("records")
    assert incident["what"] == "dropout"


def test_lost_gap(cloud, simulation):
    """Ten days without samples: their sum is measured, their split is not, and it says so."""
    name = "Energieventil Heizung 2.OG Sued-West"
    valve = cloud.device(name)
    days = valve.energy("heating", "2018-02-01", "2018-03-01")
    truth = true_kwh(simulation, name, days, "2018-03-01")
    gap = days["quality"] == "estimated split"
    assert days.index[gap].strftime("%d").tolist() == [f"{day:02d}" for day in range(9, 20)]
    assert days["kwh"][gap].sum() == pytest.approx(truth[gap].sum(), rel=0.003)
    np.testing.assert_allclose(days["kwh"][~gap], truth[~gap], rtol=0.02)
    assert bn.heating.complete_days(days).isna().sum() == gap.sum()


def test_late_backlog(cloud, simulation):
    """Samples that arrived days later are as good as any."""
    name = "Umschaltventil 1.OG Sitzungszimmer"
    days = cloud.device(name).energy("heating", "2018-10-06", "2018-10-14")
    assert set(days["quality"]) == {"measured"}
    np.testing.assert_allclose(days["kwh"], true_kwh(simulation, name, days, "2018-10-14"), rtol=0.03, atol=1.5)


def test_backlog_that_has_not_arrived(monkeypatch):
    """While the device is silent, its days are unknown; nothing is made up that the backlog would have to correct."""
    with DemoCloud(now="2018-10-11T00:00:00Z") as server:
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)
        with contextlib.closing(bn.connect()) as early:
            days = early.device("Umschaltventil 1.OG Sitzungszimmer").energy("heating", "2018-10-07", "2018-10-11")
    assert days["quality"].tolist() == ["measured", "partial", "missing", "missing"]
    assert days["kwh"].isna().tolist() == [False, False, True, True]


def test_offline(cloud):
    """After the last sample nothing is known: neither 0 nor a guess."""
    days = cloud.device("Energieventil Kälte EG Ost").energy("cooling", "2018-11-19", "2018-11-23")
    assert days["quality"].tolist() == ["measured", "partial", "missing", "missing"]
    assert days["kwh"].isna().tolist() == [False, False, True, True]


def test_stuck_meter_is_noticed(cloud, simulation):
    """A flow sensor fails and the counter stands: no counter knows, but the signature says what was due."""
    valve = cloud.device("Umschaltventil EG Aula")
    counters = cloud.counters([valve.id], "heating", "2016-12-01", END)
    outdoor = bn.weather.outdoor_temperature(cloud, "2016-12-01", END)
    study = bn.heating.Study(
        counters.energy("D", START), counters.energy("D", "2016-12-01", START), outdoor, cloud.timezone
    )
    first, _, due = study.silent[valve.name]
    assert first == pd.Timestamp("2018-11-06", tz=ZURICH)
    lost = true_kwh(simulation, valve.name, pd.DataFrame(index=[first]), END)
    assert due == pytest.approx(lost[0], rel=0.15)


def test_a_year_with_its_clock_changes(cloud, simulation):
    """The 365 days of a year, two of them of 23 and 25 hours, sum to the counter and to what really passed."""
    name = "Energieventil Heizung 2.OG Nord-West"
    counter = cloud.device(name).counter("heating", START, END)
    days = counter.energy("D")
    assert len(days) == 365
    assert days["kwh"].sum() == pytest.approx(interval_energy(counter.readings, "YS", START, END, ZURICH)["kwh"].sum())
    assert days["kwh"].sum() == pytest.approx(true_kwh(simulation, name, days[:1], END)[0], rel=1e-4)
    statement = counter.statement()
    assert statement["kwh"].sum() == pytest.approx(days["kwh"].sum())
    chained = statement["closing_kwh"].iloc[:-1].to_numpy() == statement["opening_kwh"].iloc[1:].to_numpy()
    assert chained.all()


def test_degree_days_of_the_demo(cloud):
    """The figures that the demo building's page publishes."""
    outdoor = bn.weather.outdoor_temperature(cloud, "2017-01-01", "2018-01-01")
    assert round(bn.heating.degree_days(outdoor, tz=ZURICH).sum()) == 3187


COOLING_ZONES = ("2.OG Nord", "2.OG Süd", "1.OG Nord", "1.OG Süd", "EG Restaurant", "EG Ost")


def least_squares(outdoor, kwh):
    """Balance point, slope and base of the least squares 3PC, by numpy, balance points every hundredth of a kelvin."""
    found = []
    for balance in np.arange(8, 20, 0.01):
        rise = np.column_stack([np.ones(len(kwh)), np.maximum(outdoor - balance, 0)])
        line, left, *_ = np.linalg.lstsq(rise, kwh, rcond=None)
        found.append((left[0], balance, line[1], line[0]))
    return min(found)[1:]


@pytest.mark.slow
@pytest.mark.parametrize("zone", COOLING_ZONES)
def test_signature_of_the_cooling_zones(cloud, simulation, zone):
    """Slope within 2 % and balance point within 0.2 K of what the zone really used, and near its physics.

    The zone follows the hours and its use, so a fit on days finds its size times the mean use, less what the terminals
    cannot give on the hottest afternoons, and a balance point lower by how much warmer the day is than its mean.
    """
    valve = cloud.device(f"Energieventil Kälte {zone}")
    days = valve.energy("cooling", START, END)
    outdoor = bn.heating.daily_means(bn.weather.outdoor_temperature(cloud, START, END), ZURICH)
    known = bn.heating.complete_days(days)
    found = bn.heating.fit_signature(known, outdoor, kind="cooling")
    assert found.model == "3PC"
    good = known.notna() & outdoor.reindex(known.index).notna()
    really = true_kwh(simulation, valve.name, days, END, COOLING)[good]
    balance, slope, base = least_squares(outdoor.reindex(known.index)[good].to_numpy(), really)
    assert found.slope_kwh_d_k == pytest.approx(slope, rel=0.02)
    assert found.balance_point_c == pytest.approx(balance, abs=0.2)
    assert found.base_kwh_d == pytest.approx(base, abs=5)
    # The one's exchanger is fouled, the other's delta-T limit cuts the hot hours since May.
    if zone not in ("2.OG Süd", "EG Restaurant"):
        plant = PLANTS[valve.name]
        assert found.slope_kwh_d_k == pytest.approx(plant.size * MEAN_USE * 24 / 1000, rel=0.08)
        assert found.balance_point_c == pytest.approx(plant.balance_point_c - 0.5, abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Umschaltventil 1.OG Sitzungszimmer", "Umschaltventil EG Aula"])
def test_whole_year_of_the_change_over_valves(cloud, name):
    """Slopes within 5 % (cold: 7) and balance points within 0.5 K of the simulated plant's, and no day with both."""
    valve, plant = cloud.device(name), PLANTS[name]
    outdoor = bn.heating.daily_means(bn.weather.outdoor_temperature(cloud, START, END), ZURICH)
    heat, cold = (bn.heating.complete_days(valve.energy(kind, START, END)) for kind in ("heating", "cooling"))
    found = bn.heating.fit_change_over(heat, cold, outdoor)
    assert (found.model, found.both_days) == ("5P", 0)
    assert found.heating_balance_c == pytest.approx(plant.balance_point_c, abs=0.5)
    assert found.cooling_balance_c == pytest.approx(17.0, abs=0.5)
    assert found.heating_slope_kwh_d_k == pytest.approx(plant.size * 24 / 1000, rel=0.05)
    assert found.cooling_slope_kwh_d_k == pytest.approx(plant.size * 1.3 * MEAN_USE * 24 / 1000, rel=0.07)


def test_statements_of_cold_sum_to_the_counters(cloud):
    """The statements of all cooling valves: their sums are the counters' differences, to the joule."""
    counters = cloud.counters(cloud.cooling_valves(), "cooling", START, END)
    for name, counter in counters.items():
        statement = counter.statement()
        sums = statement.groupby("interval")["kwh"].sum(min_count=1)
        months = counter.energy("MS")["kwh"]
        np.testing.assert_allclose(sums.to_numpy() * JOULES_PER_KWH, months.to_numpy() * JOULES_PER_KWH, atol=1, rtol=0)
        whole = counter.energy("YS")["kwh"].sum()
        assert statement["kwh"].sum() * JOULES_PER_KWH == pytest.approx(whole * JOULES_PER_KWH, abs=1), name
