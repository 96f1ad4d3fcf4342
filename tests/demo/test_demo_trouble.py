"""Faults, the rate limit, latency and the log of the demo cloud."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest
import requests

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server.spoil import apply_body_faults
from belimo_nb.demo.server.traffic import MAXIMUM_IN_FLIGHT, RateLimit, RequestLog
from belimo_nb.demo.server.trouble import FAULTS, FaultInjector, InjectedFault


@pytest.fixture(scope="module")
def troubled():
    """A demo cloud whose faults the tests of this module set."""
    with DemoCloud() as cloud:
        yield cloud


@pytest.fixture
def client(troubled, connect):
    """Signed in before the trouble begins; afterwards all is well again."""
    troubled.faults = []
    yield connect(troubled).sign_in()
    troubled.faults, troubled.rate, troubled.latency = [], None, 0.0


def test_an_unknown_fault_is_refused_with_the_names_there_are():
    """At once, when the cloud is made, or when its faults are changed."""
    for text in ("earthquake", "Server-Error", "", "earthquake=0.5"):
        with pytest.raises(ValueError, match="unknown fault") as caught:
            DemoCloud(faults=[text])
        assert all(name in str(caught.value) for name in FAULTS)


@pytest.mark.parametrize(
    "text", ["slow=", "slow=-1", "slow=0", "slow=1.5", "slow:fast", "slow@api", "html:3", "slow=0.5=0.5", "slow :1"]
)
def test_a_fault_that_cannot_be_read_is_refused(text):
    """The sentence repeats it."""
    with pytest.raises(ValueError, match="fault") as caught:
        InjectedFault.parse(text)
    assert text.split("=")[0].split(" ")[0].split(":")[0].split("@")[0] in str(caught.value)


def test_a_fault_reads_share_seconds_and_path():
    """All parts, and what holds without them."""
    assert InjectedFault.parse("slow=0.25:1.5@/oauth") == InjectedFault("slow", 0.25, 1, 1.5, "/oauth")
    assert InjectedFault.parse("server-error=3") == InjectedFault("server-error", 1.0, 3, 0.0, "/api/v3")
    assert InjectedFault.parse("expired-token").path == "/oauth/token"


def test_a_share_hits_the_same_requests_in_every_run():
    """Pseudo-random by the request's number: reproducible, and about as many as said."""
    hits = [n for n in range(1, 2001) if InjectedFault.parse("server-error=0.2").hits(n)]
    assert hits == [n for n in range(1, 2001) if InjectedFault.parse("server-error=0.2").hits(n)]
    assert 340 < len(hits) < 460
    assert hits != [n for n in range(1, 2001) if InjectedFault.parse("bad-gateway=0.2").hits(n)]


def test_every_nth_request_counts_those_on_its_path():
    """Other paths neither suffer nor count."""
    trouble = FaultInjector(["server-error=3@/api/v3/devices"])
    paths = ["/api/v3/devices", "/api/v3/user", "/api/v3/devices/1", "/api/v3/devices", "/api/v3/devices/2"]
    assert [bool(trouble.hits(path)) for path in paths] == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ("too-many-requests", 429, "1"),
        ("too-many-requests:30", 429, "30"),
        ("server-error", 500, None),
        ("unavailable", 503, "1"),
        ("unavailable:7", 503, "7"),
    ],
)
def test_refusals_are_json_with_their_status(troubled, client, fault, status, retry_after):
    """The body names the error; 429 and 503 say when to come again."""
    troubled.faults = [fault]
    answer = client.get("/devices")
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == retry_after
    assert set(answer.json()) == {"error", "message"}


@pytest.mark.parametrize(("fault", "status"), [("bad-gateway", 502), ("html", 200)])
def test_pages_of_other_servers_are_html(troubled, client, fault, status):
    """As a proxy in between would answer."""
    troubled.faults = [fault]
    answer = client.get("/devices")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_dropped_connections_reach_the_client_as_such(troubled, client):
    """Without a word, and in the middle of the body."""
    troubled.faults = ["drop-connection"]
    with pytest.raises(requests.ConnectionError):
        client.get("/devices")
    troubled.faults = ["drop-body"]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get("/devices")
    troubled.faults = []
    assert client.get("/devices").status_code == 200


def test_bodies_can_be_cut_or_empty(troubled, client):
    """HTTP is in order, the JSON is not."""
    whole = client.get("/devices").text
    troubled.faults = ["truncated-json"]
    cut = client.get("/devices")
    assert cut.status_code == 200
    assert whole.startswith(cut.text)
    assert len(cut.content) == len(whole.encode()) // 2
    troubled.faults = ["empty-body"]
    assert client.get("/devices").content == b""


