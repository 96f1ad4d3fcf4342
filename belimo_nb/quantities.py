"""The quantities and settings of a valve: how to find each in a dataprofile, and its units."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from belimo_nb.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

Values = TypeVar("Values", float, "pd.Series[Any]", "npt.NDArray[np.float64]")

SIGNS = str.maketrans({"³": "3", "º": "°", "\u2103": "°C", "\u2109": "°F", "\u212a": "K", "％": "%"})
SPELLINGS = (
    (r"[\s*·⋅._()^-]", ""),
    (r"degrees?|deg", "°"),
    (r"per(?!cent)", "/"),
    (r"cubicmet(er|re)s?", "m3"),
    (r"(liters?|litres?|ltr)", "l"),
    (r"(gallons?|gals?)", "gal"),
    (r"(hours?|hrs?|std)$", "h"),
    (r"(minutes?|mins?)$", "min"),
    (r"(seconds?|secs?)$", "s"),
    (r"watts?", "w"),
    (r"joules?", "j"),
    (r"kilo", "k"),
    (r"mega", "m"),
    (r"giga", "g"),
    (r"btus?", "btu"),
    (r"therms", "therm"),
    (r"tons", "ton"),
    (r"celsius|centigrade", "c"),
    (r"fahrenheit", "f"),
    (r"kelvins?", "k"),
)
"""Patterns of spellings, in lower case, and what is taken for them."""


@functools.cache
def spelled(unit: str) -> str:
    """A unit in the spelling of the tables below: without case, blanks, dots and raised digits; "" for none.

    A thousandth (mJ, mW, mWh) is told from a million by its case alone, and no valve has one: it is no known unit.
    """
    plain = str(unit).translate(SIGNS).strip()
    if re.match(r"m[JW]", plain):
        return f"{plain}?"
    plain = plain.casefold()
    for pattern, known in SPELLINGS:
        plain = re.sub(pattern, known, plain)
    return plain


@dataclass(frozen=True)
class Dimension:
    """A physical dimension and the units it may come in.

    Attributes:
        name: Its name in messages.
        unit: The unit that outputs show.
        si: The unit of valves whose dataprofile names none.
        scale: For each unit, as `spelled` writes it, what one of it is in `unit`.
        offset: For units whose zero differs, what to add after scaling.
    """

    name: str
    unit: str
    si: str
    scale: Mapping[str, float]
    offset: Mapping[str, float] | None = None

    def knows(self, unit: str) -> bool:
        """Whether `unit` is one of this dimension, however it is spelled."""
        return spelled(unit) in self.scale

    def convert(self, value: Values, unit: str) -> Values:
        """Convert `value` from `unit` to the unit that outputs show; KeyError for an unknown unit."""
        key = spelled(unit)
        return value * self.scale[key] + (self.offset or {}).get(key, 0.0)


BTU_J = 1055.05585262
CALORIE_J = 4.1868  # of the International Table, as steam and heat are sold by
GALLON_M3 = 231 * 0.0254**3
FOOT_M3 = 0.3048**3
JOULES: Mapping[str, float] = {
    "j": 1.0, "ws": 1.0, "kj": 1e3, "mj": 1e6, "gj": 1e9, "tj": 1e12, "kcal": 1e3 * CALORIE_J, "mcal": 1e6 * CALORIE_J,
    "gcal": 1e9 * CALORIE_J, "btu": BTU_J, "kbtu": 1e3 * BTU_J, "mmbtu": 1e6 * BTU_J, "therm": 1e5 * BTU_J,
}  # fmt: skip
AMBIGUOUS = frozenset({"mbtu", "mbtu/h", "mbtuh"})  # a thousand Btu to some, a million to others
SECONDS = {"s": 3600.0, "sec": 3600.0, "min": 60.0, "h": 1.0}  # how many are in an hour
CUBIC_METERS: Mapping[str, float] = {
    "m3": 1.0, "cbm": 1.0, "l": 1e-3, "dm3": 1e-3, "hl": 0.1, "ml": 1e-6, "gal": GALLON_M3, "usgal": GALLON_M3,
    "ft3": FOOT_M3, "cuft": FOOT_M3, "cf": FOOT_M3,
}  # fmt: skip
ABSOLUTE_ZERO_C = -273.15
CELSIUS = ("k", "°k", "°c", "c")
FAHRENHEIT = ("°f", "f")

ENERGY = Dimension(
    "energy",
    "kWh",
    "J",
    {unit: joules / 3.6e6 for unit, joules in JOULES.items()}
    | {"wh": 1e-3, "kwh": 1.0, "mwh": 1e3, "gwh": 1e6}
    | dict.fromkeys(("tonh", "trh", "rth"), 12_000 * BTU_J / 3.6e6),
)
POWER = Dimension(
    "power",
    "kW",
    "W",
    {"w": 1e-3, "kw": 1.0, "mw": 1e3, "gw": 1e6, "mbh": 1e3 * BTU_J / 3.6e6, "mmbh": 1e6 * BTU_J / 3.6e6}
    | {f"{unit}/h": joules / 3.6e6 for unit, joules in JOULES.items()}
    | {f"{unit}/s": joules / 1e3 for unit, joules in JOULES.items()}
    | {f"{unit}h": joules / 3.6e6 for unit, joules in JOULES.items() if unit.endswith("btu")}
    | dict.fromkeys(("ton", "tr", "rt"), 12_000 * BTU_J / 3.6e6),
)
FLOW = Dimension(
    "flow",
    "m3/h",
    "m3/s",
    {f"{unit}/{time}": volume * many for unit, volume in CUBIC_METERS.items() for time, many in SECONDS.items()}
    | dict.fromkeys(("m3h1", "m3h", "cmh"), 1.0)
    | dict.fromkeys(("m3s1", "cms"), 3600.0)
    | {"ls1": 3.6, "lps": 3.6, "lpm": 0.06, "lph": 1e-3}
    | dict.fromkeys(("gpm", "usgpm", "gpmus"), 0.2271247)
    | {"cfm": 60 * FOOT_M3, "cfh": FOOT_M3, "cfs": 3600 * FOOT_M3},
)
VOLUME = Dimension("volume", "m3", "m3", CUBIC_METERS)
TEMPERATURE = Dimension(
    "temperature",
    "°C",
    "K",
    dict.fromkeys(CELSIUS, 1.0) | dict.fromkeys(FAHRENHEIT, 5 / 9),
    dict.fromkeys(("k", "°k"), ABSOLUTE_ZERO_C) | dict.fromkeys(FAHRENHEIT, -160 / 9),
)
# Apart from TEMPERATURE: a difference of 5 °C is 5 K, not 278.15 K.
DIFFERENCE = Dimension("temperature difference", "K", "K", TEMPERATURE.scale)
SHARE = Dimension(
    "share",
    "%",
    "percent",
    dict.fromkeys(("percent", "%", "pct", "percentage"), 1.0) | dict.fromkeys(("1", "fraction", "ratio"), 100.0),
)
COUNT = Dimension("count", "", "", dict.fromkeys(("", "1", "counts", "count", "times"), 1.0))
DURATION = Dimension("time", "h", "h", {unit: 1 / many for unit, many in SECONDS.items()} | {"d": 24.0})
DIMENSIONS = (ENERGY, POWER, FLOW, VOLUME, TEMPERATURE, SHARE, DURATION)


@dataclass(frozen=True)
class Quantity:
    """A quantity that a valve measures, or a setting of it.

    Attributes:
        column: The column that holds it, unit included.
        dimension: Its units.
        names: Datapoint names that mean it, in order of preference: of Energy Valve 3, where units are always given.
        words: Words that a description of it contains, for dataprofiles with other names; none: by name only.
        names_4: The same as `names` of Energy Valve 4, whose ids are the names, and which may give no units.
    """

    column: str
    dimension: Dimension
    names: tuple[str, ...]
    words: tuple[str, ...] = ()
    names_4: tuple[str, ...] = ()


QUANTITIES: dict[str, Quantity] = {
    # The user may reset the third, so a lifetime counter comes first, then the certified meter's.
    "heating_energy": Quantity(
        "heating_kwh",
        ENERGY,
        ("Heating_E_J",),
        ("heating", "energy"),
        ("HeatingEnergyLifetime", "HeatingEnergyMeterReading", "HeatingEnergy"),
    ),
    "cooling_energy": Quantity(
        "cooling_kwh",
        ENERGY,
        ("Cooling_E_J",),
        ("cooling", "energy"),
        ("CoolingEnergyLifetime", "CoolingEnergyMeterReading", "CoolingEnergy"),
    ),
    "volume": Quantity(
        "volume_m3",
        VOLUME,
        ("Flow_Volume_total_m3",),
        ("volume", "total"),
        ("WaterFlowVolumeLifetime", "AccumulatedVolumeSensorReading", "WaterFlowVolume"),
    ),
    "power": Quantity("power_kw", POWER, ("AbsPower_Fb_W",), ("absolute", "power"), ("AbsolutePower",)),
    "flow": Quantity("flow_m3h", FLOW, ("AbsFlow_Fb_m3s",), ("absolute", "flow"), ("AbsoluteWaterFlow",)),
    "t1": Quantity("t1_c", TEMPERATURE, ("T1_remote_K",), ("temperature 1",), ("RemoteWaterTemperature",)),
    # The vendor spells it with one d; a later profile may not.
    "t2": Quantity(
        "t2_c", TEMPERATURE, ("T2_embeded_K", "T2_embedded_K"), ("temperature 2",), ("FlowBodyWaterTemperature",)
    ),
    # Without its sign, as that of Energy Valve 3.
    "delta_t": Quantity(
        "delta_t_k", DIFFERENCE, ("DeltaT_K",), ("delta", "temperature"), ("DifferentialWaterTemperature",)
    ),
    "position": Quantity("position_pct", SHARE, ("RelPos_Fb",), ("valve position",), ("RelativeActuatorPosition",)),
    "position_setpoint": Quantity(
        "setpoint_pct", SHARE, ("RelPos_Sp",), ("position setpoint",), ("RelativeActuatorPositionSetpoint",)
    ),
    "heating_power": Quantity("heating_kw", POWER, (), (), ("AbsoluteHeatingPower",)),
    "cooling_power": Quantity("cooling_kw", POWER, (), (), ("AbsoluteCoolingPower",)),
    "direction_changes": Quantity("direction_changes", COUNT, ("Act_Dir_Chngs_Counts",)),
    "end_stops": Quantity("end_stops", COUNT, ("Act_End_Hit_Counts",)),
    "travel": Quantity("strokes", COUNT, ("Act_total_travel_fraction",)),
    # Bits that are known, and those of a family of which nobody has said what they mean.
    "errors": Quantity("error_bits", COUNT, ("Error_Status_Cloud",)),
    "other_errors": Quantity("other_error_bits", COUNT, (), (), ("MasterDeviceErrorStatus",)),
    "full_load": Quantity("full_load_h", DURATION, ("Full_Load_h",)),
    "operating": Quantity("operating_h", DURATION, ("OperatingHours",)),
    "manager_active": Quantity(
        "manager_active_h",
        DURATION,
        ("Active_dT_Manager_total_h",),
        (),
        ("DifferentialTemperatureManagerActiveHours",),
    ),
}

SETTINGS: dict[str, Quantity] = {
    "nominal_flow": Quantity("nominal_flow_m3h", FLOW, ("V_nom_m3s",), ("nominal", "flow"), ("NominalWaterFlow",)),
    "max_flow": Quantity("max_flow_pct", SHARE, ("Vmax_Rel_Write",), ("maximum", "flow", "setting")),
    "max_flow_absolute": Quantity("max_flow_m3h", FLOW, (), ("maximum", "flow", "setting"), ("SetMaximumWaterFlow",)),
    "glycol": Quantity("glycol_pct", SHARE, ("Glycol_Concentration_Rel",), ("glycol",), ("GlycolConcentration",)),
}
"""Design values and settings of a valve; they seldom change, so the latest value is taken."""

COUNTERS = ("heating_energy", "cooling_energy", "t1", "t2")
"""Lifetime counters, and temperatures: they seldom stand still, and so tell that a device lives whose counter does."""

MEASURED = (
    "t1", "t2", "delta_t", "flow", "power", "position", "position_setpoint", "volume", "heating_energy",
    "cooling_energy",
)  # fmt: skip
"""Quantities that a valve's report draws and its checks need."""

