"""What the checks say of devices that measure little, or seldom: true sentences, and no verdict without readings."""

import numpy as np
import pandas as pd
import pytest
from made_valves import made_times, made_valve

from belimo_nb.cloud.condition import of_checks
from belimo_nb.hydronics import Samples, judge


def cooling(times, step, **columns):
    """A cooling valve whose load follows the day."""
    load = np.clip(0.5 * np.sin((times.hour + times.minute / 60 - 6) / 12 * np.pi) + 0.5, 0.1, 1)
    noise = 0.1 * np.random.default_rng(1).standard_normal(len(times))
    given = {"flow_m3h": 3 * load, "t1_c": 7 + noise, "t2_c": 13 - noise, "position_pct": 80 * load}
    return made_valve(times, step, **{**given, "setpoint_pct": 80 * load, **columns})


def verdicts(samples):
    """Verdict and sentence by check."""
    return {one.check: (one.verdict, one.sentence) for one in judge(samples)}


def test_without_flow():
    """Where the flow is not measured, no check says that no water flowed, or for how long."""
    times = made_times(30, "15min")
    valve = cooling(times, "15min")
    found = verdicts(cooling(times, "15min", flow_m3h=np.nan, volume_m3=np.nan, power_kw=valve.values("power_kw")))
    for check in ("low delta-T", "oversized", "night setback", "T1/T2 swapped", "meter consistency"):
        assert found[check] == ("cannot judge", "There are no readings of flow.")
    assert not any("flowed for" in said or "heat for" in said for _, said in found.values())
    assert "too little water" not in found["sensor range"][1]


def test_polls_that_drift():
    """Polls every 15.3 minutes are as good as every 15: no check asks for what it has."""
    frame = cooling(made_times(30, "15min"), "15min").frame
    drifting = Samples(frame.set_axis(pd.date_range("2018-01-08", periods=len(frame), freq="917s", tz="UTC")))
    assert drifting.step == pd.Timedelta("917s")
    verdict, said = verdicts(drifting)["meter consistency"]
    assert (verdict, "every" in said) == ("ok", False)


@pytest.mark.parametrize("days", [60, 200])
def test_once_a_day(days):
    """A reading a day with all quantities is no frozen sensor; what it does not show is said in hours."""
    frame = cooling(made_times(days, "1h"), "1h").frame.iloc[17::24]
    found = verdicts(Samples(frame, pd.Timedelta("1D")))
    assert found["sensor range"][0] == "ok"
    assert found["flow with the valve closed"][1].startswith("Readings every 24 h do not show")
    assert not {"warn", "fault"} & {verdict for verdict, _ in found.values()}


def test_daily_counters_alone():
    """Of a device that reports counters once a day nothing is judged, and it is not green."""
    counters = cooling(made_times(200, "1h"), "1h").frame[["cooling_kwh", "volume_m3"]].iloc[::24]
    found = of_checks(judge(Samples(counters, pd.Timedelta("1D"))))
    assert found.text == "not judged (16 of 16)"
    assert found.sentence == "16 of 16 checks could not be judged. There are no readings of flow."


def test_a_cooling_valve():
    """A valve that cools is told nothing of heating but that the setback is for it."""
    found = verdicts(cooling(made_times(60, "1h"), "1h"))
    assert found["night setback"] == ("cannot judge", "A night setback is for heating; it cools.")
    assert not any(
        "heat" in said for check, (_, said) in found.items() if "heating" not in check and "set" not in check
    )
