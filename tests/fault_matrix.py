"""The matrix of faults: what each of them does to each command and to each notebook's calls."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

COMMANDS = ("login", "devices", "sync", "store", "report")
NOTEBOOKS = ("overview", "device", "heating_energy", "cooling_energy")
COLUMNS = (*COMMANDS, *NOTEBOOKS)

RIGHT = "right"
"""The same as without the fault."""
OFFLINE = "right, but offline"
"""The same, but devices count as offline: by our clock nothing was heard of them for a day."""
UNKNOWN = "unknown"
"""What is lost is shown as unknown; the rest is the same."""
NO_WEATHER = "right, but no weather"
"""The same, but what stands on the outdoor temperature is unknown."""
TOLD = "told"
"""Energy is the same, and of the rest a check says that it is wrong."""
PARTLY = "named, 1"
"""What is lost is named with the reason, the rest is the same; exit status 1."""
REFUSED = "said, 3"
"""One sentence, exit status 3."""

VANISHING = "3c6f7077-a147-4d25-865f-e72901d9de62"
"""Energieventil Heizung 2.OG Nord-West."""
VANISHING_COLD = "3b15cf96-9aae-4a58-9061-674595ac60ad"
"""Energieventil Kälte 2.OG Süd, which stands in its place where the column is of cooling energy."""


@dataclass(frozen=True)
class Row:
    """A fault and what it leads to.

    Attributes:
        what: What happens, in words.
        faults: As the demo cloud takes them.
        outcome: Of all columns but `store`, which asks no cloud, and those in `but`.
        but: Outcomes of other columns.
        limits: Seconds to wait for the next byte and for a whole answer, where the fault is about them.
        settings: Settings that are the fault.
        words: What the sentence says, where there is one.
        kept: Whether all was kept before, and is asked for again.
    """

    what: str
    faults: tuple[str, ...]
    outcome: str = RIGHT
    but: dict[str, str] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    words: str = ""
    kept: bool = False

    def expected(self, column: str) -> str:
        """The outcome of a column."""
        return self.but.get(column, RIGHT if column == "store" else self.outcome)

    @property
    def written(self) -> str:
        """The faults as one types them."""
        return " ".join(self.faults) or " ".join(f"{name}={value}" for name, value in self.settings.items())


def _both(what: str, name: str, words: str, seconds: str = "") -> tuple[Row, Row]:
    """A fault of every second request, which passes, and one of all."""
    return (
        Row(f"{what}, every second time", (f"{name}=2{seconds}",)),
        Row(f"{what}, always", (f"{name}{seconds}",), REFUSED, words=words),
    )


_OFFLINE = {"devices": OFFLINE, "overview": OFFLINE}
_WEATHER = dict.fromkeys(("report", "heating_energy", "cooling_energy"), NO_WEATHER)
_HISTORY = dict.fromkeys(("login", "devices"), RIGHT)
_A_DEVICE = _HISTORY | dict.fromkeys(("sync", "report", "overview", "heating_energy", "cooling_energy"), PARTLY)
_ONE_401 = f"refused-token@/api/v3/devices/{VANISHING}"
NO_HOST = "https://cloud.invalid/api/v3"

ROWS = (
    *_both("429 with Retry-After", "too-many-requests", "fewer requests (429)"),
    *_both("429 without Retry-After", "no-retry-after", "fewer requests (429)"),
    Row("429, to come again in ten minutes", ("too-many-requests:600",), REFUSED, words="fewer requests (429)"),
    *_both("500", "server-error", "(500)"),
    *_both("502, an HTML page", "bad-gateway", "(502)"),
    *_both("503 with Retry-After", "unavailable", "(503)"),
    *_both("connection dropped before the answer", "drop-connection", "failed"),
    *_both("connection dropped in the middle of a body", "drop-body", "broke off"),
    Row("first byte late, but in time", ("slow=2:0.05",)),
    Row("first byte too late", ("slow:30",), REFUSED, limits=(0.3, 60), words="did not answer within"),
    Row("body slow, but in time", ("slow-body=2:0.01",)),
    Row("body stops coming", ("slow-body:30",), REFUSED, limits=(0.3, 60), words="did not answer within"),
    Row("body comes byte by byte", ("slow-body:0.2",), REFUSED, limits=(30, 0.3), words="the end of its answer"),
    Row("headers never end", ("slow-headers:0.1",), REFUSED, limits=(30, 0.3), words="the end of its answer"),
    Row("trailers never end", ("slow-trailers:0.1",), REFUSED, limits=(30, 0.3), words="the end of its answer"),
    Row("a small body that unpacks to 100 MB", ("bomb",), REFUSED, words="more than 32 MB"),
    Row("a history that does", ("bomb@/api/v3/devices/",), REFUSED, {**_A_DEVICE, "login": REFUSED}, words="32 MB"),
    Row("a body packed twice", ("gzip-twice",), REFUSED, words="packed as"),
    *_both("JSON cut off", "truncated-json", "no JSON"),
    Row("HTML instead of JSON", ("html",), REFUSED, words="web page"),
    Row("JSON that calls itself plain text", ("wrong-type",)),
    *_both("empty body", "empty-body", "no JSON"),
    *_both("broken gzip", "broken-gzip", "cannot be unpacked"),
    Row("token expired between two pages", ("small-pages", "stale-token=2")),
    Row("token revoked between two pages", ("small-pages", "revoked-token=2")),
    Row("each token expired at once", ("stale-token",), REFUSED, words="has just issued (401)"),
    Row("each token revoked at once", ("revoked-token",), REFUSED, words="has just issued (401)"),
    Row("tokens that live a few seconds", ("expired-token:4",)),
    Row("token revoked and its refresh token refused", ("revoked-token=2", "refresh-refused")),
    Row("sign-in fails, every second time", ("server-error=2@/oauth/token", "revoked-token=2")),
    Row("sign-in fails", ("server-error@/oauth/token",), REFUSED, words="(500)"),
    Row("a web page instead of the sign-in", ("html@/oauth/token",), REFUSED, words="BELIMO_TOKEN_URL"),
    Row("a token that no header can hold", ("strange-token",), REFUSED, words="makes no sense"),
    Row("headers of the sign-in never end", ("slow-headers:0.1@/oauth/token",), REFUSED, limits=(30, 0.3), words="end"),
    Row("sign-in never ends", ("slow-body:0.2@/oauth/token",), REFUSED, limits=(30, 0.3), words="the end of its"),
    Row("the cloud's clock a day fast, and 429", ("clock-skew", "too-many-requests=2")),
    Row("no such host", (), REFUSED, settings={"BELIMO_API_URL": NO_HOST}, words="'cloud.invalid'"),
    Row("our clock a day fast", (), RIGHT, _OFFLINE, settings={"BELIMO_NOW": "2018-12-02T00:00:00Z"}),
    Row("our clock a day slow", (), settings={"BELIMO_NOW": "2018-11-30T00:00:00Z"}),
    Row("small pages", ("small-pages",)),
    Row("total changes while paging", ("small-pages", "changing-total"), REFUSED, words="number of rows changed"),
    Row(
        "a device vanishes after the list", (f"not-found@/api/v3/devices/{VANISHING}",), REFUSED, _A_DEVICE, words="404"
    ),
    Row("history fails", ("server-error@/api/v3/devices/",), REFUSED, {**_A_DEVICE, "login": REFUSED}, words="(500)"),
    Row("dataprofiles in a newer version, some of the time", ("small-pages", "changed-profile=2")),
    Row("a datapoint left out of the history", ("missing-series",), UNKNOWN, _HISTORY),
    Row("history without a value", ("series-empty",), UNKNOWN, _HISTORY),
    Row("the same, of what is kept", ("series-empty",), kept=True),
    Row("the last day of a history", ("series-cut",), UNKNOWN, _HISTORY),
    Row("the same, where all is kept", ("series-cut",), kept=True),
    Row("first readings instead of last ones", ("other-aggregation",), REFUSED, _A_DEVICE, words="'first'"),
    Row("history of another range", ("other-range",), REFUSED, _A_DEVICE, words="with the from"),
    Row("a dataprofile that is another", ("other-profile",), REFUSED, _HISTORY, words="the id 'another'"),
    Row("a device that is another", ("other-device",), RIGHT, {"device": REFUSED}, words="the id 'another'"),
    Row("a device that refuses the token", (_ONE_401,), REFUSED, _A_DEVICE, words="(401)"),
    Row("nulls", ("series-nulls",), UNKNOWN, _HISTORY),
    Row("numbers as texts", ("series-texts",)),
    Row("every row twice, the first wrong", ("series-duplicates",)),
    Row("rows in the wrong order", ("series-unordered",)),
    Row("buckets outside the range", ("series-outside",), REFUSED, _A_DEVICE, words="values outside"),
    Row("rows beside the buckets", ("series-off-grid",), REFUSED, _A_DEVICE, words="other buckets"),
    Row("1e308", ("series-huge",), UNKNOWN, _HISTORY),
    Row("NaN as text", ("series-nan",), UNKNOWN, _HISTORY),
    Row("true instead of numbers", ("series-true",), UNKNOWN, _HISTORY),
    Row("the first hours of a history", ("series-short",), UNKNOWN, {**_HISTORY, "device": RIGHT}),
    Row("holes in a history", ("series-holes",), UNKNOWN, _HISTORY),
    Row("a search that finds all", ("search-ignored",)),
    Row("events that the cloud has forgotten, of what is kept", ("lost-events",), kept=True),
    Row("half a dataprofile", ("partial-profile",), UNKNOWN, _HISTORY),
    Row(
        "a dataprofile with wrong units", ("other-units",), RIGHT, dict.fromkeys(("report", "overview", "device"), TOLD)
    ),
    Row("weather of another place", ("other-place",), RIGHT, _WEATHER),
)


ONE_BY_ONE = "TEST_ONE_BY_ONE"
"""The variable that says which limits and notebooks `one_by_one` sets."""


def one_by_one() -> None:
    """In a process of a command: one request at a time, waits that take no time, limits and notebooks as wanted."""
    from belimo_nb.client import http, retries
    from belimo_nb.cloud import several
    from belimo_nb.report import notebooks
    from belimo_nb.store import sync

    def no_time(seconds: float) -> None:
        assert seconds <= retries.MAX_WAIT

    wanted = json.loads(os.environ[ONE_BY_ONE])
    retries.pause = no_time
    sync.WORKERS = several.MAX_IN_FLIGHT = 1
    notebooks.PACKAGE = Path(wanted["package"])
    http.TIMEOUT, http.MAX_ANSWER_SECONDS = tuple(wanted["timeout"]), wanted["answer"]


def table() -> str:
    """The matrix as a table for the docs."""
    lines = [
        f"| {' | '.join(('what happens', '`--fault`', *COLUMNS))} |",
        f"|{'---|' * (len(COLUMNS) + 2)}",
    ]
    for row in ROWS:
        cells = [row.what, f"`{row.written}`", *(row.expected(column) for column in COLUMNS)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
