"""The checks against the demo building, whose truth is known: its own year, and years of other seeds."""

import functools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from demo_valves import FOUND_BY, settings, simulation, valve_named, valve_samples
from demo_valves import valves as energy_valves

from belimo_nb import hydronics
from belimo_nb.demo.fleet.faults import PLANT_STOPS, FaultKind
from belimo_nb.demo.fleet.profiles import ENERGY_VALVE_3_WITH_WEAR
from belimo_nb.demo.operation.simulation import Simulation
from belimo_nb.quantities import bits_in_words

ZURICH = "Europe/Zurich"
BEGIN, END = (int(pd.Timestamp(day, tz="UTC").timestamp()) for day in ("2017-12-01", "2018-12-01"))
NOW = pd.Timestamp(END, unit="s", tz="UTC")
MONTH = int(pd.Timestamp("2018-11-01", tz="UTC").timestamp())
DOC = Path(__file__).parents[2] / "docs" / "hydronics.md"
LOW_DELTA_T = "Energieventil Kälte 2.OG Süd"
SUSPECT = ("warn", "fault")

pytestmark = pytest.mark.xdist_group("hydronic truth")


@functools.lru_cache(maxsize=32)  # 3 MB each
def valve(seed, name):
    """A valve, its year at 15 minutes, and what it is set for."""
    device = valve_named(name, seed)
    year = valve_samples(simulation(seed), device, BEGIN, END)
    return device, year, hydronics.Design(**settings(simulation(seed), device))


def valves(seed):
    """All of them, one after the other."""
    for device in energy_valves(seed):
        yield valve(seed, device.name)


@functools.cache
def outdoor(seed):
    """Hourly outdoor temperature of the year."""
    times, values = simulation(seed).outdoor_temperature(BEGIN, END)
    return pd.Series(values, pd.to_datetime(times, unit="s", utc=True))


@functools.cache
def verdicts(seed):
    """All verdicts of all valves, as the device notebook gets them: a year, and two busy weeks in detail."""
    tables = {}
    for device, year, design in valves(seed):
        window = [int(edge.timestamp()) for edge in hydronics.busiest_window(year)]
        fine = valve_samples(simulation(seed), device, *window, step=300)
        tables[device.name] = hydronics.diagnose(year, fine, design=design, tz=ZURICH, outdoor=outdoor(seed), until=NOW)
    return tables


@functools.cache
def lifelike(seed):
    """Verdicts of all valves of a building with the troubles of real ones, what is planted, and its outages."""
    source = Simulation(seed=seed, lifelike=True)
    years = {}
    for device in source.devices:  # one after the other: the building forgets what it has made for earlier ones
        if device.is_energy_valve:
            design = hydronics.Design(**settings(source, device))
            year = hydronics.Samples(valve_samples(source, device, BEGIN, END), design=design)
            window = (int(edge.timestamp()) for edge in hydronics.busiest_window(year))
            years[device] = year, valve_samples(source, device, *window, 300)
    outages = hydronics.plant_outages(year for year, _ in years.values())
    tables = {}
    for device, (year, fine) in years.items():
        given = {"tz": ZURICH, "outdoor": outdoor(seed), "outages": outages, "until": NOW}
        tables[device.name] = hydronics.diagnose(year, fine, **given).set_index("check")
    told = [fault for fault in source.truth if fault.fault in FOUND_BY]
    return tables, told, outages


def test_errors_are_reported_now_and_then():
    """In lifelike buildings some valves report an error for days, others in other seeds; in the default one none."""
    found = {
        seed: [fault for fault in Simulation(seed=seed, lifelike=True).truth if fault.fault is FaultKind.REPORTED]
        for seed in range(31, 37)
    }
    everything = [fault for faults in found.values() for fault in faults]
    assert 6 <= len(everything) <= 30
    assert len({tuple(fault.name for fault in faults) for faults in found.values()}) > 3
    assert all(2 * 86400 <= fault.end - fault.begin <= 12 * 86400 for fault in everything)
    assert not any(fault.fault is FaultKind.REPORTED for fault in simulation(1).truth)