TOLD = (
    "errors", "other_errors", "direction_changes", "end_stops", "travel", "heating_power", "cooling_power",
)  # fmt: skip
"""What a valve may tell besides, which its checks read where its dataprofile has it."""

CHECKED = (*MEASURED, *TOLD)

WEAR = ("direction_changes", "end_stops", "travel", "full_load", "manager_active")
"""What a valve counts of its own work while it operates."""

ERRORS = (
    "T1 error", "T2 error", "flow signal faulty", "actuator stalled", "flow with closed valve", "air bubbles",
    "flow demand not reached", "power demand not reached", "gear disengaged by its button", "reverse flow",
    "MP2 not alive", "freeze warning",
)  # fmt: skip
"""What each bit of the error status of Energy Valve 3 means, the least significant first."""


def bits_in_words(bits: int) -> list[str]:
    """The bits that are set, the most significant known one first; those without a name as "bit 12"."""
    unknown = [f"bit {place}" for place in range(len(ERRORS), bits.bit_length()) if bits >> place & 1]
    return [*reversed([name for place, name in enumerate(ERRORS) if bits >> place & 1]), *unknown]


CHOICES: Mapping[str, Mapping[int, str]] = {
    "dt_manager_ste": {
        1: "disabled",
        2: "delta-T selected, not active",
        3: "delta-T selected, active",
        4: "flow and delta-T selected, not active",
        5: "flow and delta-T selected, active",
    },
    "sequence_ste": {1: "no demand", 2: "cooling", 3: "heating"},
    # Valves were seen that do otherwise.
    "override_write": {1: "probably automatic", 2: "probably closed", 3: "probably open"},
}
"""The words of integers, by the names of datapoints in lower case; of other integers no meaning is known."""


