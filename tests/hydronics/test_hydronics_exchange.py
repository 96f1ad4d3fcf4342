"""Delta-T, the exchanger's characteristic, the waste zone, the limit and the size, on samples made for it."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from exchangers import exchanger, swinging
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.errors import UsageError
from belimo_nb.hydronics import Design, Samples, characteristic, judge, limit_savings, volumetric_heat
from belimo_nb.hydronics.checks.delta_t import flow_weighted_delta_t, low_delta_t
from belimo_nb.hydronics.checks.limit import advised_limit, delta_t_limit
from belimo_nb.hydronics.checks.oversized import oversized
from belimo_nb.hydronics.checks.saturation import characteristics, saturation

STEPS = 2000
TO_WASTE = 1 / math.sqrt(0.15) - 1


def samples(*arguments, design=None, **keywords):
    """A perfect exchanger's samples."""
    return Samples(exchanger(*arguments, **keywords), design=design or Design())


def test_characteristic():
    """Half flow, V*, P* and the curve of a perfect exchanger."""
    made = samples(swinging(STEPS, 8), half_flow=2.0)
    curve = characteristic(made)
    assert curve.b_m3h == pytest.approx(2.0, rel=0.03)
    assert curve.waste_flow_m3h == pytest.approx(2 * TO_WASTE, rel=0.03)
    assert curve.waste_power_kw == pytest.approx(float(curve.power_kw(np.array([curve.waste_flow_m3h]))[0]))
    slope = np.diff(curve.power_kw(np.array([0, 1e-6]))) / np.diff(
        curve.power_kw(np.array([curve.waste_flow_m3h, curve.waste_flow_m3h + 1e-6]))
    )
    assert slope[0] == pytest.approx(1 / 0.15, rel=1e-3)
    assert curve.r2 > 0.999
    assert math.isnan(curve.supply_c)
    assert curve.reason == ""


@given(seed=st.integers(0, 99), factor=st.floats(0.01, 100))
def test_characteristic_scales(seed, factor):
    """A plant so many times as large has so many times the flows and powers."""
    flow = swinging(600, 8, seed)
    small, large = (characteristic(samples(flow * k, half_flow=2.0 * k)) for k in (1.0, factor))
    assert large.b_m3h == pytest.approx(small.b_m3h * factor, rel=1e-6)
    assert large.a_kw == pytest.approx(small.a_kw * factor, rel=1e-6)


