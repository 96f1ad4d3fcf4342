"""The list of reports to make: one job each, with a safe file name and its notebook's parameters."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from belimo_nb.api.devices import matches
from belimo_nb.cloud.counting import counts
from belimo_nb.cloud.device_list import record_of
from belimo_nb.cloud.selection import energy_valves, found_devices
from belimo_nb.energy.counter import Kind
from belimo_nb.errors import NoDataError, UsageError
from belimo_nb.report import notebooks as notebook_files
from belimo_nb.report.notebooks import NOTEBOOKS

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.calendar.periods import Period
    from belimo_nb.cloud.cloud import Cloud

SLUG_LENGTH = 60
STOPPED = "Stopped before it was finished."  # why a report was not made when a run was interrupted
# The fleet's reports take longest: started last, they would run alone on one core while the others idle.
ORDER = ("overview", "heating_energy", "cooling_energy", "device")
KINDS: Mapping[str, Kind] = {"heating_energy": "heating", "cooling_energy": "cooling"}
TITLES: Mapping[str, str] = {
    "overview": "Overview",
    "heating_energy": "Heating energy",
    "cooling_energy": "Cooling energy",
}
OWN_OPTIONS: Mapping[str, str] = {
    "start": "--from",
    "end": "--to",
    "period": "--period",
    "search": "--search",
    "device": "--device",
    "devices": "--device",
}
"""Parameters that have options of their own on the command line, and these options."""

# What Unicode's decomposition does not spell as people do: ä would become a.
TRANSLITERATION = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "Ss",
    "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
})  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One report to make.

    Attributes:
        notebook: Name of its notebook, see `notebook_files.NOTEBOOKS`.
        title: The title of the report: "Overview", or the device's name.
        slug: The path of its files below the output folder, without a suffix, such as ``devices/north-3c6f7077``.
        parameters: What its notebook is given. Never a secret: notebooks keep their parameters.
    """

    notebook: str
    title: str
    slug: str
    parameters: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Result:
    """The outcome of a job.

    Attributes:
        job: The job.
        status: "ok" or "failed".
        seconds: How long it took.
        error: Why it failed, in one sentence; None if it did not.
        key_figures: The figures of the notebook's first key-figures object: label, value, unit, note, digits, status.
        completeness: Share of the data that is known, 0 to 1, from the notebook's header; None if it does not say.
        files: Paths relative to the output folder: "html", "ipynb" and "csv:<table name>".
        trend: The course of the first key figures over the period: label, unit and values; None if they have none.
        condition: How the device is, see `belimo_nb.cloud.condition.Condition`; None if it is not about a device.
        record: A device in plain numbers, see `belimo_nb.summary.device`; None if it is not about a device.
        standing: The device's findings by topic, with since when they stand, see `belimo_nb.report.changes`.
        made_at: When the run that made it began, aware; None where nothing was made.
        kept: True if an earlier run over the same period made it.
        crashed: True if its process or kernel died, so that another try may succeed.
    """

    job: Job
    status: str
    seconds: float
    error: str | None = None
    key_figures: Sequence[Mapping[str, Any]] = ()
    completeness: float | None = None
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    trend: Mapping[str, Any] | None = field(default=None, hash=False)
    condition: Mapping[str, Any] | None = field(default=None, hash=False)
    record: Mapping[str, Any] | None = field(default=None, hash=False)
    standing: Mapping[str, Any] = field(default_factory=dict, hash=False)
    made_at: datetime | None = None
    kept: bool = False
    crashed: bool = False


def plan(
    cloud: Cloud,
    period: Period,
    *,
    notebooks: Iterable[str] = (),
    search: str | None = None,
    devices: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
) -> list[Job]:
    """List the jobs of a run: the overview, the heating and the cooling report, and one report for each energy valve.

    What the fleet has not is still to be left out, see `with_energy`.

    Args:
        cloud: The cloud with the devices.
        period: What the reports cover.
        notebooks: Which to use; by default all.
        search: Only devices with this text in their name or serial number.
        devices: Only these devices, by id, serial number, name or a unique part of it.
        parameters: More parameters, for each notebook that declares them.

    Raises:
        UsageError: A parameter or a device is unknown, a device has no report, or a parameter holds a credential.
        NoDataError: No device matches, or none of them has an energy counter.
    """
    declared = _declared(set(notebooks), single_devices=bool(devices))
    extra = dict(parameters or {})
    _check_parameters(extra, declared, secrets=(cloud.settings.client_secret, cloud.settings.password))
    common: dict[str, Any] = {
        "start": _parameter_text(period.start),
        "end": _parameter_text(period.end),
        "search": search or "",
        **extra,
    }
    valves = None
    if devices or set(declared) != {"overview"}:
        valves = energy_valves(cloud, search, devices)
    elif search:
        found_devices(cloud.devices(search), search)
    if devices and valves is not None:
        common["devices"] = list(valves.index)

    jobs = [
        Job(name, TITLES[name], slugify(name), _only(common, names))
        for name, names in declared.items()
        if name in TITLES
    ]
    if "device" in declared and valves is not None:
        slugs = distinct_slugs([(str(row.name), str(row["name"])) for _, row in valves.iterrows()])
        for (device_id, row), slug in zip(valves.iterrows(), slugs, strict=True):
            given = _only(common | {"device": str(device_id)}, declared["device"])
            jobs.append(Job("device", str(row["name"]), f"devices/{slug}", given))
    return jobs


