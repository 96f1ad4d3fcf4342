"""Spells: stretches of neighboring samples that share a state."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belimo_nb.hydronics.samples import Flags, Ints, Samples

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
HOURLY = pd.Timedelta(hours=1)
GAP_STEPS = 1.5  # two samples further apart than so many steps are no neighbors: what was between them is unknown
DRIFT = 1.1  # polls every 15 minutes come every 15.3


def too_coarse(samples: Samples, coarsest: pd.Timedelta, purpose: str) -> str:
    """Why the spacing does not carry an answer, as a sentence; empty if it does.

    Args:
        samples: To be judged.
        coarsest: The widest spacing that will do.
        purpose: What wider ones do not show.
    """
    if samples.step <= pd.Timedelta(0):
        return "There are fewer than two readings."
    if samples.step > DRIFT * coarsest:
        spacing, widest = (in_words(step) for step in (samples.step, coarsest))
        return f"Readings every {spacing} do not show {purpose}; it takes one every {widest} or more often."
    return ""


def in_words(step: pd.Timedelta) -> str:
    """A spacing in words: "15 min", "6 h"."""
    minutes = step / pd.Timedelta(minutes=1)
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def spacing(samples: Samples, column: str) -> pd.Timedelta:
    """How far apart the readings of a column really are, half of them at most; 0 with fewer than two.

    Rows without a reading do not count: a poll every 15 minutes leaves two of three rows of 5 minutes empty.
    """
    ns = samples.ns[np.isfinite(samples.values(column))]
    return pd.Timedelta(int(np.median(np.diff(ns))) if len(ns) > 1 else 0, unit="ns").round("s")


def neighbors(ns: Ints, step: pd.Timedelta) -> Flags:
    """For each sample but the first, whether it follows the one before without a gap."""
    return np.asarray(np.diff(ns) <= GAP_STEPS * step.as_unit("ns").value)


def spells(flags: Flags, ns: Ints, step: pd.Timedelta, least: int = 1) -> tuple[Ints, Ints]:
    """Where spells of true samples begin and end; a gap ends a spell.

    Args:
        flags: The state, shape (n,).
        ns: Times, ascending, shape (n,).
        step: Nominal spacing.
        least: Samples below which a spell is left out.

    Returns:
        Positions of the first sample of each spell, and of the one after its last.
    """
    if not flags.any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    joined = flags[1:] & flags[:-1] & neighbors(ns, step)
    begins = np.flatnonzero(flags & ~np.concatenate(([False], joined)))
    afters = np.flatnonzero(flags & ~np.concatenate((joined, [False]))) + 1
    long = afters - begins >= least
    return begins[long], afters[long]
