"""The plant behind each energy valve of the default building: load, water temperatures, sizes."""

from dataclasses import dataclass, replace

from belimo_nb.demo.fleet.building import DEFAULT_FLEET, Entry, Kind
from belimo_nb.demo.world.noise import uniform
from belimo_nb.demo.world.physics import COOLING_RHO_C, HEATING_RHO_C

NOMINAL_FLOW_M3S = {
    15: 0.35e-3,
    20: 0.65e-3,
    25: 1.15e-3,
    32: 1.8e-3,
    40: 2.5e-3,
    50: 4.8e-3,
    65: 8.0e-3,
    80: 11.0e-3,
    100: 20.0e-3,
}
"""Nominal flow by nominal diameter in mm."""

DESIGN_OUTDOOR_C = -7.0
MILD_OUTDOOR_C = 15.0
_KWH_D_PER_W = 24 / 1000


@dataclass(frozen=True)
class Water:
    """Supply and sink of a heat exchanger.

    Attributes:
        supply_c: supply temperature at design outdoor temperature (heating) or always (cooling), °C.
        supply_mild_c: supply temperature at 15 °C outdoors and above, °C; equal to supply_c if not compensated.
        sink_c: temperature on the exchanger's other side, °C.
        design_delta_t_k: delta-T of the water at design power, K.
        rho_c: volumetric heat capacity of the water used for sizing, J/(m3 K).
    """

    supply_c: float
    supply_mild_c: float
    sink_c: float
    design_delta_t_k: float
    rho_c: float

    @property
    def design_lift_k(self) -> float:
        """Difference of supply and sink at design conditions, K."""
        return abs(self.supply_c - self.sink_c)

    def design_flow_m3s(self, power_w: float) -> float:
        """Flow at design power, m3/s."""
        return power_w / (self.rho_c * self.design_delta_t_k)

    def half_flow_m3s(self, power_w: float) -> float:
        """Parameter b of P = a V/(b + V), m3/s: the flow that gives half the power of an infinite flow.

        From delta-T = a / (rho c (b + V)), which falls from the lift at no flow to the design delta-T at design flow.
        """
        share = self.design_delta_t_k / self.design_lift_k
        return self.design_flow_m3s(power_w) * share / (1 - share)


@dataclass(frozen=True)
class Plant:
    """An energy valve with its heat exchanger and load.

    Attributes:
        name: name of the device that it belongs to.
        kind: what kind of load.
        dn: nominal diameter of the valve, mm.
        size: heat loss coefficient in W/K (heating zones and change-over), heat capacity flow of the air in W/K
            (air heaters and coolers), W per K above the balance point (cooling zones), or W (server room).
        balance_point_c: outdoor temperature at which heating ends (or cooling begins), °C.
        base_w: load independent of the weather, W.
        design_power_w: power that exchanger and valve are sized for.
        water: the main water circuit.
        summer: water of a change-over valve's cooling season; the exchanger is the same.
        setback: whether heating is lowered at night and on weekends.
        flow_factor: maximum flow setting relative to a well chosen one.
        lifelike: whether plant and meter have the troubles of real ones.
    """

    name: str
    kind: Kind
    dn: int
    size: float
    balance_point_c: float
    base_w: float
    design_power_w: float
    water: Water
    summer: Water | None = None
    setback: bool = True
    flow_factor: float = 1.0
    lifelike: bool = False

    @property
    def heats(self) -> bool:
        """Whether it ever heats."""
        return self.water.supply_c > self.water.sink_c

    @property
    def cools(self) -> bool:
        """Whether it ever cools."""
        return not self.heats or self.summer is not None

    @property
    def nominal_flow_m3s(self) -> float:
        """Nominal flow of the valve body, m3/s."""
        return NOMINAL_FLOW_M3S[self.dn]

    @property
    def vmax_percent(self) -> float:
        """Maximum flow setting, percent of the nominal flow."""
        flow = self.water.design_flow_m3s(self.design_power_w)
        percent = round(100 * self.flow_factor * flow / self.nominal_flow_m3s)
        return float(min(100, max(25, percent)))

    @property
    def max_flow_m3s(self) -> float:
        """Maximum flow, m3/s."""
        return self.nominal_flow_m3s * self.vmax_percent / 100

    @property
    def max_power_w(self) -> float:
        """Power that relative power refers to, W."""
        return 1000.0 * round(1.1 * self.design_power_w / 1000)


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


_HEATING_WATER = Water(70.0, 45.0, 21.0, 20.0, HEATING_RHO_C)
_COIL_WATER = Water(62.0, 46.0, 13.0, 20.0, HEATING_RHO_C)
_COOLING_WATER = Water(8.0, 8.0, 25.0, 8.5, COOLING_RHO_C)
_FOULED_WATER = replace(_COOLING_WATER, design_delta_t_k=6.4)
_AIR_COOLING_WATER = Water(8.0, 8.0, 25.0, 7.2, COOLING_RHO_C)
_SERVER_WATER = Water(10.0, 10.0, 24.0, 7.0, COOLING_RHO_C)
_CHANGE_OVER_WATER = Water(48.0, 38.0, 21.0, 13.0, HEATING_RHO_C)
_CHANGE_OVER_SUMMER = Water(10.0, 10.0, 25.0, 7.5, COOLING_RHO_C)

HEATING_PEAK = 1.5  # morning peak of a zone with night setback, relative to the mean of the week
ROOM_C = 22.0
HEAT_RECOVERY = 0.72
LATENT = 1.35  # total over sensible cooling of an air cooler


def _sized_plant(entry: Entry) -> Plant:
    # As designers size: the load at the design outdoor temperature, with a boost after the night setback.
    cold = entry.balance_point_c - DESIGN_OUTDOOR_C
    summer = None
    match entry.kind:
        case Kind.HEATING_ZONE:
            peak = HEATING_PEAK if entry.setback else 1.05
            power, water = peak * entry.size * cold + entry.base_w, _HEATING_WATER
        case Kind.AIR_HEATER:
            rise = entry.balance_point_c - (DESIGN_OUTDOOR_C + HEAT_RECOVERY * (ROOM_C - DESIGN_OUTDOOR_C))
            power, water = entry.size * rise, _COIL_WATER
        case Kind.AIR_COOLER:
            power, water = entry.size * 7.5 * LATENT, _AIR_COOLING_WATER
        case Kind.COOLING_ZONE:
            power, water = entry.size * 13.0 + entry.base_w, _FOULED_WATER if entry.fouled else _COOLING_WATER
        case Kind.SERVER_ROOM:
            power, water = entry.size * 1.25, _SERVER_WATER
        case _:
            power, water, summer = HEATING_PEAK * entry.size * cold, _CHANGE_OVER_WATER, _CHANGE_OVER_SUMMER
    about = (entry.name, entry.kind, entry.dn, entry.size, entry.balance_point_c, entry.base_w)
    return Plant(*about, power, water, summer, entry.setback, entry.flow_factor)


def plants(seed: int, lifelike: bool = False) -> dict[str, Plant]:
    """Plants by device name. Sizes of all but the heating zones vary with the seed by up to 8 %."""
    made = {}
    for entry in DEFAULT_FLEET:
        if not entry.size:
            continue
        # The signatures of the heating zones are written in the docs, so they are the same for every seed.
        if entry.kind is not Kind.HEATING_ZONE and seed != 1:
            entry = replace(entry, size=entry.size * uniform(0.92, 1.08, "plant", entry.name, seed))
        made[entry.name] = replace(_sized_plant(entry), lifelike=lifelike)
    return made