@pytest.mark.parametrize("seed", [11, 21])
def test_a_hunting_valve_wears_and_its_counters_say_so(seed):
    """Turns and strokes by year of the valves that hunt and cycle, also of the one that does so between the samples."""
    source = Simulation(seed=seed, lifelike=True)
    for name, hourly_turns in (("Lüftung LA04 Erhitzer", 12.0), ("Lüftung LA03 Kühler", 2 * 3600 / 430)):
        device = next(device for device in source.devices if device.name == name)
        assert device.profile == ENERGY_VALVE_3_WITH_WEAR
        year = hydronics.Samples(valve_samples(source, device, BEGIN, END, 3600))
        turns = year.rise("direction_changes")
        (found,) = hydronics.judge(year, checks=["hunting"])
        assert found.verdict == "fault"
        told = re.search(r"Wear by year, from the actuator's counters: (.+?) direction changes", found.sentence)
        assert int(told[1].replace("\u202f", "")) == pytest.approx(turns * 365.25 / 365, rel=1e-3)
        # While it hunts or cycles it turns round so often; the rest of the year it follows the load.
        works = np.diff(year.values("direction_changes"))
        assert np.nanpercentile(works, 99) == pytest.approx(hourly_turns, abs=1)


def planted(seed):
    """The check that must find it, by device."""
    return {fault.name: FOUND_BY[fault.fault] for fault in simulation(seed).truth if fault.fault in FOUND_BY}


def truth_table():
    """The building's valves, the faults planted on them, and every verdict but "ok" and "cannot judge"."""
    told = {}
    for fault in simulation(1).truth:
        told.setdefault(fault.name, []).append(str(fault.fault))
    lines = ["| device | planted | found |", "|---|---|---|"]
    for name, table in verdicts(1).items():
        rows = table[table["verdict"].isin(SUSPECT)].itertuples()
        found = [f"{row.check}: {row.verdict}, {row.figure:.3g} {row.unit}".rstrip() for row in rows]
        planted_here = ", ".join(dict.fromkeys(told.get(name, ["none"])))
        lines.append(f"| {name} | {planted_here} | {'; '.join(found) or 'nothing'} |")
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faults_are_found_and_healthy_valves_left_alone(seed):
    """Every planted fault by its check; on healthy valves no fault, and at most one verdict in twenty warns."""
    found = verdicts(seed)
    for name, check in planted(seed).items():
        judged = found[name].set_index("check")["verdict"]
        assert judged[check] in SUSPECT, (name, check)
    healthy = pd.concat([table for name, table in found.items() if name not in planted(seed)])
    assert len(healthy) == 13 * len(hydronics.CHECKS)
    assert not (healthy["verdict"] == "fault").any(), healthy[healthy["verdict"] == "fault"]
    assert (healthy["verdict"] == "warn").mean() <= 1 / 20
    assert (healthy["verdict"] == "ok").mean() > 0.8, "most checks must be able to judge"


