"""T1 and T2 swapped."""

import numpy as np
import pytest
from demo_valves import demo_samples
from made_valves import made_times, made_valve

from belimo_nb.hydronics.checks.sensors_swapped import swapped

SWAPPED = "Lüftung LA02 Erhitzer"


@pytest.mark.parametrize(
    ("t1", "t2", "verdict"), [(60, 40, "ok"), (40, 60, "fault"), (8, 14, "ok"), (14, 8, "fault"), (32, 28, "ok")]
)
@pytest.mark.parametrize("step", ["5min", "15min", "1h", "6h"])
def test_signs(t1, t2, verdict, step):
    """Warm water heats, cold water cools, at any spacing."""
    found = swapped(made_valve(made_times(30, step), step, t1_c=t1, t2_c=t2))
    assert (found.verdict, found.figure) == (verdict, 100.0 if verdict == "fault" else 0.0)
    assert bool(found.recommendation) == (verdict == "fault")


def test_a_change_over_valve_is_right_in_both_seasons():
    """A sign that turns with the season is no swap; one that does not is one in half of the year."""
    times = made_times(60)
    summer = np.arange(len(times)) >= 30 * 96
    right = made_valve(times, t1_c=np.where(summer, 8, 60), t2_c=np.where(summer, 14, 40))
    assert swapped(right).figure == 0
    wrong = made_valve(times, t1_c=np.where(summer, 14, 40), t2_c=np.where(summer, 8, 60))
    assert swapped(wrong).figure == 100


@pytest.mark.parametrize(("swap", "mend", "verdict"), [(57, 99, "fault"), (10, 20, "ok"), (59, 99, "ok")])
def test_the_present_counts(swap, mend, verdict):
    """A swap three days ago is found though the rest was right; a mended one is none; a day is not enough."""
    times = made_times(60)
    day = (np.arange(len(times)) + 0.5) / 96
    wrong = (day >= swap) & (day < mend)
    found = swapped(made_valve(times, t1_c=np.where(wrong, 40, 60), t2_c=np.where(wrong, 60, 40)))
    assert found.verdict == verdict
    assert ("since 2018-03-06" in found.sentence) == (verdict == "fault")


@pytest.mark.parametrize(("right", "verdict"), [("cooling_kwh", "fault"), ("heating_kwh", "warn")])
def test_the_counters_bear_witness(right, verdict):
    """Hot water that goes the wrong way and is counted as cold is a swap; if it is counted as heat, one is mistaken."""
    times = made_times(30)
    rising = 100 + np.arange(len(times))
    counters = {"heating_kwh": 50.0, "cooling_kwh": 60.0, right: rising}
    found = swapped(made_valve(times, t1_c=40, t2_c=60, **counters))
    assert found.verdict == verdict
    assert ("but the heating counter rises" in found.sentence) == (verdict == "warn")
    standing = made_valve(times, t1_c=40, t2_c=60, heating_kwh=50.0, cooling_kwh=60.0)
    assert swapped(standing).verdict == "fault", "nothing speaks against it"


def test_up_to_five_percent_right_is_noise():
    """96 % wrong are a fault, 94 % are not."""
    times = made_times(30)
    for share, verdict in ((0.96, "fault"), (0.94, "ok")):
        wrong = np.arange(len(times)) % 100 < 100 * share
        found = swapped(made_valve(times, t1_c=np.where(wrong, 40, 60), t2_c=np.where(wrong, 60, 40)))
        assert found.verdict == verdict


def test_water_at_rest_says_nothing():
    """Sensors that settle crosswise while nothing flows do not count, nor do differences within the noise."""
    times = made_times(30)
    flows = np.arange(len(times)) % 2 == 0
    valve = made_valve(times, flow_m3h=np.where(flows, 2, 0), t1_c=np.where(flows, 60, 30), t2_c=40)
    assert swapped(valve).figure == 0
    noise = made_valve(times, t1_c=40 + 0.1 * (-1) ** np.arange(len(times)), t2_c=40)
    assert swapped(noise).verdict == "cannot judge"


def test_cannot_judge():
    """One temperature missing, or little flow."""
    times = made_times(30)
    assert swapped(made_valve(times, t2_c=np.nan)).verdict == "cannot judge"
    assert swapped(made_valve(times, flow_m3h=np.where(np.arange(len(times)) < 90, 2, 0))).verdict == "cannot judge"


@pytest.mark.parametrize("step", ["15min", "1h"])
def test_demo(step):
    """The planted swap is found and dated; before it, the valve was well, and its cooler and change-over are."""
    found = swapped(demo_samples(SWAPPED, step, "2016-12-01"))
    assert found.verdict == "fault"
    assert "since 2017-10-16" in found.sentence  # the first flow after the swap on the 12th
    assert swapped(demo_samples(SWAPPED, step, "2016-12-01", "2017-10-01")).verdict == "ok"
    for name in ("Lüftung LA02 Kühler", "Umschaltventil 1.OG Sitzungszimmer"):
        assert swapped(demo_samples(name, step)).figure == 0
