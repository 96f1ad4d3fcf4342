"""The devices of the demo cloud: 36 in one building, or thousands in many cities."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from belimo_nb.demo.fleet.building import DEFAULT_FLEET, ZURICH, Entry, Kind, Place
from belimo_nb.demo.fleet.portfolio import PORTFOLIO, entry_of
from belimo_nb.demo.fleet.profiles import ENERGY_VALVES, DataprofileKey
from belimo_nb.demo.world.noise import between, digest
from belimo_nb.demo.world.schedule import HISTORY_BEGIN, STEP

_DAY = 86400
_DEVICE_TYPES = {
    Kind.ACTUATOR: "7:mpActuator",
    Kind.GATEWAY: "9:ipGateway",
}
_ENERGY_VALVE_TYPE = "3:energyValve"


@dataclass(frozen=True)
class DemoDevice:
    """A device and what the simulation needs to bring it to life.

    Attributes:
        id: UUID of the data scope.
        production_id: identifies the hardware; the API's default order.
        name: display name.
        serial_number: serial number.
        material_number: article.
        device_type: type as set in production.
        production_date: epoch seconds.
        profile: dataprofile; None if the device never reported one.
        project: project name.
        city: city.
        country: country, two letters.
        latitude: degrees north.
        longitude: degrees east.
        building: building.
        kind: what the device does in its building.
        plant: name of the simulated plant that the device shows; its own name, or one of the default fleet's
            healthy devices for the devices beyond the default fleet.
        scale: size of the device's plant relative to that plant.
        registered: whether it was ever online.
        phase: seconds by which its samples trail the five-minute grid, 1 to 299.
        place: address.
        floor: floor or level.
    """

    id: str
    production_id: str
    name: str
    serial_number: str
    material_number: str
    device_type: str
    production_date: int
    profile: DataprofileKey | None
    project: str
    city: str
    country: str
    latitude: float
    longitude: float
    building: str
    kind: Kind
    plant: str
    scale: float
    registered: bool
    phase: int
    place: Place
    floor: str

    @property
    def is_energy_valve(self) -> bool:
        """Whether its dataprofile has power, flow and the two counters."""
        return self.profile in ENERGY_VALVES

    @property
    def own_plant(self) -> bool:
        """Whether it has a plant of its own; further devices show a scaled copy."""
        return self.plant == self.name

    @property
    def installed(self) -> int:
        """Epoch seconds of its first sample: the begin of the history plus its phase."""
        return HISTORY_BEGIN + self.phase


def _device_id(name: str, number: int) -> str:
    key = hashlib.sha256(f"device/{number}/{name}".encode()).digest()
    return str(uuid.UUID(bytes=key[:16], version=4))


def _device(
    number: int, entry: Entry, place: Place, plant: str, scale: float, registered: bool, reported: bool
) -> DemoDevice:
    key = ("device", number, entry.name)
    bits = digest(*key, "serial")
    produced = HISTORY_BEGIN - int(between(60, 400, *key, "age")) * _DAY + bits % 36000
    serial = f"{21501 + number // 40:05d}-{10000 + number:05d}-{bits % 256:03d}-{bits // 256 % 256:03d}"
    return DemoDevice(
        id=entry.id or _device_id(entry.name, number),
        production_id=f"EVC_{1000001 + 7 * number:07d}",
        name=entry.name,
        serial_number=serial,
        material_number=entry.material_number,
        device_type=_DEVICE_TYPES.get(entry.kind, _ENERGY_VALVE_TYPE),
        production_date=produced,
        profile=entry.profile if registered and reported else None,
        project=place.project,
        city=place.city,
        country=place.country,
        latitude=place.latitude,
        longitude=place.longitude,
        building=place.building,
        kind=entry.kind,
        plant=plant,
        scale=scale,
        registered=registered,
        phase=1 + digest(*key, "phase") % (STEP - 1),
        place=place,
        floor=entry.floor,
    )


def fleet(devices: int, seed: int) -> tuple[DemoDevice, ...]:
    """The first so many devices, ascending by production id.

    Up to 36 they are those of the default building, each with its own plant. Further ones live in the portfolio's
    other buildings and are scaled copies of healthy plants of the default building.

    Raises:
        ValueError: fewer than one device.
    """
    if devices < 1:
        raise ValueError(f"A demo fleet needs at least 1 device, not {devices}.")
    made = [
        _device(number, entry, ZURICH, entry.name, 1.0, True, True)
        for number, entry in enumerate(DEFAULT_FLEET[:devices])
    ]
    for number in range(len(DEFAULT_FLEET), devices):
        extra = number - len(DEFAULT_FLEET)
        entry, plant = entry_of(extra)
        place = PORTFOLIO[extra // 60 % len(PORTFOLIO)]
        scale = round(between(0.5, 1.12, "device", number, "scale", seed), 3)
        made.append(
            _device(
                number,
                entry,
                place,
                plant,
                scale if entry.profile in ENERGY_VALVES else 1.0,
                registered=extra % 45 != 0,
                reported=extra % 90 != 1,
            )
        )
    return tuple(made)
