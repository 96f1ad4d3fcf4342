"""The buildings and devices of fleets larger than the default one."""

from __future__ import annotations

from dataclasses import replace

from belimo_nb.demo.fleet.building import DEFAULT_FLEET, Entry, Place

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
