"""Errors that a device reports of itself, by the bits of its error status."""

from __future__ import annotations

import numpy as np

from belimo_nb.hydronics.samples import Samples
from belimo_nb.hydronics.verdict import FAULT, OK, WARN, Verdict, cannot_judge
from belimo_nb.quantities import ERRORS

CHECK = "reported errors"
LASTED_HOURS = 24.0  # an error that is over still counts if it was there for so long
MOST_BITS = 32
THRESHOLD = (
    "fault while a sensor, the actuator or the direction of flow is reported as wrong; warn for other errors, and for "
    "those that are over after 24 h"
)
GRAVE = frozenset({0, 1, 2, 3, 8, 9})
"""Bits with which the valve does not measure, or does not move."""
ADVICE = (
    "Check the cable and the connector of T1, and replace it if it stays.",
    "T2 sits in the valve: restart the device, and replace its sensor if it stays.",
    "Check the flow sensor and its cable; until then neither flow nor energy is known.",
    "Find out what blocks the valve or its actuator; let it run from end to end.",
    "Look for dirt in the valve's seat, and let the actuator adapt its stroke anew.",
    "Vent the circuit and check its pressure; with air in it flow and energy are wrong.",
    "Check pump, strainer and shut-off valves: less water comes than is asked for.",
    "Check the supply temperature and the flow: less power comes than is asked for.",
    "Release the button that disengages the gear: the motor does not move the valve.",
    "See that the valve's arrow points with the flow, and that no check valve leaks.",
    "Check the MP-Bus cable, and the device at its other end.",
    "Check now that warm water reaches the coil: it may freeze.",
)
UNKNOWN_ADVICE = "Ask the vendor what this bit of the error status means, and look at the device meanwhile."


def reported(samples: Samples) -> Verdict:
    """Which errors the device reports, since when, and which were there for a day or more.

    Args:
        samples: At any spacing; error_bits of Energy Valve 3 in words, other_error_bits by their numbers, since nobody
            has said what those of Energy Valve 4 mean.
    """
    for column, names in (("error_bits", ERRORS), ("other_error_bits", ())):
        if samples.known(column):
            return _judged(samples, column, names)
    return cannot_judge(CHECK, "The device tells no error bits.", THRESHOLD)


def _judged(samples: Samples, column: str, names: tuple[str, ...]) -> Verdict:
    values = samples.values(column)
    # Other numbers are no bits, but another device's reading.
    at = np.flatnonzero((values >= 0) & (values < 2.0**MOST_BITS) & (values % 1 == 0))
    bits = values[at].astype(np.int64)
    if not bits.any():
        return Verdict(CHECK, OK, 0.0, "h", THRESHOLD, "The device reports no error.")
    grave, present, over, advices, later = False, [], [], [], []
    for place in range(MOST_BITS):
        there = (bits >> place & 1).astype(bool)
        if not there.any():
            continue
        known = place < len(names)
        name, advice = (names[place], ADVICE[place]) if known else (f"bit {place}, unknown to us,", UNKNOWN_ADVICE)
        first, last = (samples.index[at[i]] for i in np.flatnonzero(there)[[0, -1]])
        if there[-1]:
            (gone,) = np.nonzero(~there)
            since = samples.index[at[gone[-1] + 1]] if len(gone) else first
            when = f"{since:%Y-%m-%d %H:%M}" if len(gone) else f"{since:%Y-%m-%d %H:%M} or before"
            present.append(f"{name} since {when}")
            advices.append(advice)
            grave |= known and place in GRAVE
            continue
        hours = float(there.sum()) * samples.hours
        over.append(f"{name} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}, {hours:.0f} h in all")
        later += [advice] * (hours >= LASTED_HOURS)
    figure, before = float((bits > 0).sum()) * samples.hours, "; ".join(over)
    if present:
        now = ", ".join(present)
        said = f"The device reports {now}; it reported {before}." if over else f"The device reports {now}."
        verdict = FAULT if grave else WARN
    else:
        said = f"The device reports no error now; it reported {before}."
        verdict, advices = WARN if later else OK, ["See whether it comes back.", *later] if later else []
    return Verdict(CHECK, verdict, figure, "h", THRESHOLD, said, " ".join(dict.fromkeys(advices)))
