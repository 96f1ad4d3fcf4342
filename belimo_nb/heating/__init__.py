"""Heating and cooling, explained: degree days, energy signatures, changes corrected for weather, the shape of the load.

Daily energies are in kWh by local day, outdoor temperatures in °C. What the data do not bear is refused, with the
reason. Pure: no network, no disk, no clock.
"""

from belimo_nb.heating.amounts import co2_kg, cost, per_area
from belimo_nb.heating.change_over import ChangeOver, fit_change_over, seasons
from belimo_nb.heating.comparison import Comparison, compare
from belimo_nb.heating.days import complete_days, daily_means
from belimo_nb.heating.degree_days import degree_days
from belimo_nb.heating.load import LoadFigures, carpet, load_duration, load_figures
from belimo_nb.heating.signature import DesignLoad, Signature, daily_peaks, design_load, fit_signature
from belimo_nb.heating.study import Study, cusum

__all__ = [
    "ChangeOver",
    "Comparison",
    "DesignLoad",
    "LoadFigures",
    "Signature",
    "Study",
    "carpet",
    "co2_kg",
    "compare",
    "complete_days",
    "cost",
    "cusum",
    "daily_means",
    "daily_peaks",
    "degree_days",
    "design_load",
    "fit_change_over",
    "fit_signature",
    "load_duration",
    "load_figures",
    "per_area",
    "seasons",
]
