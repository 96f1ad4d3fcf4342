"""Outages of the plant: when valves of one building lacked water at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from belimo_nb.cloud.survey_valve import Surveyed, ValveTask, read_samples
from belimo_nb.hydronics import judge
from belimo_nb.hydronics.checks.open_valve import CHECK
from belimo_nb.hydronics.plant import NEIGHBORS, plant_outages
from belimo_nb.quantities import plural
from belimo_nb.store.archive import Archive


def find_outages(
    archive: Archive, valves: pd.DataFrame, tasks: Sequence[ValveTask], found: dict[str, Surveyed], now: int
) -> dict[str, pd.DataFrame]:
    """Find the plants' outages, and judge the valves that lacked water anew, without those hours.

    A building is a project and a city; its valves are read again only if enough of them lacked water at all.

    Args:
        archive: The store with the samples.
        valves: Rows of `Cloud.energy_valves`.
        tasks: Of these valves.
        found: What was found of each, by id; what is judged anew is replaced.
        now: Seconds since 1970.

    Returns:
        As `plant_outages`, by building; those without are left out.
    """
    buildings: dict[str, list[ValveTask]] = {}
    for task in tasks:
        place = (valves.loc[task.query.device, key] for key in ("project", "city"))
        buildings.setdefault(", ".join(name for name in place if isinstance(name, str)), []).append(task)
    outages = {}
    for name, its in buildings.items():
        if sum(found[task.query.device].lacked_water for task in its) < NEIGHBORS:
            continue
        samples = {task.query.device: read_samples(archive, task, now) for task in its}
        if len(spans := plant_outages(samples.values())):
            outages[name] = spans
            for key in (key for key in samples if found[key].lacked_water):
                (anew,) = judge(samples[key], outages=spans, checks=[CHECK])
                verdicts = [anew if one.check == CHECK else one for one in found[key].verdicts]
                found[key] = replace(found[key], verdicts=verdicts)
    return outages


def outage_sentences(outages: Mapping[str, pd.DataFrame], timezone: str, most: int = 3) -> list[str]:
    """One sentence a building: how often and when it lacked water, and how many valves at once; of `most` buildings."""
    sentences = []
    for name, spans in list(outages.items())[:most]:
        hours = (spans["end"] - spans["begin"]).dt.total_seconds().sum() / 3600
        begins = spans["begin"].dt.tz_convert(timezone)
        times = f"on {begins.iloc[0]:%Y-%m-%d %H:%M}"
        if len(spans) > 1:
            times = f"{plural(len(spans), 'time')} from {begins.iloc[0]:%Y-%m-%d} to {begins.iloc[-1]:%Y-%m-%d}"
        sentences.append(
            f"Plant of {name or 'the building'}: up to {plural(spans['valves'].max(), 'valve')} lacked water at once "
            f"{times}, {hours:.0f} h in all; that is the pump's or the plant's trouble, and counted against no valve."
        )
    if len(outages) > most:
        sentences.append(f"{plural(len(outages) - most, 'more plant')} lacked water.")
    return sentences
