"""Key figures and checks of the chosen valve over the chosen days."""

from __future__ import annotations

from belimo_nb import summary
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.display import note
from belimo_nb.explorer.choice import Choice
from belimo_nb.explorer.cost import period_of
from belimo_nb.explorer.query import error_sentence


def findings(cloud: Cloud, choice: Choice) -> str:
    """HTML with key figures and all checks of a valve, as in its report; else a sentence."""
    try:
        period = period_of(choice.first, choice.last, cloud.now)
        valve = cloud.device(choice.device)
        if not valve.has_profile or not valve.kinds:
            return note(f"{valve.name} counts no energy, so no checks are made of it.").html()
        checkup = valve.checkup(period.start, period.end)
        days = valve.counters(period.start, period.end).energy("D", period.start)
        shown = (summary.device_figures(valve, days, checkup, cloud.timezone), summary.verdict_table(checkup))
        return "".join(part.html() for part in (*shown, summary.checkup_note(valve, checkup)))
    except Exception as error:  # noqa: BLE001 - in a thread nobody else would tell the user
        return note(error_sentence(error), "problem").html()
