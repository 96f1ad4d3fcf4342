"""The default fleet, 36 devices of one building in Zurich in the order of their production, and larger ones."""

import csv
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.resources import files

from belimo_nb.demo.fleet.profiles import DataprofileKey


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
    """A device of the default fleet, a row of `building.csv`, and what is chosen of its plant.

    Attributes:
        name: name of the device, and of its plant.
        kind: its role.
        floor: floor or level.
        profile: dataprofile.
        material_number: article.
        dn: nominal diameter of the valve, mm.
        id: its id; one that is empty is made from the name.
        size: see `Plant`; 0 for devices without one.
        balance_point_c: see `Plant`.
        base_w: see `Plant`.
        setback: see `Plant`.
        flow_factor: see `Plant`.
        fouled: whether the exchanger is fouled from the start.
    """

    name: str
    kind: Kind
    floor: str
    profile: DataprofileKey
    material_number: str
    dn: int
    id: str
    size: float
    balance_point_c: float
    base_w: float
    setback: bool
    flow_factor: float
    fouled: bool


def _entry(row: dict[str, str]) -> Entry:
    profile, _, version = row["profile"].partition("/")
    return Entry(
        row["name"],
        Kind(row["kind"]),
        row["floor"],
        (profile, version),
        row["material_number"],
        int(row["dn"] or 0),
        row["id"],
        float(row["size"] or 0),
        float(row["balance_point_c"] or 0),
        float(row["base_w"] or 0),
        row["setback"] != "no",
        float(row["flow_factor"] or 1),
        row["fouled"] == "yes",
    )


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


# The order and the given ids are fixed: docs, notebooks and tests name devices by them.
with files("belimo_nb.demo.fleet").joinpath("building.csv").open(encoding="utf-8") as _file:
    DEFAULT_FLEET = tuple(map(_entry, csv.DictReader(_file)))


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
