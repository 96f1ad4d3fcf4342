"""All checks of one valve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import pandas as pd

from belimo_nb.errors import UsageError
from belimo_nb.hydronics.checks.closed import closed
from belimo_nb.hydronics.checks.delta_t import flow_weighted_delta_t, low_delta_t
from belimo_nb.hydronics.checks.heating_and_cooling import together
from belimo_nb.hydronics.checks.hunting import hunting
from belimo_nb.hydronics.checks.limit import delta_t_limit
from belimo_nb.hydronics.checks.meter import meter
from belimo_nb.hydronics.checks.open_valve import open_valve
from belimo_nb.hydronics.checks.oversized import SIZING_DAYS, oversized
from belimo_nb.hydronics.checks.reported import reported
from belimo_nb.hydronics.checks.saturation import characteristics, saturation
from belimo_nb.hydronics.checks.sensors import sensors
from belimo_nb.hydronics.checks.sensors_swapped import swapped
from belimo_nb.hydronics.checks.setback import setback
from belimo_nb.hydronics.checks.silent import silent
from belimo_nb.hydronics.checks.stuck import stuck
from belimo_nb.hydronics.exchanger import Characteristic
from belimo_nb.hydronics.samples import NO_SAMPLES, Design, Samples
from belimo_nb.hydronics.spells import HOUR_NS
from belimo_nb.hydronics.verdict import FAULT, WARN, Verdict, cannot_judge, worst
from belimo_nb.quantities import amount


@dataclass(frozen=True, eq=False)
class _Case:
    """What the checks look at: the whole period, and a part of it in more detail."""

    samples: Samples
    fine: Samples
    tz: str
    outdoor_c: pd.Series[Any] | None
    outages: pd.DataFrame | None
    health: str
    until: pd.Timestamp | None

    @cached_property
    def curves(self) -> dict[str, Characteristic]:
        """The exchanger's characteristic, which two checks need."""
        return characteristics(self.samples)

    @cached_property
    def hunting(self) -> Verdict:
        """Also tells whether a valve cycles because it is too large."""
        return hunting(self.fine, self.samples)

    @cached_property
    def waste(self) -> Verdict:
        """Also tells whether a coil has all the water that it can use."""
        return saturation(self.samples, self.curves)

    def oversized(self) -> Verdict:
        """In less than a year only with what the checks of hunting and of the waste zone say of it."""
        if self.samples.ns[-1] - self.samples.ns[0] >= SIZING_DAYS * 24 * HOUR_NS:
            return oversized(self.samples)
        cycles = self.hunting.verdict in (WARN, FAULT)
        return oversized(self.samples, cycles=cycles, used_up=not cycles and self.waste.verdict == WARN)

    def sensors(self) -> Verdict:
        """Range and frost from the whole period, jumps from the detail."""
        found = [sensors(self.samples, self.health)]
        return worst(found if self.fine is self.samples else [*found, sensors(self.fine)])

    def meter(self) -> Verdict:
        """From the period where that is fine enough: it has more days."""
        return meter(self.samples if self.samples.step <= METER_STEP else self.fine)


METER_STEP = pd.Timedelta(minutes=15)
_CHECKS: dict[str, Callable[[_Case], Verdict]] = {
    "flow-weighted delta-T": lambda case: flow_weighted_delta_t(case.samples),
    "low delta-T": lambda case: low_delta_t(case.samples),
    "waste zone": lambda case: case.waste,
    "delta-T limit": lambda case: delta_t_limit(case.samples, case.curves),
    "oversized": _Case.oversized,
    "hunting": lambda case: case.hunting,
    "night setback": lambda case: setback(case.samples, case.tz, case.outdoor_c),
    "heating and cooling together": lambda case: together(case.samples),
    "flow with the valve closed": lambda case: closed(case.samples),
    "no flow with the valve open": lambda case: open_valve(case.samples, case.outdoor_c, case.outages),
    "T1/T2 swapped": lambda case: swapped(case.samples),
    "stuck": lambda case: stuck(case.samples),
    "sensor range": _Case.sensors,
    "meter consistency": _Case.meter,
    "reported errors": lambda case: reported(case.samples),
    "silent": lambda case: silent(case.samples, case.until),
}

