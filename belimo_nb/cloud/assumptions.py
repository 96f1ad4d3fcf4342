"""What the package assumes of a cloud and an account, judged by answers: a line each, without names or addresses.

And what it recognizes of the dataprofiles of a fleet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from belimo_nb.api.devices import profile_ref
from belimo_nb.api.profile import Profile
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.device_list import record_of
from belimo_nb.quantities import ENERGY, MEASURED, QUANTITIES, plural

AS_ASSUMED, DIFFERS, WRONG, UNKNOWN = "as assumed", "differs", "wrong", "cannot tell"


@dataclass(frozen=True)
class Line:
    """One assumption, what was seen, and what follows.

    Attributes:
        about: What it is about.
        assumed: What the package builds on.
        seen: What the cloud did.
        status: "as assumed", "differs" (the package can live with it), "wrong" (numbers would be), or "cannot tell".
        so_what: What follows, one sentence; "" if nothing.
        valve: The valve's number in this check, from 1; 0 for what concerns the account.
    """

    about: str
    assumed: str
    seen: str
    status: str = AS_ASSUMED
    so_what: str = ""
    valve: int = 0


def scopes(asked: str, granted: Sequence[str] | None) -> Line:
    """The scopes of the token against those that were asked for."""
    line = ("scopes", asked or "all of the client")
    if granted is None:
        return Line(*line, "the answer names none, so all that were asked for")
    lacking = sorted(set(asked.split()) - set(granted))
    if not lacking:
        return Line(*line, f"{len(granted)} granted, all that were asked for")
    what = "Without dataprofiles no value has a name or a unit: all are shown as unknown."
    if "read:dataprofile" not in lacking:
        what = (
            "What they open is refused, or the password is sent more often; set BELIMO_SCOPE to what Belimo gave you."
        )
    return Line(*line, f"not granted: {' '.join(lacking)}", DIFFERS, what)


def pages(limit: int, first: Mapping[str, Any], beyond: Mapping[str, Any] | None, counted: Any) -> Line:
    """Whether the list of devices comes in pages as long as asked for, and its total is right.

    Args:
        limit: The rows that were asked for.
        first: The first page.
        beyond: The page that begins at the total, which should be empty; None: not known.
        counted: The number of devices by the statistics; None: not known.
    """
    rows, total = len(first.get("data") or ()), (first.get("paging") or {}).get("total")
    line = ("page size", f"{plural(limit, 'device')} a page, and the total counts them all")
    seen = f"{rows} of {plural(int(total or 0), 'device')}"
    if beyond is not None and beyond.get("data"):
        return Line(*line, f"{seen}, and more behind the total", WRONG, "Devices are missing in every list and sum.")
    if isinstance(counted, int) and isinstance(total, int) and counted != total:
        what = "Reports cover the devices of the list; ask Belimo which number is right."
        return Line(*line, f"{seen}, but {counted} by the statistics", DIFFERS, what)
    if isinstance(total, int) and rows < min(limit, total):
        return Line(*line, seen, DIFFERS, "The client reads on to the last page; lists take more requests.")
    return Line(*line, seen, AS_ASSUMED if beyond is not None else UNKNOWN)


def recognized(profiles: Mapping[str, tuple[int, Profile | None]], left_out: int) -> Line:
    """Which quantities were found in which dataprofile.

    Args:
        profiles: By name of the profile: how many devices have it, and the profile; None where it was refused.
        left_out: Number of recognized datapoints that the history of a valve did not give.
    """
    seen, lacks, resettable = [], left_out > 0, []
    for name, (count, profile) in profiles.items():
        if profile is None:
            seen.append(f"{name} ({plural(count, 'device')}): refused")
            lacks = True
            continue
        found = [key for key in MEASURED if profile.locate(key) is not None]
        absent = [key for key in MEASURED if key not in found]
        lacking = [f"{key} (no usable unit)" if key in profile.refused else key for key in absent]
        counts = bool({"heating_energy", "cooling_energy"} & set(found))
        lacks = lacks or (counts and bool(lacking))
        about = f"{name} ({plural(count, 'device')})"
        if not found:
            seen.append(f"{about}: no valve")
        elif counts and lacking:
            seen.append(f"{about}: {len(found)} of {len(MEASURED)}, lacks {', '.join(lacking)}")
        else:
            seen.append(f"{about}: {len(found)} of {len(MEASURED)}")
        resettable += [f"{key} of {name}" for key in found if _lifetime_is_elsewhere(profile, key)]
    line = ("recognized quantities", f"{len(MEASURED)} of an energy valve, by name or description")
    text = "; ".join(seen) or "no dataprofile"
    if resettable:
        what = f"{', '.join(resettable)} is read from a counter that users may reset, not from the lifetime counter."
        return Line(*line, text, WRONG, what)
    if left_out:
        text = f"{text}; {left_out} of them left out of the history"
    return Line(*line, text, DIFFERS if lacks else AS_ASSUMED, "What is lacking is shown as unknown." if lacks else "")


def _lifetime_is_elsewhere(profile: Profile, key: str) -> bool:
    """Whether a counter was found under one name, while another says of itself that it counts a lifetime."""
    if QUANTITIES[key].dimension is not ENERGY:
        return False
    identifier, frame = profile.locate(key), profile.datapoints
    texts = frame.index.to_series() + " " + frame["name"] + " " + frame["description"]
    lifetime = texts.str.casefold().str.contains("lifetime")
    same = texts.str.casefold().map(lambda text: all(word in text for word in QUANTITIES[key].words))
    return bool((lifetime & same).any()) and not bool(lifetime[str(identifier)])


def rate_limit(rate: float, sent: int, later: int, limits: Mapping[str, float]) -> Line:
    """Whether the cloud took the requests at the rate that is set."""
    line = ("rate limit", f"{rate:g} requests a second are allowed" if rate else "requests without a limit are allowed")
    told = ", ".join(f"{name} {value:g}" for name, value in sorted(limits.items())) or "no header speaks of limits"
    if later:
        what = "They were tried again and nothing is lost; lower BELIMO_RATE."
        return Line(*line, f"{later} of {plural(sent, 'request')} put off (429 or 503); {told}", DIFFERS, what)
    return Line(*line, f"{plural(sent, 'request')}, none put off; {told}")


def recognized_profiles(connection: Connection, devices: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the dataprofiles of devices, and what is recognized of each.

    Args:
        connection: Connection to the cloud of the devices.
        devices: Rows of `Cloud.devices`.

    Returns:
        DataFrame, index ``profile`` (as in `Cloud.devices`), columns devices (their number), energy_valve (bool: has an
        energy counter), known (number of quantities), lacking (those that a valve's report needs and it does not
        describe, in words) and refused (sentences about those in units that cannot be used).
    """
    known = connection.device_list.known()
    rows: dict[str, dict[str, Any]] = {}
    for identifier, name in zip(devices.index, devices["profile"], strict=True):
        ref = profile_ref(record_of(str(identifier), known))
        if ref is None:
            continue
        row = rows.setdefault(str(name or ref), {"devices": 0, "ref": ref})
        row["devices"] += 1
    for row in rows.values():
        profile = connection.dataprofiles.readable(row.pop("ref"))
        quantities = [] if profile is None else [key for key in QUANTITIES if profile.describes(key)]
        row["energy_valve"] = bool({"heating_energy", "cooling_energy"} & set(quantities))
        row["known"] = len(quantities)
        row["lacking"] = "" if profile is None else ", ".join(profile.lacking)
        row["refused"] = "" if profile is None else " ".join(profile.refused.values())
    columns = ["devices", "energy_valve", "known", "lacking", "refused"]
    found = pd.DataFrame(list(rows.values()), pd.Index(list(rows), name="profile", dtype=object), columns)
    return found.astype({"energy_valve": bool})