def test_characteristic_follows_a_compensated_supply():
    """Hot water and high flow in the cold: followed, half flow is right; taken as constant, it would be far off."""
    rng = np.random.default_rng(1)
    cold = np.repeat(rng.uniform(0, 1, STEPS // 20), 20)
    supply = 45 + 25 * cold
    flow = 0.5 + 5 * cold * rng.uniform(0.3, 1.0, STEPS)
    curve = characteristic(samples(flow, half_flow=3.0, supply=supply))
    assert curve.b_m3h == pytest.approx(3.0, rel=0.05)
    assert 45 < curve.supply_c < 70
    hidden = exchanger(flow, half_flow=3.0, supply=supply).assign(t1_c=60.0, t2_c=40.0)
    assert characteristic(Samples(hidden)).b_m3h > 4.5


def test_characteristic_of_swapped_sensors_and_of_cooling():
    """Which sensor is called T1 does not matter, nor whether the water heats or cools."""
    frame = exchanger(swinging(STEPS, 8), supply=np.linspace(60, 70, STEPS))
    swapped = frame.rename(columns={"t1_c": "t2_c", "t2_c": "t1_c"})
    assert characteristic(Samples(swapped)) == characteristic(Samples(frame))
    assert characteristic(samples(swinging(STEPS, 8), supply=8.0, sink=25.0)).b_m3h == pytest.approx(2.0, rel=0.03)


def test_no_bend():
    """Power in proportion to flow: no waste zone, and the curve is a straight line."""
    made = samples(swinging(STEPS, 1.0), half_flow=50.0)
    curve = characteristic(made)
    assert math.isinf(curve.waste_flow_m3h)
    assert curve.power_kw(np.array([2.0]))[0] == pytest.approx(2 * curve.power_kw(np.array([1.0]))[0])
    verdict = saturation(made)
    assert (verdict.verdict, verdict.figure, verdict.waste_m3) == ("ok", 0.0, 0.0)
    assert "no waste zone is seen" in verdict.sentence
    assert delta_t_limit(made).verdict == "ok"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (samples(swinging(90, 8)), "Fewer than 24 active hours"),
        (samples(4 + swinging(STEPS, 1.0)), "The flow varies too little"),
        (samples(swinging(48, 8), step="1D"), "Too few readings have flow"),
        (
            Samples(
                exchanger(swinging(STEPS, 8)).assign(
                    power_kw=lambda f: f["power_kw"].sample(frac=1, random_state=1).to_numpy()
                )
            ),
            "does not follow flow closely enough",
        ),
        (
            Samples(
                exchanger(swinging(STEPS, 8)).assign(power_kw=lambda f: f["power_kw"].where(np.arange(STEPS) < 90))
            ),
            "Fewer than 24 active hours have both",
        ),
        (Samples(exchanger(swinging(STEPS, 8)).assign(power_kw=5.0)), "Power does not change with flow"),
    ],
    ids=["short", "narrow", "daily", "scattered", "unmeasured", "flat"],
)
def test_no_characteristic(made, reason):
    """Refused with the reason, and the checks that need it cannot judge."""
    assert reason in characteristic(made).reason
    if made.active_hours >= 24:
        for check in (saturation, delta_t_limit):
            assert check(made).verdict == "cannot judge"
            assert reason in check(made).sentence


def test_waste_zone():
    """Share of the volume above V*, and the volume in excess of it, as counted by hand."""
    flow = swinging(STEPS, 8)
    verdict = saturation(samples(flow, half_flow=2.0))
    waste_flow = 2 * TO_WASTE
    assert verdict.verdict == "warn"
    assert verdict.figure == pytest.approx(100 * flow[flow > waste_flow].sum() / flow.sum(), rel=0.03)
    assert verdict.waste_m3 == pytest.approx(np.maximum(flow - waste_flow, 0).sum() / 4, rel=0.04)
    assert 0 < verdict.waste_m3_low < verdict.waste_m3
    assert "Limit the flow" in verdict.recommendation
    assert "would have cut" in verdict.recommendation
    few = np.where(np.arange(STEPS) % 200, np.minimum(flow, 3.0), 8.0)
    assert saturation(samples(few, half_flow=2.0)).verdict == "ok"


def test_a_little_above_the_bend_is_no_waste():
    """Much water a little above V* leaves nothing to gain: less than 5 % of the volume is in excess."""
    verdict = saturation(samples(np.minimum(swinging(STEPS, 8), 2.07 * TO_WASTE), half_flow=2.0))
    assert verdict.figure > 30
    assert 0 < verdict.waste_m3 < 0.05 * np.minimum(swinging(STEPS, 8), 2.07 * TO_WASTE).sum() / 4
    assert verdict.verdict == "ok"


def test_water_that_brings_power_is_no_waste():
    """Where the readings above V* rise in proportion, whatever the curve says, nothing is wasted."""
    frame = exchanger(swinging(STEPS, 8), half_flow=2.0)
    curve = characteristic(Samples(frame))
    above = frame["flow_m3h"] > curve.waste_flow_m3h
    more = curve.waste_power_kw * frame["flow_m3h"] / curve.waste_flow_m3h
    warm = Samples(frame.assign(power_kw=frame["power_kw"].where(~above, more)))
    found = saturation(warm, {"heating": curve})
    assert found.verdict == "ok"
    assert "it brings 100 % of the power" in found.sentence


