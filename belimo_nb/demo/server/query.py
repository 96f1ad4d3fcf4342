"""Query parameters: parse and check them, page and sort lists by them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
DEFAULT_LIMIT = 20
MAXIMUM_LIMIT = 2000

Item = TypeVar("Item")


class ApiError(Exception):
    """An error answer: a status and a JSON body of `error` (a code), `message`, and `parameter` if one is at fault."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, str] = {"error": code, "message": message}
        if parameter is not None:
            self.body["parameter"] = parameter


def bad_parameter(name: str, message: str) -> ApiError:
    """The error 400 for an invalid query parameter."""
    return ApiError(400, "bad_request", message, parameter=name)


def parse_instant(text: str) -> int:
    """Epoch milliseconds of an ISO-8601 time with an offset or `Z`, or of a bare date (its midnight in UTC).

    A time without an offset is a ValueError: the cloud does not guess zones. A year outside 1 to 9999 in UTC is an
    OverflowError.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if not _DATE_ONLY.fullmatch(text):
            raise ValueError(f"{text!r} has no offset")
        moment = moment.replace(tzinfo=UTC)
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def iso(milliseconds: int) -> str:
    """ISO-8601 in UTC with `Z`; milliseconds only where there are some: `2018-11-30T23:00:00Z`."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    timespec = "milliseconds" if milliseconds % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


@dataclass(frozen=True)
class Span:
    """A range of time in epoch milliseconds: `begin` inclusive, `end` exclusive."""

    begin: int
    end: int

    @property
    def seconds(self) -> tuple[int, int]:
        """First whole second in the range, and the first one after it."""
        return -(-self.begin // 1000), -(-self.end // 1000)


class Query:
    """The query string of one request. The last of several values counts; unknown parameters are ignored."""

    def __init__(self, text: str) -> None:
        self._values = dict(parse_qsl(text, keep_blank_values=True))

    def text(self, name: str) -> str | None:
        """The value as given, None if there is none; an empty one is refused."""
        value = self._values.get(name)
        if value == "":
            raise bad_parameter(name, f"{name} must not be empty")
        return value

    def choice(self, name: str, options: Sequence[str], default: str) -> str:
        """One of the options, in the same spelling."""
        value = self._values.get(name, default)
        if value not in options:
            raise bad_parameter(name, f"{name} must be one of {', '.join(options)}, not {value!r}")
        return value

    def whole_number(self, name: str, default: int, low: int, high: int) -> int:
        """A decimal number from `low` to `high`."""
        value = self._values.get(name)
        if value is None:
            return default
        if not _WHOLE_NUMBER.fullmatch(value) or not low <= int(value) <= high:
            raise bad_parameter(name, f"{name} must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    def number(self, name: str, low: float, high: float) -> float:
        """A required number from `low` to `high`."""
        value = self._values.get(name, "")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise bad_parameter(name, f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
        return number

    def instant(self, name: str, default: int) -> int:
        """Epoch milliseconds of an ISO-8601 time."""
        value = self._values.get(name)
        if value is None:
            return default
        try:
            return parse_instant(value)
        except (ValueError, OverflowError):
            raise bad_parameter(
                name, f"{name} must be an ISO-8601 time like 2018-11-01T00:00:00Z, not {value!r}"
            ) from None

    def instant_or_epoch(self, name: str, default: int) -> int:
        """Epoch milliseconds, given as such or as an ISO-8601 time."""
        value = self._values.get(name, "")
        if re.fullmatch(r"-?\d{1,14}", value, re.ASCII):
            return int(value)
        return self.instant(name, default)

    def span(self, created: int, now: int) -> Span:
        """The range of `from` and `to`, by default from the begin of the device's data to now (both in epoch s)."""
        begin, end = self.instant("from", created * 1000), self.instant("to", now * 1000)
        if end <= begin:
            raise bad_parameter("to", f"to ({iso(end)}) must be after from ({iso(begin)})")
        return Span(begin, end)

    def names(self, name: str) -> list[str]:
        """A comma-separated list, each name once; empty without the parameter, refused if it is blank."""
        value = self._values.get(name)
        found = list(dict.fromkeys(part.strip() for part in (value or "").split(",") if part.strip()))
        if value is not None and not found:
            raise bad_parameter(name, f"{name} must not be empty")
        return found


@dataclass(frozen=True)
class Page:
    """The requested part of a list, and its sort order."""

    offset: int
    limit: int
    field: str
    direction: str

    @classmethod
    def of(cls, query: Query, fields: Sequence[str], *, default: str, direction: str = "ASC") -> "Page":
        """Read `limit` (20, at most 2000), `offset`, `sortBy` and `sortDirection`."""
        return cls(
            offset=query.whole_number("offset", 0, 0, 999_999_999),
            limit=query.whole_number("limit", DEFAULT_LIMIT, 1, MAXIMUM_LIMIT),
            field=query.choice("sortBy", fields, default),
            direction=query.choice("sortDirection", ("ASC", "DESC"), direction),
        )

    def sort(self, items: Iterable[Item], key: Callable[[Item], Any]) -> list[Item]:
        """Sort by a key that may be None, the greatest value then; equal items keep their order."""

        def nullable(item: Item) -> tuple[bool, Any]:
            value = key(item)
            return value is None, "" if value is None else value

        return sorted(items, key=nullable, reverse=self.direction == "DESC")

    def cut(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items on this page."""
        return items[self.offset : self.offset + self.limit]

    def frame(self, data: list[Any], total: int) -> dict[str, Any]:
        """The body of a list answer, without `filter`."""
        return {
            "data": data,
            "paging": {"total": total, "offset": self.offset, "limit": self.limit},
            "sorting": {"field": self.field, "direction": self.direction},
        }