def test_faults_of_the_body_hit_downloads_too(troubled, client):
    """CSV is sent piece by piece; half of it is half of it."""
    device = client.get("/devices", search="Heizung", limit=1).json()["data"][0]["id"]
    path, query = f"/devices/{device}/data/download", {"datapointIds": "evcloud.210", "from_": "2018-11-30"}
    whole = client.get(path, **query).content
    troubled.faults = ["truncated-json"]
    assert client.get(path, **query).content == whole[: len(whole) // 2]
    troubled.faults = ["drop-body"]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get(path, **query)


def test_slow_answers_come_late(troubled, client):
    """A patient client gets them, an impatient one a timeout."""
    troubled.faults = ["slow:0.3"]
    assert client.get("/user").elapsed.total_seconds() >= 0.3
    troubled.faults = ["slow:30"]
    with pytest.raises(requests.ReadTimeout):
        client.get("/user", timeout=(60, 0.05))


def test_latency_delays_every_answer(troubled, client):
    """Sign-in and weather included."""
    troubled.latency = 0.1
    answers = [
        client.get("/user"),
        client.grant(),
        client.session.get(client.environment["BELIMO_WEATHER"], timeout=60),
    ]
    assert all(answer.elapsed.total_seconds() >= 0.1 for answer in answers)


def test_expired_token_gives_short_lives(troubled, client):
    """The answer to the sign-in says how short."""
    troubled.faults = ["expired-token:2"]
    assert client.grant().json()["expires_in"] == 2
    troubled.faults = ["expired-token=2"]
    assert [client.grant().json()["expires_in"] for _ in range(2)] == [86400, 3]


def test_revoked_token_ends_a_token_early(troubled, client):
    """401; the refresh token still gives a new one, which holds when the fault is over."""
    token = client.grant().json()
    troubled.faults = ["revoked-token=2"]
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert [client.get("/user", headers=bearer).status_code for _ in range(3)] == [200, 401, 401]
    troubled.faults = []
    fresh = client.refresh(token["refresh_token"]).json()["access_token"]
    assert client.get("/user", headers={"Authorization": f"Bearer {fresh}"}).status_code == 200


def test_refused_token_stays_valid_elsewhere(troubled, client):
    """One path says 401; the token goes on with the others, so one device's trouble is no other's."""
    troubled.faults = ["refused-token@/api/v3/devices"]
    assert [client.get(path).status_code for path in ("/devices", "/user")] == [401, 200]


def test_faults_leave_sign_in_and_weather_alone_unless_named(troubled, client):
    """By default they hit the API; a path puts them elsewhere."""
    troubled.faults = ["server-error"]
    assert client.grant().status_code == 200
    troubled.faults = ["server-error@/oauth/token"]
    assert client.grant().status_code == 500
    assert client.get("/user").status_code == 200


def test_the_rate_limit_is_refused_with_retry_after(connect):
    """A burst passes, then 429 with whole seconds; another token and `/api-info` are not concerned."""
    with DemoCloud(rate=0.01) as cloud:  # so that nothing fills up meanwhile
        client = connect(cloud).sign_in()
        statuses = [client.get("/user").status_code for _ in range(5)]
        assert statuses[:2] == [200, 200]
        assert set(statuses[2:]) == {429}
        refused = client.get("/user")
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["error"] == "too_many_requests"
        assert client.get("/api-info").status_code == 200
        assert connect(cloud).get("/user").status_code == 200
        assert cloud.environment()["BELIMO_RATE"] == "0.01"


def test_the_rate_limit_fills_up_again(monkeypatch):
    """A client that keeps the rate exactly is never refused; one that hurries is told how long to wait."""
    clock = [0.0]
    monkeypatch.setattr("belimo_nb.demo.server.traffic.time.monotonic", lambda: clock[0])
    limit = RateLimit()
    for _ in range(100):
        assert limit.refusal("patient", 2) is None
        clock[0] += 0.499  # a little early: networks jitter
        assert limit.refusal("patient", 2) is None
        clock[0] += 0.501
    for _ in range(3):
        assert limit.refusal("hasty", 2) is None
    assert limit.refusal("hasty", 2) == 1
    assert limit.refusal("hasty", 0.1) == 10


def test_more_than_five_in_flight_are_refused(connect):
    """Six at a time: one has to come again."""
    with DemoCloud(rate=1000) as cloud, ThreadPoolExecutor(MAXIMUM_IN_FLIGHT) as threads:
        client = connect(cloud).sign_in()
        gate, last_seen = threading.Event(), cloud.simulation.last_seen
        cloud.simulation.last_seen = lambda device: gate.wait() and last_seen(device)

        def ask():
            return requests.get(cloud.url + "/api/v3/devices/stats", headers=client.session.headers, timeout=60)

        answers = [threads.submit(ask) for _ in range(MAXIMUM_IN_FLIGHT)]
        while cloud.limit.in_flight(client.token) < MAXIMUM_IN_FLIGHT:
            time.sleep(0.001)
        refused = client.get("/user")
        gate.set()
        assert {answer.result().status_code for answer in answers} == {200}
        assert refused.status_code == 429
        assert "in flight" in refused.json()["message"]
        assert client.get("/user").status_code == 200


def test_the_log_knows_every_request(connect):
    """Method, path, query, status, time; refused and dropped ones too."""
    with DemoCloud() as cloud:
        client = connect(cloud).sign_in()
        client.get("/devices", limit=3)
        client.get("/devices/none")
        cloud.faults = ["drop-connection"]
        with pytest.raises(requests.ConnectionError):
            client.get("/user")
        entries = [(entry.method, entry.path, entry.query, entry.status) for entry in cloud.requests]
        assert entries == [
            ("POST", "/oauth/token", "", 200),
            ("GET", "/api/v3/devices", "limit=3", 200),
            ("GET", "/api/v3/devices/none", "", 404),
            ("GET", "/api/v3/user", "", 0),
        ]
        times = [entry.time for entry in cloud.requests]
        assert times == sorted(times)
        assert cloud.requests.count("/api/v3/devices") == 2
        assert cloud.requests.count() == len(cloud.requests) == 4
        cloud.requests.clear()
        assert len(cloud.requests) == 0


def test_the_log_keeps_the_newest(monkeypatch):
    """It does not grow for ever."""
    monkeypatch.setattr("belimo_nb.demo.server.traffic._KEPT_REQUESTS", 3)
    log = RequestLog()
    for n in range(5):
        log.add("GET", f"/{n}", "")
    assert [entry.path for entry in log] == ["/2", "/3", "/4"]


def test_stopping_in_the_middle_of_an_answer_is_quiet(recwarn):
    """A client that waits is cut off; no task, socket or thread is left to complain."""
    with DemoCloud(faults=["slow:30"]) as cloud, ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(requests.get, cloud.url + "/api/v3/api-info", timeout=60)
        while not cloud.requests.count("/api/v3"):
            time.sleep(0.001)
        cloud.stop()
        with pytest.raises(requests.ConnectionError):
            waiting.result()
    assert [str(warning.message) for warning in recwarn] == []


def test_html_at_the_token_endpoint(troubled, client):
    """A captive portal answers the sign-in."""
    troubled.faults = ["html@/oauth/token"]
    answer = client.grant()
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_throttling_without_a_word_of_when(troubled, client):
    """429, and no Retry-After."""
    troubled.faults = ["no-retry-after"]
    answer = client.get("/devices")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, None)


