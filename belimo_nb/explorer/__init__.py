"""Widgets for JupyterLab and Voila that plot datapoints of a device over a range; without a person, they do nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from belimo_nb.calendar.moments import Moment
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.explorer.explorer import Explorer

__all__ = ["explore", "is_interactive"]


def explore(
    cloud: Cloud,
    device: str | None = None,
    *,
    datapoints: Sequence[str] | None = None,
    start: Moment = None,
    end: Moment = None,
    resolution: str | None = None,
) -> Explorer | None:
    """Explore the fleet with widgets: end a cell with it.

    On a page of Voila, key figures and checks of the chosen valve follow below the picture, for the same days.

    Arguments that are not given are as chosen last (saved in the data folder for each cloud), else the first energy
    valve, its power, flow and temperatures, the last week, and a resolution that suits the range.

    Args:
        cloud: Cloud of the devices.
        device: Id, serial number, name, or a part of the name; None or "": the last choice.
        datapoints: Each by id, name or description.
        start: First day (local date of the site).
        end: First day after the range; None with a `start`: up to now.
        resolution: Time between two points, such as "15m", or "auto"; "1h" and "1d" are local hours and days.

    Returns:
        The widgets; None in a run without a person (papermill, nbconvert, a report), which makes no request.

    Raises:
        UnknownDevice: There is no such device.
        UsageError: A time or the resolution cannot be parsed.
        CloudError: The devices cannot be listed.
    """
    if not is_interactive():
        return None
    # Imported only now: runs without a person need no ipywidgets.
    from belimo_nb.explorer.choice import initial_choice
    from belimo_nb.explorer.explorer import Explorer

    choice = initial_choice(
        cloud, device or None, datapoints=datapoints, start=start, end=end, resolution=resolution or None
    )
    return Explorer(cloud, choice, checks=is_voila())


def is_voila() -> bool:
    """Whether Voila runs this kernel, to show a notebook as a page."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or "VOILA_PREHEAT" in os.environ


def is_interactive() -> bool:
    """Whether a person's front end, or Voila on behalf of one, runs this cell."""
    # A front end says with each cell whether it can pass `input` on to a person: JupyterLab can; nbclient (papermill,
    # nbconvert) and nbval cannot. Environment variables are no help, since programs started from a notebook inherit
    # them. Voila runs cells with nbclient, but names itself (decision 6).
    if is_voila():
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    request = kernel.get_parent("shell") or {}
    return bool((request.get("content") or {}).get("allow_stdin"))
