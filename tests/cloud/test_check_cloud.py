"""`belimo-nb check-cloud`: each line of its table, on a cloud that is as assumed and on one that differs there."""

import json
import os
import re
from dataclasses import dataclass, replace

import pytest
from click.testing import CliRunner
from second_cloud import CLIENT_ID, CLIENT_SECRET, PASSWORD, TOKEN, USERNAME, says
from second_fleet import DEVICES, FLOW, HEATING, NOW, POSITION, POWER, PROFILES, T1, T2, VALVE, epoch, iso

from belimo_nb.cli import cli
from belimo_nb.demo import DemoCloud

HOUR, DAY = 3600, 86400
DEVICE = "/devices/d7Kx01"
DELTA_T = "pX4v.30"
POINTS = (HEATING, FLOW, T1, T2, POWER, POSITION)


@dataclass(frozen=True)
class Habits:
    """How a cloud may differ from what is assumed."""

    spacing: int = 300
    shift: int = 0  # hours from a bucket's begin to its stamp
    which: str = "last"
    right: bool = False
    fill: str = ""
    empty: int = 0  # of 24 hours
    energy: float = 1.0
    sign: float = 1.0
    resets: int = 0
    day_begin: int = 0
    ahead: int = 0
    off: int = 0
    by_change: bool = False


def sample(key, time, habits):
    """What a datapoint reads at a moment: a valve whose power changes by the minute."""
    step = time // 300
    power = 20 + step * 7 % 31 * 1.0
    counted = 7.5e5 + sum((20 + i * 7 % 31) / 12 for i in range(step % 31))
    counted += step // 31 * (sum(20 + i for i in range(31)) / 12)
    for number in range(habits.resets):
        if time >= NOW - (number + 2) * 3 * DAY:
            counted -= 1e6 / 2**number
    return {
        HEATING: counted * habits.energy,
        POWER: power * habits.sign,
        T1: 60.0,
        T2: 40 + step % 7 * 0.1,
        FLOW: power / (4.15e3 / 3600 * (20 - step % 7 * 0.1)) / 0.06,
        POSITION: 50 + step % 13,
    }[key]


