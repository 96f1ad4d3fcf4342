"""Faults of content: valid JSON answers whose content is wrong."""

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

Body = dict[str, Any]
Rows = list[dict[str, Any]]

ROWS_A_PAGE = 10
VERSION_SUFFIX = ".9"  # suffix that `changed-profile` adds to the version of a dataprofile

_HALF_AN_HOUR = timedelta(minutes=30)
_CUT_HOURS = timedelta(hours=5)
_HOLE = range(6, 12)  # hours of each day, UTC
_OTHER_UNITS = {"W": "kW", "m3/s": "l/h", "K": "°F"}


def _where(key: str, change: Callable[[Body], object]) -> Callable[[Body], None]:
    """A fault that changes the bodies that have a key."""

    def spoil(body: Body) -> None:
        if key in body:
            change(body)

    return spoil


def _small_pages(body: Body) -> None:
    body["data"] = body["data"][:ROWS_A_PAGE]
    body["paging"]["limit"] = ROWS_A_PAGE


def _changing_total(body: Body) -> None:
    if body["paging"].get("offset"):
        body["paging"]["total"] += 1


def _changed_profile(body: Body) -> None:
    for device in body["data"] if "paging" in body else [body]:
        reference = device.get("dataprofile")
        if reference and "/dataprofiles/" in reference.get("ref", ""):
            reference["ref"] += VERSION_SUFFIX


def _partial_profile(body: Body) -> None:
    del body["datapoints"][len(body["datapoints"]) // 2 :]


def _other_units(body: Body) -> None:
    for point in body["datapoints"]:
        features = point["featureValues"]
        if features.get("default.unit") in _OTHER_UNITS:
            features["default.unit"] = _OTHER_UNITS[features["default.unit"]]


def _lost_events(body: Body) -> None:
    rows = body["data"]
    if rows and "details" in rows[0]:
        body["data"] = rows[:1]  # the newest comes first
        body["paging"]["total"] = 1


def _other_aggregation(body: Body) -> None:
    for series in body["series"]:
        series["aggregation"] = "first"


def _rows_since(body: Body, begin: datetime) -> None:
    for series in body["series"]:
        series["values"] = [row for row in series["values"] if datetime.fromisoformat(row["timestamp"]) >= begin]


def _last_day(body: Body) -> datetime:
    return datetime.fromisoformat(body["to"]) - timedelta(days=1)


def _other_range(body: Body) -> None:
    _rows_since(body, _last_day(body))
    body["from"] = _last_day(body).isoformat()


def _for_rows(change: Callable[[Rows], Rows]) -> Callable[[Body], None]:
    """A fault that changes the rows of each series."""

    def spoil(body: Body) -> None:
        for series in body["series"]:
            series["values"] = change(series["values"])

    return _where("series", spoil)


def _every(number: int, value: Any) -> Callable[[Rows], Rows]:
    """A change that replaces the number in every n-th row."""

    def change(rows: Rows) -> Rows:
        return [
            {**row, "value": value} if place % number == 0 and _is_number(row["value"]) else row
            for place, row in enumerate(rows, 1)
        ]

    return change


def _texts(rows: Rows) -> Rows:
    return [{**row, "value": str(row["value"])} if _is_number(row["value"]) else row for row in rows]


def _twice(rows: Rows) -> Rows:
    return [either for row in rows for either in ({**row, "value": 0 if _is_number(row["value"]) else None}, row)]


def _outside(rows: Rows) -> Rows:
    if not rows:
        return rows
    long = timedelta(days=70_000)
    first = datetime.fromisoformat(rows[0]["timestamp"]).astimezone(UTC)
    beside = [{"timestamp": (first + way).isoformat(), "value": 1} for way in (-long, -timedelta(hours=1), long)]
    return [*beside, *rows, {"timestamp": (first + timedelta(days=3_660)).isoformat(), "value": 1}]


def _holes(rows: Rows) -> Rows:
    return [row for row in rows if datetime.fromisoformat(row["timestamp"]).hour not in _HOLE]


def _off_grid(rows: Rows) -> Rows:
    return [
        {**row, "timestamp": (datetime.fromisoformat(row["timestamp"]) + _HALF_AN_HOUR).isoformat()} for row in rows
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


BODY_FAULTS: dict[str, Callable[[Body], None]] = {
    "small-pages": _where("paging", _small_pages),
    "changing-total": _where("paging", _changing_total),
    "changed-profile": _changed_profile,
    "other-aggregation": _where("series", _other_aggregation),
    "other-range": _where("series", _other_range),
    "other-profile": _where("subprofiles", lambda body: body.update(id="another", ref=f"another/{body['version']}")),
    "other-device": _where("serialNumber", lambda body: body.update(id="another")),
    "partial-profile": _where("subprofiles", _partial_profile),
    "other-units": _where("subprofiles", _other_units),
    "lost-events": _where("data", _lost_events),
    "other-place": _where("hourly", lambda body: body.update(latitude=body["latitude"] + 10)),
    "missing-series": _where("series", lambda body: body.update(series=body["series"][:-1])),
    "series-empty": _for_rows(lambda rows: []),
    "series-cut": _where("series", lambda body: _rows_since(body, _last_day(body))),
    "series-short": _where("series", lambda body: _rows_since(body, datetime.fromisoformat(body["from"]) + _CUT_HOURS)),
    "series-holes": _for_rows(_holes),
    "series-true": _for_rows(_every(5, True)),
    "series-nulls": _for_rows(_every(3, None)),
    "series-texts": _for_rows(_texts),
    "series-duplicates": _for_rows(_twice),
    "series-unordered": _for_rows(lambda rows: rows[::-1]),
    "series-outside": _for_rows(_outside),
    "series-off-grid": _for_rows(_off_grid),
    "series-huge": _for_rows(_every(5, 1e308)),
    "series-nan": _for_rows(_every(5, "NaN")),
}
"""The function of each fault of content, which changes a body in place, if it applies to that kind of body."""


def apply_body_faults(body: bytes, faults: Collection[str]) -> bytes:
    """A JSON body, changed by the faults of content among `faults`."""
    wanted = [spoil for name, spoil in BODY_FAULTS.items() if name in faults]
    if not wanted:
        return body
    content = json.loads(body)
    for spoil in wanted:
        spoil(content)
    return json.dumps(content).encode()


def published_version(version: str) -> str:
    """The version of a dataprofile without the suffix of `changed-profile`."""
    return version.removesuffix(VERSION_SUFFIX)
