"""Settings of a fleet that differ from the usual, or from a file of wanted settings."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from belimo_nb.api.drift import LEAST_VALVES, drift, settings_frame
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.display import Note, Table, note, table
from belimo_nb.display.numbers import plural
from belimo_nb.errors import UsageError


def drift_table(cloud: Cloud, devices: pd.DataFrame, wanted: str = "") -> Table | Note:
    """Table of the energy valves' settings that differ from what most valves have, or from what is wanted.

    Args:
        cloud: The cloud of the valves.
        devices: A frame of `Cloud.devices`.
        wanted: A file of wanted settings: TOML (``Vmax_Rel_Write = 80``), or CSV with the columns setting and value;
            blank for what most valves have.

    Raises:
        UsageError: The file cannot be read, or names a setting that no valve has.
    """
    known = cloud.connection.device_list.known()
    valves = cloud.energy_valves(devices)
    settings = settings_frame([known[str(key)] for key in valves.index], cloud.connection.dataprofiles.readable)
    expected = _wanted(Path(str(wanted))) if wanted else None
    there = {str(name).casefold() for name in settings["setting"]}
    if strange := [name for name in expected or {} if name.casefold() not in there]:
        raise UsageError(
            f"{wanted} names the setting {strange[0]!r}, which no valve has; there are "
            f"{', '.join(sorted(set(settings['setting']))) or 'none'}."
        )
    if settings.empty:
        return note(f"No setting of the {plural(len(valves), 'energy valve')} is known.", "absent")
    found = drift(settings, expected)
    what = f"what {wanted} wants" if wanted else f"what most valves have, where {LEAST_VALVES} or more have the setting"
    of = f"of {plural(len(valves), 'energy valve')}"
    told = (
        plural(len(found), f"setting {of} differs", f"settings {of} differ")
        if len(found)
        else f"No settings {of} differ"
    )
    return table(
        found,
        "drift",
        f"{told} from {what}",
        labels={"expected": "Wanted" if wanted else "Usual"},
        formats={"valves": 0},
    )


def _wanted(path: Path) -> dict[str, Any]:
    """Values by setting."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.casefold() == ".toml":
            return tomllib.loads(text)
        rows = list(csv.reader(text.splitlines(), csv.Sniffer().sniff(text, ",;\t") if text.strip() else "excel"))
        return {row[0].strip(): row[1].strip() for row in rows if row and row[0].strip().casefold() != "setting"}
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise UsageError(
            f"The wanted settings {str(path)!r} cannot be read ({error}); write TOML, or CSV with the columns setting "
            "and value."
        ) from None
