"""The connection to one cloud: requests, the device list, dataprofiles, the store and the clock."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import pandas as pd

from belimo_nb.api.devices import check_is, datapoint_values, devices_frame, last_seen, name_of, profile_ref, subobject
from belimo_nb.api.history import parse_resolution
from belimo_nb.api.profile import Profile, completed
from belimo_nb.api.sparse import held
from belimo_nb.calendar.moments import Moment, from_api, to_api
from belimo_nb.calendar.periods import Period, resolve
from belimo_nb.client.auth import Authenticator
from belimo_nb.client.transport import Traffic, Transport
from belimo_nb.cloud.dataprofiles import Dataprofiles
from belimo_nb.cloud.device_list import DeviceList
from belimo_nb.errors import AnswerError, ApiError, NoDataError, UsageError
from belimo_nb.settings import Settings
from belimo_nb.store.documents import DocumentStore

if TYPE_CHECKING:
    from belimo_nb.store.archive import Archive


LATE = pd.Timedelta(minutes=5)  # by which values asked for at a time may be newer


class Connection:
    """A connection to the cloud of one account, shared by a `Cloud` and its devices, also between threads.

    Attributes:
        settings: Addresses, account and options.
        device_list: The last complete list of devices.
        dataprofiles: Those that were asked for.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._authenticator = Authenticator(settings)
        self._transport = Transport(settings, self._authenticator)
        self._documents = DocumentStore(settings)
        self._recent: dict[str, tuple[float, Any]] = {}  # documents by name, with when they were asked for
        self.dataprofiles = Dataprofiles(self._ask_profile)
        self.device_list = DeviceList(self.get, self._documents, lambda: self.now_s, offline=settings.offline)

    @property
    def source(self) -> str:
        """The data's source as outputs name it; offline with the time of the last device list, or of the import."""
        if self.settings.source_files:
            imports = self._documents.read("imports")
            return f"imported {imports.body['text']}" if imports else f"{self.settings.source}, nothing imported"
        if not self.settings.offline:
            return self.settings.source
        moment = self._documents.as_of
        as_of = "nothing fetched" if moment is None else f"as of {moment.tz_convert(self.timezone):%Y-%m-%d %H:%M}"
        return f"{self.settings.source}, offline, {as_of}"

    @property
    def timezone(self) -> str:
        """IANA name of the site's zone."""
        return self.settings.timezone

    @property
    def now(self) -> pd.Timestamp:
        """The current time, or the setting BELIMO_NOW; offline that of the last device list. In the site's zone."""
        moment = self.settings.now
        # Offline the data end with the last list, and so do "last month" and "online".
        if moment is None and self.settings.offline:
            moment = self._documents.as_of
        return (pd.Timestamp.now("UTC") if moment is None else moment).tz_convert(self.timezone)

    @property
    def now_s(self) -> int:
        """`now` in whole seconds since 1970."""
        return int(self.now.timestamp())

    def period(self, start: Moment = None, end: Moment = None, period: str | None = None) -> Period:
        """Parse a period, by default the last 12 full months; see `belimo_nb.calendar.periods.resolve`."""
        return resolve(start, end, period=period, now=self.now, tz=self.timezone)

    def get(self, path: str, params: Mapping[str, str | int] | None = None, what: str | None = None) -> dict[str, Any]:
        """Get the API's JSON object at `path` (below the API's address); `what` names it in messages.

        Raises:
            NoDataError: Offline.
        """
        if name := self.settings.source_files:
            from belimo_nb.store.inventory import imported

            if name not in (names := imported(self.archive.store)):
                there = f"there are {', '.join(names)}" if names else "`belimo-nb import` begins"
                raise NoDataError(f"Nothing is imported into {name!r} in {self.settings.data_dir}; {there}.")
            raise NoDataError(
                f"The files imported into {name!r} do not hold {what or path}; `belimo-nb import` adds more."
            )
        if self.settings.offline:
            raise NoDataError(f"The store does not hold {what or path}; fetch it without --offline (BELIMO_OFFLINE).")
        return self._transport.get(path, params, what)

    def sign_in(self) -> None:
        """Sign in with the password now, whatever token an earlier run has kept.

        Raises:
            SignInError: The cloud refuses the credentials.
        """
        if self.settings.source_files:
            self.check_online("Signing in")
        self._authenticator.sign_in()

    def check_online(self, what: str) -> None:
        """Raise `UsageError` offline, for a command `what` that needs requests."""
        if self.settings.source_files:
            raise UsageError(
                f"{what} needs a cloud, but BELIMO_SOURCE_FILES is set: imported files are all there already."
            )
        if self.settings.offline:
            raise UsageError(f"{what} needs the cloud, but BELIMO_OFFLINE is set; unset it, or leave out --offline.")

    def close(self) -> None:
        """Close the HTTP connections."""
        self._transport.close()

    @property
    def traffic(self) -> Traffic:
        """The requests to the API so far."""
        return self._transport.traffic

    @property
    def granted_scopes(self) -> tuple[str, ...] | None:
        """The scopes that the last sign-in was told it has; None if it was not told."""
        return self._authenticator.granted

    @property
    def list_is_fresh(self) -> bool:
        """Whether states of the device list need not be asked for again: offline, or within one run of reports."""
        return self.settings.offline or self.settings.fresh_since is not None

    def listed_devices(self) -> pd.DataFrame:
        """All devices of the last complete list, as `Cloud.devices`; fetched only if there is none yet."""
        return devices_frame(list(self.device_list.known().values()), self.now)

    def latest_datapoints(self) -> dict[str, dict[str, Any]]:
        """The latest values of all devices, from the list: device id to datapoint id to value."""
        known = self.device_list.known()
        return {key: datapoint_values(subobject(record, "state")) for key, record in known.items()}

    def profile(self, ref: str) -> Profile:
        """The dataprofile at `ref`, fetched once."""
        return self.dataprofiles.at(ref)

    def profile_of(self, record: Mapping[str, Any]) -> Profile:
        """The dataprofile of a device, by the API's device object.

        Raises:
            NoDataError: The device has never reported a dataprofile.
        """
        ref = profile_ref(record)
        if ref is None:
            raise NoDataError(
                f"{name_of(record)} has never reported a dataprofile, so nothing is known of its datapoints; check "
                "that it has been online."
            )
        return self.profile(ref)

    def state(self, record: Mapping[str, Any], at: pd.Timestamp | None = None) -> Mapping[str, Any]:
        """The values of a device at a time, or the newest: the API's object with ``timestamp`` and ``datapoints``."""
        path, what = f"/devices/{record['id']}", f"the state of {name_of(record)}"
        if at is not None:
            body = self._about(record, f"{path}/data", what, {"at": to_api(at)})
            time = from_api([body.get("timestamp")])[0]
            if time > at + LATE:  # no values of that time: for NaT this is False
                raise AnswerError(
                    f"Asked for {what} at {to_api(at)}, the cloud answered with that at {to_api(time)}; nothing of it "
                    "is used: ask again later."
                )
            return body
        listed = subobject(record, "state")
        if self.list_is_fresh and listed.get("datapoints"):
            return listed  # all reports of a run show the same moment
        try:
            asked = subobject(self._about(record, path, what), "state")
        except ApiError:
            asked = {}
        known = [state for state in (asked, listed) if state.get("datapoints")]
        # The values at no time are those of a daily snapshot, hours old, and the last resort.
        times = from_api(state.get("timestamp") for state in known).as_unit("ns").asi8.tolist()  # the least where none
        return known[times.index(max(times))] if known else self._about(record, f"{path}/data", what)

    def _about(
        self, record: Mapping[str, Any], path: str, what: str, params: Mapping[str, str | int] | None = None
    ) -> dict[str, Any]:
        body = self.get(path, params, what)
        check_is(str(record["id"]), body, what)
        return body

    def document(
        self,
        name: str,
        ask: Callable[[], Any],
        completed: Callable[[Any, Any], Any] | None = None,
        lasts: float = 0.0,
    ) -> Any:
        """Get a JSON document from the API and keep it; offline the kept one. See `DocumentStore.get_or_ask`.

        For `lasts` seconds this connection gives it again without asking.
        """
        asked, body = self._recent.get(name, (-math.inf, None))
        if not monotonic() - asked < lasts:
            body = self._documents.get_or_ask(name, ask, self.now_s, completed=completed).body
            self._recent[name] = monotonic(), body
        return body

    @functools.cached_property
    def archive(self) -> Archive:
        """The archive of history, through the store."""
        # Made on first use and imported late: who only lists devices should not wait for pyarrow.
        from belimo_nb.store import Store
        from belimo_nb.store.archive import Archive

        since = self.settings.fresh_since
        return Archive(
            self.get,
            Store(self.settings),
            offline=self.settings.offline,
            since=None if since is None else int(since.timestamp()),
        )

    def stored_history(
        self, record: Mapping[str, Any], datapoints: Sequence[str], start: pd.Timestamp, end: pd.Timestamp, step: str
    ) -> pd.DataFrame:
        """Read the last readings of buckets of `step`, through the store, as `belimo_nb.api.history.fetch`."""
        from belimo_nb.store.archive import HistoryQuery, LastContact, span_of

        seen = last_seen(record)
        contact = LastContact(None if seen is None else int(seen.timestamp()), self.device_list.asked)
        wanted = dict.fromkeys(datapoints, span_of(start, end, step))
        earlier = self.device_list.earlier_ids(record)
        profile = profile_ref(record) and self.profile_of(record)
        units = profile.units if profile else {}
        query = HistoryQuery(str(record["id"]), name_of(record), contact, step, wanted, earlier, units)
        return self.archive.frame(query, datapoints, start, end, self.now_s)

    def transferred(self, identifier: str) -> pd.Timestamp | None:
        """When a device began to report under its present id, in the site's zone.

        None if no history is kept under an earlier id of it.
        """
        store, listed = self.archive.store, self.device_list
        earlier = listed.earlier_ids(listed.known().get(identifier, {}))
        if not earlier:
            return None
        ids = [identifier, *earlier]
        begins = [times[0] if len(times := store.read(key, "1h", ()).times) else None for key in ids]
        if begins[0] is None or not any(begin is not None for begin in begins[1:]):
            return None
        return pd.Timestamp(int(begins[0]), unit="s", tz="UTC").tz_convert(self.timezone)

    def transfers(self, devices: Mapping[str, str]) -> dict[str, pd.Timestamp]:
        """As `transferred` of several devices, given by name: those of which there is such a history."""
        return {name: since for name, key in devices.items() if (since := self.transferred(key)) is not None}

    def held_history(
        self,
        record: Mapping[str, Any],
        datapoints: Sequence[str],
        start: pd.Timestamp,
        end: pd.Timestamp,
        step: str,
        *,
        counters: bool = False,
    ) -> pd.DataFrame:
        """As `stored_history`, with values that hold until the next one; see `belimo_nb.api.sparse.held`."""
        raw = self.stored_history(record, datapoints, start, end, step)
        told = () if profile_ref(record) is None else self.profile_of(record).told
        return held(raw, parse_resolution(step), last_seen(record), counters=counters, rare=told)

    def _ask_profile(self, ref: str, what: str, lasts: int) -> dict[str, Any]:
        def believed(body: Any) -> bool:
            with contextlib.suppress(AnswerError):
                Profile.check_is(ref, body, what)
                return bool(Profile.points(body))
            return False

        def ask() -> dict[str, Any]:
            body = self.get(ref, what=what)
            Profile.check_is(ref, body, what)
            Profile.points(body)
            return body

        def whole(body: Any) -> bool:
            return self.device_list.reported(ref) <= Profile.points(body).keys()

        found: dict[str, Any] = self._documents.get_or_ask(
            f"profile {ref}",
            ask,
            self.now_s,
            lasts=lasts,
            believed=believed,
            whole=whole,
            completed=completed if lasts else None,
        ).body
        return found