def test_a_clock_that_is_wrong(troubled, client):
    """A day fast in every answer, and Retry-After as a date of that clock."""
    troubled.faults = ["clock-skew", "too-many-requests:5"]
    headers = client.get("/user").headers
    date, after = (parsedate_to_datetime(headers[name]) for name in ("Date", "Retry-After"))
    assert (after - date).total_seconds() == 5
    assert 86_000 < date.timestamp() - time.time() < 86_800


def test_devices_can_vanish(troubled, client):
    """404 for all that lies below a path, and for nothing else."""
    device = client.get("/devices", limit=1).json()["data"][0]["id"]
    troubled.faults = [f"not-found@/api/v3/devices/{device}"]
    assert client.get(f"/devices/{device}/data").status_code == 404
    assert client.get("/devices", limit=1).json()["data"][0]["id"] == device


def test_tokens_can_end_before_their_time(troubled, client):
    """401 for the access token; its refresh token is still good, or refused if that is the fault."""
    token = client.grant().json()
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    troubled.faults = ["stale-token"]
    answer = client.get("/user", headers=bearer)
    assert (answer.status_code, answer.json()["message"]) == (401, "the access token has expired")
    assert client.refresh(token["refresh_token"]).status_code == 200
    troubled.faults = ["refresh-refused"]
    refused = client.refresh(token["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert client.grant().status_code == 200


def test_bodies_can_be_mislabelled(troubled, client):
    """JSON as text, and plain bytes as gzip."""
    whole = client.get("/user").json()
    troubled.faults = ["wrong-type"]
    answer = client.get("/user")
    assert (answer.headers["Content-Type"], json.loads(answer.content)) == ("text/plain", whole)
    troubled.faults = ["broken-gzip"]
    with pytest.raises(requests.exceptions.ContentDecodingError):
        client.get("/user")


def test_answers_that_no_client_should_take(troubled, client):
    """Headers and trailers without end, bodies packed too well or too often, and a token with a line break."""
    troubled.faults = ["slow-headers:0.01"]
    with pytest.raises(requests.exceptions.ConnectionError):  # Python takes a hundred headers
        client.get("/user")
    troubled.faults = ["slow-trailers:0.01"]
    with client.get("/user", stream=True) as answer:
        assert next(answer.iter_content(10**6)).startswith(b"{")
    troubled.faults = ["bomb"]
    answer = client.get("/user", stream=True)
    assert int(answer.headers["Content-Length"]) < 1e6
    assert sum(map(len, answer.iter_content(10**6))) == 10**8
    troubled.faults = ["gzip-twice"]
    assert client.get("/user").headers["Content-Encoding"] == "gzip, gzip"
    troubled.faults = ["strange-token"]
    assert "\n" in client.grant().json()["access_token"]


def test_bodies_can_come_slowly(troubled, client):
    """In pieces, and whole in the end."""
    whole = client.get("/user").json()
    troubled.faults = ["slow-body:0.02"]
    answer = client.get("/user", stream=True)
    begin = time.monotonic()
    assert answer.json() == whole
    assert time.monotonic() - begin >= 0.1


def test_lists_can_change_while_they_are_read(troubled, client):
    """Small pages, whatever was asked for; from the second on, one row more."""
    troubled.faults = ["small-pages", "changing-total"]
    pages = [client.get("/devices", limit=2000, offset=offset).json() for offset in (0, 10)]
    assert [len(page["data"]) for page in pages] == [10, 10]
    assert [page["paging"] for page in pages] == [
        {"total": 36, "offset": 0, "limit": 10},
        {"total": 37, "offset": 10, "limit": 10},
    ]


def test_dataprofiles_can_have_a_newer_version(troubled, client):
    """The list names it, and it can be had."""
    troubled.faults = []
    before = client.get("/devices", limit=1).json()["data"][0]["dataprofile"]["ref"]
    troubled.faults = ["changed-profile"]
    after = client.get("/devices", limit=1).json()["data"][0]["dataprofile"]["ref"]
    assert after.startswith(before)
    assert after != before
    assert client.get(after).json() == client.get(before).json()


def rows(*values):
    """Hourly rows from midnight."""
    return [{"timestamp": f"2018-11-01T{hour:02}:00:00Z", "value": value} for hour, value in enumerate(values)]


@pytest.mark.parametrize(
    ("fault", "values"),
    [
        ("series-nulls", [1, 2.5, None, 4, 5]),
        ("series-texts", ["1", "2.5", "3", "4", "5"]),
        ("series-duplicates", [0, 1, 0, 2.5, 0, 3, 0, 4, 0, 5]),
        ("series-unordered", [5, 4, 3, 2.5, 1]),
        ("series-outside", [1, 1, 1, 1, 2.5, 3, 4, 5, 1]),
        ("series-off-grid", [1, 2.5, 3, 4, 5]),
        ("series-huge", [1, 2.5, 3, 4, 1e308]),
        ("series-nan", [1, 2.5, 3, 4, "NaN"]),
    ],
)
def test_series_can_be_spoiled(fault, values):
    """What each fault makes of the rows of a series; texts and other bodies are left alone."""
    body = {"series": [{"datapointId": "a", "values": rows(1, 2.5, 3, 4, 5)}]}
    found = json.loads(apply_body_faults(json.dumps(body).encode(), {fault}))["series"][0]["values"]
    assert [row["value"] for row in found] == values
    if fault == "series-off-grid":
        assert found[0]["timestamp"] == "2018-11-01T00:30:00+00:00"
    texts = json.dumps({"series": [{"datapointId": "a", "values": rows("OK")}]}).encode()
    if fault in ("series-nulls", "series-texts", "series-huge", "series-nan"):
        assert json.loads(apply_body_faults(texts, {fault})) == json.loads(texts)
    assert apply_body_faults(b'{"id": "u1"}', {fault}) == b'{"id": "u1"}'
    assert apply_body_faults(b"not even JSON", {"slow"}) == b"not even JSON"


def test_a_series_can_be_left_out():
    """The last one; without series nothing happens."""
    body = {"series": [{"datapointId": "a", "values": []}, {"datapointId": "b", "values": []}]}
    assert json.loads(apply_body_faults(json.dumps(body).encode(), {"missing-series"}))["series"] == body["series"][:1]
    assert json.loads(apply_body_faults(b"{}", {"missing-series"})) == {}
