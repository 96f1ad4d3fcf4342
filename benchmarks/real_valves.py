"""How the checks fare on real valves that engineers have labelled, and how far their thresholds could move.

Skipped without a folder of such valves: `REAL_VALVES=FOLDER make bench`, or `python -m benchmarks.real_valves FOLDER`.

In the folder lie `valves/NAME.parquet`, one row a poll, and `labels.csv`. Columns of a valve: `time` (UTC), `power_kw`,
`flow_m3h`, `t1_c`, `t2_c`, `delta_t_k`, `position_pct`, lifetime counters `heating_kwh` and `cooling_kwh`, and the
settings `nominal_flow_m3h` and `max_flow_pct`; empty where a value was not read. Columns of the labels: `valve` (NAME),
`key` (one of `KINDS`, others do not count), `answer` (yes, no, unknown) and `confidence` (high, medium, low). A label
of the kind `counter` says yes where the counter agrees with the power, so there a no is what must be found.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pandas as pd

from belimo_nb import hydronics
from belimo_nb.hydronics import exchanger
from belimo_nb.hydronics.checks import delta_t, hunting, meter, open_valve, oversized, saturation
from belimo_nb.hydronics.samples import Samples
from belimo_nb.quantities import QUANTITIES

KINDS = {
    "low_dt": "low delta-T",
    "saturated": "waste zone",
    "cycling": "hunting",
    "oversized": "oversized",
    "open_no_flow": "no flow with the valve open",
    "leak": "flow with the valve closed",
    "sensor": "sensor range",
    "swapped": "T1/T2 swapped",
    "stuck": "stuck",
    "both": "heating and cooling together",
    "counter": "meter consistency",
}
"""Kind of a label -> the check that must find it."""
FOUND, BLAMED = 0.9, 0.05
"""At least this share of what surely or probably is, and at most this share of what is not: else a kind fails."""
THRESHOLDS: tuple[tuple[str, ModuleType, str], ...] = (
    ("low_dt", delta_t, "CHILLED_K"),
    ("low_dt", delta_t, "GOOD"),
    ("low_dt", delta_t, "LOW_SHARE"),
    ("low_dt", delta_t, "MATTERS_M3"),
    ("saturated", exchanger, "LOADED"),
    ("saturated", exchanger, "LEAST_R2"),
    ("saturated", saturation, "USELESS"),
    ("saturated", saturation, "EXCESS_PCT"),
    ("cycling", hunting, "TURNS_A_DAY"),
    ("cycling", hunting, "SWING_PCT"),
    ("cycling", hunting, "CYCLING_PCT"),
    ("open_no_flow", open_valve, "WARN_HOURS"),
    ("oversized", oversized, "FAR_PCT"),
    ("oversized", oversized, "HALF_OPEN_PCT"),
    ("oversized", oversized, "PLAY"),
    ("oversized", oversized, "VARIES"),
    ("counter", meter, "ERRORS"),
    ("counter", meter, "FOREIGN_PCT"),
)
_STEP, _FURTHEST = 1.05, 2.0
_CHOICE = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4)  # of which multiples of a threshold the cross-validation chooses
_PAUSE_S = 8.0
"""A poller reads building by building: valves whose first polls follow each other without such a pause stand together.

