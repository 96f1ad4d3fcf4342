"""A second, tiny cloud for tests, written from the API's description alone, on nothing but the standard library.

It shares no line, id, path or habit with the demo cloud, and is as awkward as the description allows: pages of ten
whatever is asked, optional fields missing, other ids, names and units, series in another order with rows unsorted,
doubled and null, refresh tokens that rotate, and sign-in and API on different ports. Whatever the client does here,
it does not do by knowing the demo cloud.

Trouble is made by answers put in the way of the real ones: `SecondCloud.next` for the next requests to a path,
`SecondCloud.always` for all of them.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from second_fleet import BEGIN, DEVICES, NOW, PROFILES, TIMELINE, VALVE, epoch, iso, value_at

CLIENT_ID = "q8Wn0fLxV3tYcR5sPz1kHb7dJm2gUa4e"
CLIENT_SECRET = "Zk4-secret-of-the-client-" + "x9" * 19
USERNAME = "anna.muster@example.org"
PASSWORD = "pä&ss w=rd%41+/ß"
AUDIENCE = "https://api.second.example/"
SCOPE = "public.read offline_access read:dataprofile"

BASE = "/cloud/v3"
TOKEN = "/auth/token"
PAGE = 10
POINTS = 10_000


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What is answered; `act` is "" to send it, "hang", "hang in body", "drop", "cut" or "drip".

    To drip is to send the body as all that goes over the wire, and `endless` after it, again and again.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json;charset=UTF-8"})
    act: str = ""
    endless: bytes = b""

    @property
    def json(self) -> Any:
        """The body's content."""
        return json.loads(self.body)


Change = Callable[[Request, Answer], Answer]


