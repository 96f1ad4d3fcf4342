"""The description of the API: sound, complete, and held against every answer with an eye that sees."""

import json

import jsonschema_rs
import pytest
import requests
from contract import Contract, closed, description
from second_cloud import AUDIENCE, CLIENT_ID, CLIENT_SECRET, PASSWORD, SCOPE, USERNAME

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server import routes
from belimo_nb.demo.server.account import USER

JSON = {"Content-Type": "application/json"}
USER_PATH = "/api/v3/user"


def spoken(path, body, status=200, headers=JSON, method="GET"):
    """What the contract finds wrong with an answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Contract(closed(description())).problems(method, path, status, headers, content)


def asked(url, headers):
    """Status, headers and body of an answer."""
    answer = requests.get(url, headers=headers, timeout=60)
    return answer.status_code, answer.headers, answer.content


def test_the_description_is_sound():
    """Every schema is one, every reference leads somewhere, every operation has a name of its own."""
    document = description()
    assert document["openapi"].startswith("3.1.")
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
        jsonschema_rs.meta.validate(schema)
    operations = [
        operation for item in document["paths"].values() for operation in item.values() if "responses" in operation
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) == 14
    for reference in json.dumps(document).split('"$ref": "#/')[1:]:
        found = document
        for part in reference.split('"')[0].split("/"):
            found = found[part]


def test_every_route_is_described_and_nothing_else():
    """The server's paths and the description's are the same."""
    with DemoCloud(devices=1) as cloud:
        application = routes.application(cloud)
    served = {rule.matcher._path.replace("%s", "{}") for rule in application.wildcard_router.rules}
    paths = description()["paths"]
    assert served == {"/".join("{}" if "{" in part else part for part in path.split("/")) for path in paths}


@pytest.mark.parametrize(
    ("path", "body", "options", "words"),
    [
        (USER_PATH, {key: value for key, value in USER.items() if key != "email"}, {}, "email"),
        (USER_PATH, USER | {"shoeSize": 42}, {}, "shoeSize"),
        (USER_PATH, USER | {"roles": "none"}, {}, "array"),
        (USER_PATH, b'{"id":"a","email":', {}, "no application/json"),
        (USER_PATH, b"", {}, "no application/json"),
        ("/v1/archive", b'{"latitude":NaN}', {}, "NaN"),
        (USER_PATH, USER, {"headers": {"Content-Type": "text/html"}}, "text/html"),
        (USER_PATH, USER, {"status": 201}, "status 201"),
        (USER_PATH, {"oops": 1}, {"status": 500}, "oops"),
        (USER_PATH, {"error": "e", "message": "m"}, {"status": 401}, "WWW-Authenticate"),
        (USER_PATH, {"error": "e", "message": "m"}, {"status": 429, "headers": JSON | {"Retry-After": "soon"}}, "soon"),
        (USER_PATH, USER, {"method": "POST"}, "status 200"),
        ("/api/v3/nothing", {}, {}, "status 200"),
        ("/api/v3/devices/a/data", {"timestamp": "yesterday", "datapoints": {}}, {}, "date-time"),
        ("/api/v3/devices/a/data", {"timestamp": "2018-01-01T00:00:00Z", "datapoints": {"x": 1}}, {}, "object"),
        ("/api/v3/devices/a/data/download", b"time;x\r\n", {"headers": {"Content-Type": "text/csv"}}, "timestamp"),
    ],
)
def test_an_answer_that_is_not_as_described_is_seen(path, body, options, words):
    """Fields missing, new or of another type; other statuses, headers, content types; what is no JSON."""
    problems = spoken(path, body, **options)
    assert any(words in problem for problem in problems), problems


def test_a_good_answer_is_none_of_these():
    """Else the test above would say nothing."""
    assert spoken(USER_PATH, USER) == []
    assert spoken("/api/v3/devices/nobody", {"error": "not_found", "message": "no"}, 404) == []


def test_a_demo_cloud_that_strays_is_caught(watch, connect, monkeypatch):
    """In any test that talks to one: the answer still comes, and the test fails."""
    with DemoCloud(devices=1) as cloud:
        client = connect(cloud)
        assert client.get("/user").status_code == 200
        assert watch.take() == []
        monkeypatch.setitem(USER, "email", 5)
        assert client.get("/user").json()["email"] == 5
    (problem,) = watch.take()
    assert problem.startswith('GET /api/v3/user, 200: 5 is not of type "string"')


def test_spoiled_answers_are_exempt_by_name(watch, connect):
    """What a fault makes of a body is no answer of the cloud's; the refusals that faults cause are."""
    with DemoCloud(devices=1) as cloud:
        client = connect(cloud).sign_in()
        for fault in ("html", "empty-body", "truncated-json", "bad-gateway", "unavailable", "server-error"):
            cloud.faults = [fault]
            client.get("/user")
    assert watch.take() == []


def test_the_second_cloud_gives_what_is_described(second):
    """Written from the same facts by another hand: its answers fit the open description, more fields and all."""
    contract = Contract(description(), "/api/v3")
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "password", "audience": AUDIENCE}
    form |= {"username": USERNAME, "password": PASSWORD, "scope": SCOPE}
    answers = [
        requests.post(second.token_url, {**form, **change}, timeout=60)
        for change in ({}, {"client_id": "x"}, {"password": "x"})
    ]
    token = Contract(description())
    found = [p for a in answers for p in token.problems("POST", "/oauth/token", a.status_code, a.headers, a.content)]
    bearer = {"Authorization": f"Bearer {answers[0].json()['access_token']}"}
    device = "/devices/d7Kx01"
    series = "/data/history/timeseries?datapointIds=pX4v.1,pX4v.8&resolution=1h&from=2021-01-01T00Z&to=2021-01-03T00Z"
    found += contract.problems("GET", "/user", *asked(second.api_url + "/user", {}))
    paths = ["/user", "/devices", "/devices?offset=10", "/devices?offset=20", "/devices?search=", "/devices/stats"]
    paths += [
        device + "/data",
        device + series,
        device + series.partition("?")[0],
        device + "/timeline",
        "/devices/none/data",
    ]
    paths += ["/definitions/dataprofiles/Wq8LmZ3a/2.4", "/definitions/dataprofiles/none/1"]
    for path in paths:
        found += contract.problems("GET", path.partition("?")[0], *asked(second.api_url + path, bearer))
    assert found == []
