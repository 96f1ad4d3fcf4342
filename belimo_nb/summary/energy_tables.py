"""The tables of a heating or cooling report: months, valves, signatures, loads, and the statement."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.display import DASH, Note, Table, note, number, table
from belimo_nb.display.cells import Format
from belimo_nb.display.numbers import capitalized, plural
from belimo_nb.energy import COVERAGE_LIMIT
from belimo_nb.energy.counter import Counters, Kind
from belimo_nb.errors import UsageError
from belimo_nb.heating import Comparison, Signature, Study, load_figures
from belimo_nb.heating.days import same_days
from belimo_nb.summary.parts import column_group, month_name

FAILED = "Off, or a failing meter"
ALL = "All valves"
LEAST_MEASURED = 0.5  # of a valve's energy, in hours that are plainly measured, to say anything of its load
FEW_STEPS = 10  # hours with energy, below which nothing is said of a register's steps
STATEMENT_ROWS = 240  # on the page; the CSV has all


def valve_table(study: Study) -> Table:
    """Each valve's energy, and its change, as measured and corrected for weather."""
    kwh, past = column_group(study.days, "kwh"), _beside(study)
    rows = []
    for name, found in study.valves.items():
        rows.append(
            {
                "valve": name,
                "kwh": float(kwh[name].sum(min_count=1)),
                "before_kwh": float(past[name].sum(min_count=1)),
                "complete": float(study.days[("coverage", name)].mean()),
                "raw": found.raw_change,
                "corrected": found.corrected_change,
                "plus_minus": found.uncertainty,
                "remark": _remark(found, failed=name in study.failing),
            }
        )
    frame = pd.DataFrame(rows).sort_values("kwh", ascending=False, na_position="last", ignore_index=True)
    # A small difference of two large sums: its further digits are noise of the machine.
    frame = frame.round({"raw": 6, "corrected": 6, "plus_minus": 6})
    caption = "Energy by valve and its change; kWh are sums of the known days"
    said = set(frame["remark"].str.removeprefix(f"{FAILED}. "))
    if len(frame) > 1 and len(said) == 1:  # once, and not in each row
        caption = f"{caption}. Remark on all: {said.pop()}"
        frame["remark"] = frame["remark"].str.startswith(FAILED).map({True: FAILED, False: ""})
        frame = frame.drop(columns="remark") if not frame["remark"].any() else frame
    return table(
        frame,
        "valves",
        caption,
        formats={
            "kwh": 0, "before_kwh": 0, "complete": "percent", "raw": "change", "corrected": "change",
            "plus_minus": lambda share: DASH if math.isnan(share) else f"± {number(100 * share, 1)}\u00a0%",
        },
        labels={"kwh": "kWh", "raw": "As measured", "corrected": "Weather-corrected", "plus_minus": "90 % confidence"},
    )  # fmt: skip


def signature_table(study: Study) -> Table | Note:
    """The energy signature of all valves together and of each of them; what is refused says why."""
    found = {"All comparable valves": study.signature} | {name: study.signature_of(name) for name in study.names}
    if not study.outdoor.notna().any():
        return note("No valve has an energy signature of this period, since the outdoor temperature is not known.")
    frame = pd.DataFrame([_signature(name, signature) for name, signature in found.items()])
    return table(
        frame,
        "signatures",
        "Energy signatures of the period; CV(RMSE) with n − 3 (line: n − 2) degrees of freedom",
        formats={
            "balance_point_c": 1, "slope_kwh_d_k": 1, "heat_loss": 0, "base_kwh_d": 1, "r2": 2,
            "cv_rmse": "percent", "days": 0,
        },
        labels={
            "r2": "R²", "cv_rmse": "CV(RMSE)", "balance_90": "Balance point, 90 %", "slope_90": "Slope, 90 %",
            "heat_loss": "Loss, W/K" if study.kind == "heating" else "Gain, W/K",
        },
    )  # fmt: skip