It is the only sign of buildings that anonymous polls carry: outages of the poller hit all valves alike.
"""


def figures(folder: str | None = None) -> Iterator[str]:
    """The measured lines."""
    folder = folder or os.environ.get("REAL_VALVES")
    if not folder:
        yield "skipped: REAL_VALVES names no folder of labelled valves"
        return
    labels = pd.read_csv(Path(folder) / "labels.csv", dtype={"valve": str})
    labels = labels[labels["key"].isin(KINDS) & labels["answer"].isin(["yes", "no"])]
    flipped = (labels["key"] == "counter").to_numpy()
    labels["is"] = (labels["answer"] == "yes").to_numpy() != flipped
    valves = {name: _valve(Path(folder) / "valves" / f"{name}.parquet") for name in sorted(labels["valve"].unique())}
    yield f"{len(valves)} valves; of each confidence (high, medium, low): found / blamed / not judged"
    for key in KINDS:
        counts = _counts(valves, labels, key)
        told = [
            f"{sure}: {counts[sure, True, 'hit']} of {_all(counts, sure, True)} / "
            f"{counts[sure, False, 'hit']} of {_all(counts, sure, False)} / "
            f"{counts[sure, True, 'unknown'] + counts[sure, False, 'unknown']}"
            for sure in ("high", "medium", "low")
        ]
        yield f"{KINDS[key]}: {'; '.join(told)}{'' if _holds(counts) else ' (below the aim)'}"
    sure = labels[labels["confidence"].isin(["high", "medium"])]
    said = _said({name: _hourly(valve) for name, valve in valves.items()}, sure) == "hit"
    found, blamed = (f"{said[sure['is'] == is_so].sum()} of {(sure['is'] == is_so).sum()}" for is_so in (True, False))
    yield f"As a cloud gives them, hourly and two weeks in detail, high and medium: {found} found, {blamed} blamed"
    yield f"Thresholds, and between which values at least {FOUND:.0%} are found and at most {BLAMED:.0%} blamed"
    for key, module, name in THRESHOLDS:
        yield f"{KINDS[key]}, {name} {getattr(module, name):.3g}: {_room(valves, labels, key, module, name)}"
    groups = _buildings(valves)
    count = len(set(groups.values()))
    yield f"Found / blamed in each of {count} groups of valves with thresholds chosen from the others"
    for key, module, name in THRESHOLDS:
        yield f"{KINDS[key]}, {name}: {_held_out(valves, labels, groups, key, module, name)}"


def _buildings(valves: dict[str, Samples]) -> dict[str, int]:
    """The number of the building that each valve seems to stand in, by its first poll."""
    first = pd.Series({name: samples.index[0].timestamp() for name, samples in valves.items()}).sort_values()
    return {str(name): int(number) for name, number in (first.diff() > _PAUSE_S).cumsum().items()}


def _held_out(
    valves: dict[str, Samples], labels: pd.DataFrame, groups: dict[str, int], key: str, module: ModuleType, name: str
) -> str:
    """What is found and blamed of each building with the threshold that does best on all others."""
    sure = labels[(labels["key"] == key) & labels["confidence"].isin(["high", "medium"])]
    now = getattr(module, name)
    hits = {}
    try:
        for factor in _CHOICE:
            setattr(module, name, now * factor)
            hits[factor] = _said(valves, sure) == "hit"
    finally:
        setattr(module, name, now)

    def gain(factor: float, rows: pd.Series[bool]) -> tuple[float, float]:
        """Share of the found less that of the blamed; of equals the nearest to the threshold in force."""
        found, blamed = (hits[factor][rows & (sure["is"] == is_so)] for is_so in (True, False))
        return float(found.sum()) / max(1, len(found)) - float(blamed.sum()) / max(1, len(blamed)), -abs(factor - 1)

    place = sure["valve"].map(groups)
    counted: Counter[tuple[bool, bool]] = Counter()
    chosen: Counter[str] = Counter()
    for building in sorted(place.unique()):
        best = max(_CHOICE, key=lambda factor: gain(factor, place != building))
        chosen[f"{now * best:.3g}"] += 1
        inside = sure.index[place == building]
        counted.update(zip(sure.loc[inside, "is"], hits[best][inside], strict=True))
    found, blamed = (
        f"{counted[is_so, True]} of {counted[is_so, True] + counted[is_so, False]}" for is_so in (True, False)
    )
    return f"{found} / {blamed}, with {', '.join(f'{value} ({times})' for value, times in chosen.most_common(3))}"


def _said(valves: Mapping[str, Samples | tuple[Samples, Samples | None]], labels: pd.DataFrame) -> pd.Series[str]:
    """What the checks say of each label: "hit", "ok" or "unknown"."""
    words = {"ok": "ok", "cannot judge": "unknown"}
    said = []
    for key, name in zip(labels["key"], labels["valve"], strict=True):
        given = valves[str(name)]
        samples, fine = given if isinstance(given, tuple) else (given, None)
        # Made anew: samples remember what was derived from them with other thresholds.
        (found,) = hydronics.judge(Samples(samples.frame, samples.step, samples.design), fine, checks=[KINDS[key]])
        said.append(words.get(found.verdict, "hit"))
    return pd.Series(said, labels.index, dtype=str)


def _hourly(valve: Samples) -> tuple[Samples, Samples | None]:
    """Last readings of the hours, and of 5 minutes in the busiest two weeks, as `Device.checkup` asks a cloud."""
    hours, minutes = (
        valve.frame.resample(step, label="right", closed="left").last().dropna(how="all") for step in ("1h", "5min")
    )
    coarse = Samples(hours, pd.Timedelta(hours=1), valve.design)
    window = hydronics.busiest_window(coarse)
    return coarse, None if window is None else Samples(minutes[slice(*window)], design=valve.design)


def _valve(path: Path) -> Samples:
    polls = pd.read_parquet(path).set_index("time").sort_index()
    polls = polls[~polls.index.duplicated(keep="last")]
    nominal, most = (float(polls[name].median()) for name in ("nominal_flow_m3h", "max_flow_pct"))
    design = hydronics.Design(nominal_flow_m3h=nominal, max_flow_m3h=nominal * most / 100)
    measured = {quantity.column for quantity in QUANTITIES.values()}
    return Samples(polls[[name for name in polls if name in measured]], design=design)


def _counts(valves: dict[str, Samples], labels: pd.DataFrame, key: str) -> Counter[tuple[str, bool, str]]:
    """Number of verdicts by confidence, what is, and "hit", "ok" or "unknown"."""
    these = labels[labels["key"] == key]
    return Counter(zip(these["confidence"], these["is"], _said(valves, these), strict=True))


def _all(counts: Counter[tuple[str, bool, str]], sure: str, is_so: bool) -> int:
    return sum(counts[sure, is_so, said] for said in ("hit", "ok", "unknown"))


def _holds(counts: Counter[tuple[str, bool, str]]) -> bool:
    """Whether a kind is found and blamed as it should be, labels of low confidence aside."""
    sure = ("high", "medium")
    hits = {is_so: sum(counts[each, is_so, "hit"] for each in sure) for is_so in (True, False)}
    several = {is_so: sum(_all(counts, each, is_so) for each in sure) for is_so in (True, False)}
    return hits[True] >= FOUND * several[True] and hits[False] <= BLAMED * several[False]


def _room(valves: dict[str, Samples], labels: pd.DataFrame, key: str, module: ModuleType, name: str) -> str:
    """The lowest and the highest value of a threshold with which its kind holds, in steps of 5 %."""
    now = getattr(module, name)
    ends = []
    try:
        if not _holds(_counts(valves, labels, key)):
            return "below the aim as it is"
        for step in (1 / _STEP, _STEP):
            value = now
            while 1 / _FURTHEST < value * step / now < _FURTHEST:
                setattr(module, name, value * step)
                if not _holds(_counts(valves, labels, key)):
                    break
                value *= step
            ends.append(f"{value:.3g}")
    finally:
        setattr(module, name, now)
    return " to ".join(ends)


if __name__ == "__main__":
    for line in figures(*sys.argv[1:2]):
        print(line)