@pytest.mark.parametrize("seed", [11, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 15))])
def test_faults_are_found_among_the_troubles_of_real_valves(seed):
    """Every planted fault by its check, no healthy valve blamed, and plants that stop told of the building."""
    tables, told, outages = lifelike(seed)
    assert sum(fault.fault is not FaultKind.REPORTED for fault in told) == 11
    planted_on = {}
    for fault in told:
        assert tables[fault.name].loc[FOUND_BY[fault.fault], "verdict"] in SUSPECT, (fault.name, fault.fault)
        planted_on.setdefault(fault.name, set()).add(FOUND_BY[fault.fault])
        if fault.fault is FaultKind.REPORTED:
            said = tables[fault.name].loc["reported errors", "sentence"]
            for word in bits_in_words(int(fault.figures["bits"])):
                edges = re.search(f"{word} from (.{{16}}) to (.{{16}})", said).groups()
                for edge, true in zip(edges, (fault.begin, fault.end), strict=True):
                    off = pd.Timestamp(edge, tz=ZURICH) - pd.Timestamp(true, unit="s", tz="UTC")
                    assert abs(off) <= pd.Timedelta(minutes=30), fault.name
    reporting = {fault.name for fault in told if fault.fault is FaultKind.REPORTED}
    healthy = pd.concat(
        [
            table.drop("reported errors" if name in reporting else [])
            for name, table in tables.items()
            if name in reporting or name not in planted_on
        ]
    )
    assert len(healthy) == 10 * len(hydronics.CHECKS) - len(reporting)
    assert not healthy["verdict"].isin(SUSPECT).any(), healthy[healthy["verdict"].isin(SUSPECT)]
    assert (healthy["verdict"] == "ok").mean() > 0.8, "most checks must be able to judge"
    assert len(outages) == len(PLANT_STOPS)
    for outage, (begin, end, _) in zip(outages.itertuples(), PLANT_STOPS, strict=True):
        for edge, moment in ((outage.begin, begin), (outage.end, end)):
            assert abs(edge - pd.Timestamp(moment, unit="s", tz="UTC")) <= pd.Timedelta(minutes=30)
        assert outage.valves >= 5
    assert "whatever the load" in tables["Lüftung LA02 Kühler"].loc["low delta-T", "sentence"]


def test_the_table_of_the_docs():
    """The docs show the truth and the verdicts as they are now."""
    print(truth_table())
    assert truth_table() in DOC.read_text(encoding="utf-8")


def test_the_docs_name_every_check_with_its_threshold():
    """The table of checks in the docs has the checks in their order, with the thresholds that are in force."""
    text = DOC.read_text(encoding="utf-8")
    listed = re.findall(r"^\| \*\*(.+?)\*\* \|.*\| (.*?) \|$", text, flags=re.MULTILINE)
    table = verdicts(1)[LOW_DELTA_T].set_index("check")
    heating = verdicts(1)["Energieventil Heizung 2.OG Nord-West"].set_index("check")
    assert tuple(check for check, _ in listed) == hydronics.CHECKS
    for check, threshold in listed:
        shown = table.loc[check, "threshold"] or heating.loc[check, "threshold"]
        assert threshold == (shown or "none"), check


def test_every_suspect_verdict_says_what_to_do():
    """Warnings and faults have a sentence and a recommendation; the others have no recommendation."""
    everything = pd.concat(verdicts(1).values())
    suspect = everything["verdict"].isin(SUSPECT)
    assert (everything["sentence"] != "").all()
    assert (everything.loc[suspect, "recommendation"] != "").all()
    assert (everything.loc[~suspect, "recommendation"] == "").all()


def true_delta_t(seed, device, mode):
    """Flow-weighted mean of |T1 - T2| over all native samples of the year, of heating or of cooling."""
    source = simulation(seed)
    times, flow = source.series(device, "evcloud.90")
    year = slice(*np.searchsorted(times, (BEGIN, END)))
    t1, t2 = (source.series(device, key)[1][year] for key in ("evcloud.150", "evcloud.160"))
    warm = (t1 + t2) / 2 > 273.15 + 22
    counts = flow[year] * (warm if mode == "heating" else ~warm)
    return float((counts * np.abs(t1 - t2)).sum() / counts.sum())


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 4], ids=["15 min", "1 h"])
def test_flow_weighted_delta_t(every):
    """Within 0.5 % of the truth for every valve: resets, dropouts, gaps, swapped sensors and change-over included."""
    for device, year, design in valves(1):
        samples = hydronics.Samples(year.iloc[every - 1 :: every], design=design)
        for mode in samples.modes:
            found = hydronics.mean_delta_t(samples, mode)
            assert found == pytest.approx(true_delta_t(1, device, mode), rel=0.005), (device.name, mode)