def quarter_hours(
    cloud: Cloud, valves: pd.DataFrame, period: Period, peak_minutes: int, kind: Kind = "heating"
) -> pd.DataFrame | None:
    """Energy by quarter of an hour for `load_table`; None, and no request, for peaks of an hour.

    Args:
        cloud: Where the valves are.
        valves: A frame of `Cloud.heating_valves` or `Cloud.cooling_valves`.
        period: What the report covers.
        peak_minutes: 60, or 15 for peaks of a quarter of an hour, too.
        kind: "heating" or "cooling".

    Raises:
        UsageError: Peaks are wanted over another time.
    """
    if peak_minutes not in (15, 60):
        raise UsageError(
            f"Peaks are means of 15 or 60 minutes, not of {peak_minutes!r}; set peak_minutes to one of them."
        )
    if peak_minutes == 60:
        return None
    return cloud.counters(valves, kind, period.start, period.end, fine=True).energy("15min")


def load_table(hours: pd.DataFrame, quarters: pd.DataFrame | None = None) -> Table:
    """Peak, base and use of the load of each valve and of all together.

    Args:
        hours: `Counters.energy` by hour.
        quarters: The same by quarter of an hour, for the peaks of a quarter.
    """
    fine = None if quarters is None else _loads(quarters.loc[:, quarters.columns.isin(hours.columns)])
    rows = []
    for name, values in _loads(hours).items():
        found = load_figures(values)
        row = {
            "valve": f"{values.name} together" if name == ALL else name,
            "peak_kw": found.peak_kw,
            "peak_hour": found.peak_time,
        }
        if fine is not None:
            short = load_figures(fine[name])
            row |= {"short_peak_kw": short.peak_kw, "short_peak": short.peak_time}
        rows.append(
            row
            | {
                "mean_kw": found.mean_kw,
                "base_kw": found.base_kw,
                "load_factor": found.load_factor,
                "full_load_h": found.full_load_hours,
                "measured_h": found.known_hours,
            }
        )
    lengths = "one hour" if fine is None else "one hour, and of a quarter of an hour,"
    told = [f"The load: peaks are means of {lengths} from the counters; base: passed in 95 % of the hours"]
    kwh = measured_hours(hours)
    if left := [str(name) for name in kwh.columns[~_well_measured(kwh)]]:
        told.append(f"together: without {', '.join(left)}, measured in fewer than 90 % of the hours")
    return table(
        pd.DataFrame(rows),
        "load",
        "; ".join(told),
        formats={
            "peak_kw": 1, "peak_hour": "time", "short_peak_kw": 1, "short_peak": "time", "mean_kw": 1, "base_kw": 1,
            "load_factor": "percent", "full_load_h": 0, "measured_h": 0,
        },
        labels={
            "full_load_h": "Full load", "measured_h": "Measured", "short_peak_kw": "Peak of 15 min, kW",
            "short_peak": "Its begin",
        },
    )  # fmt: skip


def statement_table(counters: Counters, start: pd.Timestamp, end: pd.Timestamp) -> Table:
    """Opening and closing reading of each valve and month, as an auditor wants them."""
    frame = counters.statement("MS", start, end).rename(columns={"device": "valve", "interval": "month"})
    for column in [str(name) for name in frame if str(name).startswith(("opening_next", "closing_next"))]:
        if frame[column].isna().all():
            frame = frame.drop(columns=column)
    if (frame["part"] == 1).all():
        frame = frame.drop(columns="part")
    frame = frame.drop(columns=["from", "to"]) if not (set(frame) & {"part", "opening_next_time"}) else frame
    caption = "Statement: the closing minus the opening reading of each month"
    formats: dict[str, Format] = {"kwh": 1, "coverage": "percent", "month": month_name}
    for column in map(str, frame):
        if column.endswith("_kwh"):
            formats[column] = 1
        if column.endswith("_time") or column in ("from", "to"):
            formats[column] = "time"
    return table(
        frame, "statement", caption, formats=formats, labels={"kwh": "kWh"}, limit=STATEMENT_ROWS, hidden=["from", "to"]
    )


def joint_load(hours: pd.DataFrame) -> pd.Series[float]:
    """KWh by hour of all valves together, named by them; NaN where one is not plainly measured.

    Of the valves that are measured in 90 % of the hours in which any is: one that came later does not void the rest.

    Args:
        hours: `Counters.energy` by hour.
    """
    kwh = measured_hours(hours)
    some = kwh.loc[:, _well_measured(kwh)]
    name = (
        ALL if len(some.columns) == len(kwh.columns) else f"{len(some.columns)} of {plural(len(kwh.columns), 'valve')}"
    )
    return some.sum(axis=1, skipna=False).rename(name)


