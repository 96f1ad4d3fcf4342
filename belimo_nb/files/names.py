"""Names of columns and points in files, and which quantity in which unit they mean."""

from __future__ import annotations

import re

from belimo_nb.files.mapping import KNOWN, UNSURE, Column
from belimo_nb.quantities import DIMENSIONS, OTHER_MEANING

TIME_COLUMNS = (
    "time", "timestamp", "sampletime", "datetime", "zeit", "zeitstempel", "datum", "date", "datezeit", "datumuhrzeit",
    "datumzeit", "modified", "ts", "readingtime", "ablesezeit", "messzeit", "zeitpunkt", "uhrzeit",
)  # fmt: skip
POINT_COLUMNS = (
    "name", "point", "pointname", "datapoint", "datapointid", "tag", "object", "objectname", "variable", "datenpunkt",
    "tagname", "datasource",
)  # fmt: skip
UNIT_COLUMNS = ("unit", "units", "einheit", "engineeringunit", "engineeringunits")
VALUE_COLUMNS = ("value", "wert", "presentvalue", "reading", "messwert", "tagval", "tagvalue")
DEVICE_COLUMNS = (
    "device", "deviceid", "devicename", "gerät", "geraet", "valve", "ventil", "meter", "metername", "zähler",
    "zaehler",
)  # fmt: skip
SERIAL_COLUMNS = (
    "serial", "serialnumber", "seriennummer", "serialno", "zählernummer", "zaehlernummer", "zählernr", "meterid",
)  # fmt: skip
STATUS_COLUMNS = ("status", "quality", "tagquality", "qualität")
"""Names, in small letters without signs, of columns that say when, what, in which unit, of which device, how sure."""

IDS = {
    "evcloud.80": "position",
    "evcloud.140": "power",
    "evcloud.150": "t1",
    "evcloud.200": "cooling_energy",
    "evcloud.210": "heating_energy",
    "evcloudplus.461": "volume",
}
"""Ids in the cloud's download that are the same in every dataprofile of Energy Valve 3 seen; their units are SI."""

POINTS = {
    "absflow": "flow",
    "enteringtmp": "t1",
    "leavingtmp": "t2",
    "deltat": "delta_t",
    "abspower": "power",
    "htgenergy": "heating_energy",
    "clgenergy": "cooling_energy",
    "relpos": "position",
    "vnom": "nominal_flow",
    "vmax": "max_flow",
    "t1": "t1",
    "t2": "t2",
}
"""Names of points in trends of building management systems, which say no unit."""

HEAT, COLD = r"(wärme|waerme|heiz|heat|htg)", r"(kälte|kaelte|kühl|cool|chill|clg)"
AMOUNT = r"(energ|menge|zähler|meter|register|counter|stand)"
WORDS = (
    ("delta_t", r"delta.?t\b|spreizung|temp\w*.?diff|diff\w*.?temp"),
    ("t1", r"vorlauf|\bvl\b|supply.?(water.?)?temp|flow.?temp|entering|temp\w*.?(supply|flow|1\b)|\bt.?1\b"),
    ("t2", r"rücklauf|\brl\b|ruecklauf|return|leaving|temp\w*.?2\b|\bt.?2\b"),
    ("cooling_energy", rf"{COLD}.*{AMOUNT}|energ.*{COLD}"),
    ("heating_energy", rf"{HEAT}.*{AMOUNT}|energ.*{HEAT}"),
    ("volume", r"volum(en|e)?\b(?!.*strom)|\bvol\b"),
    ("flow", r"durchfluss|volumenstrom|\bflow\b|\bdurchfl"),
    ("power", r"leistung|power"),
    ("position", r"ventilstellung|(valve|rel\w*).?pos|\bposition\b|\bstellung\b"),
    (UNSURE, r"energie|energy|zählerstand|zaehlerstand|register|\bstand\b"),
)
"""Words of people and of heat meters, the first that fits counts; of mere energy it is not known which kind."""

OTHER = OTHER_MEANING - {"rate", "unit"} | {"stichtag", "vormonat", "vorjahr", "monat", "jahr", "tarif", "maximal"}


def recognize(name: str) -> Column | None:
    """What a name means; None if that is not known. What the name leaves open, quantity or unit, is "?"."""
    if found := by_name(name):
        return found
    plain, unit = without_unit(name)
    words = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])", " ", plain)).casefold().strip()
    quantity = next((key for key, pattern in WORDS if re.search(pattern, words)), None)
    if quantity is None or set(words.split()) & OTHER:
        return None
    if unit and quantity != UNSURE and not KNOWN[quantity].dimension.knows(unit):
        return Column(UNSURE, unit)  # "flow" in m3 is a volume, or the unit is wrong
    return Column(quantity, unit or UNSURE)


def by_name(name: str) -> Column | None:
    """As `recognize`, by names that programs give: the vendor's, ours, and those of trends."""
    plain, unit = without_unit(name)
    leaf = re.split(r"[/\\]", plain)[-1].strip().casefold()
    if quantity := IDS.get(leaf):
        return Column(quantity, KNOWN[quantity].dimension.si)
    for key, known in KNOWN.items():
        if name.strip().casefold() == known.column:
            return Column(key, known.dimension.unit)
        if name.strip().casefold() in (each.casefold() for each in known.names):
            return Column(key, known.dimension.si)  # names of Energy Valve 3 mean units of the SI
        if leaf in (each.casefold() for each in known.names_4):
            return Column(key, unit or UNSURE)
    quantity = POINTS.get(re.sub(r"[\W_]+", "", leaf))
    if quantity is None or (unit and not KNOWN[quantity].dimension.knows(unit)):
        return None
    return Column(quantity, unit or UNSURE)


def rank_of(name: str, quantity: str) -> int | None:
    """The place of a name among those that programs give a quantity, the best first; None if it is none of them."""
    known = KNOWN.get(quantity)
    if known is None or by_name(name) is None:
        return None
    leaf = re.split(r"[/\\]", without_unit(name)[0])[-1].strip().casefold()
    names = [each.casefold() for each in (known.column, *known.names, *known.names_4)]
    return names.index(leaf) if leaf in names else len(names)


def without_unit(name: str) -> tuple[str, str]:
    """A name without the unit behind it, and that unit, "" if there is none: "Energie [MWh]", "Energy_kWh"."""
    name = " ".join(name.split())[:200]
    for pattern in (
        r"(.*\S)\s*[\[(]\s*([^\[\]()]{1,20})\s*[\])]",
        r"(.*\S)\s+in\s+(\S{1,12})",
        r"(.*?\S)[\s_,]+([^\s_,]{1,12})",
    ):
        match = re.fullmatch(pattern, name)
        if (
            match
            and any(dimension.knows(match[2]) for dimension in DIMENSIONS)
            and match[2] not in ("1", "2", "T", "t")
        ):
            return match[1].rstrip(" ,:_-"), match[2]
    return name, ""
