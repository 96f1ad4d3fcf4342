"""Title blocks, key figures, tables and notes of the reports, made of the frames that the notebooks fetch."""

from belimo_nb.summary.caveats import incident_table, limits
from belimo_nb.summary.change_over import change_over_table
from belimo_nb.summary.checkup import checkup_note, unmeasured, verdict_table
from belimo_nb.summary.device import device_figures, device_header, events, state_table
from belimo_nb.summary.drift import drift_table
from belimo_nb.summary.effect import building_effects, effect_table, valve_effect, valve_effects
from belimo_nb.summary.energy import before_name, energy_figures, energy_header, energy_name, energy_study, kind_energy
from belimo_nb.summary.energy_tables import (
    joint_load,
    load_table,
    measured_hours,
    quarter_hours,
    signature_table,
    statement_table,
    valve_table,
)
from belimo_nb.summary.fleet import conditions, fleet_figures, fleet_header, fleet_table, problems
from belimo_nb.summary.months import monthly_table, valve_months
from belimo_nb.summary.parts import completeness, data_quality, greater_kind
from belimo_nb.summary.survey import first_table, place_table, survey_note, valve_energy, valve_power
from belimo_nb.summary.water import building_water, design_load_table, return_table

heating_figures, heating_header, heating_study = energy_figures, energy_header, energy_study
"""The names of before there was a cooling report, for notebooks of people's own."""

__all__ = [
    "before_name",
    "building_effects",
    "building_water",
    "change_over_table",
    "checkup_note",
    "completeness",
    "conditions",
    "data_quality",
    "design_load_table",
    "device_figures",
    "device_header",
    "drift_table",
    "effect_table",
    "energy_figures",
    "energy_header",
    "energy_name",
    "energy_study",
    "events",
    "first_table",
    "fleet_figures",
    "fleet_header",
    "fleet_table",
    "greater_kind",
    "heating_figures",
    "heating_header",
    "heating_study",
    "incident_table",
    "joint_load",
    "kind_energy",
    "limits",
    "load_table",
    "measured_hours",
    "monthly_table",
    "place_table",
    "problems",
    "quarter_hours",
    "return_table",
    "signature_table",
    "state_table",
    "statement_table",
    "survey_note",
    "unmeasured",
    "valve_effect",
    "valve_effects",
    "valve_energy",
    "valve_months",
    "valve_power",
    "valve_table",
    "verdict_table",
]
