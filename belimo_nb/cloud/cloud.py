"""The cloud: its devices, their latest values, and single devices by name."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb import settings as settings_module
from belimo_nb.api.devices import (
    devices_frame,
    distinct_names,
    find,
    last_seen,
    latest_frame,
    name_of,
    part,
    profile_ref,
)
from belimo_nb.api.profile import Profile
from belimo_nb.calendar.moments import Moment
from belimo_nb.calendar.periods import Period, baseline, resolve
from belimo_nb.client.auth import Authenticator
from belimo_nb.client.retries import HOPELESS
from belimo_nb.client.transport import IN_FLIGHT, Transport
from belimo_nb.cloud.dataprofiles import Dataprofiles
from belimo_nb.cloud.device import Device
from belimo_nb.cloud.device_list import DeviceList, record_of
from belimo_nb.energy.counter import Counter, Counters, Kind
from belimo_nb.errors import (
    BelimoError,
    ConnectionFailed,
    NoDataError,
    SignInError,
    UnknownDevice,
    UsageError,
)
from belimo_nb.settings import Settings
from belimo_nb.store.documents import Answers
from belimo_nb.system.progress import bar

if TYPE_CHECKING:
    from belimo_nb.cloud.survey import Survey
    from belimo_nb.store.archive import Archive

__all__ = ["Cloud", "connect"]


def connect(env_file: str | os.PathLike[str] | None = None, demo: bool | None = None, **overrides: Any) -> Cloud:
    """Connect to the cloud that the settings name; the first request signs in.

    Args:
        env_file: A file of ``NAME=value`` lines; by default the nearest `.env`, from the working folder upward.
        demo: True for the demo cloud; None to use it if no credentials are set.
        **overrides: Settings by their lower-case name, e.g. ``timezone="Europe/Berlin"``.

    Raises:
        SettingsError: A setting is missing or makes no sense.
    """
    return Cloud(settings_module.load(env_file, demo=demo, **overrides))


class Cloud:
    """The devices that one account sees; safe to share between threads. Get one from `connect`.

    Attributes:
        settings: Where and how it is reached.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._authenticator = Authenticator(settings)
        self._transport = Transport(settings, self._authenticator)
        self._answers = Answers(settings)
        self._list = DeviceList(self.get, self._answers, lambda: self.stamp, offline=settings.offline)
        self._dataprofiles = Dataprofiles(self._ask_profile)

    def __repr__(self) -> str:
        return f"<Cloud {self.source}, account {self.settings.username!r}>"

    def _repr_html_(self) -> str:
        from belimo_nb.display.base import facts

        shown = {"Account": self.settings.username, "Time zone": self.timezone, "API": self.settings.api_url}
        return facts(self.source, shown)

    @property
    def source(self) -> str:
        """What outputs call the source of the data; offline with the time that it is of."""
        if not self.settings.offline:
            return self.settings.source
        moment = self._answers.as_of
        as_of = "nothing fetched" if moment is None else f"as of {moment.tz_convert(self.timezone):%Y-%m-%d %H:%M}"
        return f"{self.settings.source}, offline, {as_of}"

    @property
    def timezone(self) -> str:
        """IANA name of the site's zone."""
        return self.settings.timezone

    @property
    def now(self) -> pd.Timestamp:
        """What "now" is: the clock's time, or the setting BELIMO_NOW; offline the last list's. In the site's zone."""
        moment = self.settings.now
        if moment is None and self.settings.offline:
            moment = self._answers.as_of
        return (pd.Timestamp.now("UTC") if moment is None else moment).tz_convert(self.timezone)

    def get(self, path: str, params: Mapping[str, str | int] | None = None, what: str | None = None) -> dict[str, Any]:
        """The API's JSON object at `path` (below the API's address); `what` names it in messages.

        Raises:
            NoDataError: Offline.
        """
        if self.settings.offline:
            raise NoDataError(f"The store does not hold {what or path}; fetch it without --offline (BELIMO_OFFLINE).")
        return self._transport.get(path, params, what)

    def sign_in(self) -> None:
        """Sign in with the password now, whatever token an earlier run has kept.

        Everything else signs in by itself; this is to see whether the credentials, as they are set now, are good.

        Raises:
            SignInError: The cloud refuses the credentials.
        """
        self._authenticator.sign_in()

    def user(self) -> dict[str, Any]:
        """Who is signed in, as the API says it."""
        return self.get("/user", what="the account")

    def stats(self) -> dict[str, Any]:
        """Counts of the fleet, as the API gives them: totalDevices, connection, health, transfer."""
        found: dict[str, Any] = self.kept("stats", lambda: self.get("/devices/stats", what="the fleet's statistics"))
        return found

    def period(self, start: Moment = None, end: Moment = None, period: str | None = None) -> Period:
        """A period in the site's zone; by default the last 12 full months. See `belimo_nb.calendar.periods.resolve`."""
        return resolve(start, end, period=period, now=self.now, tz=self.timezone)

    def compared(self, period: Period, text: str = "") -> Period:
        """What a period is compared with, by default the year before. See `belimo_nb.calendar.periods.baseline`."""
        return baseline(period, text)

    def devices(self, search: str | None = None) -> pd.DataFrame:
        """The devices, in the cloud's order, all pages of them.

        Args:
            search: Part of a name or serial number, whatever its case; None or "" for all.

        Returns:
            DataFrame, index ``id``, columns name, serial, type, profile, health (OK, WARNING, ERROR, UNKNOWN), note,
            last_seen (aware, UTC; NaT: never), online (bool), project, city, country; None where unknown.

        Raises:
            CloudError: The cloud refuses or fails, or its pages do not add up.
        """
        return devices_frame(self._list.ask(search), self.now)

    def listed_devices(self) -> pd.DataFrame:
        """All devices as of the last complete list, as `devices` gives them; listed only if there is none yet."""
        return devices_frame(list(self._list.known().values()), self.now)

    def latest(self, devices: pd.DataFrame | Iterable[str] | None = None) -> pd.DataFrame:
        """The latest values of devices, from the list itself: no request per device.

        Args:
            devices: A frame of `devices`, or ids: their values as of the last list; None for all, listed anew.

        Returns:
            DataFrame, index ``id``, columns name, time (aware, UTC: when the values were valid), power_kw, flow_m3h,
            t1_c, t2_c, delta_t_k, position_pct, heating_kwh, cooling_kwh; NaN where a device has none.
        """
        records = {str(r["id"]): r for r in self._list.ask()} if devices is None else self._list.known()
        wanted = list(records) if devices is None else _ids(devices)
        return latest_frame([record_of(identifier, records) for identifier in wanted], self.readable_profile)

    def latest_datapoints(self) -> dict[str, dict[str, Any]]:
        """The latest values of all devices as the list gave them: device id to datapoint id to value."""
        states = {key: part(part(record, "state"), "datapoints") for key, record in self._list.known().items()}
        return {
            key: {str(name): point.get("value") for name, point in points.items() if isinstance(point, dict)}
            for key, points in states.items()
        }

    def listed_records(self) -> Mapping[str, Mapping[str, Any]]:
        """The API's device objects by id, as of the last list; listed only if there is none yet."""
        return dict(self._list.known())

    def device(self, key: str) -> Device:
        """One device, by id, serial number, name, or a part of the name that only one device has.

        Raises:
            UnknownDevice: There is none; the message lists near matches.
            AmbiguousDevice: Several fit; the message lists them.
        """
        text = str(key).strip()
        if not text:
            raise UnknownDevice("No device is named; give an id, a serial number or (part of) a name.")
        records = self._list.known()
        if text in records:
            return Device(self, records[text])
        return Device(self, find(text, records))

    def energy_valves(self, devices: pd.DataFrame | None = None) -> pd.DataFrame:
        """The devices that count energy: their dataprofile has a heating or a cooling counter.

        Args:
            devices: A frame of `devices`; None for all.

        Returns:
            Its rows, with two more columns, heating and cooling (bool: has such a counter).
        """
        frame = self.devices() if devices is None else devices
        profiles = [self._profile_of_record(record_of(str(i), self._list.known())) for i in frame.index]
        counters = {
            kind: [profile is not None and profile.locate(f"{kind}_energy") is not None for profile in profiles]
            for kind in ("heating", "cooling")
        }
        frame = frame.assign(**counters)
        return frame[frame["heating"] | frame["cooling"]]

    def heating_valves(self, search: str | None = None) -> pd.DataFrame:
        """The devices that have counted heating energy, as rows of `devices`.

        Args:
            search: Part of a name or serial number; None or "" for all.

        Raises:
            NoDataError: There are none.
        """
        valves = self.energy_valves(self.devices(search))
        found = valves[valves["heating"] & (self.latest(valves)["heating_kwh"] != 0)]
        if found.empty:
            named = f" named {search!r}" if search else ""
            raise NoDataError(f"No device{named} has counted heating energy; leave the search blank for all devices.")
        return found

    def counters(
        self,
        devices: pd.DataFrame | Iterable[str],
        kind: Kind = "heating",
        start: Moment = None,
        end: Moment = None,
        *,
        fine: bool = False,
    ) -> Counters:
        """The energy counters of several devices, several at a time; one that fails costs none of the others.

        On a terminal and in a notebook a bar shows how far it is.

        Args:
            devices: A frame of `devices`, or ids.
            kind: "heating" or "cooling".
            start: As in `Device.energy`.
            end: As in `Device.energy`.
            fine: Readings every 15 minutes instead of every hour.

        Returns:
            Counters by device name; those that could not be had are listed in its ``failures``.

        Raises:
            SignInError: The credentials are refused.
        """
        known = self._list.known()
        wanted = [Device(self, record_of(identifier, known)) for identifier in _ids(devices)]
        names = distinct_names(wanted)

        period = self.period(start, end)
        unreachable: list[str] = []

        def fetch(device: Device) -> Counter | str:
            if len(unreachable) >= HOPELESS:
                return unreachable[-1]  # a cloud that hangs is not asked for every device
            try:
                return device.counter(kind, period.start, period.end, fine=fine)
            except (SignInError, UsageError):
                raise  # true of all of them
            except ConnectionFailed as error:
                unreachable.append(str(error))
                return str(error)
            except BelimoError as error:
                return str(error)
            finally:
                progress.update()

        # Where no rate holds requests up, there is nothing to wait for.
        with (
            bar(len(wanted), "device", "Reading counters", shown=bool(self.settings.rate)) as progress,
            ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="belimo-nb") as pool,
        ):
            found = dict(zip(names, pool.map(fetch, wanted), strict=True))
        return Counters(
            {name: result for name, result in found.items() if isinstance(result, Counter)},
            {name: result for name, result in found.items() if isinstance(result, str)},
            period.start,
            period.end,
            self.timezone,
        )

    def survey(
        self, devices: pd.DataFrame | None = None, start: Moment = None, end: Moment = None, fetch: int = 100
    ) -> Survey:
        """Examine the energy valves of a fleet: what they have moved, and which to look at first.

        Args:
            devices: A frame of `devices`; None for all.
            start: As in `Device.energy`.
            end: As in `Device.energy`.
            fetch: Requests that may be made for what the store lacks; if it lacks more, it is left out, and told.
        """
        from belimo_nb.cloud.survey import survey

        period = self.period(start, end)
        return survey(self, self.devices() if devices is None else devices, period, fetch)

    def profile(self, ref: str) -> Profile:
        """The dataprofile at `ref`; asked for once, since a version of a profile never changes."""
        return self._dataprofiles.at(ref)

    def readable_profile(self, ref: str) -> Profile | None:
        """As `profile`; None, with a warning the first time, where the cloud will not give it: the others go on.

        Raises:
            CloudError: The cloud cannot be reached, or fails for now.
        """
        return self._dataprofiles.readable(ref)

    @functools.cached_property
    def archive(self) -> Archive:
        """History through the store."""
        from belimo_nb.store import Store
        from belimo_nb.store.archive import Archive

        since = self.settings.fresh_since
        return Archive(
            self.get,
            Store(self.settings),
            offline=self.settings.offline,
            since=None if since is None else int(since.timestamp()),
        )

    def kept_history(
        self, record: Mapping[str, Any], datapoints: Sequence[str], start: pd.Timestamp, end: pd.Timestamp, step: str
    ) -> pd.DataFrame:
        """The last readings in buckets of `step`, through the store; as `belimo_nb.api.history.fetch`."""
        from belimo_nb.store.archive import Question, Seen, span_of

        seen = last_seen(record)
        contact = Seen(None if seen is None else int(seen.timestamp()), self._list.asked)
        wanted = dict.fromkeys(datapoints, span_of(start, end, step))
        question = Question(str(record["id"]), name_of(record), contact, step, wanted)
        return self.archive.frame(question, datapoints, start, end, self.stamp)

    def kept(self, name: str, ask: Callable[[], Any], *, forever: bool = False) -> Any:
        """An answer of the API, kept under a name: what `ask` gives, or offline what it gave last.

        Args:
            name: The name.
            ask: Asks the API.
            forever: The answer never changes, so what is kept will do.
        """
        return self._answers.through(name, ask, self.stamp, forever=forever).body

    @property
    def fresh(self) -> bool:
        """Whether the last list of devices is all that is wanted of their state: offline, and within one report."""
        return self.settings.offline or self.settings.fresh_since is not None

    @property
    def listed(self) -> int:
        """When the last complete list of devices was asked for, in seconds since 1970; 0: never."""
        return self._list.asked

    def profile_of(self, identifier: str) -> Profile:
        """The dataprofile of a device of the last list, by its id."""
        return Device(self, record_of(identifier, self._list.known())).profile

    @property
    def stamp(self) -> int:
        """`now` in whole seconds since 1970."""
        return int(self.now.timestamp())

    def online(self, what: str) -> None:
        """Check that requests are allowed; `what` needs them."""
        if self.settings.offline:
            raise UsageError(f"{what} needs the cloud, but BELIMO_OFFLINE is set; unset it, or leave out --offline.")

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _ask_profile(self, ref: str, what: str, *, forever: bool) -> dict[str, Any]:
        found: dict[str, Any] = self.kept(f"profile {ref}", lambda: self.get(ref, what=what), forever=forever)
        return found

    def _profile_of_record(self, record: Mapping[str, Any]) -> Profile | None:
        ref = profile_ref(record)
        return None if ref is None else self.readable_profile(ref)


def _ids(devices: pd.DataFrame | Iterable[str]) -> list[str]:
    return [str(i) for i in (devices.index if isinstance(devices, pd.DataFrame) else devices)]