def with_energy(cloud: Cloud, jobs: Sequence[Job]) -> list[Job]:
    """The jobs of which there is something to say: no heating report of a fleet that only cools; asks nothing.

    Before history is fetched a valve may pass for one that counts which never has, so look again afterwards.

    Raises:
        NoDataError: There is nothing to say at all.
    """
    left = [job for job in jobs if job.notebook not in KINDS or len(counting(cloud, job, KINDS[job.notebook]))]
    if not left:
        kinds = " or ".join(KINDS[job.notebook] for job in jobs)
        if search := str(jobs[0].parameters.get("search") or ""):
            raise NoDataError(
                f"No device named {search!r} has counted {kinds} energy; leave --search out for all devices."
            )
        raise NoDataError(
            f"None of the devices has counted {kinds} energy, or more than a trace of it, so there is no report of it "
            "to make."
        )
    return left


def counting(cloud: Cloud, job: Job, kind: Kind) -> list[str]:
    """The ids of the valves whose energy of a kind a fleet's report is about; no request is made for it."""
    connection = cloud.connection
    known = connection.device_list.known()
    valves = matching(cloud.energy_valves(connection.listed_devices()), job)
    return [str(key) for key in valves if counts(connection, record_of(str(key), known), kind)]


def matching(valves: pd.DataFrame, job: Job) -> pd.Index[str]:
    """The ids of the valves that a job's search finds: in names and serial numbers, as the cloud searches."""
    text = str(job.parameters.get("search") or "")
    found = [matches(text, name, serial) for name, serial in zip(valves["name"], valves["serial"], strict=True)]
    return valves.index[found]


def slugify(text: str, length: int = SLUG_LENGTH) -> str:
    """Turn any text into a file name: ``a-z0-9`` and hyphens, umlauts spelled out, at most `length` characters.

    The result is empty if nothing of the text can be written so.
    """
    plain = unicodedata.normalize("NFC", text).translate(TRANSLITERATION)
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:length].rstrip("-")


def distinct_slugs(devices: Sequence[tuple[str, str]]) -> list[str]:
    """A file name for each device, given as (id, name): the name and the first 8 characters of the id.

    Where these are the same for several devices, the whole id, and where even that does not tell them apart, or one
    begins like another, a digest of it. The id keeps a report's address when another device gets the same name.
    """
    named = [(slugify(name) or "device", slugify(device_id, 200)) for device_id, name in devices]
    short = [f"{stem}-{key[:8]}" for stem, key in named]
    often = Counter(short)
    whole = [slug if often[slug] == 1 else f"{stem}-{key}" for slug, (stem, key) in zip(short, named, strict=True)]
    # The table "b-c" of a report "a" would be the table "c" of a report "a-b".
    order = sorted(f"{slug}-" for slug in whole)
    alike = {slug for slug, after in itertools.pairwise(order) if after.startswith(slug)}
    return [
        f"{slug}-{hashlib.sha256(identifier.encode()).hexdigest()[:12]}" if f"{slug}-" in alike else slug
        for slug, (identifier, _) in zip(whole, devices, strict=True)
    ]


def typed_value(text: str) -> Any:
    """Read a parameter's value as papermill's ``-p`` does: True, False, None, an integer, a number, or text."""
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _declared(notebooks: set[str], *, single_devices: bool) -> dict[str, Sequence[str]]:
    """Each notebook's parameters, in the order in which reports are made; of all notebooks if none is named.

    With `single_devices`, without the notebooks that cannot be narrowed to single devices.
    """
    for name in notebooks.difference(NOTEBOOKS):
        raise UsageError(f"There is no report {name!r}; the reports are {', '.join(NOTEBOOKS)}.")
    declared: dict[str, Sequence[str]] = {}
    for name in sorted(notebooks or NOTEBOOKS, key=ORDER.index):
        names = notebook_files.parameters(notebook_files.notebook(name))
        if single_devices and not {"device", "devices"} & set(names):
            if name in notebooks:
                raise UsageError(f"The report {name} cannot be narrowed by --device; use --search, or leave it out.")
            continue
        declared[name] = names
    return declared


def _check_parameters(
    extra: Mapping[str, Any], declared: Mapping[str, Sequence[str]], *, secrets: Sequence[str]
) -> None:
    known = sorted({name for names in declared.values() for name in names} - OWN_OPTIONS.keys())
    for name in extra:
        if name in OWN_OPTIONS:
            raise UsageError(f"The parameter {name!r} has an option of its own: use {OWN_OPTIONS[name]}.")
        if name not in known:
            have = f"their parameters are {', '.join(known)}" if known else "they have none to set"
            raise UsageError(f"None of the reports ({', '.join(declared)}) has a parameter {name!r}; {have}.")
        # The executed notebook, which is published, records the parameters.
        if any(secret in str(extra[name]) for secret in secrets):
            raise UsageError(f"The parameter {name!r} holds a credential, which every reader would see; leave it out.")


def _only(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _parameter_text(moment: pd.Timestamp) -> str:
    """Begin or end of the period as people write it: a local date, or the full time if it is not midnight."""
    return str(moment.date()) if moment == moment.normalize() else moment.isoformat()
