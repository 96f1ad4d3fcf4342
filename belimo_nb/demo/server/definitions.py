"""Answers about dataprofiles, which define the datapoints of devices."""

from collections.abc import Mapping
from typing import Any

from belimo_nb.demo.fleet.profiles import PROFILES
from belimo_nb.demo.server.account import Account
from belimo_nb.demo.server.query import ApiError, Page, Query

_EXPANDED_FIELDS = {"aspects", "subprofiles", "datapoints"}


def _version_key(version: str) -> tuple[int, ...]:  # by numbers: 1.11 comes after 1.2
    return tuple(int(part) for part in version.split("."))


def _name(body: Mapping[str, Any]) -> tuple[Any, ...]:
    return body["name"], _version_key(body["version"])


def _version(body: Mapping[str, Any]) -> tuple[Any, ...]:
    return _version_key(body["version"]), body["name"]


def profile_list(account: Account, query: Query) -> dict[str, Any]:
    """`/definitions/dataprofiles`: one page of them; `expanded=false` leaves out what is in them."""
    page = Page.of(query, ("name", "version"), default="name")
    expanded = query.choice("expanded", ("true", "false"), "true") == "true"
    bodies = page.sort(PROFILES.values(), _name if page.field == "name" else _version)
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
