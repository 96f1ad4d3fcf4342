"""Going on with a run that was not finished: as of the same list of devices, so that its reports fit together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.report.output.folder import unfinished
from belimo_nb.store.documents import Answers

__all__ = ["LONGEST", "going_on", "listed_at"]

LONGEST = timedelta(hours=24)
"""For how long a run that was not finished can be gone on with; later it begins anew, with the devices as they are."""


def going_on(cloud: Cloud, period: Period, out: Path) -> Cloud:
    """The cloud as the run before saw it, if that was the same run and is not finished; else as it is.

    Devices send new values all the time, so that each of their reports would come out a little different now. A run
    that is gone on with takes what was fetched since its list of devices for current.

    Args:
        cloud: The cloud.
        period: What the reports are about.
        out: The output folder, where the run before has left its notes.
    """
    before = unfinished(out)
    if before is None or before.as_of is None or cloud.settings.offline:
        return cloud
    as_of = pd.Timestamp(before.as_of).tz_convert("UTC")
    same = (before.period, before.source) == (period.label, cloud.source)
    listed = Answers(cloud.settings).read("devices")
    there = listed is not None and listed.asked == int(as_of.timestamp())
    young = timedelta(0) <= cloud.now - as_of <= LONGEST
    return Cloud(replace(cloud.settings, fresh_since=as_of)) if same and there and young else cloud


def listed_at(cloud: Cloud) -> datetime | None:
    """When the list of devices was asked for, in the site's zone; None if it has not been."""
    return datetime.fromtimestamp(cloud.listed, ZoneInfo(cloud.timezone)) if cloud.listed else None
