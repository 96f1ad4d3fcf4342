"""Monthly energy as bars beside the year before."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from belimo_nb.display import Chart, number
from belimo_nb.display.numbers import MONTHS, plural, signed
from belimo_nb.energy import LOWER_BOUNDS
from belimo_nb.heating.comparison import divides
from belimo_nb.plots import outliers, style, timeaxis

PREVIOUS_COLOR = "#c3cdd6"
LEAST_BAR = 0.01  # of the axis: a pixel or two
PARTIAL_STYLE: dict[str, Any] = {"facecolor": "white", "edgecolor": style.BLUE, "hatch": "////", "linewidth": 0.8}


def monthly_energy(
    kwh: pd.DataFrame | pd.Series[float],
    previous: pd.DataFrame | pd.Series[float] | None = None,
    *,
    what: str = "Energy",
    before: str = "year before",
    title: str | None = None,
    each: bool = False,
    troubles: timeaxis.Troubles = (),
    reason: str = "",
) -> Chart:
    """Draw energy by local month, all names together, beside the same months a year before.

    A month that lacks a name has a hatched bar, its sum being a lower bound, and is not compared. Nor are months whose
    two years have different names.

    Args:
        kwh: kWh by month (aware index, the month's first local midnight) and name; NaN is unknown. Better all that
            `Counters.energy` gives: then months that readings tell only in part are taken for incomplete, too.
        previous: The same of a year (or years) before; months are matched by calendar, not by position.
        what: Name of the quantity, such as "Heating energy".
        before: Name of the previous period.
        title: In place of the finding.
        each: A panel for each name, none for their sum: for heat and cold, which are no sum. Of one that is nothing
            beside the other, no thousandth of it, the sum is told, not drawn.
        troubles: Start and end (aware, first in each tuple) of each time in which the device reported an error: months
            of either period that have any are incomplete.
        reason: Why nothing was measured where all is 0; empty: it was.

    Raises:
        UsageError: The index has no time zone.
    """
    zone = timeaxis.zone_of(kwh.index, "monthly_energy")
    names = list(dict.fromkeys(kwh.columns.get_level_values(-1))) if each and isinstance(kwh, pd.DataFrame) else []
    parts = {f"{str(name).capitalize()} energy": (_only(kwh, name), _only(previous, name)) for name in names}
    panels = {words: _months(*part, troubles) for words, part in (parts or {what: (kwh, previous)}).items()}
    sums = pd.Series({words: months["kwh"].sum(min_count=1) for words, months in panels.items()})
    past = any((months["before"] > 0).any() for months in panels.values())
    if (words := style.why_nothing(sums, reason)) and not (past and words == style.NOTHING_COUNTED):
        return style.no_data_figure(title or f"{what} by month", f"{what} by local month.", words)
    changes = {words: _change(months, before) for words, months in panels.items()}
    amounts = {words: f"{number(round(float(months['kwh'].sum())))} kWh" for words, months in panels.items()}
    findings = {
        words: f"{words}: {kwh}, {changes[words]}" if changes[words] else f"{words}: {kwh}"
        for words, kwh in amounts.items()
    }
    panels = {words: panels[words] for words in style.worth_a_panel(sums)}
    partial = any((months["kwh"].notna() & ~months["complete"]).any() for months in panels.values())
    with rc_context(style.RC_PARAMS):
        fig, axes = style.new_figure(
            title or "; ".join(findings.values()), [230 if len(panels) == 1 else 150] * len(panels)
        )
        beyond = ""
        for ax, (words, months) in zip(axes, panels.items(), strict=True):
            handles, count = _draw_bars(ax, months, before)
            beyond += outliers.told(count, months[["kwh", "before"]], "kWh")
            style.round_ticks(ax.yaxis)
            of = "" if len(findings) == 1 else f"{words}, "
            last = ax is axes[-1]
            ax.tick_params(labelbottom=last)
            label = outliers.label(f"{of}kWh per month", count)
            style.label_axes(ax, label, x=f"Local month, {zone}" if last else "", handles=handles)
    caption = f"{what} per local calendar month."
    if any(changes.values()):
        caption = f"{caption} {_same_month(before)}"
    caption += " Hatched bars: some readings are missing or failed, so the true figure is higher." if partial else ""
    caption += beyond
    texts = {words: "; ".join(_alt_text(row, before) for _, row in panels[words].iterrows()) for words in panels}
    alt = " ".join(
        f"{said.replace(':', ' by month,', 1)}. {texts[words]}." if words in texts else f"{said}."
        for words, said in findings.items()
    )
    return style.chart(fig, caption, alt)


def _only(energy: Any, name: object) -> Any:
    """Of a frame of one or two levels of columns those of one name."""
    return energy if energy is None else energy.loc[:, energy.columns.get_level_values(-1) == name]


def _months(
    kwh: pd.DataFrame | pd.Series[float],
    previous: pd.DataFrame | pd.Series[float] | None,
    troubles: timeaxis.Troubles,
) -> pd.DataFrame:
    """One row per month: year, month, kwh, complete, before (kWh of the previous year), comparable."""
    now, complete = _parts(kwh, troubles)
    index = pd.DatetimeIndex(now.index)
    table = pd.DataFrame({
        "year": index.year,
        "month": index.month,
        "kwh": now.sum(axis=1, min_count=1).to_numpy(dtype=float),
        "complete": complete,
    })  # fmt: skip
    if previous is None or not len(previous):
        return table.assign(before=np.nan, comparable=False)
    past, whole = _parts(previous, troubles)
    same = set(past.columns) == set(now.columns)
    then = pd.DatetimeIndex(past.index)
    years = round((index[0] - then[0]).days / 365.2425)
    old = pd.DataFrame({
        "year": then.year + years,
        "month": then.month,
        "before": past.sum(axis=1, min_count=1).to_numpy(dtype=float),
        "comparable": whole & same,
    })  # fmt: skip
    table = table.merge(old, on=["year", "month"], how="left")
    return table.assign(comparable=table["complete"] & (table["comparable"] == True))  # noqa: E712  (NaN is no)


def _parts(
    energy: pd.DataFrame | pd.Series[float], troubles: timeaxis.Troubles
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """KWh by month and name, and per month whether all of it is known."""
    if isinstance(energy, pd.Series):
        energy = energy.to_frame("")
    begins = pd.DatetimeIndex(energy.index)
    ends = begins + pd.DateOffset(months=1)
    sound = np.ones(len(energy), bool)
    for begin, end, *_ in troubles:
        sound &= np.asarray((ends <= begin) | (begins >= end))
    if energy.columns.nlevels == 1:
        return energy, sound & energy.notna().all(axis=1).to_numpy()
    kwh, quality = (cast("pd.DataFrame", energy[name]) for name in ("kwh", "quality"))
    return kwh, sound & (kwh.notna() & ~quality.isin(LOWER_BOUNDS)).all(axis=1).to_numpy()


def _change(months: pd.DataFrame, before: str) -> str:
    """Change over all comparable months in words; "" if there are none."""
    both = months[months["comparable"]]
    base = float(both["before"].sum())
    if not divides(base, float(both["kwh"].sum()), base):
        return ""
    words = f"{signed(100 * (float(both['kwh'].sum()) / base - 1), 0, '%')} against {_against(before)}"
    return words if len(both) == len(months) else f"{words} in {len(both)} of {plural(len(months), 'month')}"


def _against(before: str) -> str:
    return f"the {before}" if before == "year before" else before


def _same_month(before: str) -> str:
    if before == "year before":
        return "Above the bars: change against the same month of the year before."
    return f"Above the bars: change against the same month, {before}."


def _draw_bars(ax: Axes, months: pd.DataFrame, before: str) -> tuple[style.Legend, int]:
    """Draw the bars of both periods; returns the legend's entries, and how many bars end beyond the axis."""
    x, both = np.arange(len(months)), bool(months["before"].notna().any())
    width, offset = (0.38, 0.19) if both else (0.66, 0.0)
    known, complete = months["kwh"].notna(), months["complete"]
    top = np.nan_to_num(outliers.usual_range(months[["kwh", "before"]])[1]) * 1.12 or 1.0
    handles: style.Legend = []
    if both:
        ax.bar(x - offset, months["before"], width, color=PREVIOUS_COLOR)
        handles.append((Patch(facecolor=PREVIOUS_COLOR), before))
    ax.bar(x + offset, months["kwh"].where(complete), width, color=style.BLUE)
    handles.append((Patch(facecolor=style.BLUE), "this period" if both else "month"))
    if (known & ~complete).any():
        ax.bar(x + offset, months["kwh"].where(~complete), width, **PARTIAL_STYLE)
        handles.append((Patch(**PARTIAL_STYLE), "incomplete: at least"))
    if not known.all():
        ax.bar(x[~known] + offset, top, width, zorder=0, **style.UNKNOWN_HATCH)
        handles.append(style.unknown_legend())
    # A change between two bars that are too low to be seen would stand there for nothing.
    seen = months[["before", "kwh"]].max(axis=1) > LEAST_BAR * top
    whole = float(months[["kwh", "before"]].sum().max())
    for i in np.flatnonzero(months["comparable"] & seen):
        row, base = float(months["kwh"].iloc[i]), float(months["before"].iloc[i])
        if not divides(base, row, whole):
            continue
        place = (float(i), max(row, base))
        look: dict[str, Any] = {"ha": "center", "fontsize": style.SMALL, "color": style.GRAY}
        ax.annotate(signed(100 * (row / base - 1), 0, "%"), place, (0, 3), textcoords="offset points", **look)
    ax.set_ylim(0, top)
    ax.set_xlim(-0.6, len(months) - 0.4)
    ax.set_xticks(x, _tick_labels(months))
    ax.tick_params(axis="x", length=0)
    beyond = outliers.mark(ax, [*(x - offset), *(x + offset)], [*months["before"], *months["kwh"]])
    return handles, beyond


def _tick_labels(months: pd.DataFrame) -> list[str]:
    pairs = zip(months["year"], months["month"], strict=True)
    return [
        f"{MONTHS[month - 1]}\n{year}" if i == 0 or month == 1 else MONTHS[month - 1]
        for i, (year, month) in enumerate(pairs)
    ]


def _alt_text(row: pd.Series[float], before: str) -> str:
    kwh = "unknown" if pd.isna(row["kwh"]) else f"{number(round(row['kwh']))} kWh"
    value = kwh if row["complete"] or pd.isna(row["kwh"]) else f"{kwh} or more"
    month = f"{MONTHS[int(row['month']) - 1]} {int(row['year'])}"
    past = row["before"]
    return f"{month} {value}" if pd.isna(past) else f"{month} {value} ({before} {number(round(past))})"
