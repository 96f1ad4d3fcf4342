"""The true values that analyses should find: planted faults with their figures, signatures of the heating zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from belimo_nb.demo.fleet.datapoints import DeviceError
from belimo_nb.demo.fleet.faults import FAULT_SPECS, LIFELIKE_SPECS, FaultKind, PlantedFault, utc
from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.plants import Plant
from belimo_nb.demo.world.noise import fraction, hash64, uniform
from belimo_nb.demo.world.physics import waste_flow_m3s

_KWH_D_PER_W = 24 / 1000
_FAULTY = frozenset(item.name for item in FAULT_SPECS + LIFELIKE_SPECS)
_REPORTED_SHARE = 0.3  # of the valves
_REPORTED = (
    DeviceError.AIR_BUBBLES,
    DeviceError.FREEZE_WARNING,
    DeviceError.MP2_NOT_ALIVE,
    DeviceError.AIR_BUBBLES | DeviceError.POWER_NOT_REACHED,
)


@dataclass(frozen=True)
class Signature:
    """True three-parameter energy signature of a heating zone, which a fit on local days approaches.

    Attributes:
        heat_loss_w_k: heat loss coefficient, W/K.
        balance_point_c: outdoor temperature at which heating ends, °C.
        base_w: load independent of the weather, W.
    """

    heat_loss_w_k: float
    balance_point_c: float
    base_w: float

    @property
    def slope_kwh_d_k(self) -> float:
        """Daily energy per kelvin below the balance point, kWh/(d K)."""
        return self.heat_loss_w_k * _KWH_D_PER_W

    @property
    def base_kwh_d(self) -> float:
        """Base load, kWh/d."""
        return self.base_w * _KWH_D_PER_W


def _figures(spec: PlantedFault, plant: Plant | None) -> dict[str, float]:
    """What follows for a planted fault from the plant's design."""
    if plant is None:
        return {}
    lift = plant.water.design_lift_k
    half = plant.water.half_flow_m3s(plant.design_power_w)
    match spec.fault:
        case FaultKind.LOW_DELTA_T:
            waste = waste_flow_m3s(half)
            return {
                "half_flow_m3s": half,
                "waste_flow_m3s": waste,
                "waste_delta_t_k": lift * half / (half + waste),
                "max_flow_m3s": plant.max_flow_m3s,
                "delta_t_at_max_flow_k": lift * half / (half + plant.max_flow_m3s),
            }
        case FaultKind.OVERSIZED:
            design = plant.water.design_flow_m3s(plant.design_power_w)
            return {"max_flow_m3s": plant.max_flow_m3s, "max_flow_over_design_flow": plant.max_flow_m3s / design}
        case FaultKind.NO_NIGHT_SETBACK:
            return {"night_over_day_power": 1.0}
        case FaultKind.LEAK:
            return {"leak_m3s": spec.figures["leak_percent_of_nominal"] / 100 * plant.nominal_flow_m3s}
        case _:
            return {}


def reported_errors(device: DemoDevice, seed: int) -> list[PlantedFault]:
    """The errors that a valve of a lifelike building reports: now and then one, of those without other faults."""
    key = ("reported", device.name, seed)
    if device.name in _FAULTY or not device.own_plant or fraction(*key) >= _REPORTED_SHARE:
        return []
    bits = _REPORTED[hash64(*key, "bits") % len(_REPORTED)]
    begin = int(uniform(utc("2018-01-01"), utc("2018-11-01"), *key, "begin"))
    end = begin + int(uniform(2, 12, *key, "days") * 86400)
    return [PlantedFault(FaultKind.REPORTED, device.name, begin, end, {"bits": int(bits)}, device.id)]


def planted_faults(
    devices: Sequence[DemoDevice], plants: Mapping[str, Plant], seed: int, lifelike: bool = False
) -> tuple[PlantedFault, ...]:
    """The faults planted on these devices, in the order of the table in docs/demo-cloud.md."""
    ids = {device.name: device.id for device in devices if device.own_plant}
    faults = []
    for item in FAULT_SPECS + LIFELIKE_SPECS * lifelike:
        if item.name in ids:
            figures = {**item.figures, **_figures(item, plants.get(item.name))}
            faults.append(replace(item, figures=figures, device_id=ids[item.name]))
    if lifelike:
        faults += [fault for device in devices if device.is_energy_valve for fault in reported_errors(device, seed)]
    return tuple(faults)


def signature_of(plant: Plant, scale: float = 1.0) -> Signature:
    """The signature of a heating zone whose size is `scale` times that of its plant."""
    return Signature(plant.size * scale, plant.balance_point_c, plant.base_w * scale)
