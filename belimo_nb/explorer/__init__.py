"""Widgets for JupyterLab and Voila: choose a device, datapoints, a range and a resolution, and see them plotted.

Nothing else of the package knows about widgets. Where nobody can touch them, `explore` does nothing at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from belimo_nb.calendar.moments import Moment
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.explorer.explorer import Explorer

__all__ = ["explore", "somebody_there"]


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

    What is not given is as it was chosen last (kept in the data folder, for each cloud), else the first energy valve,
    its power, flow and temperatures, the last week, and a resolution that suits the range.

    Args:
        cloud: Where the devices are.
        device: Id, serial number, name, or a part of the name; None or "": the last choice.
        datapoints: Each by id, name or description.
        start: First day (local date of the site).
        end: First day after the range; None with a `start`: up to now.
        resolution: Length of a bucket, such as "15m", or "auto".

    Returns:
        The widgets; None in a run that nobody watches (papermill, nbconvert, a report), where nothing is shown, drawn
        or asked.

    Raises:
        UnknownDevice: There is no such device.
        UsageError: A time or the resolution cannot be read.
        CloudError: The devices cannot be listed.
    """
    if not somebody_there():
        return None
    from belimo_nb.explorer.choice import first_choice
    from belimo_nb.explorer.explorer import Explorer

    choice = first_choice(
        cloud, device or None, datapoints=datapoints, start=start, end=end, resolution=resolution or None
    )
    return Explorer(cloud, choice)


def somebody_there() -> bool:
    """Whether the cell that runs was sent by a person's front end, or by Voila for one.

    A front end says with every cell whether it could pass on a question (`input`) to a person: JupyterLab can;
    nbclient, and with it papermill and nbconvert, and nbval cannot. Variables of the environment would not do: a
    program that is started from a notebook inherits them. Voila runs cells with nbclient, but names itself.
    """
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or "VOILA_PREHEAT" in os.environ:
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    request = kernel.get_parent("shell") or {}
    return bool((request.get("content") or {}).get("allow_stdin"))
