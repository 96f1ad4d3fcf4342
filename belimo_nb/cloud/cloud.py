"""The cloud: its devices, their latest values, and single devices by name."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from belimo_nb import settings as settings_module
from belimo_nb.api.devices import LATEST_QUANTITIES, devices_frame, find_device, latest_frame, profile_ref
from belimo_nb.calendar.moments import Moment
from belimo_nb.calendar.periods import Period, baseline
from belimo_nb.cloud.connection import Connection
from belimo_nb.cloud.counting import KINDS, counts
from belimo_nb.cloud.device import Device
from belimo_nb.cloud.device_list import record_of
from belimo_nb.cloud.several import ask_each, devices_by_name
from belimo_nb.energy.counter import Counter, Counters, Kind
from belimo_nb.errors import BelimoError, NoDataError, UnknownDevice
from belimo_nb.settings import Settings
from belimo_nb.system.progress import bar

if TYPE_CHECKING:
    from belimo_nb.cloud.survey import Survey

METERS = ("flow", "t1", "t2")  # what a meter of energy measures
Devices: TypeAlias = "pd.DataFrame | Iterable[str]"
"""A frame of `Cloud.devices`, ids, or words to search for in names and serial numbers."""


def connect(
    env_file: str | os.PathLike[str] | None = None,
    demo: bool | None = None,
    files: str | None = None,
    **overrides: Any,
) -> Cloud:
    """Connect to the cloud that the settings name; the first request signs in.

    Args:
        env_file: A file of ``NAME=value`` lines; by default the nearest `.env`, from the working folder upward.
        demo: True for the demo cloud; None to use it if no credentials are set.
        files: Name under which files were imported (`belimo-nb import --into NAME`), to use them instead of a cloud.
        **overrides: Settings by their lower-case name, e.g. ``timezone="Europe/Berlin"``.

    Raises:
        SettingsError: A setting is missing or makes no sense.
    """
    overrides = {"source_files": files} | overrides
    return Cloud(settings_module.load(env_file, demo=demo, **overrides))


class Cloud:
    """The devices of one account; safe to share between threads. Get one from `connect`.

    Attributes:
        connection: Requests, device list, dataprofiles and store, for the package's own code.
    """

    def __init__(self, settings: Settings) -> None:
        self.connection = Connection(settings)

    @property
    def settings(self) -> Settings:
        """The settings, with addresses, account and options."""
        return self.connection.settings

    @property
    def source(self) -> str:
        """The data's source as outputs name it; offline with the time of the last device list."""
        return self.connection.source

    @property
    def timezone(self) -> str:
        """IANA name of the site's zone."""
        return self.connection.timezone

    @property
    def now(self) -> pd.Timestamp:
        """The current time, or the setting BELIMO_NOW; offline that of the last device list. In the site's zone."""
        return self.connection.now

    def period(self, start: Moment = None, end: Moment = None, period: str | None = None) -> Period:
        """Parse a period, by default the last 12 full months; see `belimo_nb.calendar.periods.resolve`."""
        return self.connection.period(start, end, period)

    def sign_in(self) -> None:
        """Sign in with the password now, to check the credentials; everything else signs in by itself.

        Raises:
            SignInError: The cloud refuses the credentials.
        """
        self.connection.sign_in()

    def close(self) -> None:
        """Close the HTTP connections."""
        self.connection.close()

    def __repr__(self) -> str:
        return f"<Cloud {self.source}, account {self.settings.username!r}>"

    def _repr_html_(self) -> str:
        from belimo_nb.display.base import facts_html

        shown = {"Account": self.settings.username, "Time zone": self.timezone, "API": self.settings.api_url}
        return facts_html(self.source, shown)

    def user(self) -> dict[str, Any]:
        """The signed-in account, as the API gives it."""
        return self.connection.get("/user", what="the account")

    def stats(self) -> dict[str, Any]:
        """Counts of the fleet, as the API gives them: totalDevices, connection, health, transfer."""
        ask = functools.partial(self.connection.get, "/devices/stats", what="the fleet's statistics")
        found: dict[str, Any] = self.connection.document("stats", ask)
        return found

    def compared(self, period: Period, text: str = "") -> Period:
        """Parse the period to compare with, by default the 12 months before. See `calendar.periods.baseline`."""
        return baseline(period, text)

    def devices(self, search: str | None = None) -> pd.DataFrame:
        """List the devices, in the cloud's order.

        Args:
            search: Part of a name or serial number, whatever its case; None or "" for all.

        Returns:
            DataFrame, index ``id``, columns name, serial, type, profile, health (OK, WARNING, ERROR, UNKNOWN), note,
            last_seen (aware, UTC; NaT: never), online (bool), project, city, country; None where unknown.

        Raises:
            CloudError: The cloud refuses or fails, or its pages do not add up.
        """
        return devices_frame(self.connection.device_list.ask(search), self.now)

    def latest(self, devices: Devices | None = None) -> pd.DataFrame:
        """Tabulate the latest values of devices, from the list itself: no request per device.

        Args:
            devices: A frame of `devices`, or ids: their values as of the last list; words to search for, or None for
                all: listed anew.

        Returns:
            DataFrame, index ``id``, columns name, time (aware, UTC: when the values were valid), power_kw, flow_m3h,
            t1_c, t2_c, delta_t_k, position_pct, heating_kwh, cooling_kwh; NaN where a device has none.
        """
        listed = self.connection.device_list
        if devices is None or isinstance(devices, str):
            records = {str(r["id"]): r for r in listed.ask(devices)}
            wanted = list(records)
        else:
            records, wanted = listed.known(), _ids(devices)
        shown = [record_of(identifier, records) for identifier in wanted]
        for ref in dict.fromkeys(filter(None, map(profile_ref, shown))):
            if profile := self.connection.dataprofiles.readable(ref):
                profile.warn_refused(LATEST_QUANTITIES)
        return latest_frame(shown, self.connection.dataprofiles.readable)

    def device(self, key: str) -> Device:
        """Find one device, by id, serial number, name, or a part of the name that only one device has.

        Raises:
            UnknownDevice: There is none; the message lists near matches.
            AmbiguousDevice: Several fit; the message lists them.
        """
        text = str(key).strip()
        if not text:
            raise UnknownDevice("No device is named; give an id, a serial number or (part of) a name.")
        records = self.connection.device_list.known()
        if text in records:
            return Device(self.connection, records[text])
        return Device(self.connection, find_device(text, records))

    def energy_valves(self, devices: Devices | None = None) -> pd.DataFrame:
        """List the devices that count energy: their dataprofile has a heating or a cooling counter, in whatever unit.

        With those that measure what an energy valve does, flow and both temperatures, but count nothing: they can be
        judged, and their energy is unknown.

        Args:
            devices: A frame of `devices`, ids, or words to search for; None for all.

        Returns:
            Its rows, with two more columns, heating and cooling (bool: has such a counter). ``.attrs["unreadable"]``
            has the names of devices whose dataprofile could not be read, which are left out, with the reason.

        Raises:
            CloudError: There is none, but a dataprofile could not be read.
        """
        frame = self._frame(devices)
        known = self.connection.device_list.known()
        refs = [profile_ref(record_of(str(identifier), known)) for identifier in frame.index]
        profiles = [self.connection.dataprofiles.readable(ref) for ref in refs]
        refusals = [self.connection.dataprofiles.refusal(ref) for ref in refs]
        counters = {
            kind: [profile is not None and profile.describes(f"{kind}_energy") for profile in profiles]
            for kind in KINDS
        }
        frame = frame.assign(**counters)
        told = [profile is not None and all(map(profile.describes, METERS)) for profile in profiles]
        found = frame[frame["heating"] | frame["cooling"] | pd.Series(told, frame.index, dtype=bool)]
        # That none can be read does not mean that none counts energy.
        if found.empty and (refusal := next(filter(None, refusals), None)):
            raise refusal
        names = zip(frame["name"], refusals, strict=True)
        found.attrs["unreadable"] = {str(name): str(refusal) for name, refusal in names if refusal}
        return found

    def heating_valves(self, search: Devices | None = None) -> pd.DataFrame:
        """List the devices that count heating energy, as rows of `devices`; no request is made for it.

        These are all whose dataprofile has a heating counter, but for those known never to have counted, such as
        cooling valves; see `belimo_nb.cloud.counting.counts`. Change-over valves count both.

        Args:
            search: Part of a name or serial number; None or "" for all; or a frame of `devices`, or ids.

        Raises:
            NoDataError: There are none.
        """
        return self._counting(search, "heating")

    def cooling_valves(self, search: Devices | None = None) -> pd.DataFrame:
        """List the devices that count cooling energy; as `heating_valves`."""
        return self._counting(search, "cooling")

    def _counting(self, search: Devices | None, kind: Kind) -> pd.DataFrame:
        valves = self.energy_valves(search)
        known = self.connection.device_list.known()
        found = valves[[counts(self.connection, record_of(str(key), known), kind) for key in valves.index]]
        if found.empty:
            which = f"No device named {search!r}" if isinstance(search, str) and search else "No device"
            raise NoDataError(f"{which} has counted {kind} energy; leave the search blank for all devices.")
        return found

    def counters(
        self,
        devices: Devices,
        kind: Kind = "heating",
        start: Moment = None,
        end: Moment = None,
        *,
        fine: bool = False,
    ) -> Counters:
        """Read the energy counters of several devices; one that fails costs none of the others.

        Args:
            devices: A frame of `devices`, ids, or words to search for: the valves that count this kind of energy.
            kind: "heating" or "cooling".
            start: As in `Device.energy`.
            end: As in `Device.energy`.
            fine: Readings every 15 minutes instead of every hour.

        Returns:
            Counters by device name; those that could not be had are listed in its ``failures``.

        Raises:
            SignInError: The credentials are refused.
        """
        wanted = self._counting(devices, kind) if isinstance(devices, str) else devices
        named = devices_by_name(self.connection, _ids(wanted))
        period = self.period(start, end)
        # Where no rate holds requests up, there is nothing to wait for.
        with bar(len(named), "device", "Reading counters", shown=bool(self.settings.rate)) as progress:
            results = ask_each(
                named.values(),
                lambda device: device.counter(kind, period.start, period.end, fine=fine),
                progress.update,
            )
        found = dict(zip(named, results, strict=True))
        return Counters(
            {name: result for name, result in found.items() if isinstance(result, Counter)},
            {name: str(result) for name, result in found.items() if isinstance(result, BelimoError)},
            period.start,
            period.end,
            self.timezone,
            self.connection.transfers({name: device.id for name, device in named.items()}),
        )

    def survey(
        self, devices: Devices | None = None, start: Moment = None, end: Moment = None, fetch: int = 100
    ) -> Survey:
        """Examine the energy valves of a fleet: energy moved, and which to look at first.

        Args:
            devices: A frame of `devices`, ids, or words to search for; None for all.
            start: As in `Device.energy`.
            end: As in `Device.energy`.
            fetch: Requests to make at most for what the store lacks; if it lacks more, none is made, and it is told.
        """
        from belimo_nb.cloud.survey import survey

        period = self.period(start, end)
        return survey(self.connection, self.energy_valves(devices), period, fetch)

    def _frame(self, devices: Devices | None) -> pd.DataFrame:
        """Rows of `devices`, whatever way they are asked for."""
        if isinstance(devices, pd.DataFrame):
            return devices
        if devices is None or isinstance(devices, (str, int, float)):  # a number is refused there
            return self.devices(devices)
        known = self.connection.device_list.known()
        return devices_frame([record_of(identifier, known) for identifier in _ids(devices)], self.now)


def _ids(devices: pd.DataFrame | Iterable[str]) -> list[str]:
    return [str(i) for i in (devices.index if isinstance(devices, pd.DataFrame) else devices)]
