"""Answers about devices (the list, one device, statistics, states, events), and about their dataprofiles."""

from collections.abc import Callable, Mapping
from typing import Any

from belimo_nb.demo.fleet.fleet import DemoDevice
from belimo_nb.demo.fleet.profiles import PROFILES
from belimo_nb.demo.server.account import USER, USER_NAME, Account, timestamp
from belimo_nb.demo.server.query import ApiError, Page, Query
from belimo_nb.demo.world.schedule import daily_snapshot

ONLINE_SECONDS = 300
_STATES = ("REGISTERED", "UNREGISTERED", "ALL")

_SORT_KEYS: dict[str, Callable[[Account, DemoDevice], Any]] = {
    "productionId": lambda account, device: device.production_id,
    "id": lambda account, device: device.id,
    "displayName": lambda account, device: device.name,
    "serialNumber": lambda account, device: device.serial_number,
    "deviceType": lambda account, device: device.device_type,
    "owner.displayName": lambda account, device: USER_NAME,
    "dataprofile.displayName": lambda account, device: device.profile and "/".join(device.profile),
    "software.displayName": lambda account, device: None,
    "health.state": lambda account, device: account.simulation.health(device)[0],
    "health.lastSeen": lambda account, device: account.simulation.last_seen(device),
    "projectName": lambda account, device: device.place.project,
    "addressCity": lambda account, device: device.place.city,
    "addressCountry": lambda account, device: device.place.country,
}


def user(account: Account, query: Query) -> dict[str, Any]:
    """`/user`: who is signed in."""
    return USER


def stats(account: Account, query: Query) -> dict[str, Any]:
    """`/devices/stats`: numbers of devices, online, healthy. Online means contact within the last five minutes."""
    devices = account.devices(query.text("owner"))
    contacts = [account.simulation.last_seen(device) for device in devices]
    online = sum(seen is not None and seen >= account.now - ONLINE_SECONDS for seen in contacts)
    states = [account.simulation.health(device)[0] for device in devices]
    return {
        "totalDevices": len(devices),
        "connection": {"offline": len(devices) - online, "online": online},
        "health": {"problem": states.count("WARNING") + states.count("ERROR"), "ok": states.count("OK")},
        "transfer": {"incoming": 0, "outgoing": 0},
    }


def device_list(account: Account, query: Query) -> dict[str, Any]:
    """`/devices`: one page of the devices, each with its latest values."""
    page = Page.of(query, tuple(_SORT_KEYS), default="productionId")
    state = query.choice("state", _STATES, "ALL")
    search, owner = query.text("search"), query.text("owner")
    devices = account.devices(owner)
    if state != "ALL":
        registered = state == "REGISTERED"
        devices = [device for device in devices if (account.simulation.last_seen(device) is not None) == registered]
    if search is not None:
        wanted = search.casefold()
        devices = [d for d in devices if wanted in d.name.casefold() or wanted in d.serial_number.casefold()]
    key = _SORT_KEYS[page.field]
    devices = page.sort(devices, lambda device: key(account, device))
    body = page.frame([account.describe(device) for device in page.cut(devices)], len(devices))
    given = {"search": search, "state": state if query.text("state") else None, "owner": owner}
    body["filter"] = {name: value for name, value in given.items() if value is not None}
    return body


def device(account: Account, query: Query, device_id: str) -> dict[str, Any]:
    """`/devices/{id}`: one device."""
    return account.describe(account.device(device_id))


def data(account: Account, query: Query, device_id: str) -> dict[str, Any]:
    """`/devices/{id}/data`: values `at` a time (ISO-8601 or epoch milliseconds), else those of the daily snapshot.

    All of them, or those of `datapointIds` that the device has. The present is in `/devices/{id}` and in the list.
    """
    found = account.device(device_id)
    snapshot = max(daily_snapshot(account.now), found.installed)
    at = query.instant_or_epoch("at", snapshot * 1000) // 1000
    if at < found.installed:
        raise ApiError(
            400, "bad_request", f"device {device_id} has no data before {timestamp(found.installed)}", parameter="at"
        )
    state = account.state(found, min(at, account.now))
    if wanted := query.names("datapointIds"):
        state["datapoints"] = {name: state["datapoints"][name] for name in wanted if name in state["datapoints"]}
    return state


def timeline(account: Account, query: Query, device_id: str) -> dict[str, Any]:
    """`/devices/{id}/timeline`: one page of the device's events, newest first."""
    found = account.device(device_id)
    page = Page.of(query, ("timestamp",), default="timestamp", direction="DESC")
    begin, end = query.span(found.installed, account.now).seconds
    events = account.simulation.timeline(found)
    events = [event for event in events if begin <= event["timestamp"] < end]
    if page.direction == "DESC":
        events.reverse()
    data = [{**event, "timestamp": timestamp(event["timestamp"])} for event in page.cut(events)]
    return page.frame(data, len(events))


_EXPANDED_FIELDS = {"aspects", "subprofiles", "datapoints"}


def _version_key(version: str) -> tuple[int, ...]:  # by numbers: 1.11 comes after 1.2
    return tuple(int(part) for part in version.split("."))


def profile_list(account: Account, query: Query) -> dict[str, Any]:
    """`/definitions/dataprofiles`: one page of them; `expanded=false` leaves out what is in them."""
    page = Page.of(query, ("name", "version"), default="name")
    expanded = query.choice("expanded", ("true", "false"), "true") == "true"

    def key(body: Mapping[str, Any]) -> tuple[Any, ...]:
        both = body["name"], _version_key(body["version"])
        return both if page.field == "name" else both[::-1]

    bodies = page.sort(PROFILES.values(), key)
    left_out = set() if expanded else _EXPANDED_FIELDS
    data = [{key: value for key, value in body.items() if key not in left_out} for body in page.cut(bodies)]
    return page.frame(data, len(bodies))


def profile(account: Account, query: Query, profile_id: str, version: str) -> Mapping[str, Any]:
    """`/definitions/dataprofiles/{id}/{version}`; version `last` is the newest."""
    versions = sorted((known[1] for known in PROFILES if known[0] == profile_id), key=_version_key)
    chosen = versions[-1] if versions and version == "last" else version
    if chosen not in versions:
        raise ApiError(404, "not_found", f"there is no dataprofile {profile_id}/{version}")
    return PROFILES[profile_id, chosen]
