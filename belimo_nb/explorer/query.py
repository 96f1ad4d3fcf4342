"""Query of the explorer: the samples of a choice, or why there are none, and what the checks find in them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pandas as pd

from belimo_nb import summary
from belimo_nb.api.devices import distinct_names
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.cloud.device import Device
from belimo_nb.display import note
from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.explorer.choice import Choice
from belimo_nb.explorer.cost import MAX_DATAPOINTS, View, check_cost, period_of, resolution_for, view_of
from belimo_nb.explorer.points import Point, counterparts_of, default_datapoints, points_of
from belimo_nb.explorer.samples import Curve, as_csv, as_table, curves_of, download_link, file_name


@dataclass(frozen=True)
class LoadedSamples:
    """What to draw and to download.

    Attributes:
        curves: One for each datapoint of each device.
        period: Range of the curves.
        view: Readings, hours or days.
        table: All curves, by title.
        link: HTML of the download link.
        lacking: Sentences on what other devices lack.
    """

    curves: list[Curve]
    period: Period
    view: View
    table: pd.DataFrame
    link: str
    lacking: list[str]


@dataclass
class QueryResult:
    """Result of a query, filled as far as the query got.

    Attributes:
        device: The chosen device; None if the range was refused before any request.
        profile_ref: Reference of its dataprofile, "" if unknown.
        points: Its datapoints.
        chosen: The datapoints to draw, in their order.
        samples: The samples; None if there are none.
        problem: Why there are none, in a sentence.
        error: The exception behind it.
    """

    device: Device | None = None
    profile_ref: str = ""
    points: list[Point] = field(default_factory=list)
    chosen: list[Point] = field(default_factory=list)
    samples: LoadedSamples | None = None
    problem: str = ""
    error: Exception | None = None


def run_query(cloud: Cloud, choice: Choice) -> QueryResult:
    """Fetch the samples of a choice; an error becomes part of the result, which is shown where the user looks."""
    found = QueryResult()
    try:
        _fill_result(found, cloud, choice)
    except Exception as error:  # noqa: BLE001 - in a thread nobody else would tell the user
        found.error, found.problem = error, error_sentence(error)
    return found


def error_sentence(error: Exception) -> str:
    """Message of an error for people: our own as they are, others with their type."""
    if isinstance(error, BelimoError):
        return str(error)
    logging.getLogger(__name__).debug("While exploring", exc_info=error)
    text = " ".join(str(error).split())
    return (
        f"This did not work, for a reason that belimo_nb did not expect: {type(error).__name__}: {text or 'no details'}"
    )


def _fill_result(found: QueryResult, cloud: Cloud, choice: Choice) -> None:
    period = period_of(choice.first, choice.last, cloud.now)
    # Costs are checked before the first request, because a slip of the hand could ask for years of readings.
    resolution = resolution_for(choice.resolution, period, offline=cloud.settings.offline)
    view = view_of(resolution, period, offline=cloud.settings.offline)
    check_cost(period, view.reads, cloud.settings.rate)
    found.device = cloud.device(choice.device)
    profile = found.device.profile
    found.profile_ref, found.points = profile.ref, points_of(profile)
    by_id = {point.id: point for point in found.points}
    wanted = choice.datapoints.get(profile.ref)
    wanted = default_datapoints(found.points) if wanted is None else wanted
    found.chosen = [by_id[key] for key in wanted if key in by_id]
    if not found.points:
        raise UsageError(f"{found.device.name} has no datapoints: its dataprofile {profile.ref} lists none.")
    if not found.chosen:
        raise UsageError("No datapoint is chosen; tick at least one.")
    others = [cloud.device(identifier) for identifier in choice.others if identifier != found.device.id]
    if (count := len(found.chosen) * (1 + len(others))) > MAX_DATAPOINTS:
        most = MAX_DATAPOINTS // (1 + len(others))
        advice = f"tick at most {most} for so many devices" if others else f"tick at most {most}"
        raise UsageError(f"{count} datapoints are chosen, more than can be told apart; {advice}.")
    devices = [found.device, *others]
    identified = [(device.id, device.name, str(device.summary["serial"] or "")) for device in devices]
    names = distinct_names(identified)
    curves = curves_of(found.device, names[0], found.chosen, period, view)
    lacking = []
    for device, name in zip(others, names[1:], strict=True):
        try:
            counterparts, without = counterparts_of(found.chosen, points_of(device.profile))
            curves += curves_of(device, name, counterparts, period, view)
        except BelimoError as error:  # what one device lacks costs no other
            lacking.append(f"{name} is left out: {error}")
        else:
            lacking += [f"{name} has no {', '.join(point.label for point in without)}."] * bool(without)
    table = as_table(curves)
    name = file_name(" and ".join(names), str(choice.first), str(choice.last), resolution)
    found.samples = LoadedSamples(curves, period, view, table, download_link(as_csv(table), name), lacking)


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
