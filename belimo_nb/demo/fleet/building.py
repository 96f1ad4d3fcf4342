"""The default fleet, 36 devices of one building in Zurich in the order of their production, and larger ones."""

from dataclasses import dataclass, replace
from enum import StrEnum

from belimo_nb.demo.fleet.profiles import (
    ENERGY_VALVE_3,
    ENERGY_VALVE_VERSION_3,
    MP_ACTUATOR,
    MP_GATEWAY,
    DataprofileKey,
)


class Kind(StrEnum):
    """The role of a device in its building."""

    HEATING_ZONE = "heating zone"
    COOLING_ZONE = "cooling zone"
    SERVER_ROOM = "server room"
    AIR_HEATER = "air heater"
    AIR_COOLER = "air cooler"
    CHANGE_OVER = "change-over"
    ACTUATOR = "actuator"
    GATEWAY = "gateway"


@dataclass(frozen=True)
class Place:
    """The site of a device: building, address and coordinates."""

    project: str
    building: str
    organization: str
    street: str
    zip: str
    city: str
    region: str
    country: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Entry:
    """A device of the default fleet; `dn` is the valve's nominal diameter in mm, an empty id is made from the name."""

    name: str
    kind: Kind
    floor: str
    profile: DataprofileKey
    material_number: str
    dn: int = 0
    id: str = ""


ZURICH = Place(
    project="Geschäftshaus Seefeld",
    building="Haus A",
    organization="Immobilien Seefeld AG",
    street="Seefeldstrasse 120",
    zip="8008",
    city="Zürich",
    region="ZH",
    country="CH",
    latitude=47.3571,
    longitude=8.5541,
)


def _material(dn: int) -> str:
    return f"EV{dn:03d}R2+BAC" if dn <= 50 else f"P6{dn:03d}WEV-BAC"


def _zone(name: str, id_: str, floor: str, dn: int) -> Entry:
    full_name = f"Energieventil Heizung {name}"
    return Entry(full_name, Kind.HEATING_ZONE, floor, ENERGY_VALVE_3, _material(dn), dn, id_)


def _valve(name: str, kind: Kind, floor: str, dn: int) -> Entry:
    return Entry(name, kind, floor, ENERGY_VALVE_3, _material(dn), dn)


def _coil(name: str, kind: Kind, dn: int) -> Entry:
    return Entry(name, kind, "UG", ENERGY_VALVE_VERSION_3, _material(dn), dn)


def _damper(name: str, floor: str = "UG") -> Entry:
    return Entry(name, Kind.ACTUATOR, floor, MP_ACTUATOR, "LM24A-MP")


def _gateway(name: str, floor: str) -> Entry:
    return Entry(name, Kind.GATEWAY, floor, MP_GATEWAY, "UK24MOD")


# The order and the given ids are fixed: docs, notebooks and tests name devices by them.
DEFAULT_FLEET = (
    _gateway("Gateway UG Technik", "UG"),
    _zone("2.OG Sued-Ost", "5a430aa2-1d46-4776-bfe1-a10b6c567230", "2.OG", 32),
    _coil("Lüftung LA01 Erhitzer", Kind.AIR_HEATER, 20),
    _valve("Energieventil Kälte 2.OG Nord", Kind.COOLING_ZONE, "2.OG", 40),
    _zone("2.OG Nord-Ost", "3c563d80-48f0-4a7a-8701-65d65aefdd9c", "2.OG", 32),
    _damper("Klappe LA01 Aussenluft"),
    _zone("2.OG Nord-West", "3c6f7077-a147-4d25-865f-e72901d9de62", "2.OG", 40),
    _valve("Energieventil Kälte 2.OG Süd", Kind.COOLING_ZONE, "2.OG", 65),
    _coil("Lüftung LA01 Kühler", Kind.AIR_COOLER, 50),
    _zone("1.OG Sued-West", "b69b0b32-03ca-4ec4-8850-2a1b474fbd83", "1.OG", 32),
    _valve("Umschaltventil 1.OG Sitzungszimmer", Kind.CHANGE_OVER, "1.OG", 25),
    _damper("Klappe LA01 Fortluft"),
    _zone("2.OG Sued-West", "0cc5b932-c7b0-4eab-87ae-153aec6a7f90", "2.OG", 25),
    _coil("Lüftung LA02 Erhitzer", Kind.AIR_HEATER, 20),
    _valve("Energieventil Kälte 1.OG Nord", Kind.COOLING_ZONE, "1.OG", 40),
    _damper("VAV 2.OG Empfang Zuluft", "2.OG"),
    _coil("Lüftung LA02 Kühler", Kind.AIR_COOLER, 32),
    _valve("Energieventil Kälte 1.OG Süd", Kind.COOLING_ZONE, "1.OG", 65),
    _damper("VAV 2.OG Empfang Abluft", "2.OG"),
    _coil("Lüftung LA03 Erhitzer", Kind.AIR_HEATER, 20),
    _valve("Energieventil Kälte Serverraum", Kind.SERVER_ROOM, "UG", 32),
    _gateway("Gateway 2.OG", "2.OG"),
    _coil("Lüftung LA03 Kühler", Kind.AIR_COOLER, 40),
    _damper("VAV 1.OG Sitzungszimmer Zuluft", "1.OG"),
    _valve("Umschaltventil EG Aula", Kind.CHANGE_OVER, "EG", 32),
    _damper("VAV 1.OG Sitzungszimmer Abluft", "1.OG"),
    _valve("Energieventil Kälte EG Restaurant", Kind.COOLING_ZONE, "EG", 32),
    _damper("Klappe LA02 Aussenluft"),
    _coil("Lüftung LA04 Erhitzer", Kind.AIR_HEATER, 15),
    _damper("Klappe LA02 Fortluft"),
    _valve("Energieventil Kälte EG Ost", Kind.COOLING_ZONE, "EG", 25),
    _damper("Klappe LA03 Aussenluft"),
    _damper("Klappe LA03 Fortluft"),
    _gateway("Gateway Dach", "DG"),
    _damper("Entrauchungsklappe Treppenhaus", "DG"),
    _damper("Drosselklappe Kältespeicher"),
)


