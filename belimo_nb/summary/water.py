"""Return temperatures of a building, and its load against what was contracted: what district heating bills."""

from __future__ import annotations

import math

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.cloud.water import Water, valves_water
from belimo_nb.display import Note, Table, note, number, table
from belimo_nb.display.numbers import capitalized
from belimo_nb.errors import UsageError
from belimo_nb.heating import Study, fit_signature
from belimo_nb.heating.days import daily_series
from belimo_nb.heating.signature import DesignLoad, daily_peaks, design_load
from belimo_nb.hydronics.daily_water import ranked
from belimo_nb.quantities import amount
from belimo_nb.weather.csv_file import MAX_TEMPERATURE_C, MIN_TEMPERATURE_C


def building_water(cloud: Cloud, valves: pd.DataFrame, study: Study, period: Period) -> Water:
    """The water of the valves whose meters did not fail, by local day.

    Args:
        cloud: Where the valves are.
        valves: A frame of `Cloud.heating_valves` or `Cloud.cooling_valves`.
        study: Theirs.
        period: What the report covers.
    """
    found = valves_water(cloud.connection, valves, study.kind, period)
    return Water({name: days for name, days in found.days.items() if name in study.sound}, found.failures, found.kind)


def return_table(water: Water) -> Table | Note:
    """Table of the valves by their flow-weighted return temperature, the worst first, with all together on top."""
    frame = ranked(water.days, water.kind).reset_index()
    told = frame[frame["return_c"].notna()]
    if told.empty:
        return note("No return temperature can be weighted: it takes a counter of volume and both water temperatures.")
    whole = {"valve": "All together", **frame[["m3", "kwh", "share"]].sum(min_count=1)}
    whole |= {name: (told[name] * told["share"]).sum(min_count=1) for name in ("delta_t_k", "supply_c", "return_c")}
    side = "warmest" if water.kind == "heating" else "coldest"
    caption = f"Flow-weighted return temperature by valve, the {side} first"
    if water.failures:
        caption = f"{caption}; without {', '.join(water.failures)}, whose water is unknown"
    return table(
        frame,
        "returns",
        caption,
        formats={
            "m3": 0, "kwh": 0, "share": "percent", "delta_t_k": 1, "supply_c": 1, "return_c": 1, "moves_k": "+1",
        },
        labels={
            "share": "Share of the water", "delta_t_k": ("Delta-T, from the counters", "K"),
            "kwh": ("Energy of whole days", "kWh"), "moves_k": ("Moves the return by", "K"),
        },
        total=whole if len(frame) > 1 else None,
    )  # fmt: skip


def design_load_table(
    study: Study,
    hours_kwh: pd.Series[float],
    outdoor_c: float | str | None = None,
    contracted_kw: float | str | None = None,
) -> Table | Note:
    """Table of the load at a design outdoor temperature against what is contracted: of the day and its highest hour.

    Args:
        study: The period, whose signature tells the load of a day.
        hours_kwh: KWh by hour of all valves together; NaN where not plainly measured.
        outdoor_c: Mean outdoor temperature of the design day, °C; None or blank: the coldest (of cooling: the warmest)
            day of the period.
        contracted_kw: Contracted power; None or blank: not given.

    Raises:
        UsageError: The one or the other is no number.
    """
    extreme = study.outdoor.min() if study.kind == "heating" else study.outdoor.max()
    blank = (None, "")
    at = float(extreme) if outdoor_c in blank else amount(outdoor_c, "design outdoor temperature", least=-math.inf)
    if not MIN_TEMPERATURE_C <= at <= MAX_TEMPERATURE_C and outdoor_c not in blank:
        raise UsageError(f"The design outdoor temperature is {outdoor_c!r} °C, which no day has; give °C, e.g. -8.")
    if math.isnan(at):
        return note(
            "The load on a design day is not known, since neither its temperature is given nor the weather known."
        )
    contracted = math.nan if contracted_kw in blank else amount(contracted_kw, "contracted power")
    peaks = daily_peaks(hours_kwh)
    outdoor = daily_series(study.outdoor, "temperature")
    fits = {
        "mean of the day": (study.signature, 24.0),
        "highest hour of the day": (fit_signature(peaks, outdoor, kind=study.kind), 1.0),
    }
    rows = []
    for what, (signature, length) in fits.items():
        found = design_load(signature, at, length)
        days = signature.days["kwh"] / length
        rows.append(
            {
                "load": what,
                "at_c": at,
                "load_kw": found.kw,
                "low_kw": found.low,
                "high_kw": found.high,
                "measured_kw": float(days.max()) if len(days) else math.nan,
                "contracted_kw": contracted,
                "of_contracted": found.kw / contracted if contracted > 0 else math.nan,
                "remark": _remark(found, contracted, signature.days),
            }
        )
    frame = pd.DataFrame(rows)
    if math.isnan(contracted):
        frame = frame.drop(columns=["contracted_kw", "of_contracted"])
    return table(
        frame,
        "design-load",
        f"Load at {number(at, 1)} °C outdoors, from the signatures of the period, with 90 % confidence",
        formats={
            "at_c": 1, "load_kw": 0, "low_kw": 0, "high_kw": 0, "measured_kw": 0, "contracted_kw": 0,
            "of_contracted": "percent",
        },
        labels={"at_c": "Outdoors", "low_kw": "At least", "high_kw": "At most", "measured_kw": "Highest measured"},
        below=["remark"],
    )  # fmt: skip


def _remark(found: DesignLoad, contracted: float, days: pd.DataFrame) -> str:
    if found.reason:
        return f"Cannot be said: {found.reason}"
    said = []
    if found.beyond_k > 0:
        low, high = days["temperature_c"].min(), days["temperature_c"].max()
        said.append(
            f"extrapolated by {number(found.beyond_k, 1)} K beyond the days measured ({number(low, 1)} to "
            f"{number(high, 1)} °C)"
        )
    if contracted > 0:
        word = "above" if found.low > contracted else "below" if found.high < contracted else "about"
        said.append(f"{word} the contracted power" if word != "about" else "the contracted power lies within its band")
    return capitalized("; ".join(said)) or "Within the days measured"
