"""Completeness of the data, and the table of days that are not plainly measured."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from belimo_nb.display import Table, table
from belimo_nb.summary.parts import column_group

QUALITY_MEANINGS: Mapping[str, str] = {
    "estimated split": "the total over the gap is measured, its split between days is not",
    "partial": "readings begin or end within the day; what is shown is what they tell, a lower bound",
    "reset": "the counter started anew; what is shown is a lower bound",
    "jump": "the counter rose faster than the valve can; what is shown is a lower bound",
    "meter failed": "the meter counted nothing while others did, or reported an error; unknown, not zero",
    "missing": "no readings; unknown, not zero",
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
    frame = pd.DataFrame(rows, columns=columns)
    caption = "Days that are not plainly measured" if rows else "Every day of the period is measured, without a gap"
    return table(
        frame,
        "data-quality",
        caption,
        formats={"from": "date", "to": "date", "coverage": "percent", "kwh": 0},
        labels={"kwh": "kWh"},
    )
