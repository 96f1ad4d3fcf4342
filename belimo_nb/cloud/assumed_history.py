"""What the package assumes of a valve's history and state, judged by answers about one valve."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belimo_nb.cloud.assumptions import AS_ASSUMED, DIFFERS, UNKNOWN, WRONG, Line
from belimo_nb.energy import JOULES_PER_KWH
from belimo_nb.energy.incidents import incidents
from belimo_nb.hydronics.water import KWH_PER_KJ, volumetric_heat
from belimo_nb.quantities import plural
from belimo_nb.store.coverage import GRACE

HOUR = 3600
SAME_TIME = pd.Timedelta(minutes=5)  # the cloud's own delay, within which two moments are the same
FIT = 0.9  # share of the hours that a meaning of their values must explain
LEAST_HOURS = 4  # hours with readings that tell one meaning from another
FACTOR = 2.0  # how far two ways to the same figure may differ: sensors are not exact, units are wrong by 3.6 or more


@dataclass(frozen=True)
class Probe:
    """The native samples of one datapoint over whole hours, and what the cloud makes of each of these hours.

    Attributes:
        times: Of the native samples, ascending, seconds since 1970.
        readings: The native samples.
        hourly: The hour's value by its stamp, seconds since 1970; hours that are null or missing are left out.
        span: Begin and exclusive end, seconds since 1970, full hours.
    """

    times: npt.NDArray[np.int64]
    readings: npt.NDArray[np.float64]
    hourly: Mapping[int, float]
    span: tuple[int, int]


def present(live: Any, snapshot: Any, now: pd.Timestamp) -> Line:
    """Whether a device's state is the present, by its time and that of `/devices/{id}/data`, aware; NaT: unknown."""
    line = ("present", "the device's own state is the newest; data without a time may be a snapshot")
    if pd.isna(live):
        return Line(*line, "it has no time", UNKNOWN)
    seen = f"it is {_seconds(now - live)} old"
    if pd.isna(snapshot):
        return Line(*line, seen)
    if snapshot - live > SAME_TIME:
        what = f"The present would be shown as it was {_seconds(snapshot - live)} before."
        return Line(*line, f"{seen}, the data without a time are newer", WRONG, what)
    if live - snapshot > SAME_TIME:
        return Line(*line, f"{seen}, the data without a time {_seconds(now - snapshot)}")
    return Line(*line, f"{seen}, as are the data without a time")


def spacing(probes: Sequence[Probe]) -> Line:
    """How far apart the native samples are."""
    line = ("spacing of samples", "at most an hour, or by change")
    known = [probe for probe in probes if len(probe.times) > 2]
    if not known:
        return Line(*line, "too few samples", UNKNOWN)
    steps = np.concatenate([np.diff(probe.times) for probe in known])
    equal = np.concatenate([np.diff(probe.readings) == 0 for probe in known])
    usual, least, most = float(np.median(steps)), float(steps.min()), float(steps.max())
    seen = f"usually {_seconds(usual)}, from {_seconds(least)} to {_seconds(most)}"
    if equal.mean() < 0.02 and most > 3 * usual:
        seen = f"by change, {seen}"
    if usual > HOUR:
        what = "What passes between two readings is spread evenly over the hours between."
        return Line(*line, seen, DIFFERS, what)
    return Line(*line, seen)


AGGREGATIONS: Mapping[str, Callable[[Any], Any]] = {
    "last": lambda values: values[-1],
    "first": lambda values: values[0],
    "mean": np.mean,
    "greatest": np.max,
    "least": np.min,
}
SHIFTS = (0, -1, 1, -2, 2)  # hours from a bucket's stamp to its begin that are tried