def _well_measured(kwh: pd.DataFrame) -> pd.Series[bool]:
    """By valve, whether it is measured in 90 % of the hours in which any is; all, if none is."""
    found = kwh.notna().sum() >= COVERAGE_LIMIT * kwh.notna().any(axis=1).sum()
    return found if found.any() else ~found


def measured_hours(hours: pd.DataFrame) -> pd.DataFrame:
    """KWh by hour and valve; NaN where it is not plainly measured: a peak must not come out of an estimate.

    Of a meter that is read once a day the hours without any are known, and those with energy are not: nothing at all.
    Nor of one that counts in steps which take hours: an hour in which a MWh was full had no 1,000 kW.
    """
    kwh = column_group(hours, "kwh")
    measured = kwh.where(column_group(hours, "quality") == "measured")
    unknown = measured.sum() < LEAST_MEASURED * kwh.sum()
    if len(hours) > 1 and hours.index[-1] - hours.index[-2] >= pd.Timedelta(hours=1):
        unknown |= measured.apply(_in_steps)
    return measured.mask(np.broadcast_to(unknown, measured.shape))


def _in_steps(kwh: pd.Series[float]) -> bool:
    """Whether hours show the steps of a register, not a load: one to three steps each, mostly between hours without."""
    used = kwh.to_numpy() > 0
    steps = kwh.to_numpy()[used] / np.min(kwh.to_numpy()[used], initial=np.inf)
    whole = len(steps) >= FEW_STEPS and steps.max() < 3.5 and np.abs(steps - np.round(steps)).max() < 1e-3
    beside = np.pad(used, 1)
    return bool(whole and 2 * np.count_nonzero(used & ~beside[:-2] & ~beside[2:]) > len(steps))


def _loads(energy: pd.DataFrame) -> dict[str, pd.Series[float]]:
    kwh = measured_hours(energy)
    return {ALL: joint_load(energy), **{str(name): kwh[name] for name in kwh}}


def _beside(study: Study) -> pd.DataFrame:
    """What lies beside the reporting period's days: those of the other period that fall on the same calendar days."""
    past = column_group(study.before, "kwh")
    past = same_days(past.set_axis(pd.DatetimeIndex(past.index).tz_localize(None).normalize()), _naive(study))
    return past.reindex(_naive(study)) if past.index.isin(_naive(study)).any() else column_group(study.before, "kwh")


def _naive(study: Study) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(study.days.index).tz_localize(None).normalize()


def _remark(found: Comparison, *, failed: bool) -> str:
    said = "changed" if found.significant else "within chance"
    if found.reason:
        reasons = "; ".join(dict.fromkeys(filter(None, (found.reason, found.raw_reason))))
        said = f"Cannot be said: {reasons}"
    return f"{FAILED}. {capitalized(said)}" if failed else said


def off_days(kind: str) -> str:
    """Which days those are on which a heating or cooling was off, in words."""
    return "under 18 °C without heat" if kind == "heating" else "above 18 °C without cold"


def _signature(name: str, found: Signature) -> dict[str, object]:
    ranges = found.intervals()

    def span(parameter: str, digits: int) -> str:
        low, high = (float(ranges[side][parameter]) for side in ("low", "high"))
        return DASH if math.isnan(low) else f"{number(low, digits)} to {number(high, digits)}"

    return {
        "valve": name,
        "balance_point_c": found.balance_point_c,
        "slope_kwh_d_k": found.slope_kwh_d_k,
        "heat_loss": found.heat_loss_w_k,
        "base_kwh_d": found.base_kwh_d,
        "r2": found.r2,
        "cv_rmse": found.cv_rmse,
        "days": found.n_days,
        "model": "; ".join(
            filter(
                None,
                (
                    f"{found.model or 'none'}{': ' if found.reason else ''}{found.reason}",
                    f"{plural(found.off_days, 'day')} {off_days(found.kind)} left out" if found.off_days else "",
                ),
            )
        ),
        "balance_90": span("balance_point_c", 1),
        "slope_90": span("slope_kwh_d_k", 1),
    }