def test_a_load_that_is_much_higher_now_and_then_hides_no_waste():
    """Five times the power on each fifth day says nothing of the flow of the others, which brings no more."""
    frame = exchanger(swinging(STEPS, 8), half_flow=2.0)
    curves = characteristics(Samples(frame))
    rare = (np.arange(STEPS) // 96) % 5 == 0
    found = saturation(Samples(frame.assign(power_kw=frame["power_kw"] * np.where(rare, 5.0, 1.0))), curves)
    assert found.verdict == "warn"


def test_only_the_loaded_coil_counts():
    """Samples in cold air, with a third of the power at low flow, do not hide the bend of the loaded coil."""
    flow = swinging(STEPS, 8)
    frame = exchanger(flow, half_flow=2.0)
    idle = (flow < 1.5) & (np.arange(STEPS) % 20 > 0)
    unloaded = frame.assign(power_kw=frame["power_kw"] * np.where(idle, 1 / 3, 1.0))
    assert characteristic(Samples(unloaded)).b_m3h == pytest.approx(2.0, rel=0.15)


def test_limit():
    """The delta-T from which on the top tenth of flow brings 10 % more, to half a kelvin, and what it leaves."""
    made = samples(swinging(STEPS, 8), half_flow=2.0, supply=8.0, sink=25.0)
    verdict = delta_t_limit(made)
    top = 0.95 * 8.0
    expected = 17 * (1 - top / (2 + top) / 1.1)
    assert (verdict.verdict, verdict.unit) == ("warn", "K")
    assert verdict.figure == pytest.approx(expected, abs=0.3)
    assert "up to" in verdict.sentence
    assert "upper bound" in verdict.sentence
    advice = advised_limit(made, made.active, characteristic(made))
    assert f"it leaves {advice.power_kw:.0f} kW and would have cut {100 * advice.cut:.1f} %" in verdict.sentence
    assert advice.cut < 0.05


def test_no_limit_that_cuts_real_cooling():
    """A coil with two levels of load gives half as much again at any flow on warm days: no limit leaves that."""
    warm = np.arange(STEPS) // 96 % 5 == 0
    flow = swinging(STEPS, 8)
    made = samples(flow, half_flow=1.0, supply=8.0, sink=np.where(warm, 40.0, 20.0))
    assert saturation(made).verdict == "warn"
    assert "Limit the flow" not in saturation(made).recommendation, "one page gives one advice"
    found = delta_t_limit(made)
    assert found.verdict == "cannot judge"
    assert "still bring power that a limit would take away" in found.sentence


def test_no_limit_that_saves_nothing():
    """A limit that would save a few m3 is not worth a setting."""
    flow = np.where(np.arange(STEPS) % 25, np.minimum(swinging(STEPS, 8), 3.4), 8.0) / 100
    found = delta_t_limit(samples(flow, half_flow=0.02, supply=8.0, sink=25.0))
    assert found.verdict == "ok"
    assert "not worth it" in found.sentence


def test_no_limit_while_the_flow_stays_low():
    """Up to 1.3 times V* no limit is needed."""
    verdict = delta_t_limit(samples(swinging(STEPS, 1.2 * 2 * TO_WASTE), half_flow=2.0))
    assert verdict.verdict == "ok"
    assert "No limit is needed" in verdict.sentence


def test_no_limit_for_a_supply_that_follows_the_weather():
    """Where the supply spans 10 K or more, no single limit suits."""
    supply = np.tile(np.linspace(55, 70, 50), STEPS // 50)
    verdict = delta_t_limit(samples(swinging(STEPS, 8), half_flow=2.0, supply=supply))
    assert verdict.verdict == "cannot judge"
    assert "spans 14 K" in verdict.sentence


def test_savings():
    """Two flows, one of them with half the limit's delta-T: half of its water is saved, in volume and pump energy."""
    times = pd.date_range("2018-01-01", periods=200, freq="15min", tz="UTC")
    delta = np.where(np.arange(200) % 2, 5.0, 20.0)
    flow = np.where(np.arange(200) % 2, 4.0, 1.0)
    power = volumetric_heat(40.0) / 3600 * flow * delta
    frame = pd.DataFrame({"flow_m3h": flow, "power_kw": power, "t1_c": 40 + delta, "t2_c": 40.0}, times)
    saved = limit_savings(Samples(frame), 10.0)
    assert saved.volume_m3 == pytest.approx(100 * 2 / 4)
    assert saved.share == saved.pump_low == pytest.approx(2 / 5)
    assert saved.pump_high == pytest.approx(1 - (2**3 + 1) / (4**3 + 1))
    assert limit_savings(Samples(frame), 1.0).volume_m3 == 0
    with pytest.raises(UsageError, match="limit of 0 K makes no sense"):
        limit_savings(Samples(frame), 0)


def test_savings_of_nothing():
    """Without flow there is nothing to save, and that is unknown rather than 0."""
    assert math.isnan(limit_savings(samples(np.zeros(200)), 5.0).volume_m3)


def half_low(share):
    """Samples of which a share of the volume has 5 K, the rest 20 K."""
    low = np.arange(1000) < 1000 * share
    frame = exchanger(np.full(1000, 2.0)).assign(t1_c=60.0)
    frame["t2_c"] = np.where(low, 55.0, 40.0)
    return frame.assign(power_kw=volumetric_heat(50.0) / 3600 * 2 * np.where(low, 5.0, 20.0))


@pytest.mark.parametrize(("share", "verdict"), [(0.1, "ok"), (0.29, "ok"), (0.31, "warn"), (0.61, "fault")])
@pytest.mark.parametrize("known", [True, False])
def test_low_delta_t(share, verdict, known):
    """Share of the volume below 0.7 of the design, given or found in the valve's own delta-T at half load."""
    found = low_delta_t(Samples(half_low(share), design=Design(delta_t_k=20.0 if known else math.nan)))
    assert found.figure == pytest.approx(100 * share)
    assert found.verdict == verdict
    assert ("70 % of the design of 20.0 K" in found.sentence) == known
    assert bool(found.recommendation) == (verdict != "ok")


def test_load_is_power_not_flow():
    """A valve that opens fully without giving more power does not take its bad hours for its design."""
    flow = np.tile([1.0, 8.0], 1000)
    demand = np.where(flow == 1, 20.0, 4.0)
    frame = exchanger(flow).assign(t1_c=60.0, t2_c=60 - demand)
    frame["power_kw"] = volumetric_heat(frame["t2_c"].to_numpy()) / 3600 * flow * demand
    verdict = low_delta_t(Samples(frame))
    assert verdict.verdict == "fault"
    assert "20.0 K" in verdict.sentence


def always(delta, hours=500, supply=None, flow=2.0, design=None):
    """Samples of water that always comes back with the same delta-T."""
    count = hours * 4
    cools = supply is None
    supply = 6.0 if cools else supply
    frame = exchanger(np.full(count, flow)).assign(t1_c=supply, t2_c=supply + (delta if cools else -delta))
    power = volumetric_heat(frame["t2_c"].to_numpy()) / 3600 * flow * delta
    counted = {"cooling_kwh" if cools else "heating_kwh": np.cumsum(power) / 4}
    frame = frame.assign(power_kw=power, delta_t_k=delta, heating_kwh=0.0, cooling_kwh=0.0).assign(**counted)
    return Samples(frame, design=design or Design())


@pytest.mark.parametrize(
    ("delta", "supply", "verdict"),
    [(0.5, None, "fault"), (3.9, None, "fault"), (4.1, None, "ok"), (7.9, 70, "fault"), (8.1, 70, "ok"), (5, 35, "ok")],
)
def test_a_valve_that_was_always_bad(delta, supply, verdict):
    """Below 4 K of chilled and 8 K of hot water no level of its own excuses it; a floor heating is made for 5 K."""
    found = low_delta_t(always(delta, supply=supply))
    assert found.verdict == verdict
    assert found.figure == (100 if verdict == "fault" else 0)
    if verdict == "fault":
        floor = 4.0 if supply is None else 8.0
        assert f"less than {floor:.1f} K, the least that" in found.sentence
        assert found.waste_m3_low == pytest.approx(1000 * (1 - delta / floor))
        assert found.waste_m3 == pytest.approx(1000 * (1 - delta / (floor / 0.7)))
        assert "the flow stood at 2.00 m³/h whatever the load" in found.sentence
        assert "override" in found.recommendation


def test_district_heating_is_held_against_its_own_floor():
    """12 K would do for hot water, not for district heating, of which only its owner knows."""
    assert low_delta_t(always(12.0, supply=80.0)).verdict == "ok"
    district = Design(least_delta_t_k=20.0)
    assert low_delta_t(always(12.0, supply=80.0, design=district)).verdict == "fault"


def test_little_water_does_not_matter():
    """8 m3 with 1 K are not worth a visit, 12 m3 are."""
    for flow, verdict in ((0.16, "ok"), (0.24, "fault")):
        found = low_delta_t(always(1.0, hours=50, flow=flow))
        assert found.verdict == verdict
        assert ("too little water to matter" in found.sentence) == (verdict == "ok")


def test_a_good_valve_is_not_blamed_for_its_better_hours():
    """Chilled water with 8 K most of the time and 16 K in some hours is well; with 5 and 16 K it is not."""
    for common, verdict in ((8.0, "ok"), (5.0, "fault")):
        often = np.arange(2000) % 10 < 7
        delta = np.where(often, common, 16.0)
        flow = np.where(often, 2.0, 1.0)
        frame = exchanger(flow).assign(t1_c=6.0, t2_c=6.0 + delta, delta_t_k=delta)
        frame["power_kw"] = volumetric_heat(frame["t2_c"].to_numpy()) / 3600 * flow * delta
        frame["cooling_kwh"], frame["heating_kwh"] = frame["power_kw"].cumsum() / 4, 0.0
        assert low_delta_t(Samples(frame)).verdict == verdict


@pytest.mark.parametrize(("common", "supply", "verdict"), [(5.9, 6.0, "ok"), (5.7, 6.0, "warn"), (12.0, 80.0, "ok")])
def test_what_a_good_coil_gives_is_never_low(common, supply, verdict):
    """However much more the valve gives at high load: 5.8 K of chilled water, 11.6 K of hot water are good."""
    often = np.arange(2000) % 10 < 5
    delta = np.where(often, common, 30.0)
    frame = exchanger(np.where(often, 2.0, 2.5)).assign(t1_c=supply, delta_t_k=delta)
    frame["t2_c"] = supply + (delta if supply < 20 else -delta)
    frame["power_kw"] = volumetric_heat(frame["t2_c"].to_numpy()) / 3600 * frame["flow_m3h"] * delta
    counts, other = ("cooling_kwh", "heating_kwh") if supply < 20 else ("heating_kwh", "cooling_kwh")
    found = low_delta_t(Samples(frame.assign(**{counts: frame["power_kw"].cumsum() / 4, other: 0.0})))
    assert found.verdict == verdict
    assert f"70 % of the {8.3 if supply < 20 else 16.6} K of a good coil (at high load this one gave" in found.sentence


def test_of_unknown_water_only_its_own_level_is_known():
    """Without temperatures and counters nothing says whether it is hot, and half load for a few hours no design."""
    flow = np.where(np.arange(400) < 20, 8.0, 0.5)
    frame = exchanger(flow, half_flow=50.0)
    found = low_delta_t(Samples(frame.drop(columns=["t1_c", "t2_c", "heating_kwh", "cooling_kwh"])))
    assert found.verdict == "cannot judge"
    assert "design delta-T is not known" in found.sentence


def test_delta_t_that_is_hardly_known():
    """Temperatures that were lost for most of the time are no base for a verdict."""
    frame = half_low(0.5)
    frame.iloc[40:, frame.columns.get_indexer(["t2_c", "delta_t_k"])] = np.nan
    verdict = low_delta_t(Samples(frame, design=Design(delta_t_k=20.0)))
    assert verdict.verdict == "cannot judge"
    assert "known in 10.0 active hours only" in verdict.sentence


def test_change_over_valves_are_judged_by_season():
    """The worse season counts, named in the sentence; a design is not used, since it is not said for which."""
    winter = exchanger(np.full(1000, 2.0))
    summer = exchanger(swinging(1000, 8), supply=8.0, sink=25.0, start="2018-07-01")
    both = Samples(pd.concat([winter, summer]), design=Design(delta_t_k=40.0))
    assert low_delta_t(both).sentence.count("when") == 1
    assert saturation(both).verdict == "warn"
    assert "when cooling" in saturation(both).sentence
    mean = flow_weighted_delta_t(both)
    assert "25.0 K when heating and" in mean.sentence


def test_oversized():
    """99th percentile of the flow below half of the maximum, over nearly a year."""
    year = np.concatenate([np.full(35000, 1.0), np.full(40, 9.0)])
    assert oversized(samples(year, design=Design(max_flow_m3h=4.0))).verdict == "warn"
    assert oversized(samples(year, design=Design(max_flow_m3h=1.9))).verdict == "ok"
    assert "maximum flow setting is not known" in oversized(samples(year)).sentence
    month = oversized(samples(year[:3000], design=Design(max_flow_m3h=4.0)))
    assert month.verdict == "cannot judge"
    assert "31 days" in month.sentence


@pytest.mark.parametrize(("most", "opened", "verdict"), [(8.0, 30, "warn"), (2.5, 30, None), (8.0, 60, None)])
def test_far_too_large_as_far_as_can_be_seen(most, opened, verdict):
    """Cycling at an eighth of the maximum flow and a third of the stroke tells; at 40 %, or at more stroke, not."""
    on = np.arange(3000) % 10 < 3
    frame = exchanger(np.where(on, 1.0, 0.0)).assign(position_pct=np.where(on, opened, 0))
    valve = Samples(frame, design=Design(max_flow_m3h=most))
    (found,) = judge(valve, checks=["oversized"])
    assert found.verdict == (verdict or "cannot judge")
    assert ("as far as these 31 days show" in found.sentence) == bool(verdict)
    assert oversized(valve).verdict == "cannot judge", "without cycling it may be out of season"


@pytest.mark.parametrize(
    ("least", "most", "varies", "shown"),
    [(20, 31, 2.0, True), (20, 40, 2.0, False), (20, 31, 1.2, False), (25, 26, 2.0, False)],
)
def test_a_valve_that_works_within_its_play(least, most, varies, shown):
    """A load that doubles within 11 points is too large a valve's; a steady one, or a pressure that swings, is not."""
    swing = (1 + np.sin(np.arange(3000) / 30)) / 2
    frame = exchanger(1 + (varies - 1) * swing).assign(position_pct=least + (most - least) * swing)
    found = oversized(Samples(frame, design=Design(max_flow_m3h=12.0)))
    assert found.verdict == ("warn" if shown else "cannot judge")
    assert ("it works within 11 points of its stroke, hardly more than its play" in found.sentence) == shown


@pytest.mark.parametrize(("half", "verdict"), [(0.15, "warn"), (5.0, "cannot judge")])
def test_a_coil_that_is_used_up_tells_in_any_season(half, verdict):
    """A steady valve at a third of its maximum: too large if more water brings nothing even there, else who knows."""
    flow = 1.0 + 0.95 * np.sin(np.arange(3000) / 50)
    frame = exchanger(flow, half_flow=half).assign(position_pct=40.0)
    (found,) = judge(Samples(frame, design=Design(max_flow_m3h=6.5)), checks=["oversized"])
    assert found.verdict == verdict
    assert ("more water brings hardly any more power even there" in found.sentence) == (verdict == "warn")
    assert ("what the check of the waste zone says" in found.recommendation) == (verdict == "warn")


def test_what_lacks_for_a_delta_t():
    """Without samples, flow or temperatures there is a reason instead of a figure."""
    frame = exchanger(np.full(400, 1.0))
    for samples_, words in (
        (Samples(frame.iloc[:0]), "There are no samples in the period."),
        (Samples(frame.assign(flow_m3h=0.0, power_kw=0.0)), "The flow reads 0 throughout the period."),
        (Samples(frame.drop(columns=["t1_c", "t2_c", "delta_t_k"])), "no water temperatures"),
    ):
        found = flow_weighted_delta_t(samples_)
        assert found.verdict == "cannot judge"
        assert words in found.sentence
    unknown = low_delta_t(Samples(frame.drop(columns=["t1_c", "t2_c", "delta_t_k"])))
    assert "There are no readings of both temperatures or of delta-T." in unknown.sentence


def test_glycol_is_told():
    """A delta-T of a mixture says how much less heat that is taken to carry."""
    frame = exchanger(np.full(400, 1.0))
    mixed = flow_weighted_delta_t(Samples(frame, design=Design(glycol_pct=30.0))).sentence
    assert "With 30 % of glycol in it, the water is taken to carry" in mixed
    assert "glycol" not in flow_weighted_delta_t(Samples(frame)).sentence


def test_a_valve_that_is_fully_open_most_of_the_time():
    """Then the low delta-T is no matter of the coil alone, and the sentence says so."""
    flow = 2.0 + np.sin(np.arange(3000) / 7)
    frame = exchanger(flow, half_flow=0.1, supply=6.0, sink=12.0).assign(position_pct=100.0)
    found = low_delta_t(Samples(frame))
    assert found.verdict == "fault"
    assert "the valve was fully open in 100 % of that time" in found.sentence
    assert "override" in found.recommendation


def test_waste_of_which_no_flow_is_known_to_be_enough():
    """Where the top tenth of flow gives more than the curve can, the advice is to look for the cause."""
    frame = exchanger(swinging(3000, 10.0), half_flow=0.5)
    curves = {
        mode: replace(curve, top_power_kw=2 * curve.a_kw) for mode, curve in characteristics(Samples(frame)).items()
    }
    found = saturation(Samples(frame), curves)
    assert found.verdict == "warn"
    assert found.recommendation.startswith("Find out why the controller asks for more")


def test_flow_and_temperatures_alone():
    """Without power and counters the mean follows from flow and temperatures; with none of them there is a reason."""
    frame = exchanger(swinging(3000, 2.0))[["flow_m3h", "t1_c", "t2_c", "position_pct"]]
    assert flow_weighted_delta_t(Samples(frame)).verdict == "ok"
    lone = flow_weighted_delta_t(Samples(frame.drop(columns="t2_c")))
    assert lone.sentence == "Neither counters nor power and flow say how much passed."


@pytest.mark.parametrize("column", ["t1_c", "t2_c"])
@pytest.mark.parametrize("volume", [True, False])
def test_an_open_sensor_gives_no_mean(column, volume):
    """Of a meter whose sensor is open neither counters nor power tell anything; its good days tell the same alone."""
    frame = exchanger(swinging(STEPS, 8), half_flow=2.0)
    if not volume:
        frame = frame.drop(columns="volume_m3", errors="ignore")
    good = flow_weighted_delta_t(Samples(frame.iloc[: STEPS // 2]))
    half = frame.copy()
    half.iloc[STEPS // 2 :, half.columns.get_loc(column)] = 537.7
    half.iloc[STEPS // 2 :, half.columns.get_loc("power_kw")] = 0.0
    assert flow_weighted_delta_t(Samples(half)).figure == pytest.approx(good.figure, rel=1e-6)
    none = half.iloc[STEPS // 2 :].copy()
    none.iloc[::100, none.columns.get_loc(column)] = np.nan
    found = flow_weighted_delta_t(Samples(none))
    assert found.verdict == "cannot judge"
    assert "out of range" in found.sentence