def buckets(probes: Sequence[Probe], stamps: Sequence[int]) -> list[Line]:
    """What the value of an hour is: which samples its stamp stands for, which of them it is, and where an hour ends.

    Every meaning of `AGGREGATIONS`, `SHIFTS` and both kinds of ends is held against the native samples.

    Args:
        probes: Native samples and the hours' values.
        stamps: The stamps of all hours that came, seconds since 1970.
    """
    about = (
        ("bucket stamps", "an hour's value is stamped with its begin, on full hours of UTC"),
        ("last", "an hour's value is its last reading"),
        ("bucket ends", "a reading on the full hour belongs to the hour that begins"),
    )
    if any(stamp % HOUR for stamp in stamps):
        odd = Line(
            *about[0], "on other minutes", WRONG, "No history can be read: it lies in other hours than asked for."
        )
        return [odd, *(Line(*line, "see bucket stamps", UNKNOWN) for line in about[1:])]
    fits = {
        meaning: found
        for meaning in itertools.product(AGGREGATIONS, SHIFTS, (False, True))
        if (found := _fit(probes, *meaning)) is not None
    }
    if not fits:
        return [
            Line(*line, "no samples of an hour of the last 30 days in which readings change", UNKNOWN) for line in about
        ]
    best = max(fits, key=lambda meaning: fits[meaning])  # of equals the first, which is nearest to what is assumed
    if fits[best] < FIT:
        what = "What the hourly values are is not known, so neither is the energy of an hour or a day."
        none = Line(*about[1], f"no meaning fits more than {100 * fits[best]:.0f} % of the hours", WRONG, what)
        return [Line(*about[0], "see last", UNKNOWN), none, Line(*about[2], "see last", UNKNOWN)]
    which, shift, right = best
    return [
        _stamps(about[0], shift, fits[best]),
        _which(about[1], which),
        _ends(about[2], right, fits.get((which, shift, not right), 0.0) == fits[best]),
    ]


def _fit(probes: Sequence[Probe], which: str, shift: int, right: bool) -> float | None:
    """The share of the hours whose value a meaning explains; None if there are too few to tell."""
    hits = count = 0
    for probe in probes:
        for stamp, value in probe.hourly.items():
            begin = stamp + shift * HOUR
            if not probe.span[0] <= begin < probe.span[1] - HOUR:
                continue
            edges = np.searchsorted(probe.times, np.array([begin, begin + HOUR]), "right" if right else "left")
            inside = probe.readings[edges[0] : edges[1]]
            if len(inside):
                count += 1
                hits += bool(np.isclose(value, AGGREGATIONS[which](inside), rtol=1e-9, atol=1e-9))
    return hits / count if count >= LEAST_HOURS else None


def _stamps(about: tuple[str, str], shift: int, fit: float) -> Line:
    if not shift:
        return Line(*about, f"so, in {100 * fit:.0f} % of the hours")
    hours = plural(abs(shift), "hour")
    if shift > 0:
        what = f"All readings and energy would lie {hours} too early."
        return Line(*about, f"stamped {hours} before its begin", WRONG, what)
    seen = "stamped with its end" if shift == -1 else f"stamped {hours} after its begin"
    return Line(*about, seen, WRONG, f"All readings and energy would lie {hours} too late.")


def _which(about: tuple[str, str], which: str) -> Line:
    if which == "last":
        return Line(*about, "so")
    what = "A counter's readings would be put up to an hour after their time, and energy with them."
    if which != "first":
        what = "Readings are not those of the hours' ends, so the energy of an hour or a day is that of another."
    return Line(*about, "its mean" if which == "mean" else f"its {which} reading", WRONG, what)


def _ends(about: tuple[str, str], right: bool, same: bool) -> Line:
    if same:
        return Line(*about, "no reading on a full hour tells", UNKNOWN)
    what = "A reading on the hour is the hour's last: it lies even nearer to where it is put."
    return Line(*about, "to the hour that ends", DIFFERS, what) if right else Line(*about, "so")


def days(daily: Mapping[int, float], hourly: Mapping[int, float]) -> Line:
    """Whether days are days of UTC; values by stamp, seconds since 1970, of the same datapoint."""
    line = ("day buckets", "days of UTC, stamped with their begin")
    if any(stamp % 86400 for stamp in daily):
        return Line(*line, "days begin at other times", DIFFERS, "History by day is refused; reports read hours.")
    hits = []
    for stamp, value in daily.items():
        inside = [hourly[hour] for hour in range(stamp, stamp + 86400, HOUR) if hour in hourly]
        if len(set(inside)) > 1 and stamp + 23 * HOUR in hourly:
            hits.append(bool(np.isclose(value, inside[-1], rtol=1e-9)))
    if not hits:
        return Line(*line, "no whole day with readings that change", UNKNOWN)
    if not all(hits):
        what = "History by day, in the explorer and in notebooks of your own, would be that of other days."
        return Line(*line, "a day's value is not its last reading", WRONG, what)
    return Line(*line, f"so, on {plural(len(hits), 'day')}")


