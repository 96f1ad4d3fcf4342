"""Title blocks, key figures, tables and notes of the reports, made of the frames that the notebooks fetch."""

from belimo_nb.summary.caveats import incident_table, limits
from belimo_nb.summary.checkup import checkup_note, verdict_table
from belimo_nb.summary.device import device_figures, device_header, events, state_table
from belimo_nb.summary.drift import drift_table
from belimo_nb.summary.fleet import conditions, fleet_figures, fleet_header, fleet_table, problems
from belimo_nb.summary.heating import before_name, energy_name, heating_figures, heating_header, heating_study
from belimo_nb.summary.heating_tables import (
    load_table,
    measured_hours,
    monthly_table,
    quarter_hours,
    signature_table,
    statement_table,
    valve_table,
)
from belimo_nb.summary.quality import completeness, data_quality
from belimo_nb.summary.survey import first_table, place_table, survey_note, valve_energy

__all__ = [
    "before_name",
    "checkup_note",
    "completeness",
    "conditions",
    "data_quality",
    "device_figures",
    "device_header",
    "drift_table",
    "energy_name",
    "events",
    "first_table",
    "fleet_figures",
    "fleet_header",
    "fleet_table",
    "heating_figures",
    "heating_header",
    "heating_study",
    "incident_table",
    "limits",
    "load_table",
    "measured_hours",
    "monthly_table",
    "place_table",
    "problems",
    "quarter_hours",
    "signature_table",
    "state_table",
    "statement_table",
    "survey_note",
    "valve_energy",
    "valve_table",
    "verdict_table",
]
