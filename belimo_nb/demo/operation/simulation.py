"""The simulation: samples, states and events of all devices, as the cloud knows them at `now`."""

import bisect
import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from belimo_nb.demo.fleet.building import Kind
from belimo_nb.demo.fleet.faults import planted_faults
from belimo_nb.demo.fleet.fleet import DemoDevice, fleet, transferred
from belimo_nb.demo.fleet.plants import Plant, Signature, plants
from belimo_nb.demo.fleet.profiles import DATAPOINTS
from belimo_nb.demo.operation.appliances import ApplianceMeter
from belimo_nb.demo.operation.binding import appliance_meter, availability_of, valve_meter
from belimo_nb.demo.operation.changes import Changes, Scalar, changes, published, software_updates, timeline, value_at
from belimo_nb.demo.operation.lifelike import kept
from belimo_nb.demo.operation.meter import ValveMeter
from belimo_nb.demo.operation.reporting import Outage, daily_reports, sent_daily, sent_samples
from belimo_nb.demo.world.noise import FloatArray
from belimo_nb.demo.world.schedule import NOW, SAMPLES, STEP
from belimo_nb.demo.world.weather import hour_begins, weather

Times = npt.NDArray[np.int64]

_KEPT_SERIES = 32  # the values of one take 2.5 MB, its times as much where it has some of its own
_API_STATES = {"OK": "OK", "WARN": "WARNING", "ERROR": "ERROR", "UNKNOWN": "UNKNOWN"}


