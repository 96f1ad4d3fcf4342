"""Title blocks, key figures and tables of the reports, from the frames that the notebooks fetch."""

from belimo_nb.summary.device import device_figures, device_header, events, state_table
from belimo_nb.summary.fleet import conditions, fleet_figures, fleet_header, fleet_table, problems
from belimo_nb.summary.heating import heating_figures, heating_header, monthly_table
from belimo_nb.summary.quality import completeness, data_quality

__all__ = [
    "completeness",
    "conditions",
    "data_quality",
    "device_figures",
    "device_header",
    "events",
    "fleet_figures",
    "fleet_header",
    "fleet_table",
    "heating_figures",
    "heating_header",
    "monthly_table",
    "problems",
    "state_table",
]