def empty_buckets(rows: Mapping[int, Any], probes: Sequence[Probe], span: tuple[int, int], now: int) -> Line:
    """What the cloud gives for hours without samples.

    Args:
        rows: The hours that came, of one datapoint: value by stamp, None for null.
        probes: Native samples and values of the hours of a day.
        span: What was asked for, seconds since 1970; it reaches some hours into the future.
        now: Seconds since 1970.
    """
    line = ("empty buckets", "missing, or null")
    filled = [value for stamp, value in rows.items() if stamp > now and value is not None]
    for probe in probes:
        alive = set((probe.times // HOUR * HOUR).tolist())
        filled += [v for stamp, v in probe.hourly.items() if not stamp % HOUR and stamp not in alive]
    if filled:
        if not any(filled):
            what = "Hours without readings would pass for readings of 0, which look like a meter that was replaced."
            return Line(*line, "filled with 0", WRONG, what)
        what = "Hours without readings would pass for hours in which the meter stood still, gaps for measured time."
        return Line(*line, "filled with a value", WRONG, what)
    began = min((stamp for stamp, value in rows.items() if value is not None), default=span[1])
    past = range(began, now // HOUR * HOUR, HOUR)
    null = sum(stamp in rows and rows[stamp] is None for stamp in past)
    missing = sum(stamp not in rows for stamp in past)
    future = sum(stamp not in rows for stamp in range(now // HOUR * HOUR + HOUR, span[1], HOUR))
    if not null + missing + future:
        return Line(*line, "null" if any(v is None for v in rows.values()) else "none was empty", AS_ASSUMED)
    return Line(*line, f"{missing} missing and {null} null of {plural(len(past), 'hour')}")


def late(newest: int | None, seen: pd.Timestamp | None, now: int) -> Line:
    """How far the newest hour with a reading trails the last contact.

    Args:
        newest: Its begin, seconds since 1970; None: there is none.
        seen: The device's last contact; None: never.
        now: Seconds since 1970.
    """
    line = ("late data", f"readings come at most {GRACE // HOUR} hours after the last contact")
    if newest is None or seen is None:
        return Line(*line, "no reading in 30 days" if newest is None else "never in contact", UNKNOWN)
    contact = int(seen.timestamp())
    if newest > now:
        what = "Times are not those of this machine's clock: readings lie at wrong hours."
        return Line(*line, f"the newest lies {_seconds(newest - now)} in the future", WRONG, what)
    if newest > contact + SAME_TIME.total_seconds():
        what = "Kept history would count as current although more has come; use --refresh with sync."
        return Line(*line, f"the newest is {_seconds(newest - contact)} after the last contact", WRONG, what)
    behind = max(0, contact - newest - HOUR)
    seen_text = f"the newest is {_seconds(behind)} before the last contact" if behind else "the newest is of its hour"
    if behind > GRACE:
        return Line(*line, seen_text, DIFFERS, "The last days are asked for again until their readings come.")
    return Line(*line, seen_text)


def units(frame: pd.DataFrame) -> Line:
    """Whether the measured quantities fit together, so that their units are those of the dataprofile.

    Args:
        frame: Hourly samples in display units, see `belimo_nb.api.measurements.quantities`.
    """
    line = ("units and signs", "those of the dataprofile; power and delta-T may have a sign")
    measured = {str(column): frame[column].to_numpy(dtype=float) for column in frame}
    temperatures = np.concatenate([measured.get("t1_c", np.empty(0)), measured.get("t2_c", np.empty(0))])
    usual = float(np.nanmedian(temperatures)) if np.isfinite(temperatures).any() else 20.0
    if not -30 <= usual <= 160:
        return Line(*line, f"water of {usual:.0f} °C", WRONG, "The temperatures are not in the unit that is said.")
    found = _ratios(measured)
    odd = {name: ratio for name, ratio in found.items() if not 1 / FACTOR <= ratio <= FACTOR}
    shown = ", ".join(f"{name} {ratio:.2g}" for name, ratio in found.items())
    if odd:
        name, ratio = next(iter(odd.items()))
        return Line(
            *line, shown, WRONG, f"{name.capitalize()} is {ratio:.3g}: one of them is in another unit than said."
        )
    signs = [name for name in ("power_kw", "delta_t_k", "flow_m3h") if (measured.get(name, np.zeros(1)) < 0).any()]
    if signs:
        what = "The signs of power and delta-T are dropped; flow below 0 counts as none."
        return Line(*line, f"below 0: {', '.join(signs)}; {shown}".rstrip("; "), DIFFERS, what)
    if not found:
        return Line(*line, "nothing flowed in 30 days", UNKNOWN)
    return Line(*line, f"they fit: {shown}")


def _ratios(measured: Mapping[str, Any]) -> dict[str, float]:
    """Quantities over what follows for them from others, by words; those that cannot be told are left out."""
    nothing = np.full(len(next(iter(measured.values()), ())), np.nan)
    t1, t2, flow, power, delta = (
        measured.get(name, nothing) for name in ("t1_c", "t2_c", "flow_m3h", "power_kw", "delta_t_k")
    )
    difference, watts = np.abs(t1 - t2), np.abs(power)
    heat = volumetric_heat(t2, float("nan")) * KWH_PER_KJ * flow * difference
    largest = np.nanmax(np.append(watts, 0.0))
    found = {}
    for name, one, other in (
        ("power over that of the water", watts, heat),
        ("delta-T over T1-T2", np.abs(delta), difference),
    ):
        active = (difference > 1.0) & (watts > 0.05 * largest) & (other > 0) & np.isfinite(one)
        if active.sum() >= LEAST_HOURS:
            found[name] = float(np.median(one[active] / other[active]))
    # Only over hours whose reading and the one before are both known; both kinds together, for no valve does both.
    rises = [np.diff(values) for kind in ("heating", "cooling") if (values := measured.get(f"{kind}_kwh")) is not None]
    rise = np.nansum(rises, axis=0) if rises else np.empty(0)
    active = (watts[1:] > 0.05 * largest) & (rise >= 0) & np.isfinite(rises).any(axis=0) if len(rise) else rise > 0
    if active.sum() >= LEAST_HOURS:
        # The median heeds no reset, the mean no coarse steps of the counter; a wrong unit spoils both.
        both = (np.median(rise[active] / watts[1:][active]), rise[active].sum() / watts[1:][active].sum())
        found["energy counted over power"] = float(min(both, key=lambda ratio: abs(np.log(max(ratio, 1e-12)))))
    return found


def counters(readings: Mapping[str, pd.Series[Any]], limit: float | None) -> Line:
    """Whether the energy counters rise and never begin anew.

    Args:
        readings: kWh by kind, at aware times; NaN where unknown.
        limit: Highest possible power in W; None: unknown.
    """
    line = ("counters", "lifetime counters, which only rise")
    if not any(series.notna().any() for series in readings.values()):
        return Line(*line, "no reading in 30 days", UNKNOWN)
    happened = [incidents(series * JOULES_PER_KWH, "UTC", "1h", limit)["what"] for series in readings.values()]
    resets, dropouts = (sum(int((what == name).sum()) for what in happened) for name in ("reset", "dropout"))
    rise = {kind: float(known.max() - known.min()) for kind, s in readings.items() if len(known := s.dropna())}
    seen = ", ".join(
        f"{kind} rose by {kwh:.3g} kWh" if kwh else f"{kind} rose by nothing" for kind, kwh in rise.items()
    )
    if resets > 1:
        what = "It is no lifetime counter: what it counted before each new beginning would be lost in part."
        return Line(*line, f"began anew {plural(resets, 'time')} in 30 days", WRONG, what)
    if resets or dropouts:
        what = "They are told, and energy across a new beginning is not counted."
        return Line(*line, f"{seen}; {plural(resets, 'reset')} and {plural(dropouts, 'dropout')}", DIFFERS, what)
    return Line(*line, seen)


def _seconds(span: float | pd.Timedelta) -> str:
    seconds = max(span.total_seconds(), 0.0) if isinstance(span, pd.Timedelta) else span
    for length, unit in ((86400, "d"), (HOUR, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s"
