"""From a question to its samples, or to why there are none."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.explorer.choice import Choice
from belimo_nb.explorer.cost import MOST_DATAPOINTS, check_cost, period_of, resolution_for
from belimo_nb.explorer.points import Point, points_of, usual
from belimo_nb.explorer.samples import as_csv, as_table, file_name, link, samples

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.cloud.device import Device

__all__ = ["Answer", "Shown", "answer", "sentence"]


@dataclass(frozen=True)
class Shown:
    """What can be drawn.

    Attributes:
        frame: As `belimo_nb.explorer.samples` gives it.
        period: Its range.
        resolution: Length of a bucket.
        table: The samples under names that people read.
        link: The link that saves them.
    """

    frame: pd.DataFrame
    period: Period
    resolution: str
    table: pd.DataFrame
    link: str


@dataclass
class Answer:
    """What came of a choice.

    Attributes:
        device: The chosen device; None if the range was refused before anybody was asked.
        ref: Its dataprofile, "" if none is known.
        points: Its datapoints.
        chosen: Those to draw, in their order.
        shown: The samples; None if there are none.
        problem: Why, in a sentence.
        error: The error behind it.
    """

    device: Device | None = None
    ref: str = ""
    points: list[Point] = field(default_factory=list)
    chosen: list[Point] = field(default_factory=list)
    shown: Shown | None = None
    problem: str = ""
    error: Exception | None = None


def answer(cloud: Cloud, choice: Choice) -> Answer:
    """Get the samples of a choice; what goes wrong is part of the answer, so that it ends where the user looks."""
    found = Answer()
    try:
        _fill(found, cloud, choice)
    except Exception as error:  # noqa: BLE001 - in a thread nobody else would tell the user
        found.error, found.problem = error, sentence(error)
    return found


def sentence(error: Exception) -> str:
    """An error for people: our own as they are, others with their type."""
    if isinstance(error, BelimoError):
        return str(error)
    logging.getLogger(__name__).debug("While exploring", exc_info=error)
    text = " ".join(str(error).split())
    return (
        f"This did not work, for a reason that belimo_nb did not expect: {type(error).__name__}: {text or 'no details'}"
    )


def _fill(found: Answer, cloud: Cloud, choice: Choice) -> None:
    period = period_of(choice.first, choice.last, cloud.now)
    resolution = resolution_for(choice.resolution, period, offline=cloud.settings.offline)
    check_cost(period, resolution, cloud.settings.rate)
    found.device = cloud.device(choice.device)
    profile = found.device.profile
    found.ref, found.points = profile.ref, points_of(profile)
    by_id = {point.id: point for point in found.points}
    wanted = choice.datapoints.get(profile.ref)
    found.chosen = [by_id[key] for key in (usual(found.points) if wanted is None else wanted) if key in by_id]
    if not found.points:
        raise UsageError(f"{found.device.name} has no datapoints: its dataprofile {profile.ref} lists none.")
    if not found.chosen:
        raise UsageError("No datapoint is chosen; tick at least one.")
    if len(found.chosen) > MOST_DATAPOINTS:
        raise UsageError(
            f"{len(found.chosen)} datapoints are chosen, more than can be told apart; tick at most {MOST_DATAPOINTS}."
        )
    frame = samples(found.device, found.chosen, period, resolution)
    table = as_table(frame, found.chosen)
    name = file_name(found.device.name, str(choice.first), str(choice.last), resolution)
    found.shown = Shown(frame, period, resolution, table, link(as_csv(table), name))
