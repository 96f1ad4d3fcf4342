"""The second cloud in bad hands: whatever text it may send is an attack on who shows it."""

from __future__ import annotations

from typing import Any

from second_cloud import Answer, Request, SecondCloud, says
from second_fleet import PROFILES, VALVE

SEARCH = "SN-0001-K"
PROFILE_PATH = f"/definitions/dataprofiles/{VALVE}"


def attack(where: str, begin: str = "") -> str:
    """A text that runs a script if it is taken for HTML, at most one of which may be harmless by chance."""
    run = f"document.title='{where}-ran';alert('{where}')"
    return (
        f'{begin}{where}</td></script></style><script>{run}</script>"\'><img src=x onerror="{run}">'
        f'<a href="javascript:{run}">x</a>[x](javascript:{run})\x1b]0;{where}\x07'
    )


NAME = attack("NAME", '=HYPERLINK("https://evil.example","x")')
NOTE = attack("NOTE", "@SUM(1+1)*cmd|' /C calc'!A0")
TEXT_VALUE = attack("VALUE", "-2+3+")


def _devices(request: Request, answer: Answer) -> Answer:
    body = answer.json
    for device in body["data"]:
        device["displayName"] = NAME + device["id"]
        device["projectName"] = attack("PROJECT", "+")
        device["addressCity"] = attack("CITY", "\t=")
        device["addressCountry"] = attack("COUNTRY", "CH\r=1+1")
        device["deviceType"] = attack("TYPE")
        if isinstance(device.get("health"), dict):
            device["health"]["description"] = NOTE
            device["health"]["state"] = "ERROR"
    return says(body)


def _profile(request: Request, answer: Answer) -> Answer:
    body = answer.json
    body["name"] = attack("PROFILE")
    for point in body["datapoints"]:
        features = point["featureValues"]
        features["default.description"] = attack("POINT", "=") + features.get("default.description", "")
        if features.get("default.unit") is None:
            features["default.unit"] = attack("UNIT")
    return says(body)


def _user(request: Request, answer: Answer) -> Answer:
    return says({**answer.json, "firstName": attack("FIRST"), "lastName": attack("LAST")})


def _events(request: Request, answer: Answer) -> Answer:
    event: dict[str, Any] = {
        "type": attack("EVENT", "="),
        "details": {attack("KEY"): attack("DETAIL", "="), "values": {"metadata.1004": attack("META", "=")}},
    }
    body = answer.json
    body["data"] = [
        {**row, **event, "timestamp": f"2021-03-0{day}T08:00:00.000Z"} for day, row in enumerate(body["data"], 1)
    ]
    return says(body)


def _data(request: Request, answer: Answer) -> Answer:
    body = answer.json
    for value in body["datapoints"].values():
        if isinstance(value["value"], str):
            value["value"] = TEXT_VALUE
    return says(body)


def _device(request: Request, answer: Answer) -> Answer:
    body = answer.json
    for value in body["state"]["datapoints"].values():
        if isinstance(value["value"], str):
            value["value"] = TEXT_VALUE
    return says(body)


def _series(request: Request, answer: Answer) -> Answer:
    body = answer.json
    texts = {point["id"] for point in PROFILES[VALVE] if point["featureValues"]["default.basetype"] == "text"}
    for series in body.get("series", ()):
        if series["datapointId"] in texts:
            for row in series["values"]:
                row["value"] = TEXT_VALUE
    return says(body)


def poison(cloud: SecondCloud, device: str) -> SecondCloud:
    """From now on the cloud attacks: in the list, the profile of valves, and what it says of one device."""
    cloud.always("/devices", _devices)
    cloud.always("/user", _user)
    cloud.always(PROFILE_PATH, _profile)
    cloud.always(f"/devices/{device}/timeline", _events)
    cloud.always(f"/devices/{device}", _device)
    cloud.always(f"/devices/{device}/data", _data)
    cloud.always(f"/devices/{device}/data/history/timeseries", _series)
    return cloud