CHECKS = tuple(_CHECKS)
"""The checks, in the order of their rows."""


def diagnose(
    samples: Samples | pd.DataFrame,
    fine: Samples | pd.DataFrame | None = None,
    *,
    design: Design | None = None,
    design_delta_t: float | None = None,
    tz: str = "UTC",
    outdoor: pd.Series[Any] | None = None,
    outages: pd.DataFrame | None = None,
    health: str = "",
    until: pd.Timestamp | None = None,
    checks: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Check one valve for everything that its samples can tell.

    Args:
        samples: The whole period, best a year, every 15 minutes; hourly will do for all but hunting and the meter's
            consistency. As `Device.measurements` gives them, or `Samples`.
        fine: About two weeks every 5 minutes (see `busiest_window`), for hunting and jumps of the sensors; None: those
            say what they cannot judge.
        design: What the valve is made and set for; None: that of `Samples`, or unknown.
        design_delta_t: Design delta-T in K, in place of the design's; not used for a change-over valve, since it is
            not said for which season it is.
        tz: IANA zone of the site.
        outdoor: Outdoor temperature in °C at aware times, hourly or daily means; None: unknown.
        outages: When the whole building lacked water, see `plant_outages`; None: unknown.
        health: What the device says of itself, such as "Flow_sensor_error"; empty: nothing, or unknown.
        until: Now, or the end of the period if that is earlier, aware; None: unknown, and silence is not judged.
        checks: Which ones, names of `CHECKS`; None: all.

    Returns:
        DataFrame, one row a check in the order asked for, columns as `Verdict` has attributes: check, verdict ("ok",
        "warn", "fault", "cannot judge"), figure, unit, threshold, sentence, recommendation, waste_m3, waste_kwh. What
        is wasted by one row may be wasted by another, too: compare rows, do not add them up.

    Raises:
        UsageError: The samples have no times with a zone, or hold text where numbers belong; or a check is unknown.
    """
    return verdict_table(
        judge(
            samples,
            fine,
            design=design,
            design_delta_t=design_delta_t,
            tz=tz,
            outdoor=outdoor,
            outages=outages,
            health=health,
            until=until,
            checks=checks,
        )
    )


def judge(
    samples: Samples | pd.DataFrame,
    fine: Samples | pd.DataFrame | None = None,
    *,
    design: Design | None = None,
    design_delta_t: float | None = None,
    tz: str = "UTC",
    outdoor: pd.Series[Any] | None = None,
    outages: pd.DataFrame | None = None,
    health: str = "",
    until: pd.Timestamp | None = None,
    checks: Sequence[str] | None = None,
) -> list[Verdict]:
    """As `diagnose`, but a list of verdicts: for thousands of valves, of which one table is made at the end."""
    checks = CHECKS if checks is None else checks
    unknown = [check for check in checks if check not in _CHECKS]
    if unknown:
        raise UsageError(f"There is no check {unknown[0]!r}; the checks are {', '.join(CHECKS)}.")
    period = _samples(samples, design, design_delta_t)
    if period.empty:
        return [cannot_judge(check, NO_SAMPLES) for check in checks]
    detail = None if fine is None else _samples(fine, period.design, None)
    fine = period if detail is None or detail.empty or detail.step >= period.step else detail
    case = _Case(period, fine, tz, outdoor, outages, health, until)
    return [_CHECKS[check](case) for check in checks]


def verdict_table(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """One row a verdict; the columns are there even without any."""
    frame = pd.DataFrame(list(map(vars, verdicts)), columns=[field.name for field in fields(Verdict)])
    return frame.astype({name: float for name in frame if name == "figure" or str(name).startswith("waste_")})


def _samples(given: Samples | pd.DataFrame, design: Design | None, delta_t_k: float | None) -> Samples:
    if not isinstance(given, Samples | pd.DataFrame):
        raise UsageError(f"The samples are a {type(given).__name__}; give a DataFrame, as Device.measurements does.")
    wanted = design or (given.design if isinstance(given, Samples) else Design())
    if delta_t_k is not None:
        wanted = replace(wanted, delta_t_k=amount(delta_t_k, "design delta-T in K"))
    if isinstance(given, Samples):
        return given if wanted == given.design else Samples(given.frame, given.step, wanted)
    return Samples(given, design=wanted)
