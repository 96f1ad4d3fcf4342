"""Energy from lifetime counters: what the meter says, what follows for days and months, and what cannot be known.

The counter is the truth; power is only its shadow. What is unknown is NaN with a reason, never 0 and never a guess in
silence. Pure: no network, no disk, no clock.
"""

from belimo_nb.energy.incidents import incidents
from belimo_nb.energy.interval import COVERAGE_LIMIT, JOULES_PER_KWH, LOWER_BOUNDS, interval_energy
from belimo_nb.energy.readings import design_limit, power_limit
from belimo_nb.energy.statement import statement

__all__ = [
    "COVERAGE_LIMIT",
    "JOULES_PER_KWH",
    "LOWER_BOUNDS",
    "design_limit",
    "incidents",
    "interval_energy",
    "power_limit",
    "statement",
]
