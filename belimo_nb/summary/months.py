"""The month's tables: energy by month, and of each valve by month, with the year before, the change, and a total."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb.display import Table, table
from belimo_nb.display.cells import Format
from belimo_nb.display.numbers import MONTHS, capitalized, plural, signed
from belimo_nb.energy import LOWER_BOUNDS
from belimo_nb.energy.counter import Kind
from belimo_nb.heating.comparison import divides
from belimo_nb.heating.failing import CONTRARY
from belimo_nb.quantities import listed
from belimo_nb.summary.energy import kind_energy
from belimo_nb.summary.parts import FEW_NAMED, column_group, month_name

SIDE_BY_SIDE = 13  # months, quarters or years: as many as a screen of 1280 pixels and the width of A4 have room for
FEW = 6  # months beside which the other period and the change have room
LEAP = "one February has a day more than the other, which key figures of the same days leave out"
CHANGE_KWH, CHANGE_PERCENT = "Change kWh", "Change %"
TOTAL = "Total"


def monthly_table(
    months: pd.DataFrame,
    before: pd.DataFrame,
    name: str = "year before",
    left_out: Collection[str] = (),
    kind: Kind = "heating",
) -> Table:
    """Table of kWh by month with the year before, the change and a total; the CSV has each valve, too.

    A sum contains what is known of months that readings tell in part, and says so. Unknown stays unknown, and a change
    is given between what is known in full.

    Args:
        months: `Counters.energy` by month.
        before: The same of the months beside them.
        name: What those are called.
        left_out: Valves whose meters failed: they are in neither sum.
        kind: "heating" or "cooling".
    """
    found = _Compared(months, before, left_out)
    kwh, sound = found.now, found.sound
    together = [found.of(sound, row) for row in (*([place] for place in range(len(kwh))), slice(None))]
    frame = pd.DataFrame({"Month": pd.Series([*kwh.index, TOTAL], dtype=object), **_columns(together, name)})
    for valve in kwh:
        frame[str(valve)] = [*kwh[valve], kwh[valve].sum(skipna=False)]
    told = [f"{kind_energy(kind)} by local month, kWh", "a sum is unknown where one of its valves is"]
    told += [f"sums are of {found.some}"] if found.some else []
    if found.bounds.to_numpy().any():
        told_in_part = (list(map(str, kwh.columns[row])) for row in found.bounds.to_numpy())
        frame["Known in part"] = [*(listed(names, FEW_NAMED) for names in told_in_part), ""]
        told.append("a sum is a lower bound where readings of a valve begin, end or break within the month")
    caption = "; ".join(filter(None, (*told, found.remark)))
    formats: dict[str, Format] = {**_formats(frame), "Month": month_name}
    data, total = frame.iloc[:-1].assign(Month=kwh.index), _row(frame)
    hidden = [str(valve) for valve in kwh]
    return table(data, "monthly", caption, formats=formats, labels=_labels(), total=total, hidden=hidden)


def valve_months(
    months: pd.DataFrame,
    before: pd.DataFrame,
    name: str = "year before",
    left_out: Collection[str] = (),
    kind: Kind = "heating",
) -> Table:
    """Table of kWh of all valves, each in a row, by month; of more than 13 months by quarter, or by year.

    Of few months it shows the change of each valve, too; of more only the CSV has it.

    Args:
        months: As in `monthly_table`.
        before: As in `monthly_table`.
        name: As in `monthly_table`.
        left_out: As in `monthly_table`.
        kind: As in `monthly_table`.
    """
    found = _Compared(months, before, left_out)
    kwh, times = found.now, pd.DatetimeIndex(found.now.index)
    whole = kwh.assign(**{TOTAL: kwh[found.sound].sum(axis=1, skipna=False)})
    parts = {f"{time:%Y-%m}": (MONTHS[time.month - 1], str(time.year)) for time in times}
    columns: dict[str, Any] = dict(zip(parts, whole.to_numpy(), strict=True))
    beside = _columns([found.of(valves, slice(None)) for valves in (*([valve] for valve in kwh), found.sound)], name)
    hidden = [str(column) for column in beside if column != "Sum" and len(times) > FEW]
    hidden += ["Sum"] * (len(times) == 1)
    if len(times) > SIDE_BY_SIDE:
        hidden += list(parts)
        quarters = [f"Q{time.quarter} {time.year}" for time in times]
        spans = quarters if len(set(quarters)) <= SIDE_BY_SIDE else [str(time.year) for time in times]
        columns |= {one: whole[np.array(spans) == one].sum(skipna=False).to_numpy() for one in dict.fromkeys(spans)}
    valves = pd.Series([*map(str, kwh), TOTAL], dtype=object)
    frame = pd.DataFrame({"valve": valves, **columns, **beside})
    told = [f"{kind_energy(kind)} of each valve by month, kWh"]
    told += [f"the total is of {found.some}"] if found.some else []
    told += [found.remark] if len(times) <= FEW else []
    bounds = found.bounds
    if named := [f"{valve} in {month_name(time)}" for valve in bounds for time in bounds.index[bounds[valve]]]:
        told.append(f"at least, since readings begin, end or break: {listed(named, 5)}")
    caption = "; ".join(filter(None, told))
    data = frame.iloc[:-1].sort_values("Sum", ascending=False, na_position="last", ignore_index=True)
    labels, total = parts | _labels(), _row(frame)
    return table(data, "valve-months", caption, formats=_formats(frame), labels=labels, total=total, hidden=hidden)


class _Compared:
    """The months of two periods side by side, valve by valve."""

    def __init__(self, months: pd.DataFrame, before: pd.DataFrame, left_out: Collection[str]) -> None:
        now = column_group(months, "kwh")
        unseen = {valve: _unmeasured(now[valve], str(valve), left_out) for valve in now}
        self.now = now.mask(pd.DataFrame(unseen, now.index))
        self.bounds = column_group(months, "quality").isin(LOWER_BOUNDS)
        self.sound = [valve for valve in self.now if str(valve) not in left_out] or list(self.now)
        count = len(self.now.columns)
        some = f"{len(self.sound)} of {plural(count, 'valve')} whose meters did not fail"
        self.some = some if len(self.sound) < count else ""
        alike = len(before) == len(months)
        past = column_group(before, "kwh") if alike else self.now * np.nan
        self.past = past[self.now.columns].set_axis(self.now.index)
        unlike = column_group(before, "quality").isin(LOWER_BOUNDS).to_numpy() if alike else True
        self.known = self.now.notna() & self.past.notna() & ~self.bounds & ~unlike
        years = [set(pd.DatetimeIndex(one.index).days_in_month) for one in (months, before)]
        self.leap = 29 in years[0] ^ years[1] and bool(self.known.any(axis=None))
        self.whole = np.fmax(self.now.sum(), self.past.sum())

    def of(self, valves: list[Any], rows: Any) -> tuple[float, float, float, float]:
        """Of some valves and months: kWh, kWh before, and the change in kWh and % in the months known in both."""
        now, past = (some[valves].iloc[rows] for some in (self.now, self.past))
        known = self.known[valves].iloc[rows].all(axis=1)
        used, base = now[known].to_numpy().sum(), past[known].to_numpy().sum()
        change = used - base if known.any() else np.nan
        return (
            now.to_numpy().sum(),
            past.to_numpy().sum(),
            change,
            100 * change / base if divides(base, used, float(self.whole[valves].sum())) else np.nan,
        )

    @property
    def remark(self) -> str:
        """Of how many months the change of all is, where it is not of all of them."""
        count, of = int(self.known[self.sound].all(axis=1).sum()), len(self.known)
        said = f"the total's change is of the {count} of {plural(of, 'month')} known in both periods"
        return "; ".join([*([said] if 0 < count < of else []), *([LEAP] if self.leap else [])])


def _unmeasured(kwh: pd.Series[float], valve: str, left_out: Collection[str]) -> Any:
    """The months of a meter that are unknown: in which it failed and counted nothing, or counted heat as cold.

    Of a mapping of its spells those that they touch; of a mere name all.
    """
    if valve not in left_out or not isinstance(left_out, Mapping):
        return (kwh == 0) & (valve in left_out)
    begins = pd.DatetimeIndex(kwh.index)
    ends = begins + pd.DateOffset(months=1)
    spells = left_out[valve]
    touched = [(begins <= one.last) & (ends > one.first) & ((kwh == 0) | (one.cause == CONTRARY)) for one in spells]
    return np.logical_or.reduce(touched)


def _columns(rows: list[tuple[float, float, float, float]], name: str) -> dict[str, Any]:
    """Columns of sums and changes; the other period's only where it has anything to lie beside."""
    now, past, change, share = np.array(rows, dtype=float).T
    beside = {capitalized(name) if name.islower() else name: past, CHANGE_KWH: change, CHANGE_PERCENT: share}
    return {"Sum": now, **(beside if np.isfinite(past).any() or np.isfinite(change).any() else {})}


def _row(frame: pd.DataFrame) -> dict[str, Any]:
    return {str(name): value for name, value in frame.iloc[-1].items()}


def _formats(frame: pd.DataFrame) -> dict[str, Format]:
    numbers: dict[str, Format] = dict.fromkeys(map(str, frame.select_dtypes("number").columns), 0)
    return {**numbers, CHANGE_KWH: "+0", CHANGE_PERCENT: lambda value: signed(value, 1, "%").removesuffix("\u00a0%")}


def _labels() -> dict[str, tuple[str, str]]:
    return {CHANGE_KWH: ("Change", "kWh"), CHANGE_PERCENT: ("Change", "%")}