def in_words(name: str, value: object) -> str | None:
    """A datapoint's value in words, with its number behind; None if there are no words for it.

    Args:
        name: The datapoint's name, in any case, with a path before it or without.
        value: As the cloud gives it.
    """
    leaf = name.rsplit("/", 1)[-1].casefold()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        return None
    number = int(value)
    words = CHOICES.get(leaf, {}).get(number)
    if leaf == "error_status_cloud":
        words = ", ".join(bits_in_words(number)) if number > 0 else None if number else "no error"
    return None if words is None else f"{words} ({number})"


PERIODS = frozenset(
    {
        "monthly", "month", "last", "previous", "maximum", "minimum", "average", "mean", "daily", "yesterday",
        "weekly", "yearly", "annual", "peak", "setpoint",
    }
)  # fmt: skip
"""Words that make another quantity of one: "heating energy, last month" is no lifetime counter."""

OTHER_MEANING = PERIODS | frozenset(
    {
        "max", "min", "avg", "day", "today", "week", "year", "hourly", "hour", "quarter", "interval", "limit",
        "target", "setting", "specific", "price", "cost", "rate", "forecast", "estimated", "resettable", "trip",
        "unit", "status", "valid", "error",
    }
)  # fmt: skip
"""Such words, and those that are held against a datapoint only where its name is none of the vendor's."""