def says(content: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON; header names with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"} | named)


def page_of_html(status: int = 200) -> Answer:
    """A web page where data belongs."""
    return Answer(status, b"<!DOCTYPE html><title>Welcome</title><p>Log in", {"Content-Type": "text/html"})


HANG = Answer(act="hang")
HANG_IN_BODY = Answer(body=b"{}", act="hang in body")
DROP = Answer(act="drop")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW_PHASES = {
    name: Answer(body=begin, endless=endless, act="drip")
    for name, begin, endless in (
        ("status line", b"HTTP/1.1 200 ", b"O"),
        ("header", OK + b"X-Header: ", b"x"),
        ("headers", OK, b"X: x\r\n"),
        ("100 Continue", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("headers of a 100", b"HTTP/1.1 100 Continue\r\n", b"X: x\r\n"),
        ("size of a chunk", CHUNKED, b"0"),
        ("extension of a chunk", CHUNKED + b"2;", b"x"),
        ("chunks", CHUNKED, b"1\r\n \r\n"),
        ("trailers", CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: x\r\n"),
        ("trailer", CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"x"),
        ("body with a length", OK + b"Content-Length: 9999\r\n\r\n{}", b" "),
        ("body without a length", OK + b"\r\n{}", b" "),
        ("refusal", b"HTTP/1.1 404 Not Found\r\nContent-Length: 9999\r\n\r\n", b" "),
        ("redirect", b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9999\r\n\r\n", b" "),
    )
}
"""Answers that come byte by byte, each in time, and never end, by the phase that does not."""
PAUSE = 0.02  # seconds between their bytes


def cut(_: Request, answer: Answer) -> Answer:
    """Half of the real answer, then the connection breaks."""
    return replace(answer, act="cut")


def truncated(_: Request, answer: Answer) -> Answer:
    """Half of the real answer, as if it were the whole."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


class SecondCloud:
    """Two servers on free ports of the loopback; use it as a context manager.

    Attributes:
        requests: All requests, in order of arrival.
        token_lifetime: ``expires_in`` of new tokens; None: the field is missing.
        nulls: Begins (epoch seconds) of buckets without a value, beside every hour at 12:00 UTC.
        silent: Datapoint ids that histories leave out.
        devices: What `/devices` lists. What another fleet differs in is this, `profiles`, `stats`, `values`, `events`
            and `rows`; see `quiet_cloud`.
    """

    devices: list[dict[str, Any]] = DEVICES
    profiles: Mapping[str, list[dict[str, Any]]] = PROFILES
    stats: Mapping[str, Any] = {
        "totalDevices": len(DEVICES),
        "connection": {"offline": 4, "online": 19},
        "health": {"problem": 2, "ok": 21},
        "transfer": {"incoming": 1, "outgoing": 0},
    }

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.token_lifetime: Any = 120
        self.nulls: set[int] = set()
        self.silent: set[str] = set()
        self._access: set[str] = set()
        self._refresh: set[str] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._next: dict[str, deque[Answer | Change]] = defaultdict(deque)
        self._always: dict[str, Answer | Change] = {}
        self._released = threading.Event()
        self._servers = [self._server(self._api), self._server(self._token)]

    def __enter__(self) -> SecondCloud:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def api_url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._servers[0].server_port}{BASE}"

    @property
    def token_url(self) -> str:
        """Where tokens are issued: on a port of its own."""
        return f"http://127.0.0.1:{self._servers[1].server_port}{TOKEN}"

    def environment(self) -> dict[str, str]:
        """The settings that point at it."""
        return {
            "BELIMO_CLIENT_ID": CLIENT_ID,
            "BELIMO_CLIENT_SECRET": CLIENT_SECRET,
            "BELIMO_USERNAME": USERNAME,
            "BELIMO_PASSWORD": PASSWORD,
            "BELIMO_API_URL": self.api_url,
            "BELIMO_TOKEN_URL": self.token_url,
            "BELIMO_AUDIENCE": AUDIENCE,
            "BELIMO_RATE": "0",
            "BELIMO_NOW": iso(NOW),
        }

    def next(self, path: str, *answers: Answer | Change) -> None:
        """Give these answers, or changes of the real one, to the next requests to a path."""
        self._next[path].extend(answers)

    def always(self, path: str, answer: Answer | Change) -> None:
        """Give this answer, or this change of the real one, to every request to a path."""
        self._always[path] = answer

    def revoke(self, *, refresh_tokens: bool = False) -> None:
        """End all access tokens now, and if asked to the refresh tokens, too."""
        with self._lock:
            self._access.clear()
            if refresh_tokens:
                self._refresh.clear()

    def asked(self, path: str) -> list[Request]:
        """The requests to a path."""
        return [request for request in self.requests if request.path == path]

    def heard(self, path: str, number: int) -> list[Request]:
        """The requests to a path, once there are so many: a client that gives up may be faster than its request."""
        for _ in range(6000):  # a minute, on a machine however busy
            if len(self.asked(path)) >= number:
                break
            sleep(0.01)
        return self.asked(path)

    @property
    def grants(self) -> list[str]:
        """Grant types of the token requests, in order."""
        return [request.form.get("grant_type", "") for request in self.asked(TOKEN)]

    def _server(self, answer: Callable[[Request], Answer]) -> ThreadingHTTPServer:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                cloud._handle(self, answer)

            def do_POST(self) -> None:
                cloud._handle(self, answer)

            def log_message(self, *_: object) -> None:
                """Nothing: the test has the request log."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 32

            def handle_error(self, *_: object) -> None:
                """Nothing: clients of a test go away as they please."""

        return Server(("127.0.0.1", 0), Handler)

    def _handle(self, handler: BaseHTTPRequestHandler, real: Callable[[Request], Answer]) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()
        request = Request(
            handler.command,
            parts.path.removeprefix(BASE),
            {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()},
            dict(handler.headers.items()),
            {key: values[-1] for key, values in parse_qs(body, keep_blank_values=True).items()},
        )
        with self._lock:
            self.requests.append(request)
            queue = self._next[request.path]
            change = queue.popleft() if queue else self._always.get(request.path)
        answer = change if isinstance(change, Answer) else real(request)
        if callable(change):
            answer = change(request, answer)
        self._send(handler, answer)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.act in ("hang", "drop"):
            handler.close_connection = True
            if answer.act == "hang":
                self._released.wait()
            return
        if answer.act == "drip":
            handler.close_connection = True
            handler.wfile.write(answer.body)
            with contextlib.suppress(OSError):  # the client has had enough
                while not self._released.wait(PAUSE):
                    handler.wfile.write(answer.endless)
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        half = len(answer.body) // 2 if answer.act else len(answer.body)
        handler.wfile.write(answer.body[:half])
        if answer.act:
            handler.close_connection = True
        if answer.act == "hang in body":
            handler.wfile.flush()
            self._released.wait()

    def _token(self, request: Request) -> Answer:
        """RFC 6749, sections 4.3 and 6."""
        form = request.form
        if request.method != "POST" or request.path != TOKEN:
            return page_of_html(404)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return says({"error": "invalid_client", "error_description": "Who are you?"}, 401)
        with self._lock:
            if form.get("grant_type") == "password":
                if (form.get("username"), form.get("password")) != (USERNAME, PASSWORD):
                    return says({"error": "invalid_grant", "error_description": "Wrong email or password."}, 403)
                if form.get("audience") != AUDIENCE or form.get("scope") != SCOPE:
                    return says({"error": "access_denied", "error_description": "Service not found"}, 403)
            elif form.get("grant_type") == "refresh_token":
                if form.get("refresh_token") not in self._refresh:
                    return says({"error": "invalid_grant", "error_description": "Unknown refresh token."}, 403)
                self._refresh.remove(form["refresh_token"])
            else:
                return says({"error": "unsupported_grant_type"}, 400)
            number = next(self._numbers)
            self._access.add(f"access-{number}-of-anna")
            self._refresh.add(f"refresh-{number}-of-anna")
        token = {
            "access_token": f"access-{number}-of-anna",
            "refresh_token": f"refresh-{number}-of-anna",
            "token_type": "Bearer",
            "id_token": "unasked.for.this",
            "expires_in": self.token_lifetime,
        }
        return says({key: value for key, value in token.items() if value is not None})

    def _api(self, request: Request) -> Answer:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._access:
            return says({"error": "invalid_token", "error_description": "expired or revoked"}, 401)
        match [unquote(part) for part in request.path.strip("/").split("/")]:
            case ["user"]:
                return says({"id": "u1", "email": USERNAME, "firstName": "Anna", "lastName": "Muster", "roles": []})
            case ["devices"]:
                return self._devices(request)
            case ["devices", "stats"]:
                return says(dict(self.stats))
            case ["definitions", "dataprofiles", identifier, version]:
                points = self.profiles.get(f"{identifier}/{version}")
                if points is None:
                    return _missing("dataprofile")
                head = {"id": identifier, "version": version, "ref": f"{identifier}/{version}", "name": "acme.hlk"}
                return says({**head, "state": "LOCKED", "aspects": [], "datapoints": points})
            case ["devices", identifier, *rest]:
                device = next((device for device in self.devices if device["id"] == identifier), None)
                if device is None:
                    return _missing("device")
                match rest:
                    case []:
                        state = {"timestamp": iso(self.live), "datapoints": self._values(device, self.live)}
                        return says(device | {"state": state})
                    case ["data"]:
                        time = min(epoch(request.query["at"]) if "at" in request.query else self.snapshot, NOW)
                        return says({"timestamp": iso(time), "datapoints": self._values(device, time), "more": True})
                    case ["data", "history", "timeseries"]:
                        return self._timeseries(request, device)
                    case ["timeline"]:
                        return _page(request, self.events(device))
        return _missing("resource")

    def _devices(self, request: Request) -> Answer:
        search = request.query.get("search")
        if search == "":
            return says({"message": "search must not be empty"}, 400)
        found = [
            d
            for d in self.devices
            if (search or "").casefold() in f"{d.get('displayName')}\n{d.get('serialNumber')}".casefold()
        ]
        return _page(request, found)

    live: float = NOW  # when the values are of that `/devices/{id}` gives
    snapshot: float = NOW  # the same of `/devices/{id}/data` without a time

    def values(self, device: Mapping[str, Any], time: float) -> dict[str, Any]:
        """What each datapoint of a device reads at a moment (epoch seconds)."""
        keys = [*reversed([point["id"] for point in PROFILES[VALVE]]), "metadata.1001"]
        return {key: value_at(key, time) for key in keys}

    def events(self, device: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The timeline of a device."""
        return TIMELINE

    def _values(self, device: Mapping[str, Any], time: float) -> dict[str, Any]:
        return {key: {"value": value} for key, value in self.values(device, time).items()}

    def _timeseries(self, request: Request, device: dict[str, Any]) -> Answer:
        query = request.query
        if "datapointIds" not in query:
            return says({"message": "datapointIds is required", "path": request.path}, 400)
        begin, end = (epoch(query.get(key, "0")) for key in ("from", "to"))
        number, unit = int(query["resolution"][:-1]), query["resolution"][-1]
        step = number * {"m": 60, "h": 3600, "d": 86400}[unit]
        if end <= begin or (end - begin) / step > POINTS:
            return says({"message": "from, to or resolution is out of range"}, 400)
        profile = (device.get("dataprofile") or {}).get("entityId")
        known = {point["id"] for point in self.profiles.get(profile, [])} - self.silent
        wanted = [key for key in query["datapointIds"].split(",") if key in known]
        series = [
            {
                "datapointId": key,
                "aggregation": query.get("aggregation", "last"),
                "values": self.rows(device, key, begin, end, step),
            }
            for key in reversed(wanted)
        ]
        return says({"from": iso(begin), "to": iso(end), "resolution": query["resolution"], "series": series})

    def rows(self, device: Mapping[str, Any], key: str, begin: float, end: float, step: int) -> list[dict[str, Any]]:
        """Buckets with their last reading: the first one twice (the second counts), the rest out of order."""
        return _rows(key, begin, end, step, frozenset(self.nulls))


@functools.lru_cache(1000)
def _rows(key: str, begin: float, end: float, step: int, nulls: frozenset[int]) -> list[dict[str, Any]]:
    """The rows of a datapoint, which is the same in every device: made once for all the tests of a process."""
    first = int(begin - begin % step)
    buckets = [time for time in range(first, int(end), step) if BEGIN <= time < NOW]
    rows = []
    for time in [*buckets[7:], *buckets[:7]]:
        empty = time in nulls or (step == 3600 and time % 86400 == 43200)
        value = None if empty else value_at(key, min(time + step, NOW))
        rows.append({"timestamp": iso(time), "value": value, "samples": 60})
    return [{**rows[0], "value": -1}, *rows] if rows else []


def _missing(what: str) -> Answer:
    return says({"status": 404, "message": f"No such {what}."}, 404)


def _page(request: Request, rows: list[dict[str, Any]]) -> Answer:
    offset = int(request.query.get("offset", 0))
    limit = min(int(request.query.get("limit", PAGE)), PAGE)
    paging = {"total": len(rows), "offset": offset, "limit": limit, "cursor": None}
    return says({"data": rows[offset : offset + limit], "paging": paging, "sorting": {"direction": "ASC"}})
