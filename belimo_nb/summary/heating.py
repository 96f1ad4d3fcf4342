"""The heating report: title block, key figures, the table of months."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from belimo_nb.display import Header, KeyFigure, KeyFigures, Table, date, header, key_figures, table
from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.summary.parts import count_of, energy_figure, part
from belimo_nb.summary.quality import completeness

if TYPE_CHECKING:
    from belimo_nb.cloud import Cloud
    from belimo_nb.periods import Period

__all__ = ["heating_figures", "heating_header", "monthly_table"]


def heating_header(cloud: Cloud, search: str, period: Period, days: pd.DataFrame) -> Header:
    """The title block of the heating report."""
    count = len(days["kwh"].columns)
    facts = {
        "Period": period.label,
        "Valves": f"{count} that count heating energy" + (f", named {search!r}" if search else ""),
        "Time zone": cloud.timezone,
    }
    return header(
        "Heating energy", subtitle=period.label, facts=facts, completeness=completeness(days), source=cloud.source
    )


def heating_figures(days: pd.DataFrame, months: pd.DataFrame, before: pd.DataFrame) -> KeyFigures:
    """What was used, compared with the year before, and how much of it is known.

    Args:
        days: `Counters.energy` by day.
        months: The same by month.
        before: The same by month, of the year before.
    """
    kwh = part(days, "kwh")
    total = kwh.sum(axis=1, min_count=1)
    peak = total.idxmax() if total.notna().any() else None
    incomplete = int((part(days, "coverage").mean() < COVERAGE_LIMIT).sum())
    return key_figures(
        energy_figure("Heating energy", kwh, unknown=int(kwh.isna().any(axis=1).sum())),
        _change_figure(months, before),
        KeyFigure(
            "Highest day",
            None if peak is None else float(total.max()),
            "kWh",
            "no reading" if peak is None else date(pd.Timestamp(str(peak))),
        ),
        KeyFigure("Valves", len(kwh.columns), note=count_of(incomplete, f"below {COVERAGE_LIMIT:.0%} complete")),
    )


def monthly_table(months: pd.DataFrame, before: pd.DataFrame) -> Table:
    """Energy in kWh by month and valve, their sum and that of the year before; unknown stays unknown."""
    kwh = part(months, "kwh")
    frame = kwh.rename(columns=str)
    frame.insert(0, "Sum", kwh.sum(axis=1, skipna=False))
    frame.insert(1, "Year before", part(before, "kwh").sum(axis=1, skipna=False).to_numpy())
    frame.insert(0, "Month", [f"{time:%Y-%m}" for time in kwh.index])
    caption = "Heating energy by local month, kWh; a sum is unknown where one of its valves is"
    return table(frame.reset_index(drop=True), "monthly", caption, formats=dict.fromkeys(frame.columns[1:], 0))


def _change_figure(months: pd.DataFrame, before: pd.DataFrame) -> KeyFigure:
    """The change against the year before, over the months and valves that both years know."""
    now, then = months["kwh"].to_numpy(dtype=float), before["kwh"].to_numpy(dtype=float)
    label = "Against the year before"
    if now.shape != then.shape:
        return KeyFigure(label, None, "%", "the years have not the same months")
    both = ~(pd.isna(now) | pd.isna(then))
    enough = (months["coverage"].to_numpy() >= COVERAGE_LIMIT) & (before["coverage"].to_numpy() >= COVERAGE_LIMIT)
    usable = both & enough
    base = float(then[usable].sum())
    if base <= 0:
        return KeyFigure(label, None, "%", "no month is known well enough in both years")
    share = usable.sum() / usable.size
    note = "not corrected for weather" + ("" if share == 1 else f"; {share:.0%} of the valve-months known in both")
    return KeyFigure(label, 100 * (float(now[usable].sum()) / base - 1), "%", note, digits=1)
