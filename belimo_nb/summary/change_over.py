"""The change-over valves of a report: when they heat and when they cool, and the signature of their whole year."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.cloud.counting import KINDS
from belimo_nb.display import Note, Table, note, table
from belimo_nb.heating import ChangeOver, Study, complete_days, fit_change_over, seasons
from belimo_nb.heating.change_over import FIGURES
from belimo_nb.summary.parts import column_group

LEAST_SHARE = 0.01
"""Of the one energy that a valve must have counted of the other to be a change-over valve, and none whose temperatures
cross for an hour."""


def change_over_table(cloud: Cloud, valves: pd.DataFrame, study: Study, period: Period) -> Table | Note:
    """Table of the valves that have heated and cooled in the period: seasons, and whole-year signature.

    Args:
        cloud: Where the valves are.
        valves: A frame of `Cloud.heating_valves` or `Cloud.cooling_valves`.
        study: Theirs.
        period: What the report covers.
    """
    (other,) = (kind for kind in KINDS if kind != study.kind)
    ids = [key for key in valves.index if other in cloud.device(str(key)).kinds]
    counted = cloud.counters(ids, other, period.start, period.end)
    known = study.without_failures(counted.energy("D")) if len(counted) else study.days
    rows = []
    for name in [name for name in counted if name in study.names]:
        own, beside = (column_group(some, "kwh")[name].sum() for some in (study.days, known))
        if not min(own, beside) > LEAST_SHARE * max(own, beside):
            continue
        days = {study.kind: _days(study.days, name), other: _days(known, name)}
        found = fit_change_over(days["heating"], days["cooling"], study.outdoor)
        rows.append({"valve": name, **_figures(found), **{f"{kind}_season": _season(days[kind]) for kind in KINDS}})
    if not rows:
        return note("No valve has both heated and cooled in this period.", "absent")
    columns = ["valve", *_figures(None), "heating_season", "cooling_season"]
    frame = pd.DataFrame(rows, columns=[*columns[:-3], *columns[-2:], "model"])
    return table(
        frame,
        "change-over",
        "Valves that heat and cool: when they did, and their whole year as one signature (5P)",
        formats={
            "heating_balance_c": 1, "cooling_balance_c": 1, "heating_slope_kwh_d_k": 1, "cooling_slope_kwh_d_k": 1,
            "base_kwh_d": 1, "r2": 2, "cv_rmse": "percent", "n_days": 0, "both_days": 0,
        },
        labels={
            "heating_balance_c": ("Heats below", "°C"), "cooling_balance_c": ("Cools above", "°C"), "r2": "R²",
            "cv_rmse": "CV(RMSE)", "n_days": "Days", "both_days": "Days with both", "heating_season": "Heated",
            "cooling_season": "Cooled",
        },
        below=["heating_season", "cooling_season", "model"],
    )  # fmt: skip


def _days(energy: pd.DataFrame, name: str) -> pd.Series[Any]:
    """KWh of one valve by local day; NaN where not known well enough."""
    return complete_days(cast("pd.DataFrame", energy.xs(name, axis=1, level=1)))


def _season(kwh: pd.Series[Any]) -> str:
    spans = [f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" for first, last in seasons(kwh)]
    return ", ".join(spans) or "not in this period"


def _figures(found: ChangeOver | None) -> dict[str, Any]:
    figures = {name: getattr(found, name, None) for name in (*FIGURES, "n_days", "both_days")}
    return {**figures, "model": "" if found is None else found.model or f"none: {found.reason}"}
