"""The devices of the demo cloud: 36 in one building, or thousands in many cities."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from belimo_nb.demo.fleet.building import DEFAULT_FLEET, PORTFOLIO, ZURICH, Entry, Kind, Place, copied_entry
from belimo_nb.demo.fleet.profiles import (
    ENERGY_VALVE_3_WITH_WEAR,
    ENERGY_VALVE_4,
    ENERGY_VALVE_4_PATHS,
    ENERGY_VALVE_VERSION_3,
    ENERGY_VALVES,
    DataprofileKey,
)
from belimo_nb.demo.world.noise import fraction, hash64, uniform
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, HORIZON, STEP

_DAY = 86400
_EV4_SHARE = 0.2  # of the energy valves beyond the default fleet
_TRANSFERS = (HISTORY_BEGIN + 420 * _DAY, HISTORY_BEGIN + 720 * _DAY)  # January to November 2018
_TRANSFER_HOUR = 8
_WEAR_SHARE = 0.3  # of them, those whose dataprofile tells wear
_DEVICE_TYPES = {Kind.ACTUATOR: "7:mpActuator", Kind.GATEWAY: "9:ipGateway"}
_ENERGY_VALVE_TYPE = "3:energyValve"

BY_CHANGE = "change"
REPORTINGS: Mapping[str, int] = {"5m": 1, "15m": 3, "1h": 12, "1d": 288, BY_CHANGE: 1}
"""When a device sends its samples -> how many native steps lie between the samples that it may send."""
_RARE = ((BY_CHANGE, 0.15), ("15m", 0.18), ("1h", 0.21), ("1d", 0.23))  # beyond the default fleet, cumulative shares


@dataclass(frozen=True)
class DemoDevice:
    """A device with what the simulation needs.

    Attributes:
        id: UUID of the data scope.
        production_id: identifies the hardware; the API's default order.
        name: display name.
        serial_number: serial number.
        material_number: article.
        device_type: type as set in production.
        production_date: epoch seconds.
        profile: dataprofile; None if the device never reported one.
        kind: what the device does in its building.
        plant: name of the simulated plant behind the device: its own name in the default fleet, else that of a
            healthy device of the default fleet.
        scale: size of the device's plant relative to that plant.
        registered: whether it was ever online.
        phase: seconds by which its samples trail the five-minute grid, 1 to 299.
        place: address.
        floor: floor or level.
        reporting: when it sends its samples, one of `REPORTINGS`.
        since: begin of its data scope, epoch seconds: that of the history, or the day on which it came to its owner.
        until: end of its data scope: the id is unknown from then on.
        first_id: the id of its first data scope, which decides its random numbers.
    """

    id: str
    production_id: str
    name: str
    serial_number: str
    material_number: str
    device_type: str
    production_date: int
    profile: DataprofileKey | None
    kind: Kind
    plant: str
    scale: float
    registered: bool
    phase: int
    place: Place
    floor: str
    reporting: str
    since: int = HISTORY_BEGIN
    until: int = HORIZON + 1
    first_id: str = ""

    @property
    def is_energy_valve(self) -> bool:
        """Whether its dataprofile has power, flow and the two counters."""
        return self.profile in ENERGY_VALVES

    @property
    def own_plant(self) -> bool:
        """Whether it has a plant of its own, not a scaled copy of another."""
        return self.plant == self.name

    @property
    def first_sample(self) -> int:
        """Epoch seconds of the first sample of the hardware: begin of the history plus `phase`."""
        return HISTORY_BEGIN + self.phase

    @property
    def installed(self) -> int:
        """Epoch seconds of the first sample of this data scope."""
        return self.since + self.phase


def _device_id(name: str, number: int) -> str:
    key = hashlib.sha256(f"device/{number}/{name}".encode()).digest()
    return str(uuid.UUID(bytes=key[:16], version=4))


def _device(number: int, seed: int, ev4: float | None, reporting: str | None, lifelike: bool) -> DemoDevice:
    extra = number - len(DEFAULT_FLEET)
    entry, plant = copied_entry(extra) if extra >= 0 else (DEFAULT_FLEET[number], DEFAULT_FLEET[number].name)
    copied = extra >= 0 and entry.profile in ENERGY_VALVES
    # Some were never online and some never told their dataprofile: a real account has such devices.
    registered, reported = extra < 0 or extra % 45 != 0, extra < 0 or extra % 90 != 1
    key = ("device", number, entry.name)
    bits = hash64(*key, "serial")
    produced = HISTORY_BEGIN - int(uniform(60, 400, *key, "age")) * _DAY + bits % 36000
    serial = f"{21501 + number // 40:05d}-{10000 + number:05d}-{bits % 256:03d}-{bits // 256 % 256:03d}"
    id_ = entry.id or _device_id(entry.name, number)
    return DemoDevice(
        id=id_,
        first_id=id_,
        production_id=f"EVC_{1000001 + 7 * number:07d}",
        name=entry.name,
        serial_number=serial,
        material_number=entry.material_number,
        device_type=_DEVICE_TYPES.get(entry.kind, _ENERGY_VALVE_TYPE),
        production_date=produced,
        profile=_family(entry, number, ev4, lifelike) if registered and reported else None,
        kind=entry.kind,
        plant=plant,
        scale=round(uniform(0.5, 1.12, "device", number, "scale", seed), 3) if copied else 1.0,
        registered=registered,
        # Real devices do not all send at the same second either.
        phase=1 + hash64(*key, "phase") % (STEP - 1),
        place=PORTFOLIO[extra // 60 % len(PORTFOLIO)] if extra >= 0 else ZURICH,
        floor=entry.floor,
        reporting=reporting or _reporting(number),
    )


def _reporting(number: int) -> str:
    drawn = fraction("reporting", number)
    further = number >= len(DEFAULT_FLEET)
    return next((name for name, share in _RARE if further and drawn < share), "5m")


def _family(entry: Entry, number: int, ev4: float | None, lifelike: bool) -> DataprofileKey:
    if entry.profile not in ENERGY_VALVES:
        return entry.profile
    further = number >= len(DEFAULT_FLEET)
    drawn = fraction("family", number)
    if drawn < (_EV4_SHARE * further if ev4 is None else ev4):
        return (ENERGY_VALVE_4, ENERGY_VALVE_4_PATHS)[hash64("paths", number) % 2]
    wears = drawn > 1 - _WEAR_SHARE if further else lifelike and entry.profile == ENERGY_VALVE_VERSION_3
    return ENERGY_VALVE_3_WITH_WEAR if wears else entry.profile


def transferred(devices: Sequence[DemoDevice], transfers: int | None) -> tuple[DemoDevice, ...]:
    """The data scopes of a fleet: two for each device that changes hands, the former owner's first.

    A device that changes hands gets another id and begins an empty history; hardware and serial number are the same.

    Args:
        devices: the fleet.
        transfers: how many energy valves change hands, the first ones of the fleet; None: one in 60 devices beyond
            the default fleet.

    Raises:
        ValueError: the fleet has not so many energy valves.
    """
    valves = [device for device in devices if device.is_energy_valve]
    if transfers is not None and not 0 <= transfers <= len(valves):
        raise ValueError(f"transfers must be from 0 to the {len(valves)} energy valves of the fleet, not {transfers}")
    if transfers is None:
        valves, transfers = [d for d in devices[len(DEFAULT_FLEET) + 8 :: 60] if d.is_energy_valve], len(devices)
    changing = {device.id for device in valves[:transfers]}
    scopes = []
    for device in devices:
        if device.id in changing:
            day = int(uniform(*_TRANSFERS, "transferred", device.id)) // _DAY * _DAY + _TRANSFER_HOUR * 3600
            scopes += [replace(device, until=day), replace(device, id=_device_id(device.id, 1), since=day)]
        else:
            scopes.append(device)
    return tuple(scopes)


def fleet(
    devices: int, seed: int, ev4: float | None = None, reporting: str | None = None, lifelike: bool = False
) -> tuple[DemoDevice, ...]:
    """The fleet of a given size, ascending by production id.

    The first 36 devices are those of the default building, each with its own plant. Further ones are in the portfolio's
    buildings, as scaled copies of healthy plants: simulating a plant takes 50 ms, so thousands need not be simulated.

    Args:
        devices: their number.
        seed: decides the sizes of the copies.
        ev4: share of the energy valves that are Energy Valves 4, 0 to 1; None: a fifth of those beyond the first 36.
        reporting: when all devices send their samples, one of `REPORTINGS`; None: at every step, but for some of those
            beyond the first 36.
        lifelike: whether the building's valves of one dataprofile tell their wear.

    Raises:
        ValueError: fewer than one device, a share that is none, an unknown kind of reporting.
    """
    if not 0 <= (ev4 or 0) <= 1:
        raise ValueError(f"the share of Energy Valves 4 must be from 0 to 1, not {ev4}")
    if reporting not in (None, *REPORTINGS):
        raise ValueError(f"devices report by one of {', '.join(REPORTINGS)}, not {reporting!r}")
    if devices < 1:
        raise ValueError(f"A demo fleet needs at least 1 device, not {devices}.")
    return tuple(_device(number, seed, ev4, reporting, lifelike) for number in range(devices))
