"""The benchmark of labelled valves, on two that are made up."""

import numpy as np
import pytest
from made_valves import made_times, made_valve

from benchmarks.real_valves import figures


@pytest.mark.slow
def test_labels_are_held_against_verdicts(tmp_path, monkeypatch):
    """What is found, blamed and not judged is counted by confidence; without a folder one line says so."""
    monkeypatch.delenv("REAL_VALVES", raising=False)
    assert list(figures()) == ["skipped: REAL_VALVES names no folder of labelled valves"]
    times = made_times(30)
    swings = np.where(np.arange(len(times)) // 2 % 2, 25.0, 0.0)
    (tmp_path / "valves").mkdir()
    for name, position in (("007", swings), ("008", np.full(len(times), 60.0))):
        polls = made_valve(times, position_pct=position, flow_m3h=position / 25).frame
        polls = polls.drop(columns=["volume_m3", "setpoint_pct"]).assign(nominal_flow_m3h=4.0, max_flow_pct=100.0)
        polls.rename_axis("time").reset_index().to_parquet(tmp_path / "valves" / f"{name}.parquet")
    (tmp_path / "labels.csv").write_text(
        "valve,key,answer,confidence\n007,cycling,yes,high\n008,cycling,no,medium\n008,stuck,no,low\n008,counter,yes,high\n"
        "007,night,yes,high\n007,leak,unknown,high\n"
    )
    told = list(figures(str(tmp_path)))
    assert "hunting: high: 1 of 1 / 0 of 0 / 0; medium: 0 of 0 / 0 of 1 / 0; low: 0 of 0 / 0 of 0 / 0" in told
    assert "stuck: high: 0 of 0 / 0 of 0 / 0; medium: 0 of 0 / 0 of 0 / 0; low: 0 of 0 / 0 of 1 / 1" in told
    assert "meter consistency: high: 0 of 0 / 0 of 1 / 0; medium: 0 of 0 / 0 of 0 / 0; low: 0 of 0 / 0 of 0 / 0" in told
    room = next(line for line in told if line.startswith("hunting, TURNS_A_DAY 8: "))
    lowest, highest = map(float, room.split(": ")[1].split(" to "))
    assert 4 <= lowest < 8 < highest <= 16
    # Polled at the same moment, the two stand together: nothing else is there to choose a threshold from.
    assert "Found / blamed in each of 1 groups of valves with thresholds chosen from the others" in told
    assert "hunting, TURNS_A_DAY: 1 of 1 / 0 of 1, with 8 (1)" in told
