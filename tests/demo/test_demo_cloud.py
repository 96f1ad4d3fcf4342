"""The demo cloud as an object: its settings, its life, its clock; the same answers everywhere."""

import io
import os
import signal
import subprocess
import sys
from unittest import mock

import pytest
import requests

from belimo_nb.demo import DemoCloud

HEATING = "evcloud.210"
VALVE = "5a430aa2-1d46-4776-bfe1-a10b6c567230"


def run(code, **environment):
    """The output of a script in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


QUESTIONS = """
import hashlib, requests
from belimo_nb.demo import DemoCloud
with DemoCloud() as cloud, requests.Session() as session:
    session.trust_env = False
    known = cloud.environment()
    names = ("client_id", "client_secret", "username", "password", "audience")
    form = {name: known["BELIMO_" + name.upper()] for name in names}
    token = session.post(known["BELIMO_TOKEN_URL"], {**form, "grant_type": "password", "scope": "public.read"}).json()
    session.headers["Authorization"] = "Bearer " + token["access_token"]
    valve = known["BELIMO_API_URL"] + "/devices/5a430aa2-1d46-4776-bfe1-a10b6c567230"
    series = "/data/history/timeseries?datapointIds=evcloud.210,evcloud.140&resolution=7d"
    for path in (series, "", "/data/history/datapoints/evcloud.150?limit=2000", "/timeline"):
        print(hashlib.sha256(session.get(valve + path).content).hexdigest())
"""


@pytest.mark.slow
def test_the_same_question_gets_the_same_bytes_in_any_process():
    """Two interpreters with other hash seeds and time zones agree."""
    first = run(QUESTIONS, PYTHONHASHSEED="1", TZ="Asia/Kolkata")
    second = run(QUESTIONS, PYTHONHASHSEED="2", TZ="America/New_York")
    assert first == second
    assert len(set(first.split())) == 4


def test_the_environment_points_at_the_cloud(api):
    """Every setting a client needs, with credentials in the live cloud's format."""
    known = api.environment
    assert len(known["BELIMO_CLIENT_ID"]) == 32
    assert len(known["BELIMO_CLIENT_SECRET"]) == 64
    assert known["BELIMO_API_URL"] == api.cloud.url + "/api/v3"
    assert known["BELIMO_TIMEZONE"] == "Europe/Zurich"
    assert known["BELIMO_RATE"] == "0"
    assert known["BELIMO_NOW"] == "2018-12-01T00:00:00Z"
    assert known["BELIMO_SOURCE"] == "demo data, seed 1"


def test_the_source_names_fleet_and_seed():
    """Other data has another name."""
    assert DemoCloud(devices=3, seed=7).source == "demo data, seed 7, 3 devices"


@pytest.mark.parametrize("now", ["2018-06-01", "2018-06-01T02:00:00+02:00", 1527811200])
def test_now_can_be_set(now):
    """As a date, a time, or epoch seconds."""
    with DemoCloud(devices=1, now=now) as cloud:
        assert cloud.environment()["BELIMO_NOW"] == "2018-06-01T00:00:00Z"


