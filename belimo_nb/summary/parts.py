"""Helpers that the summaries share: column groups, key figures, words, and how complete data are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd

from belimo_nb.display import KeyFigure, Table, Trend, number, table
from belimo_nb.display.numbers import MONTHS, NO_BREAK_SPACE, capitalized, plural
from belimo_nb.energy import LOWER_BOUNDS
from belimo_nb.quantities import listed


def column_group(energy: pd.DataFrame, name: str) -> pd.DataFrame:
    """Columns of `Counters.energy` below "kwh", "coverage" or "quality": one per counter."""
    return cast("pd.DataFrame", energy[name])  # two levels of columns: never a Series


def energy_figure(label: str, kwh: pd.DataFrame, unknown: int) -> KeyFigure:
    """Key figure of the known energy of a range: a lower bound if `unknown` of its days are incomplete."""
    days = len(kwh)
    note = (
        f"in {plural(days, 'day')}"
        if not unknown
        else f"at least; {number(unknown)} of {plural(days, 'day')} incomplete"
    )
    known = kwh.to_numpy(dtype=float)
    value = None if pd.isna(known).all() else float(pd.Series(known.ravel()).sum())
    return KeyFigure(label, value, "kWh", note if value is not None else "no readings", digits=0)


def daily_trend(kwh: pd.DataFrame, label: str = "Energy by day") -> Trend:
    """Daily energy of all counters together, of one kind of energy; NaN where one of them is unknown."""
    return Trend(label, "kWh", kwh.sum(axis=1, skipna=False).tolist())


def greater_kind(energy: pd.DataFrame) -> pd.DataFrame:
    """Of kWh by time and kind the one column that has more: heat and cold are never added up."""
    sums = energy.sum().fillna(0.0)
    return energy[[sums.idxmax()]]


def incomplete(energy: pd.DataFrame) -> pd.Series[bool]:
    """Intervals of `Counters.energy` of which a counter tells nothing, or only a lower bound."""
    return (column_group(energy, "kwh").isna() | column_group(energy, "quality").isin(LOWER_BOUNDS)).any(axis=1)


def count_of(count: int, what: str) -> str:
    """Format a count with a word: "none offline", "3 offline"."""
    return f"{number(count)} {what}" if count else f"none {what}"


def month_name(time: pd.Timestamp | str) -> str:
    """Format a month as "Dec 2017", without a line break; the name of a total stays."""
    if isinstance(time, str):
        return time
    return f"{MONTHS[time.month - 1]}{NO_BREAK_SPACE}{time.year}"


FEW_NAMED, NEXT_NAME = 3, "; "  # valves or counters that a cell names, and what stands between their names
OFF_OR_FAILING = "nothing was counted: off, or failing meters"  # where several could have counted
QUALITY_MEANINGS: Mapping[str, str] = {
    "estimated split": "the total over the gap is measured, its split between days is not",
    "partial": "readings begin or end within the day; what is shown is what they tell, a lower bound",
    "reset": "the counter started anew; what is shown is a lower bound",
    "jump": "the counter rose faster than the valve can, or far more than ever around; what is shown is a lower bound",
    "meter failed": "it counted nothing where energy was due, heat as cold, or reported an error: unknown, not zero",
    "missing": "no readings that can be used; unknown, not zero",
}


def completeness(energy: pd.DataFrame) -> float:
    """Mean coverage (0 to 1) of a range of `Counters.energy` by readings without gaps, over all counters."""
    coverage = energy["coverage"]
    return float(coverage.to_numpy().mean()) if coverage.size else float("nan")


def data_quality(days: pd.DataFrame) -> Table:
    """Table of the days whose figures are not plainly measured: runs of days by counter, and why."""
    rows = []
    kwh, coverages, qualities = (column_group(days, name) for name in ("kwh", "coverage", "quality"))
    for name, quality in qualities.items():
        coverage = coverages[name]
        # A new run begins where the quality differs from the day before.
        run = (quality != quality.shift()).cumsum()
        for _, span in quality.groupby(run):
            if span.iloc[0] != "measured":
                rows.append(
                    {
                        "what": str(name),
                        "from": span.index[0],
                        "to": span.index[-1],
                        "days": len(span),
                        "coverage": float(coverage[span.index].mean()),
                        "kwh": float(kwh[name][span.index].sum(min_count=1)),
                        "quality": str(span.iloc[0]),
                        "meaning": QUALITY_MEANINGS[str(span.iloc[0])],
                    }
                )
    columns = ["what", "from", "to", "days", "coverage", "kwh", "quality", "meaning"]
    frame = _together(pd.DataFrame(rows, columns=columns))
    caption = explained("Days that are not plainly measured", frame["quality"], QUALITY_MEANINGS)
    caption = caption if rows else "Every day of the period has its readings, without a gap"
    return table(
        frame,
        "data-quality",
        caption,
        formats={
            "from": "date", "to": "date", "coverage": "percent", "kwh": 0,
            "what": lambda names: listed(names.split(NEXT_NAME), FEW_NAMED),
        },
        labels={"kwh": "kWh"},
        hidden=["meaning"],
    )  # fmt: skip


def explained(caption: str, kinds: pd.Series[str], meanings: Mapping[str, str]) -> str:
    """A caption with what each kind in a column means: said once, not in a hundred rows; the CSV has it in each."""
    return f"{caption}. {capitalized('; '.join(f'{kind}: {meanings[kind]}' for kind in dict.fromkeys(kinds)))}"


def _together(runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of `data_quality`, those of many counters with the same days and reason in one: the CSV names all."""
    kept = []
    for _, same in runs.groupby(["from", "to", "quality"], sort=False):
        if len(same) > FEW_NAMED:
            names, kwh = NEXT_NAME.join(same["what"]), same["kwh"].sum(min_count=1)
            same = same.head(1).assign(what=names, coverage=same["coverage"].mean(), kwh=kwh)
        kept.append(same)
    return pd.concat(kept).sort_index(ignore_index=True) if kept else runs
