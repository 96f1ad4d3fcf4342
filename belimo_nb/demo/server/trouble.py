"""Faults to inject into the demo cloud's answers, for tests and for practice.

A fault is written `NAME[=WHEN][:SECONDS][@PATH]`:

- WHEN: a share of the requests above 0 and below 1 (`0.2`: pseudo-random, the same requests in every run), or a whole
  number n (every n-th request). Without it every request is hit.
- SECONDS: how long `slow` waits, `slow-body` before each tenth of the body, and `slow-headers` and `slow-trailers`
  before each line; the `Retry-After` of
  `too-many-requests` and `unavailable`; the lifetime of an `expired-token`; the error of `clock-skew`.
- PATH: only requests whose path begins so. Default: `/api/v3`; for `expired-token` and `refresh-refused` the sign-in,
  `/oauth/token`, and for `other-place` the weather, `/v1/archive`.

Examples: `server-error=0.2`, `slow:5`, `too-many-requests=3:2`, `html@/oauth/token`. Faults that change the content of
an answer are in `belimo_nb.demo.server.spoil`.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

FAULTS: dict[str, str] = {
    "too-many-requests": "429 with Retry-After",
    "no-retry-after": "429 without Retry-After",
    "server-error": "500",
    "bad-gateway": "502, an HTML page",
    "unavailable": "503 with Retry-After",
    "drop-connection": "closes the connection instead of answering",
    "drop-body": "closes the connection in the middle of the body",
    "slow": "answers late",
    "slow-body": "sends the body in ten pieces, each of them late",
    "slow-headers": "sends headers without end, each of them late",
    "slow-trailers": "sends the body and then trailers without end, each of them late",
    "bomb": "a small body that unpacks to 100 MB",
    "gzip-twice": "a body packed twice",
    "strange-token": "a token that no header can hold",
    "truncated-json": "half of the body, as if it were whole",
    "html": "200 with an HTML page instead of JSON",
    "empty-body": "200 without a body",
    "wrong-type": "JSON that calls itself plain text",
    "broken-gzip": "a body that is no gzip, though it says so",
    "clock-skew": "the cloud's clock is a day fast, and its Retry-After is a date",
    "not-found": "404",
    "expired-token": "tokens live a few seconds only, and say so",
    "stale-token": "the request's token has expired, long before it was said to",
    "revoked-token": "the request's token is revoked before its time",
    "refused-token": "401, though the token is valid and stays so",
    "refresh-refused": "refresh tokens are refused: only the password helps",
    "small-pages": "lists come in pages of 10 rows, whatever was asked for",
    "changing-total": "lists count a row more from the second page on",
    "changed-profile": "devices have just come to a newer version of their dataprofile",
    "other-aggregation": "history comes as the first readings of its buckets, and says so",
    "other-range": "history comes of the last day of the range alone, and says so",
    "other-profile": "a dataprofile comes that calls itself another one",
    "other-device": "a device comes that has another id",
    "partial-profile": "half of a dataprofile's datapoints are left out",
    "other-units": "a dataprofile says kW, l/h and °F of numbers that are W, m3/s and K",
    "lost-events": "of a device's events only the newest comes",
    "other-place": "weather of another place comes, and says so",
    "search-ignored": "a search finds all devices",
    "missing-series": "the last datapoint that was asked for is left out",
    "series-empty": "series come without a value",
    "series-cut": "only the last day of the range comes, though the answer says all of it",
    "series-short": "the first five hours of the range are left out, though the answer says all of it",
    "series-holes": "a quarter of each day is left out",
    "series-nulls": "every third bucket is null",
    "series-texts": "numbers are texts",
    "series-duplicates": "every row comes twice, the first time with another value",
    "series-unordered": "the newest row comes first",
    "series-outside": "buckets before and after the range come, too",
    "series-off-grid": "rows lie half an hour beside the buckets",
    "series-huge": "every fifth number is 1e308",
    "series-nan": "every fifth number is the text NaN",
    "series-true": "every fifth number is true",
}
_DEFAULT_SECONDS = {
    "too-many-requests": 1.0,
    "unavailable": 1.0,
    "slow": 2.0,
    "slow-body": 1.0,
    "slow-headers": 1.0,
    "slow-trailers": 1.0,
    "expired-token": 3.0,
    "clock-skew": 86_400.0,
}
_AT = {
    **dict.fromkeys(("expired-token", "refresh-refused", "strange-token"), "/oauth/token"),
    "other-place": "/v1/archive",
}
_FAULT = re.compile(
    r"(?P<name>[a-z-]+)(=(?P<when>\d+(\.\d+)?))?(:(?P<seconds>\d+(\.\d+)?))?(@(?P<path>/\S*))?", re.ASCII
)


@dataclass(frozen=True)
class InjectedFault:
    """A fault to inject: its name, which requests it hits, and for how long."""

    name: str
    share: float
    every: int
    seconds: float
    path: str

    @classmethod
    def parse(cls, text: str) -> "InjectedFault":
        """Read `NAME[=WHEN][:SECONDS][@PATH]`; a ValueError says what is wrong and which names there are."""
        match = _FAULT.fullmatch(text)
        name = match["name"] if match else re.split("[=:@]", text)[0]
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; there are: {', '.join(FAULTS)}")
        if match is None:
            raise ValueError(f"fault {text!r} is not NAME[=WHEN][:SECONDS][@PATH], like server-error=0.2 or slow:5")
        if match["seconds"] and name not in _DEFAULT_SECONDS:
            raise ValueError(f"fault {text!r}: {name} takes no seconds; only {', '.join(_DEFAULT_SECONDS)} do")
        when = float(match["when"] or 1)
        if when == 0 or (when > 1 and not when.is_integer()):
            raise ValueError(
                f"fault {text!r}: {match['when']} is neither a share below 1 nor a whole number (every n-th)"
            )
        return cls(
            name=name,
            share=when if when < 1 else 1.0,
            every=max(1, int(when)),
            seconds=float(match["seconds"] or _DEFAULT_SECONDS.get(name, 0)),
            path=match["path"] or _AT.get(name, "/api/v3"),
        )

    def hits(self, number: int) -> bool:
        """Whether the number-th request (from 1) on its path is hit."""
        # by a hash, not at random: the same requests are hit in every run, so a failing test fails again
        if self.share < 1:
            digest = hashlib.sha256(f"{self.name}:{number}".encode()).digest()
            return int.from_bytes(digest[:8]) < self.share * 2.0**64
        return number % self.every == 0


class FaultInjector:
    """The faults in force, with the number of requests that each has seen."""

    def __init__(self, faults: Sequence[str] = ()) -> None:
        self.texts = tuple(faults)
        self._faults = [InjectedFault.parse(text) for text in faults]
        self._seen = [0] * len(self._faults)

    def is_active(self, name: str) -> bool:
        """Whether a fault is in force, whichever requests it hits."""
        return any(fault.name == name for fault in self._faults)

    def hits(self, path: str) -> dict[str, InjectedFault]:
        """Count a request and return the faults that hit it, by name."""
        hit = {}
        for place, fault in enumerate(self._faults):
            if path.startswith(fault.path):
                self._seen[place] += 1
                if fault.hits(self._seen[place]):
                    hit[fault.name] = fault
        return hit
