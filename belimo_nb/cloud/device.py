"""One device: its datapoints, state, history, energy counters, events and checkup."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb.api import health, history, measurements
from belimo_nb.api.devices import datapoint_values, devices_frame, name_of, profile_ref, settings_of, subobject
from belimo_nb.api.paging import collect
from belimo_nb.api.profile import Profile
from belimo_nb.api.sparse import LEAD
from belimo_nb.calendar.intervals import fixed_length, zone_name
from belimo_nb.calendar.moments import Moment, from_api, parse_time
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.counting import KINDS, counts
from belimo_nb.energy.counter import Counter, Counters, Kind, counter_resolution, last_reading, reading_range
from belimo_nb.energy.readings import LARGEST_FLOW, SMALLEST_FLOW
from belimo_nb.errors import NoDataError, UsageError, printable
from belimo_nb.hydronics import Design
from belimo_nb.quantities import COUNTERS, QUANTITIES

if TYPE_CHECKING:
    from belimo_nb.cloud.checkup import Checkup


class Device:
    """A device of the cloud; get one from `Cloud.device`.

    Args:
        connection: The connection to its cloud.
        record: The API's device object.
    """

    def __init__(self, connection: Connection, record: Mapping[str, Any]) -> None:
        self._connection = connection
        self._record = record
        self.id = str(record["id"])
        self.serial = str(record.get("serialNumber") or "")
        self.name = name_of(record)

    def __repr__(self) -> str:
        return printable(f"<Device {self.name!r}, serial {self.serial or 'unknown'}, {self._profile_name()}>")

    def _repr_html_(self) -> str:
        from belimo_nb.display.base import facts_html

        row = self.summary
        seen = row["last_seen"]
        shown = {
            "Serial": self.serial or "–",
            "Dataprofile": self._profile_name(),
            "Health": f"{row['health']} {row['note'] or ''}".strip(),
            "Last seen": "never" if pd.isna(seen) else f"{seen.tz_convert(self._connection.timezone):%Y-%m-%d %H:%M}",
            "Project": row["project"] or "–",
        }
        return facts_html(self.name, shown)

    @property
    def summary(self) -> pd.Series[Any]:
        """Its row of `Cloud.devices`."""
        return devices_frame([self._record], self._connection.now).iloc[0]

    @property
    def has_profile(self) -> bool:
        """Whether the device has ever reported a dataprofile."""
        return profile_ref(self._record) is not None

    @property
    def profile(self) -> Profile:
        """The dataprofile: names, units and meaning of its datapoints.

        Raises:
            NoDataError: The device has never reported a dataprofile.
        """
        return self._connection.profile_of(self._record)

    @property
    def datapoints(self) -> pd.DataFrame:
        """DataFrame, index ``id``, text columns name, description, unit, access (r, w, rw), type."""
        return self.profile.datapoints.copy()

    def find(self, text: str) -> pd.DataFrame:
        """The rows of `datapoints` whose id, name or description contains `text`, whatever its case."""
        return self.profile.find(text)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of energy that it counts, as `belimo_nb.cloud.counting.counts` decides: heating, cooling, both."""
        return tuple(kind for kind in KINDS if counts(self._connection, self._record, kind))

    def has(self, quantity: str) -> bool:
        """Whether it measures a quantity of `belimo_nb.quantities`, e.g. "heating_energy"."""
        return self.has_profile and self.profile.locate(quantity) is not None

    @property
    def settings(self) -> dict[str, float]:
        """Design values and settings: nominal_flow_m3h, max_flow_pct, max_flow_m3h, glycol_pct; NaN where unknown."""
        return settings_of(self._record, self._connection.profile)

    @property
    def design(self) -> Design:
        """Its settings as the checks need them; the design delta-T is not among them."""
        found = self.settings
        nominal, most = found["nominal_flow_m3h"], found["max_flow_m3h"]
        if nominal < SMALLEST_FLOW or nominal > LARGEST_FLOW:  # that of no valve: in another unit than is said
            nominal = most = math.nan
        most = nominal * found["max_flow_pct"] / 100 if pd.isna(most) else most
        return Design(nominal_flow_m3h=nominal, max_flow_m3h=most, glycol_pct=found["glycol_pct"])

    @property
    def timezone(self) -> str:
        """IANA zone of the site, in whose days and hours figures are given."""
        return self._connection.timezone

    def state(self, at: Moment = None) -> pd.DataFrame:
        """Read the values of all datapoints, now or at a time.

        Args:
            at: A moment (local time of the site if it has no zone); None for now.

        Returns:
            DataFrame, index ``id``, columns value (as the cloud gives it), unit, description; the time it was valid
            at stands in ``.attrs["time"]`` (aware, UTC).
        """
        body = self._connection.state(self._record, None if at is None else self._moment(at, "at"))
        known = self.profile.datapoints if self.has_profile else pd.DataFrame(columns=["unit", "description"])
        frame = pd.DataFrame({"value": pd.Series(datapoint_values(body), dtype=object)})
        frame = frame.join(known[["unit", "description"]].astype(object)).fillna({"unit": "", "description": ""})
        frame = frame.rename_axis("id")
        order = {identifier: position for position, identifier in enumerate(known.index)}
        frame = frame.loc[sorted(frame.index, key=lambda i: (order.get(i, len(order)), i))]
        frame.attrs["time"] = from_api([body.get("timestamp")])[0]
        return frame

    def history(
        self,
        datapoints: str | Sequence[str],
        start: Moment,
        end: Moment = None,
        resolution: str = "1h",
        aggregation: str = "last",
    ) -> pd.DataFrame:
        """Read resampled history, from the store where it holds it, else from the cloud.

        The store keeps last readings only; for other aggregations the cloud is asked each time.

        Args:
            datapoints: One or several, each by id, name or description.
            start: First moment (local time of the site if it has no zone).
            end: First moment after the range; None for now.
            resolution: Length of a bucket: a number and s, m, h, d or w.
            aggregation: What the cloud makes of a bucket: last, first, min, max, mean, sum ...

        Returns:
            DataFrame, one row a bucket, NaN where there is no value (None for text); index ``time``: the **begin**
            of the bucket, UTC; columns named as in `datapoints`. With ``last``, the value is the last reading in the
            bucket, so it belongs to the bucket's end.

        Raises:
            UnknownDatapoint: The device has no such datapoint.
            UsageError: The range or the resolution makes no sense.
        """
        keys = [datapoints] if isinstance(datapoints, str) else list(datapoints)
        if not keys:
            raise UsageError("No datapoint is named; give at least one, by id, name or description.")
        ids = [self.profile.resolve(key) for key in keys]
        span = self._range(start, end)
        unique = list(dict.fromkeys(ids))
        if aggregation == history.KEPT_AGGREGATION:
            frame = self._connection.stored_history(self._record, unique, span.start, span.end, resolution)
        elif self._connection.settings.offline:
            raise NoDataError(f"The store keeps the last readings of buckets, not their {aggregation}; ask online.")
        else:
            frame = history.fetch(self._connection.get, self.id, unique, span.start, span.end, resolution, aggregation)
        return frame[ids].set_axis(keys, axis="columns")

    def measurements(
        self, quantities: Sequence[str], start: Moment, end: Moment = None, resolution: str = "15m"
    ) -> pd.DataFrame:
        """Read measured quantities in display units.

        Args:
            quantities: Keys of `belimo_nb.quantities.QUANTITIES`.
            start: First moment (local time of the site if it has no zone).
            end: First moment after the range; None for now.
            resolution: Length of a bucket; the value is the last reading in it.

        Returns:
            DataFrame, index ``time``: the **end** of the bucket, which its last reading belongs to, in the site's
            zone; columns such as power_kw, flow_m3h, t1_c, t2_c, delta_t_k, position_pct, in the order asked for;
            NaN where unknown or not measured. Values hold while the device lives (`belimo_nb.api.sparse.held`).
        """
        strange = [key for key in quantities if key not in QUANTITIES]
        if strange:
            raise UsageError(f"There is no quantity {strange[0]!r}; the quantities are {', '.join(QUANTITIES)}.")
        profile = self.profile if self.has_profile else None
        located = {key: None if profile is None else profile.locate(key) for key in quantities}
        unique = list(dict.fromkeys(identifier for identifier in located.values() if identifier is not None))
        span = self._range(start, end)
        step = history.parse_resolution(resolution)
        if profile is not None:
            profile.warn_refused(quantities)
        grid = history.buckets(span.start, span.end, step)
        raw = pd.DataFrame(index=grid)
        if unique:
            raw = self._connection.held_history(self._record, unique, span.start - LEAD, span.end, resolution).loc[grid]
        return measurements.quantities(raw, profile, located, step, self._connection.timezone, self.name)

    def checkup(
        self, start: Moment = None, end: Moment = None, resolution: str = "1h", design_delta_t: float | None = None
    ) -> Checkup:
        """Run all checks on its samples; see `belimo_nb.hydronics`.

        The samples are of `resolution` for the whole period, and every 5 minutes for the two most active weeks. The
        outdoor temperature is taken into account where it is available, and what the device said of its meter. Size and
        night setback are judged by the longest history up to the period's end that the store has, and say so. Hours in
        which the whole building lacked water, by what the store has of its other valves, count against no valve.

        Args:
            start: As in `energy`.
            end: As in `energy`.
            resolution: Of the samples of the whole period: the length of a bucket.
            design_delta_t: Design delta-T in K; None: unknown.

        Raises:
            UsageError: The range is too long for the resolution, or an argument makes no sense.
        """
        from belimo_nb.cloud.checkup import examine

        return examine(self._connection, self, self._range_or_default(start, end), resolution, design_delta_t)

    def energy(
        self, kind: Kind = "heating", start: Moment = None, end: Moment = None, freq: str = "D", tz: str | None = None
    ) -> pd.DataFrame:
        """Compute heating or cooling energy of calendar intervals, from the lifetime counter.

        The counter is read hourly (every 15 minutes where local days begin between full hours of UTC), some days
        around the range with it; a reading belongs to its bucket's end.

        Args:
            kind: "heating" or "cooling".
            start: Begin (local time if it has no zone); None: with `end` the 12 full months before now.
            end: End, exclusive; None: now, or the last full month's end if there is no `start` either.
            freq: "h", "D", "W", "MS", "YS" or a fixed length such as "15min".
            tz: IANA zone of the calendar; None: the site's.

        Returns:
            As `belimo_nb.energy.interval_energy`: index ``time`` (begin, in `tz`), columns kwh, coverage, quality.

        Raises:
            NoDataError: The device has no such counter.
        """
        length = fixed_length(freq)
        fine = length is not None and bool(length % pd.Timedelta(hours=1))
        return self.counter(kind, start, end, tz, fine=fine).energy(freq)

    def counter(
        self,
        kind: Kind = "heating",
        start: Moment = None,
        end: Moment = None,
        tz: str | None = None,
        *,
        fine: bool = False,
    ) -> Counter:
        """Read its energy counter once, for any number of calls of `Counter.energy`.

        Args:
            kind: "heating" or "cooling".
            start: As in `energy`.
            end: As in `energy`.
            tz: As in `energy`.
            fine: Readings every 15 minutes instead of every hour.

        Raises:
            NoDataError: The device has no such counter.
        """
        zone = self._connection.timezone if tz is None else zone_name(tz)
        return self._counters((kind,), self._range_or_default(start, end, zone), zone, fine)[kind]

    def counters(self, start: Moment = None, end: Moment = None) -> Counters:
        """Read all its energy counters that counted up to or in the range, at one go.

        One that stood at 0 all through is left out; one without readings only if it never counted, see `kinds`.

        Args:
            start: As in `energy`.
            end: As in `energy`.

        Returns:
            Counters by kind, "heating" and "cooling"; ``failures`` has those in a unit that cannot be used, and
            without any "energy".
        """
        zone = self._connection.timezone
        span = self._range_or_default(start, end)
        refused = self.profile.refused if self.has_profile else {}
        failures = {str(kind): refused[key] for kind in KINDS if (key := f"{kind}_energy") in refused}
        located = [kind for kind in KINDS if self.has(f"{kind}_energy")]
        read = self._counters(located, span, zone, fine=False) if located else {}
        found = {
            kind: counter
            for kind, counter in read.items()
            if (counter.readings.dropna() != 0).any() or (counter.readings.isna().all() and kind in self.kinds)
        }
        if not found and not failures:
            failures["energy"] = f"{self.name} counts no energy."
        return Counters(found, failures, span.start, span.end, zone)

    def _counters(self, kinds: Sequence[Kind], period: Period, zone: str, fine: bool) -> dict[str, Counter]:
        located: dict[Kind, str] = {}
        for kind in kinds:
            if kind not in KINDS:
                raise UsageError(f"The kind of energy is {kind!r}; use heating or cooling.")
            identifier = self.profile.locate(f"{kind}_energy")
            if identifier is None:
                why = f"{self.name} has no {kind} energy counter; its dataprofile {self._profile_name()} has none."
                raise NoDataError(self.profile.refused.get(f"{kind}_energy", why))
            located[kind] = identifier
        resolution = "15m" if fine else counter_resolution(zone, period.start, period.end)
        step = history.parse_resolution(resolution)
        now = self._connection.now
        if period.start >= last_reading(period.end, now):
            raise UsageError(
                f"The range from {period.start:%Y-%m-%d %H:%M} lies in the future; it is {now:%Y-%m-%d %H:%M} now."
            )
        # Some days around the range: what is a freeze or a spike, its neighbors tell.
        ids = list(filter(None, map(self.profile.locate, COUNTERS)))
        files = bool(self._connection.settings.source_files)
        span = reading_range(period.start, period.end, step, now, files=files)
        raw = self._connection.held_history(self._record, ids, *span, resolution, counters=True)
        nominal = self.design.nominal_flow_m3h
        return measurements.counters(raw, self.profile, located, step, self.name, period, zone, nominal)

    def timeline(self, start: Moment = None, end: Moment = None) -> pd.DataFrame:
        """Tabulate the events of the device, oldest first.

        Returns:
            DataFrame, columns time (aware, site's zone), type (e.g. SOFTWARE_CHANGE) and details (a mapping).
        """
        first, after = (None if v is None else self._moment(v, name) for v, name in ((start, "from"), (end, "to")))
        try:
            frame = self.events()
        except NoDataError as error:
            # Offline: a report can do without; `belimo-nb sync` does not spend a request a device on it.
            warnings.warn(f"{error} No events are shown.", stacklevel=2)
            frame = health.events([], self._connection.timezone)
        # Cut only now: the timeline is fetched whole and kept, so other ranges need no other request.
        if first is not None:
            frame = frame[frame["time"] >= first]
        if after is not None:
            frame = frame[frame["time"] < after]
        return frame.reset_index(drop=True)

    def troubles(self, start: Moment = None, end: Moment = None) -> list[health.Trouble]:
        """The times in which it reported an error or a warning; see `belimo_nb.api.health.troubles`."""
        span = self._range_or_default(start, end)
        return health.troubles(self.timeline(end=span.end), span.start, span.end)

    def events(self) -> pd.DataFrame:
        """As `timeline`, all of it, at most five minutes old; offline without any kept it is an error.

        Raises:
            NoDataError: The store has none, and the cloud may not be asked.
        """
        from belimo_nb.store.archive import FRESH  # with pyarrow, for which a list of devices should not wait

        path, what, query = f"/devices/{self.id}/timeline", f"the timeline of {self.name}", {"sortDirection": "ASC"}
        ask = functools.partial(collect, self._connection.get, path, query, what)
        completed = functools.partial(health.completed, now=self._connection.now)
        rows = self._connection.document(f"timeline {self.id}", ask, completed, lasts=FRESH)
        return health.events(rows, self._connection.timezone)

    def _moment(self, value: Moment, name: str, tz: str | None = None) -> pd.Timestamp:
        if value is None:
            return self._connection.now
        return parse_time(value, tz or self._connection.timezone, name)

    def _range_or_default(self, start: Moment, end: Moment, zone: str | None = None) -> Period:
        if start is None:
            period = self._connection.period(None, end)
            start, end = period.start, period.end
        return self._range(start, end, zone)

    def _range(self, start: Moment, end: Moment, tz: str | None = None) -> Period:
        return Period(self._moment(start, "start", tz), self._moment(end, "end", tz))

    def _profile_name(self) -> str:
        reference = subobject(self._record, "dataprofile")
        return str(reference.get("displayName") or reference.get("entityId") or "device without a dataprofile")
