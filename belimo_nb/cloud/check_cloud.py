"""Checking a cloud: what the package assumes of it is held against a few answers about the user's own valves."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from belimo_nb._version import __version__
from belimo_nb.api import measurements
from belimo_nb.api.devices import datapoint_values, devices_frame, find_device, last_seen, profile_ref, subobject
from belimo_nb.api.history import MAX_VALUE
from belimo_nb.api.paging import PAGE_ROWS
from belimo_nb.api.profile import Profile
from belimo_nb.api.sparse import held
from belimo_nb.calendar.moments import from_api, to_api
from belimo_nb.client.retries import own_error
from belimo_nb.cloud import assumed_history, assumptions
from belimo_nb.cloud.assumed_history import Probe
from belimo_nb.cloud.assumptions import UNKNOWN, WRONG, Line
from belimo_nb.cloud.connection import Connection
from belimo_nb.energy import power_limit
from belimo_nb.errors import BelimoError, ConnectionFailed, NoDataError, UnknownDevice, UsageError
from belimo_nb.quantities import MEASURED

MAX_REQUESTS = 20  # requests of one check, the sign-in included
MAX_VALVES = 2  # valves of one check: each takes six requests
MAX_PROFILES = 3  # dataprofiles to look into
DAYS, AHEAD = 30, 3  # days of history to look at, and hours of the future, which must be empty
PROBED = (("heating_energy", "cooling_energy", "volume"), ("t1", "t2", "power", "flow", "position"))

Record = Mapping[str, Any]


@dataclass(frozen=True)
class CloudCheck:
    """The result of a check.

    Attributes:
        lines: What was assumed and seen.
        names: Names of the valves that were looked at, by their number from 1.
        requests: Requests made.
    """

    lines: Sequence[Line]
    names: Sequence[str] = field(repr=False)
    requests: int

    @property
    def wrong(self) -> list[Line]:
        """The lines that would make numbers wrong."""
        return [line for line in self.lines if line.status == WRONG]

    def to_json(self) -> dict[str, Any]:
        """As plain objects, without a name, id, serial number, secret or address."""
        keys = ("about", "valve", "status", "assumed", "seen", "so_what")
        lines = [{key: getattr(line, key) for key in keys} for line in self.lines]
        return {"belimo_nb": __version__, "requests": self.requests, "lines": lines}


def check_cloud(connection: Connection, keys: Sequence[str] = ()) -> CloudCheck:
    """Hold what the package assumes of a cloud against some of its answers.

    Args:
        connection: The cloud.
        keys: The valves to look at, as for `Cloud.device`; none for the first energy valve that is online.

    Raises:
        UsageError: Offline, too many valves, or a device that is not there or counts no energy.
        CloudError: The cloud cannot be reached, or does not give the list of devices.
    """
    connection.check_online("check-cloud")
    if len(keys) > MAX_VALVES:
        raise UsageError(f"{len(keys)} valves are named; name at most {MAX_VALVES}, each takes several requests.")
    try:
        return _Check(connection).run(keys)
    finally:
        connection.traffic.most = None


class _Check:
    """One check: it asks, and remembers why what could not be had."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._now = connection.now_s
        self._reasons: dict[str, str] = {}
        connection.traffic.most = connection.traffic.sent + MAX_REQUESTS - 1
        self._sent_before = connection.traffic.sent

    def run(self, keys: Sequence[str]) -> CloudCheck:
        self._connection.sign_in()  # a token from before does not say its scopes
        settings, traffic = self._connection.settings, self._connection.traffic
        lines = [assumptions.scopes(settings.scope, self._connection.granted_scopes)]
        first = self._connection.get("/devices", {"limit": PAGE_ROWS, "offset": 0}, "the devices")
        records = [row for row in first.get("data") or () if isinstance(row, dict) and row.get("id")]
        total = subobject(first, "paging").get("total")
        beyond = self._ask("page", "/devices", {"limit": 1, "offset": total}) if isinstance(total, int) else None
        counted = (self._ask("stats", "/devices/stats") or {}).get("totalDevices")
        lines.append(assumptions.pages(PAGE_ROWS, first, beyond, counted))
        wanted = [self._named(key, records) for key in keys]
        profiles = self._profiles([*wanted, *records], records)
        valves = wanted or self._first_valve(records, profiles)
        found, left_out = [], 0
        for number, record in enumerate(valves, 1):
            profile = profiles.get(profile_ref(record) or "", (0, None))[1]
            if profile is None or not any(profile.locate(f"{kind}_energy") for kind in ("heating", "cooling")):
                raise UsageError(f"The device {keys[number - 1]!r} counts no energy, so it cannot be checked.")
            rows, lacking = self._valve(record, profile, number)
            found += rows
            left_out = max(left_out, lacking)
        named = {ref.removeprefix("/definitions/dataprofiles/")[:60]: pair for ref, pair in profiles.items()}
        lines.append(assumptions.recognized(named, left_out))
        lines += found or [Line("valves", "an energy valve that was in contact", "none among the devices", UNKNOWN)]
        sent = traffic.sent - self._sent_before
        lines.append(assumptions.rate_limit(settings.rate, sent, traffic.later, traffic.limits))
        return CloudCheck(lines, [str(record.get("displayName") or "") for record in valves], sent + 1)

    def _ask(self, about: str, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any] | None:
        """Ask; None where the cloud refuses, which one line less can be told for."""
        try:
            return self._connection.get(path, query, f"what is asked about the {about}")
        except ConnectionFailed:
            raise
        except BelimoError as error:
            own_error(error, about)
            # The message names hosts and ids.
            status = getattr(error, "status_code", None)
            self._reasons[about] = (
                f"no answer ({status or ('20 requests' if isinstance(error, NoDataError) else 'unreadable')})"
            )
            return None

    def _named(self, key: str, records: Sequence[Record]) -> Record:
        listed = {str(record["id"]): dict(record) for record in records}
        if key in listed:
            return listed[key]
        try:
            return find_device(key, listed)
        except UnknownDevice:
            # It may stand on a later page.
            body = self._connection.get("/devices", {"search": key}, "the devices")
            rows = [row for row in body.get("data") or () if isinstance(row, dict) and row.get("id")]
            return find_device(key, {str(row["id"]): row for row in rows} or listed)

    def _profiles(self, order: Sequence[Record], records: Sequence[Record]) -> dict[str, tuple[int, Profile | None]]:
        """The first dataprofiles of some devices, the most frequent first, with the number of devices by path."""
        counts = collections.Counter(ref for record in records if (ref := profile_ref(record)))
        named = dict.fromkeys(ref for record in order[: len(order) - len(records)] if (ref := profile_ref(record)))
        refs = list(dict.fromkeys([*named, *(ref for ref, _ in counts.most_common())]))[:MAX_PROFILES]
        return {ref: (counts[ref], self._connection.dataprofiles.readable(ref)) for ref in refs}

    def _first_valve(
        self, records: Sequence[Record], profiles: Mapping[str, tuple[int, Profile | None]]
    ) -> list[Record]:
        """The first energy valve that is online, if possible one that has counted."""
        online = devices_frame(records, self._connection.now)["online"].tolist()

        def rank(record: Record, is_online: bool) -> int:
            profile = profiles.get(profile_ref(record) or "", (0, None))[1]
            points = [profile and profile.locate(f"{kind}_energy") for kind in ("heating", "cooling")]
            if not any(points) or last_seen(record) is None:
                return 0
            values = datapoint_values(subobject(record, "state"))
            counted = any(values.get(point) for point in points if point)  # a valve in stock says 0 for ever
            return 1 + 2 * is_online + counted

        ranks = [rank(record, is_online) for record, is_online in zip(records, online, strict=True)]
        best = max(ranks, default=0)
        return [records[ranks.index(best)]] if best else []

    def _valve(self, record: Record, profile: Profile, number: int) -> tuple[list[Line], int]:
        """The lines about one valve, and how many of its recognized datapoints its history left out."""
        path = f"/devices/{record['id']}"
        live = self._ask("present", path)
        snapshot = self._ask("snapshot", f"{path}/data")
        located = {key: profile.locate(key) for key in MEASURED}
        ids = list(dict.fromkeys(identifier for identifier in located.values() if identifier is not None))
        this_hour = self._now // assumed_history.HOUR * assumed_history.HOUR
        span = (this_hour - DAYS * 86400, this_hour + (1 + AHEAD) * assumed_history.HOUR)
        body = self._history(path, ids, span, "1h")
        rows = {identifier: _rows(body, identifier) for identifier in ids}
        hourly = {identifier: _numbers(found) for identifier, found in rows.items()}
        probes, probed = self._probes(path, located, hourly)
        moments = [from_api([subobject(live or record, "state").get("timestamp")])[0]]
        moments.append(from_api([(snapshot or {}).get("timestamp")])[0])
        lines = [assumed_history.present(moments[0], moments[1], self._connection.now), assumed_history.spacing(probes)]
        lines += assumed_history.buckets(probes, sorted({stamp for found in rows.values() for stamp in found}))
        if number == 1:
            day = self._now // 86400 * 86400
            daily = _rows(self._history(path, [probed], (day - 7 * 86400, day), "1d"), probed) if probed else {}
            lines.append(assumed_history.days(_numbers(daily), hourly.get(probed, {})))
        fullest = max(rows.values(), key=len, default={})
        lines.append(assumed_history.empty_buckets(fullest, probes, span, self._now))
        known = [max(found) for found in hourly.values() if found]
        lines.append(assumed_history.late(max(known, default=None), last_seen(live or record), self._now))
        frame = self._frame(hourly, located, profile, span)
        lines.append(assumed_history.units(frame))
        limit = power_limit(frame["power_kw"].to_numpy(dtype=float) * 1e3)
        kinds = {kind: frame[f"{kind}_kwh"] for kind in ("heating", "cooling") if located[f"{kind}_energy"]}
        lines.append(assumed_history.counters(kinds, limit))
        came = {series.get("datapointId") for series in (body or {}).get("series", ()) if isinstance(series, dict)}
        left_out = len(set(ids) - came) if body else 0
        return [self._of_valve(line, number) for line in lines], left_out

    def _of_valve(self, line: Line, number: int) -> Line:
        """The line with its valve's number; where nothing could be told, with the refusal that is the reason."""
        needs = {"present": "present", "spacing of samples": "samples"}.get(line.about, "history")
        reason = self._reasons.get(needs) if line.status == UNKNOWN else None
        return Line(line.about, line.assumed, reason or line.seen, line.status, line.so_what, number)

    def _history(self, path: str, ids: Sequence[str], span: tuple[int, int], resolution: str) -> dict[str, Any] | None:
        query = {"datapointIds": ",".join(ids), **_range(span), "resolution": resolution, "aggregation": "last"}
        return self._ask("history", f"{path}/data/history/timeseries", query)

    def _probes(
        self, path: str, located: Mapping[str, str | None], hourly: Mapping[str, Mapping[int, float]]
    ) -> tuple[list[Probe], str]:
        """Native samples of a counter and of a measurement, on the day on which each changed most; and the first."""
        probes, first = [], ""
        today = self._now // 86400
        for keys in PROBED:
            ids = [identifier for key in keys if (identifier := located[key]) is not None]
            changes = [
                (len(values), identifier, day, 1)
                for identifier in ids
                for day, values in _by_day(hourly[identifier]).items()
                if day < today and len(values) > 1
            ]
            # With a reading a day or so, all days tell together.
            changes = changes or [(len(set(hourly[i].values())), i, today - DAYS, DAYS) for i in ids]
            most, identifier, day, length = max(changes, default=(0, "", 0, 0))
            if most < 2:
                continue
            first, span = first or identifier, (day * 86400, (day + length) * 86400)
            query: dict[str, str | int] = {**_range(span), "limit": PAGE_ROWS, "offset": 0, "sortDirection": "ASC"}
            body = self._ask("samples", f"{path}/data/history/datapoints/{identifier}", query)
            samples = sorted(_numbers(dict(_pairs((body or {}).get("data")))).items())
            total = subobject(body or {}, "paging").get("total")
            if samples and isinstance(total, int) and total > len(samples):  # the rest of the day is on another page
                span = (span[0], samples[-1][0] // assumed_history.HOUR * assumed_history.HOUR)
            if samples:
                times, values = np.array([time for time, _ in samples]), np.array([value for _, value in samples])
                hours = {stamp: value for stamp, value in hourly[identifier].items() if span[0] <= stamp < span[1]}
                probes.append(Probe(times, values, hours, span))
        return probes, first

    def _frame(
        self, hourly: Mapping[str, Mapping[int, float]], located: Mapping[str, str | None], profile: Profile, span: Any
    ) -> pd.DataFrame:
        """The hourly samples in display units."""
        stamps = range(span[0], span[1], assumed_history.HOUR)
        index = pd.to_datetime(list(stamps), unit="s", utc=True).rename("time")
        raw = pd.DataFrame(
            {k: [v.get(stamp, np.nan) for stamp in stamps] for k, v in hourly.items()}, index, dtype=float
        )
        hour = pd.Timedelta(hours=1)
        return measurements.quantities(held(raw, hour), profile, located, hour, "UTC")


def _range(span: tuple[int, int]) -> dict[str, str]:
    first, after = (to_api(pd.Timestamp(moment, unit="s", tz="UTC")) for moment in span)
    return {"from": first, "to": after}


def _rows(body: Record | None, identifier: str) -> dict[int, Any]:
    """The buckets of a datapoint, as they came: value by stamp, seconds since 1970."""
    for series in (body or {}).get("series") or ():
        if isinstance(series, dict) and series.get("datapointId") == identifier:
            return dict(_pairs(series.get("values")))
    return {}


def _pairs(rows: Any) -> list[tuple[int, Any]]:
    """Times (seconds since 1970) and values of an answer's rows; rows that are none are left out."""
    good = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    times = from_api(row.get("timestamp") for row in good)
    pairs = zip(times, (row.get("value") for row in good), strict=True)
    return [(int(time.timestamp()), value) for time, value in pairs if not pd.isna(time)]


def _numbers(rows: Mapping[int, Any]) -> dict[int, float]:
    """The numbers among some rows, texts of numbers included, by stamp."""
    values = pd.to_numeric(pd.Series(list(rows.values()), dtype=object), errors="coerce").to_numpy(dtype=float)
    return {stamp: float(v) for stamp, v in zip(rows, values, strict=True) if abs(v) <= MAX_VALUE}


def _by_day(hourly: Mapping[int, float]) -> dict[int, set[float]]:
    """The distinct values of each day, counted from 1970."""
    found: dict[int, set[float]] = collections.defaultdict(set)
    for stamp, value in hourly.items():
        found[stamp // 86400].add(value)
    return found
