"""What a valve does wrong, and what to do about it: checks on samples, each with a verdict, a figure and a sentence.

`diagnose` runs them all. What the samples do not carry is "cannot judge", with the reason. Pure: no network, no disk,
no clock.
"""

from belimo_nb.hydronics.checks.delta_t import mean_delta_t
from belimo_nb.hydronics.checks.heating_and_cooling import zone_together
from belimo_nb.hydronics.checks.limit import Savings, limit_savings
from belimo_nb.hydronics.daily_water import daily_water, ranked, together, water_signature
from belimo_nb.hydronics.diagnose import CHECKS, diagnose, judge, verdict_table
from belimo_nb.hydronics.effect import BeforeAfter, Effect, before_and_after
from belimo_nb.hydronics.exchanger import Characteristic, characteristic
from belimo_nb.hydronics.plant import plant_outages
from belimo_nb.hydronics.samples import Design, Samples
from belimo_nb.hydronics.verdict import Verdict, cost_kwh
from belimo_nb.hydronics.water import volumetric_heat
from belimo_nb.hydronics.window import busiest_window

__all__ = [
    "CHECKS",
    "BeforeAfter",
    "Characteristic",
    "Design",
    "Effect",
    "Samples",
    "Savings",
    "Verdict",
    "before_and_after",
    "busiest_window",
    "characteristic",
    "cost_kwh",
    "daily_water",
    "diagnose",
    "judge",
    "limit_savings",
    "mean_delta_t",
    "plant_outages",
    "ranked",
    "together",
    "verdict_table",
    "volumetric_heat",
    "water_signature",
    "zone_together",
]