@pytest.mark.parametrize(
    "arguments",
    [
        {"now": "soon"},
        {"now": "2018-06-01T00:00:00"},
        {"now": "2015-01-01"},
        {"now": 2_000_000_000},
        {"rate": 0},
        {"rate": -1},
    ],
)
def test_arguments_out_of_range_are_refused(arguments):
    """With a sentence that names the argument."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        DemoCloud(devices=1, **arguments)


def test_the_clock_can_be_moved_while_it_runs(connect):
    """Earlier, less is known; the same past is told."""
    with DemoCloud(devices=3) as cloud:
        client = connect(cloud)
        path, query = f"/devices/{VALVE}/data/history/timeseries", {"datapointIds": HEATING, "resolution": "1d"}
        full = client.get(path, from_="2018-10-01", **query).json()["series"][0]["values"]
        cloud.simulation.now -= 30 * 86400
        part = client.get(path, from_="2018-10-01", **query).json()["series"][0]["values"]
        assert len(part) == len(full) - 30
        assert part == full[:-30]
        assert client.get(path, **query).json()["to"] == "2018-11-01T00:00:00Z"


def test_a_stopped_cloud_frees_its_port():
    """Stopping twice is no error, and another may have the port."""
    cloud = DemoCloud(devices=1)
    with pytest.raises(RuntimeError, match="not running"):
        cloud.environment()
    cloud.start()
    url = cloud.url
    assert cloud.start().url == url
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        DemoCloud(devices=1, port=port).start()
    cloud.stop()
    cloud.stop()
    with DemoCloud(devices=1, port=port) as other:
        assert other.url == url
        assert requests.get(url + "/api/v3/api-info", timeout=60).status_code == 200
    assert "not running" in repr(cloud)


def test_a_cloud_that_cannot_start_says_so(monkeypatch):
    """An error in its thread reaches the caller, who would wait for ever; the port is free again."""

    def broken(cloud):
        raise LookupError("no routes today")

    cloud = DemoCloud(devices=1)
    with monkeypatch.context() as patch:
        patch.setattr("belimo_nb.demo.server.routes.application", broken)
        with pytest.raises(LookupError, match="no routes today"):
            cloud.start()
    with cloud:
        assert requests.get(cloud.url + "/api/v3/api-info", timeout=60).status_code == 200


def test_importing_the_demo_costs_nothing():
    """Neither the server's libraries nor numpy, until someone starts a cloud."""
    heavy = run("import sys, belimo_nb.demo; print(*{'tornado', 'oauthlib', 'numpy', 'pandas'} & set(sys.modules))")
    assert heavy.split() == []


FORK = """
import os, urllib.request
from belimo_nb.demo import environment
known = environment()
assert environment() == known
def status():
    with urllib.request.urlopen(known["BELIMO_API_URL"] + "/api-info", timeout=60) as answer:
        return answer.status
child = os.fork()
if child == 0:
    assert environment() == known
    os._exit(0 if status() == 200 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(status(), known["BELIMO_API_URL"])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_and_its_forked_children_share_one_cloud():
    """The child gets the parent's address and an answer; the parent's cloud survives it, and ends with the parent."""
    code = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + FORK
    status, url = run(code).split()
    assert status == "200"
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/api-info", timeout=60)


DROP = """
import http.client, os, signal
from belimo_nb.demo import DemoCloud
with DemoCloud(devices=1) as cloud:
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/api/v3/api-info")
    connection.getresponse().read()
    child = os.fork()
    if child == 0:
        signal.pause()
    cloud.faults = ["drop-connection"]
    try:
        connection.request("GET", "/api/v3/api-info")
        connection.getresponse()
    except ConnectionError as error:
        print(type(error).__name__)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        connection.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_dropped_connection_is_dropped_though_a_child_holds_it():
    """A process forked meanwhile has a copy of the server's socket; the client hears of the end all the same."""
    code = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + DROP
    assert run(code).split() == ["RemoteDisconnected"]


def test_serving_prints_the_settings_first_and_ends_on_interrupt():
    """`.env` lines at once, through a pipe too; Ctrl-C ends it in order."""
    dotenv = pytest.importorskip("dotenv")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "from belimo_nb.demo import DemoCloud; DemoCloud(devices=2).serve()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        lines = [process.stdout.readline() for _ in range(12)]
        known = dotenv.dotenv_values(stream=io.StringIO("".join(lines)))
        assert len(known) == 12
        assert known["BELIMO_SOURCE"] == "demo data, seed 1, 2 devices"
        assert requests.get(known["BELIMO_API_URL"] + "/api-info", timeout=60).status_code == 200
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_serving_ends_in_order_as_soon_as_its_lines_are_out(monkeypatch):
    """Ctrl-C that comes right after the last line, before it waits, is none too early."""
    shown = mock.Mock(flush=mock.Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr(sys, "stdout", shown)
    cloud = DemoCloud(devices=2)
    cloud.serve()
    shown.write.assert_called_once()
    assert "not running" in repr(cloud)