LABELS: Mapping[str, str] = {"t1": "temperature T1", "t2": "temperature T2", "delta_t": "delta-T"}


def label(key: str) -> str:
    """A quantity in words."""
    return LABELS.get(key, key.replace("_", " "))


def plural(count: int, one: str, many: str = "", thousands: str = ",") -> str:
    """A count with its noun: "1 valve", "0 valves", "1,234 valves".

    Args:
        count: How many.
        one: The noun, with what belongs to it, as it follows a 1: "valve", "day was".
        many: As it follows other numbers; "" adds an s.
        thousands: What stands between thousands; pages have a narrow blank, see `display.numbers.plural`.
    """
    return f"{count:,}".replace(",", thousands) + f" {one if count == 1 else many or f'{one}s'}"


def listed(words: Sequence[str], most: int, mark: str = ", ") -> str:
    """The first of some words, and how many more there are: "North, South and 3 more"."""
    shown = mark.join(words[:most])
    return f"{shown} and {len(words) - most} more" if len(words) > most else shown


def amount(value: object, what: str, least: float | None = None) -> float:
    """Check a number that a user gives, such as a notebook's parameter: finite, above 0 or at least `least`.

    Raises:
        UsageError: It is none; the message names `what`, the value, and what to give.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found) or not (found > 0 if least is None else found >= least):
        wanted = "a number above 0" if least is None else f"a number of {least:g} or more"
        wanted = wanted if least is None or math.isfinite(least) else "a number"
        raise UsageError(f"The {what} is {value!r}; give {wanted}, or leave it out.")
    return found
