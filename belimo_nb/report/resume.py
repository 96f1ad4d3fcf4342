"""Go on with a run that was interrupted or killed, as of its own list of devices."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.report.output.folder import unfinished_as_of
from belimo_nb.store.documents import DocumentStore

MAX_AGE = timedelta(hours=24)
"""For how long an unfinished run can be continued; later a run begins anew, with the devices as they are then."""


def continue_unfinished(cloud: Cloud, period: Period, out: Path) -> Cloud:
    """The cloud as an unfinished run before saw it, if that run had the same period and source; else as it is.

    Devices send new values all the time, so each report would come out a little different now and none could be kept.
    A run that is continued takes what was fetched since its list of devices for current.
    """
    found = unfinished_as_of(out, period, cloud.source)
    if found is None or cloud.settings.offline:
        return cloud
    as_of = pd.Timestamp(found).tz_convert("UTC")
    # Only with the very list of devices that the run before had: another command may have fetched a newer one.
    listed = DocumentStore(cloud.settings).read("devices")
    there = listed is not None and listed.asked == int(as_of.timestamp())
    young = timedelta(0) <= cloud.now - as_of <= MAX_AGE
    return Cloud(replace(cloud.settings, fresh_since=as_of)) if there and young else cloud


def device_list_time(cloud: Cloud) -> datetime | None:
    """When the list of devices was fetched, in the site's zone; None if it was not."""
    asked = cloud.connection.device_list.asked
    return datetime.fromtimestamp(asked, ZoneInfo(cloud.timezone)) if asked else None