def times(key, begin, end, habits):
    """The times of native samples; some hours of each day have none, and by change those that repeat the last one."""
    first = -(-begin // habits.spacing) * habits.spacing
    found = [t for t in range(first, min(end, NOW), habits.spacing) if t // HOUR % 24 >= habits.empty]
    if habits.by_change:
        late = habits.spacing
        found = [t for t in found if t % DAY < late or sample(key, t, habits) != sample(key, t - late, habits)]
    return found


def hours(key, begin, end, habits):
    """The rows of a series by hours, or by days."""
    length = DAY if end - begin == 7 * DAY else HOUR
    rows, before = [], None
    for bucket in range(begin, end, length):
        shifted = bucket + (habits.day_begin if length == DAY else 0)
        inside = times(key, shifted - habits.shift * HOUR, shifted - habits.shift * HOUR + length, habits)
        if habits.right:
            inside = [t for t in times(key, shifted, shifted + length + 1, habits) if t != shifted]
        values = [sample(key, t, habits) for t in inside]
        if values:
            before = {"last": values[-1], "first": values[0], "mean": sum(values) / len(values)}[habits.which]
            rows.append((bucket, before))
        elif habits.fill:
            rows.append((bucket, None if habits.fill == "null" else 0 if habits.fill == "0" else before))
    off = habits.off + (habits.day_begin if length == DAY else 0) + habits.ahead * HOUR
    return [{"timestamp": iso(bucket + off), "value": value} for bucket, value in rows]


def behave(second, habits):
    """Let the second cloud's first valve have these habits."""

    def timeseries(request, _):
        begin, end = (int(epoch(request.query[key])) for key in ("from", "to"))
        keys = [key for key in request.query["datapointIds"].split(",") if key in POINTS]
        series = [{"datapointId": key, "values": hours(key, begin, end, habits)} for key in keys]
        return says({"series": series, "resolution": request.query["resolution"]})

    def raw(request, _):
        begin, end = (int(epoch(request.query[key])) for key in ("from", "to"))
        key = request.path.rpartition("/")[2]
        rows = [{"timestamp": iso(t), "value": sample(key, t, habits)} for t in times(key, begin, end, habits)]
        return says({"data": rows[: int(request.query["limit"])], "paging": {"total": len(rows)}})

    second.always(f"{DEVICE}/data/history/timeseries", timeseries)
    for key in POINTS:
        second.always(f"{DEVICE}/data/history/datapoints/{key}", raw)
    second.always("/devices", lambda request, _: whole_list(request))
    second.always(DEVICE, says(DEVICES[0]))


def whole_list(request, more=()):
    """The list of devices in one page."""
    offset, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
    rows = [*DEVICES, *more][offset : offset + limit]
    return says({"data": rows, "paging": {"total": len(DEVICES), "offset": offset, "limit": limit}})


def check(*arguments):
    """Run the check; status, lines by what they are about, and what stands on standard error."""
    result = CliRunner().invoke(cli, ["check-cloud", "--json", *arguments])
    assert result.stdout, result.stderr
    return result.exit_code, {line["about"]: line for line in json.loads(result.stdout)["lines"]}, result.stderr


@pytest.mark.slow
def test_demo_cloud_is_as_assumed(demo_environment):
    """Nothing differs, with few requests; what cannot be told is said so."""
    status, lines, told = check()
    assert status == 0
    assert {line["status"] for line in lines.values()} <= {"as assumed", "cannot tell"}
    assert sum(line["status"] == "cannot tell" for line in lines.values()) <= 1
    assert int(told.split()[0]) <= 13


@pytest.mark.parametrize("by_change", [False, True])
def test_second_cloud_as_assumed(second, by_change):
    """A cloud of other habits than the demo's, but as assumed, makes no line differ but that its profile lacks."""
    behave(second, Habits(by_change=by_change))
    status, lines, _ = check()
    assert status == 0
    assert {about for about, line in lines.items() if line["status"] != "as assumed"} == {"recognized quantities"}
    assert "lacks delta_t, volume, cooling_energy" in lines["recognized quantities"]["seen"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("about", "habits", "status", "says_so"),
    [
        ("spacing of samples", Habits(spacing=2 * HOUR), "differs", "usually 2 h"),
        ("spacing of samples", Habits(spacing=DAY), "differs", "usually 24 h"),
        ("bucket stamps", Habits(spacing=DAY, shift=1), "wrong", "1 hour too late"),
        ("bucket stamps", Habits(shift=1), "wrong", "1 hour too late"),
        ("bucket stamps", Habits(shift=-2), "wrong", "2 hours too early"),
        ("bucket stamps", Habits(off=1800), "wrong", "No history can be read"),
        ("last", Habits(which="first", spacing=420), "wrong", "its first reading"),
        ("last", Habits(which="mean"), "wrong", "its mean"),
        ("bucket ends", Habits(right=True), "differs", "to the hour that ends"),
        ("day buckets", Habits(day_begin=-HOUR), "differs", "begin at other times"),
        ("empty buckets", Habits(empty=5, fill="before"), "wrong", "gaps for measured time"),
        ("empty buckets", Habits(empty=5, fill="0"), "wrong", "readings of 0"),
        ("late data", Habits(ahead=2), "wrong", "wrong hours"),
        ("units and signs", Habits(energy=3600), "wrong", "Energy counted over power is 3"),
        ("units and signs", Habits(sign=-1), "differs", "below 0: power_kw"),
        ("counters", Habits(resets=1), "differs", "1 reset and"),
        ("counters", Habits(resets=2), "wrong", "no lifetime counter"),
    ],
)
def test_each_habit_is_found(second, about, habits, status, says_so):
    """A cloud that differs in one thing is told in the line about it; numbers that would be wrong are exit status 1."""
    behave(second, habits)
    code, lines, told = check()
    line = lines[about]
    assert line["status"] == status, line
    assert says_so in f"{line['seen']} {line['so_what']}"
    assert code == any(found["status"] == "wrong" for found in lines.values())
    assert status != "wrong" or line["so_what"] in told


@pytest.mark.parametrize("fill", ["", "null"])
def test_empty_buckets_as_assumed(second, fill):
    """Hours that are missing or null are counted, and nothing else is said of them."""
    behave(second, Habits(empty=5, fill=fill))
    status, lines, _ = check()
    assert status == 0
    assert f"{0 if fill else 150} missing and {150 if fill else 0} null" in lines["empty buckets"]["seen"]


def test_days_of_another_zone(second):
    """Days stamped as those of UTC that hold other hours are wrong."""
    behave(second, Habits())
    answer = second._always[f"{DEVICE}/data/history/timeseries"]

    def local(request, real):
        body = answer(request, real).json
        if body["resolution"] == "1d":
            moved = replace(Habits(), day_begin=-2 * HOUR)
            begin, end = (int(epoch(request.query[key])) for key in ("from", "to"))
            for series in body["series"]:
                rows = hours(series["datapointId"], begin, end, moved)
                series["values"] = [{**row, "timestamp": iso(epoch(row["timestamp"]) + 2 * HOUR)} for row in rows]
        return says(body)

    second.always(f"{DEVICE}/data/history/timeseries", local)
    status, lines, _ = check()
    assert status == 1
    assert lines["day buckets"]["status"] == "wrong"


def test_scopes(second):
    """A token with fewer scopes than were asked for is told, and what it costs."""
    behave(second, Habits())
    second.always(TOKEN, lambda _, answer: says({**answer.json, "scope": "public.read offline_access"}))
    status, lines, _ = check()
    assert status == 0
    assert lines["scopes"]["seen"] == "not granted: read:dataprofile"
    assert "unknown" in lines["scopes"]["so_what"]


@pytest.mark.slow
def test_pages(second):
    """Short pages are harmless, a total that is too small is wrong, and one that the statistics contradict is told."""
    behave(second, Habits())
    second.always("/devices", lambda _, answer: answer)
    assert check()[1]["page size"]["seen"] == "10 of 23 devices"
    second.always("/devices", lambda request, _: whole_list(request, [{"id": "one-more"}]))
    status, _, told = check()
    assert status == 1
    assert "Devices are missing" in told
    second.always("/devices", lambda request, _: whole_list(request))
    second.always("/devices/stats", says({"totalDevices": 40}))
    assert check()[1]["page size"]["seen"] == "23 of 23 devices, but 40 by the statistics"


def test_counter_that_may_be_reset(second):
    """A counter that was recognized although another one says that it counts the lifetime is wrong."""
    behave(second, Habits())
    features = {"default.name": "/hlk/total", "default.description": "Lifetime of heating: energy", "default.unit": "?"}
    profile = {"id": VALVE, "datapoints": [*PROFILES[VALVE], {"id": "pX4v.99", "featureValues": features}]}
    second.always(f"/definitions/dataprofiles/{VALVE}", says(profile))
    status, lines, _ = check()
    assert status == 1
    assert "users may reset" in lines["recognized quantities"]["so_what"]


def test_series_left_out(second):
    """A datapoint of the profile that the history does not give is told."""
    behave(second, Habits())
    answer = second._always[f"{DEVICE}/data/history/timeseries"]

    def without_t1(request, real):
        body = answer(request, real).json
        return says({**body, "series": [one for one in body["series"] if one["datapointId"] != T1]})

    second.always(f"{DEVICE}/data/history/timeseries", without_t1)
    # The setpoint, which this valve's history lacks anyhow, and T1.
    assert "2 of them left out" in check()[1]["recognized quantities"]["seen"]


def test_present(second):
    """A snapshot for data without a time is harmless; a device object that is older than it is wrong."""
    behave(second, Habits())
    second.always(f"{DEVICE}/data", says({"timestamp": iso(NOW - 10 * HOUR), "datapoints": {}}))
    status, lines, _ = check()
    assert status == 0
    assert lines["present"]["status"] == "as assumed"
    assert "10 h" in lines["present"]["seen"]
    second.always(f"{DEVICE}/data", says({"timestamp": iso(NOW), "datapoints": {}}))
    second.always(DEVICE, says({**DEVICES[0], "state": {"timestamp": iso(NOW - DAY), "datapoints": {}}}))
    status, lines, _ = check()
    assert status == 1
    assert lines["present"]["so_what"] == "The present would be shown as it was 24 h before."


def test_last_contact_that_does_not_move(second):
    """Readings after the last contact make kept history count as current."""
    behave(second, Habits())
    second.always(DEVICE, says({**DEVICES[0], "health": {"state": "OK", "lastSeen": iso(NOW - 9 * HOUR)}}))
    status, lines, _ = check()
    assert status == 1
    assert "--refresh" in lines["late data"]["so_what"]


def test_backlog(second):
    """A device in contact whose readings are days behind is told."""
    behave(second, Habits())
    answer = second._always[f"{DEVICE}/data/history/timeseries"]

    def behind(request, real):
        body = answer(request, real).json
        for series in body["series"]:
            series["values"] = [row for row in series["values"] if epoch(row["timestamp"]) < NOW - 5 * DAY]
        return says(body)

    second.always(f"{DEVICE}/data/history/timeseries", behind)
    _, lines, _ = check()
    assert lines["late data"]["status"] == "differs"
    assert "5 d before" in lines["late data"]["seen"]


def test_rate_limit(second, monkeypatch):
    """Requests that were put off, and what headers say of limits."""
    behave(second, Habits())
    monkeypatch.setattr("belimo_nb.client.retries.pause", lambda _: None)
    later = replace(says({}, 429), headers={"Retry-After": "1", "X-RateLimit-Limit": "2"})
    second.next("/devices/stats", later)
    status, lines, told = check()
    assert status == 0
    assert lines["rate limit"]["seen"].endswith("put off (429 or 503); x-ratelimit-limit 2")
    assert "13 requests" in told  # one of them sent twice


def test_at_most_twenty_requests(second, monkeypatch):
    """A cloud that always puts off costs 20 requests and no more, and what could not be asked is said."""
    behave(second, Habits())
    monkeypatch.setattr("belimo_nb.client.retries.pause", lambda _: None)
    for path in ("/data", "/data/history/timeseries"):
        second.always(DEVICE + path, says({}, 503))
    _, lines, _ = check()
    assert len(second.requests) <= 20
    assert lines["bucket stamps"]["status"] == "cannot tell"
    assert lines["counters"]["seen"].startswith("no answer")


@pytest.mark.slow
def test_two_valves(second):
    """Two valves are looked at, each with lines of its own, in at most 20 requests; three are one too many."""
    behave(second, Habits())
    result = CliRunner().invoke(cli, ["check-cloud", "--device", "Heizkreis 01", "--device", "d7Kx02"])
    assert len(second.requests) <= 20
    assert "Valve 2: Heizkreis 02" in result.stdout
    assert "counters (2)" in result.stdout
    three = [word for key in ("d7Kx01", "d7Kx02", "d7Kx03") for word in ("--device", key)]
    assert CliRunner().invoke(cli, ["check-cloud", *three]).exit_code == 2
    gateway = CliRunner().invoke(cli, ["check-cloud", "--device", "Gateway Öl"])
    assert gateway.exit_code == 2
    assert "counts no energy" in gateway.stderr


def test_file_to_send(second, tmp_path):
    """The file holds the lines, and no name, id, serial number, secret or address."""
    behave(second, Habits(shift=1))
    second.always(f"{DEVICE}/data", says({"message": f"{USERNAME} may not see d7Kx01 of Heizkreis 01"}, 403))
    status, lines, _ = check("--device", "Heizkreis 01", "--out", str(tmp_path / "check.json"))
    text = (tmp_path / "check.json").read_text(encoding="utf-8")
    assert status == 1
    assert {line["about"]: line for line in json.loads(text)["lines"]} == lines
    device = DEVICES[0]
    secrets = [CLIENT_ID, CLIENT_SECRET, USERNAME, PASSWORD, "access-", "127.0.0.1", "Muster"]
    for private in [*secrets, device["id"], device["displayName"], device["serialNumber"], device["projectName"]]:
        assert private not in text
    assert not re.search(r"https?:|\d+\.\d+\.\d+\.\d+", text)


def test_offline(second):
    """Without the cloud there is nothing to check."""
    result = CliRunner().invoke(cli, ["--offline", "check-cloud"])
    assert result.exit_code == 2
    assert "BELIMO_OFFLINE" in result.stderr


def test_login_recommends_it(second, demo_environment):
    """`login` names the check once, but not to who looks at the demo cloud."""
    assert "check-cloud" not in CliRunner().invoke(cli, ["login"]).stdout
    own = CliRunner(env=second.environment() | {"BELIMO_SOURCE": ""}).invoke(cli, ["login"])
    assert own.stdout.count("check-cloud") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "about", "status"),
    [
        ("small-pages", "page size", "differs"),
        ("missing-series", "recognized quantities", "differs"),
        ("series-off-grid", "bucket stamps", "wrong"),
        ("too-many-requests=3:0", "rate limit", "differs"),
    ],
)
def test_faults_of_the_demo_cloud(monkeypatch, fault, about, status):
    """What the demo cloud does wrong on request is found, too."""
    with DemoCloud(faults=[fault]) as cloud:
        for name, value in cloud.environment().items():
            monkeypatch.setitem(os.environ, name, value)
        code, lines, _ = check()
    assert lines[about]["status"] == status
    assert code == (status == "wrong")
