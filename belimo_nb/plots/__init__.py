"""Figures in one style: units, local time, titles that state the finding, colors for color-blind and grayscale readers.

Every function takes pandas objects in the site's time zone and returns a `display.Chart`. Unknown values (NaN or
missing) show as a gap or hatched, never as zero. Nothing here needs pyplot or changes its settings.
"""

from belimo_nb.display.sparkline import sparkline
from belimo_nb.plots.availability import data_map
from belimo_nb.plots.cusum import cusum
from belimo_nb.plots.daily import daily_energy
from belimo_nb.plots.exchange import delta_t_distribution, power_against_flow
from belimo_nb.plots.fleet import energy_ranking, fleet_health, latest_power
from belimo_nb.plots.load import load_carpet, load_duration
from belimo_nb.plots.monthly import monthly_energy
from belimo_nb.plots.samples import flow_and_power, position, temperatures
from belimo_nb.plots.signature import energy_signature
from belimo_nb.plots.water import before_and_after, return_ranking, water_temperatures

__all__ = [
    "before_and_after",
    "cusum",
    "daily_energy",
    "data_map",
    "delta_t_distribution",
    "energy_ranking",
    "energy_signature",
    "fleet_health",
    "flow_and_power",
    "latest_power",
    "load_carpet",
    "load_duration",
    "monthly_energy",
    "position",
    "power_against_flow",
    "return_ranking",
    "sparkline",
    "temperatures",
    "water_temperatures",
]