_CITIES = (  # city, region, country, zip, latitude, longitude
    ("Zürich", "ZH", "CH", "8005", 47.3882, 8.5170),
    ("Winterthur", "ZH", "CH", "8400", 47.4993, 8.7241),
    ("Bern", "BE", "CH", "3011", 46.9480, 7.4474),
    ("Basel", "BS", "CH", "4051", 47.5584, 7.5886),
    ("St. Gallen", "SG", "CH", "9000", 47.4245, 9.3767),
    ("Luzern", "LU", "CH", "6003", 47.0502, 8.3093),
    ("Genève", "GE", "CH", "1201", 46.2084, 6.1432),
    ("München", "BY", "DE", "80331", 48.1374, 11.5755),
    ("Stuttgart", "BW", "DE", "70173", 48.7784, 9.1800),
    ("Wien", "W", "AT", "1010", 48.2092, 16.3728),
)
_BUILDINGS = ("Schulhaus Rosenberg", "Spital Neubau", "Bürohaus Westpark", "Hotel am Bahnhof", "Forschungszentrum")


def _place(number: int) -> Place:
    city, region, country, zip_, latitude, longitude = _CITIES[number % len(_CITIES)]
    building = _BUILDINGS[number // len(_CITIES) % len(_BUILDINGS)]
    return Place(
        project=f"{building} {city}",
        building=building,
        organization=f"{city} Liegenschaften",
        street=f"Hauptstrasse {12 + 4 * number}",
        zip=zip_,
        city=city,
        region=region,
        country=country,
        latitude=round(latitude + 0.004 * (number // len(_CITIES)), 4),
        longitude=round(longitude - 0.003 * (number // len(_CITIES)), 4),
    )


PORTFOLIO = tuple(_place(number) for number in range(len(_CITIES) * len(_BUILDINGS)))
"""Places of the buildings beyond the default one."""

# The plants that further devices copy. None has a planted fault: the list of planted faults stays complete.
_COPIED = (
    ("Energieventil Heizung 2.OG Nord-West", "Energieventil Heizung Zone {n}"),
    ("Klappe LA01 Aussenluft", "Klappe Aussenluft {n}"),
    ("Energieventil Kälte 2.OG Nord", "Energieventil Kälte Zone {n}"),
    ("Energieventil Heizung 2.OG Sued-Ost", "Energieventil Heizung Gruppe {n}"),
    ("Gateway UG Technik", "Gateway {n}"),
    ("Lüftung LA01 Erhitzer", "Lüftung {n} Erhitzer"),
    ("Lüftung LA01 Kühler", "Lüftung {n} Kühler"),
    ("VAV 2.OG Empfang Zuluft", "VAV Zone {n} Zuluft"),
    ("Energieventil Heizung 2.OG Nord-Ost", "Energieventil Heizung Strang {n}"),
    ("VAV 2.OG Empfang Abluft", "VAV Zone {n} Abluft"),
    ("Energieventil Kälte EG Restaurant", "Energieventil Kälte Gruppe {n}"),
    ("Umschaltventil 1.OG Sitzungszimmer", "Umschaltventil Zone {n}"),
)
_ENTRIES = {entry.name: entry for entry in DEFAULT_FLEET}


def copied_entry(extra: int) -> tuple[Entry, str]:
    """The entry of a device beyond the default fleet (counted from 0) and the name of the plant that it copies."""
    plant, pattern = _COPIED[extra % len(_COPIED)]
    copied = _ENTRIES[plant]
    name = pattern.format(n=f"{1 + extra // len(_COPIED):03d}")
    return replace(copied, name=name, id=""), plant