def harmless_limit_k(fault, flow):
    """Delta-T of the simulated exchanger at the flow that gives 1/1.1 of the power of the top tenth of flow."""
    half = fault.figures["half_flow_m3s"]
    active = flow[flow > 0.02 * np.percentile(flow, 99)]
    top = np.median(active[active >= np.percentile(active, 90)])
    share = top / (half + top) / 1.1
    lift = fault.figures["waste_delta_t_k"] / np.sqrt(0.15)
    return lift * (1 - share)


@pytest.mark.parametrize("every", [1, 4], ids=["15 min", "1 h"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_advised_limit_and_waste(seed, every):
    """The limit within 0.5 K of the exchanger's that cuts nothing, waste volumes within 10 % of what passed."""
    device, year, design = valve(seed, LOW_DELTA_T)
    fault = next(fault for fault in simulation(seed).truth if fault.fault is FaultKind.LOW_DELTA_T)
    found = hydronics.diagnose(year.iloc[every - 1 :: every], design=design).set_index("check")
    times, flow = simulation(seed).series(device, "evcloud.90")
    flow = flow[slice(*np.searchsorted(times, (BEGIN, END)))]
    assert found.loc["delta-T limit", "figure"] == pytest.approx(harmless_limit_k(fault, flow), abs=0.5)
    begins = fault.figures["waste_flow_m3s"]
    above = flow[flow > begins].sum() / flow.sum()
    assert found.loc["waste zone", "figure"] == pytest.approx(100 * above, rel=0.1)
    excess = 300 * np.maximum(flow - begins, 0).sum()
    assert found.loc["waste zone", "waste_m3"] == pytest.approx(excess, rel=0.1)


def test_characteristic_of_the_zones():
    """Half flow within 10 % of the exchanger's though the supply follows the weather, and the curve in the cloud."""
    for device, year, _ in valves(1):
        plant = simulation(1).plant(device)
        if simulation(1).signature(device) is not None:
            curve = hydronics.characteristic(hydronics.Samples(year))
            true = 3600 * plant.water.half_flow_m3s(plant.design_power_w)
            assert curve.b_m3h == pytest.approx(true, rel=0.1), device.name
            assert curve.r2 > 0.99
            made = hydronics.Samples(year)
            flow, power = made.values("flow_m3h")[made.active], made.power[made.active]
            high = flow > curve.max_flow_m3h / 2
            assert np.nanmedian(power[high] / curve.power_kw(flow[high])) == pytest.approx(1, abs=0.05), device.name


def test_hourly_samples_judge_the_same():
    """On hourly samples alone the verdicts are the same, but for hunting and the meter, which cannot be judged."""
    blind = {"hunting", "meter consistency"}
    for device, year, design in valves(1):
        hourly = hydronics.diagnose(year.iloc[3::4], design=design, tz=ZURICH, outdoor=outdoor(1), until=NOW)
        hourly = hourly.set_index("check")
        assert set(hourly.index[hourly["verdict"] == "cannot judge"]) >= blind, device.name
        full = verdicts(1)[device.name].set_index("check")
        assert hourly["verdict"].drop(list(blind)).equals(full["verdict"].drop(list(blind))), device.name


@pytest.mark.slow
def test_over_http(cloud):
    """What the client fetches is what these tests read from the simulation, and is judged alike."""
    _, year, design = valve(1, LOW_DELTA_T)
    fetched = cloud.device(LOW_DELTA_T).measurements(
        ("power", "flow", "t1", "t2", "delta_t", "position", "position_setpoint", "cooling_energy", "volume"),
        "2018-08-01T00:00Z",
        "2018-09-01T00:00Z",
        "15m",
    )
    here = year.loc[fetched.index, fetched.columns].set_axis(fetched.index, axis="index")
    pd.testing.assert_frame_equal(fetched, here, check_freq=False, rtol=1e-9)
    verdict = hydronics.diagnose(fetched, design=design, checks=["low delta-T"])["verdict"]
    assert verdict.tolist() == ["fault"]