class Simulation:
    """The demo fleet from the begin of its history to its horizon. May be used from several threads.

    Values never depend on `now`, which only decides which of them are known: what is fetched twice is the same.

    Args:
        devices: size of the fleet.
        seed: changes noise, and the sizes of all plants but the heating zones.
        now: epoch seconds; samples from then on are not known yet. It may be moved at any time.
        ev4: share of the energy valves that are Energy Valves 4; None: see `fleet`.
        reporting: when all devices send their samples; None: see `fleet`.
        transfers: how many energy valves change hands; None: see `transferred`.
        lifelike: whether plants and meters have the troubles of real ones, see `belimo_nb.demo.operation.lifelike`.
    """

    def __init__(
        self,
        devices: int = 36,
        seed: int = 1,
        now: int = NOW,
        ev4: float | None = None,
        reporting: str | None = None,
        transfers: int | None = None,
        lifelike: bool = False,
    ) -> None:
        self.now = now
        self.seed = seed
        self.lifelike = lifelike
        self._scopes = transferred(fleet(devices, seed, ev4, reporting, lifelike), transfers)
        self._by_id = {device.id: device for device in self._scopes}
        self._plants = plants(seed, lifelike)
        self.truth = planted_faults(self.devices, self._plants, seed, lifelike)
        self._samples = functools.lru_cache(_KEPT_SERIES)(self._all_samples)
        self._meter = functools.cache(self._new_meter)
        self._changes_of = functools.cache(self._published)
        self._available = functools.cache(functools.partial(availability_of, lifelike=lifelike))

    @property
    def devices(self) -> Sequence[DemoDevice]:
        """The devices at `now`, by production id."""
        return [device for device in self._scopes if device.since <= self.now < device.until]

    def device(self, device_id: str) -> DemoDevice:
        """The device of an id.

        Raises:
            KeyError: there is none at `now`.
        """
        device = self._by_id[device_id]
        if not device.since <= self.now < device.until:
            raise KeyError(device_id)
        return device

    def series(self, device: DemoDevice, datapoint_id: str) -> tuple[Times, npt.NDArray[Any]]:
        """Native samples of one datapoint that the cloud has at `now`.

        Returns:
            Epoch seconds, strictly ascending, and values: float64, or objects for texts and truths. Read-only.

        Raises:
            KeyError: the device has no such datapoint.
        """
        now = self.now
        available = self._available(device)
        points = self._changes_of(device).get(datapoint_id)
        if points is not None:
            repeated = daily_reports(device, available, now) if sent_daily(device, datapoint_id) else ()
            return _change_series(points, now, repeated)
        meter = self._meter(device)
        if meter is None or datapoint_id not in meter.datapoints:
            raise KeyError(datapoint_id)
        times, values = self._samples(device, meter, datapoint_id, available.absent(now))
        count = int(np.searchsorted(times, now))
        return times[:count], values[:count]

    def state(self, device: DemoDevice, at: int) -> tuple[int, dict[str, Scalar]]:
        """Time of the newest sample at or before `at` (epoch seconds), and every datapoint's latest value then."""
        moment = min(at, self.now - 1)  # what happens at `now` itself is not known yet
        newest = device.installed if device.registered else device.production_date
        values: dict[str, Scalar] = {}
        for key, points in self._changes_of(device).items():
            position = bisect.bisect_right(points, moment, key=lambda point: point[0])
            if position:
                time, values[key] = points[position - 1]
                newest = max(newest, time)
        meter = self._meter(device)
        if not device.registered:
            return newest, values
        available = self._available(device)
        index = available.newest(at, self.now)
        if index >= 0:
            newest = max(newest, available.time(index))
            if meter is not None and device.profile is not None:
                for datapoint in DATAPOINTS[device.profile]:
                    if datapoint.id in meter.datapoints:
                        value = float(meter.read(datapoint.id, index))
                        values[datapoint.id] = int(value) if datapoint.basetype == "int" else value
        return newest, values

    def timeline(self, device: DemoDevice) -> list[dict[str, Any]]:
        """Events up to `now`, ascending: timestamp (epoch seconds), type, details."""
        events = timeline(device, self._changes_of(device))
        return [event for event in events if event["timestamp"] <= self.now]

    def last_seen(self, device: DemoDevice) -> int | None:
        """Epoch seconds of the last contact; None: never online."""
        if not device.registered:
            return None
        available = self._available(device)
        index = available.newest(self.now, self.now)
        return available.time(index) if index >= 0 else None

    def online_days(self, device: DemoDevice) -> int:
        """Number of days with contact."""
        return self._available(device).online_days(self.now) if device.registered else 0

    def health(self, device: DemoDevice) -> tuple[str, str | None]:
        """Health state in the API's terms (OK, WARNING, ERROR, UNKNOWN) and its description, None if unknown."""
        if device.profile is None:
            return "UNKNOWN", None
        points = self._changes_of(device)
        both = zip(points["default.1"], points["default.2"], strict=True)
        known = [(status, note) for (time, status), (_, note) in both if time < self.now]
        if not known:
            return "UNKNOWN", None
        status, note = known[-1]
        return _API_STATES[str(status)], str(note)

    def releases_behind(self, device: DemoDevice) -> int:
        """Number of software releases that it has not been given yet."""
        return sum(time > self.now for time in software_updates(device))

    def outdoor_temperature(self, begin: int, end: int) -> tuple[Times, FloatArray]:
        """Outdoor temperature in °C of the hours that begin in [begin, end): epoch seconds and values, shape (n,)."""
        hours = hour_begins()
        part = slice(int(np.searchsorted(hours, begin)), int(np.searchsorted(hours, end)))
        return hours[part], weather().temperature_c[part]

    def true_energy(self, device: DemoDevice, datapoint_id: str, begin: float, end: float) -> float:
        """The true energy in [begin, end): the increase of a counter without faults, in J (volume: m3).

        Raises:
            KeyError: the device has no such counter.
        """
        meter = self._meter(device)
        if not isinstance(meter, ValveMeter):
            raise KeyError(datapoint_id)
        return meter.true_total(datapoint_id, end) - meter.true_total(datapoint_id, begin)

    def signature(self, device: DemoDevice) -> Signature | None:
        """The true energy signature of a heating zone; None for any other device."""
        plant = self.plant(device)
        if plant is None or plant.kind is not Kind.HEATING_ZONE:
            return None
        return Signature(plant.size * device.scale, plant.balance_point_c, plant.base_w * device.scale)

    def plant(self, device: DemoDevice) -> Plant | None:
        """The plant behind an energy valve, before scaling; None for other devices."""
        return self._plants[device.plant] if device.is_energy_valve else None

    def _all_samples(
        self, device: DemoDevice, meter: ValveMeter | ApplianceMeter, datapoint_id: str, absent: tuple[Outage, ...]
    ) -> tuple[Times, npt.NDArray[Any]]:
        """Times and values of all samples but those of some outages; read-only, since all requests share them."""
        available = self._available(device)
        times, values = _times(available.first), np.asarray(meter.read(datapoint_id, slice(None)), dtype=np.float64)
        masks = [available.held(absent)] if absent else []
        if device.reporting != "5m":
            masks.append(sent_samples(device, datapoint_id, values, available))
        if self.lifelike:
            masks.append(kept(device.first_id, datapoint_id))
        if masks:
            there = np.logical_and.reduce(masks)
            times, values = times[there], values[there]
        times.flags.writeable = values.flags.writeable = False
        return times, values

    def _published(self, device: DemoDevice) -> dict[str, Changes]:
        return published(device, changes(device, self.plant(device), self.seed))

    def _new_meter(self, device: DemoDevice) -> ValveMeter | ApplianceMeter | None:
        if device.profile is None:
            return None
        available = self._available(device)
        plant = self.plant(device)
        if plant is None:
            return appliance_meter(device, self.seed, available)
        return valve_meter(device, plant, self.seed, changes(device, plant, self.seed), available)


@functools.lru_cache(maxsize=40)  # devices with the same phase share them
def _times(first: int) -> Times:
    return first + STEP * np.arange(SAMPLES, dtype=np.int64)


def _change_series(points: Changes, now: int, repeated: Iterable[int]) -> tuple[Times, npt.NDArray[Any]]:
    """A series of changes, and at the times `repeated` of what held then."""
    numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for _, value in points)
    held = {time: value_at(points, time) for time in map(int, repeated) if time > points[0][0]}
    points = sorted((held | dict(points)).items(), key=lambda point: point[0])
    known = [point for point in points if point[0] < now]
    times = np.array([time for time, _ in known], dtype=np.int64)
    values = np.array([value for _, value in known], dtype=np.float64 if numeric else object)
    times.flags.writeable = False
    values.flags.writeable = False
    return times, values
