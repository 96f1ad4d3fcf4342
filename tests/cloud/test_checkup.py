"""One valve examined: what is fetched for it, and what is said of devices that are no valves."""

import re

import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb import summary
from belimo_nb.cloud.checkup import FINE_RESOLUTION
from belimo_nb.demo import DemoCloud
from belimo_nb.errors import UsageError
from belimo_nb.hydronics import CHECKS
from belimo_nb.quantities import MEASURED

RANGE = ("2018-11-01", "2018-12-01")


def verdicts(checkup):
    """Verdict by check."""
    return checkup.verdicts.set_index("check")["verdict"].to_dict()


@pytest.mark.parametrize(
    ("name", "check", "verdict"),
    [
        ("LA04 Erhitzer", "hunting", "fault"),
        ("LA02 Erhitzer", "T1/T2 swapped", "fault"),
        ("LA03 Erhitzer", "flow with the valve closed", "fault"),
        ("EG Aula", "no flow with the valve open", "warn"),
        ("Heizung 1.OG Sued-West", "night setback", "warn"),
    ],
)
def test_faults_are_found_through_the_client(cloud, name, check, verdict):
    """What is planted in the demo building is found with what the client fetches in one month."""
    found = verdicts(cloud.device(name).checkup(*RANGE))
    assert found.pop(check) == verdict
    if check == "no flow with the valve open":
        assert (found.pop("sensor range"), found.pop("reported errors")) == ("fault", "fault")
    assert not {"warn", "fault"} & set(found.values())


def test_a_cooling_valve_with_low_delta_t(cloud):
    """Its summer has the fault, and the design delta-T that is given is the one it is held against."""
    valve = cloud.device("Kälte 2.OG Süd")
    own = valve.checkup("2018-06-01", "2018-09-01")
    assert verdicts(own)["low delta-T"] == "fault"
    assert own.curves["cooling"].waste_flow_m3h == pytest.approx(3.6 * 3.06, rel=0.1)
    assert own.mean_delta_t_k < 8
    low = valve.checkup("2018-06-01", "2018-09-01", design_delta_t=3.0)
    assert verdicts(low)["low delta-T"] == "fault", "no design goes below the floor of chilled water"


@pytest.mark.parametrize("name", ["Gateway UG", "Drosselklappe"])
def test_devices_that_are_no_valves(cloud, name):
    """Nothing is judged, and a sentence says what there is and what there is not."""
    valve = cloud.device(name)
    found = valve.checkup(*RANGE)
    judged = {check for check, verdict in verdicts(found).items() if verdict != "cannot judge"}
    assert judged == ({"stuck", "silent"} if "Drossel" in name else set())
    assert found.window is None
    told = summary.checkup_note(valve, found)
    assert told.level == "warn"
    assert f"{valve.name} counts no energy" in told.message
    assert ("position" in told.message) == ("Drossel" in name)
    assert len(summary.verdict_table(found).frame) == len(CHECKS)


def test_a_device_without_a_dataprofile(client):
    """Of a device that never said what it is, there is nothing; that is no error."""
    valve = client.device("Ohne Profil")
    found = valve.checkup("2021-02-01", "2021-03-01")
    assert found.measured == []
    assert set(verdicts(found).values()) == {"cannot judge"}
    assert "no readings" in summary.checkup_note(valve, found).message


def test_another_cloud(client):
    """A valve of another vendor's profile, in other units: what it measures is judged, what it lacks is told."""
    valve = client.device("Heizkreis 03")
    found = valve.checkup("2021-02-01", "2021-03-01")
    assert "power_kw" in found.measured
    assert "volume_m3" not in found.measured
    told = summary.checkup_note(valve, found).message
    assert "Its dataprofile has no delta-T, volume or cooling energy." in told
    assert "volume" in told
    assert set(verdicts(found)) == set(CHECKS)


def test_what_it_costs(monkeypatch):
    """A year costs the hourly samples and two weeks every 5 minutes, each fetched once."""
    with DemoCloud() as server:
        for key, value in server.environment().items():
            monkeypatch.setenv(key, value)
        valve = bn.connect().device("2.OG Nord-West")
        server.requests.clear()
        found = valve.checkup("2017-12-01", "2018-12-01")
        asked = [r for r in server.requests if "timeseries" in r.path]
        assert len(asked) == 2
        again = valve.checkup("2017-12-01", "2018-12-01")
        assert len([r for r in server.requests if "timeseries" in r.path]) == 2
    pd.testing.assert_frame_equal(found.verdicts, again.verdicts)
    start, end = found.window
    assert end - start == pd.Timedelta(days=14)
    assert len(found.fine) == 14 * 288
    day = found.busiest_day
    assert len(day) == 288
    moved = found.fine["position_pct"].diff().abs()
    assert day["position_pct"].diff().abs().sum() >= moved.sum() / 14 * 0.9


def test_ten_years_every_five_minutes(cloud):
    """A question that no one can mean is refused with its cost, before any request."""
    valve = cloud.device("2.OG Nord-West")
    with pytest.raises(UsageError, match=r"1,051,776 readings of each quantity, in 106 requests.*coarser"):
        valve.checkup("2008-12-01", "2018-12-01", FINE_RESOLUTION)


@pytest.mark.parametrize("start", ["2019-01-01", "2030-01-01"])
def test_a_range_in_the_future(cloud, start):
    """There is nothing to judge in the future, and that is what is said."""
    end = pd.Timestamp(start) + pd.Timedelta(days=20)
    found = cloud.device("2.OG Nord-West").checkup(start, str(end.date()))
    assert set(verdicts(found).values()) == {"cannot judge"}


def test_measured_quantities_are_those_that_are_fetched(cloud):
    """The samples have every quantity that a report fetches, in display units."""
    valve = cloud.device("2.OG Nord-West")
    found = valve.checkup(*RANGE)
    assert len(found.samples.columns) == len(valve.profile.checked) > len(MEASURED)
    assert found.measured == [c for c in found.samples if c != "cooling_kwh" or found.samples[c].notna().any()]
    assert found.design.nominal_flow_m3h == pytest.approx(9.0)
    assert found.design.max_flow_m3h == pytest.approx(7.2)


def test_size_by_the_longest_history(monkeypatch):
    """A month is too short for the size; with a year in the store it is judged, as of a day, without a request."""
    with DemoCloud() as server:
        for key, value in server.environment().items():
            monkeypatch.setenv(key, value)
        valve = bn.connect().device("Kälte 1.OG Süd")
        assert verdicts(valve.checkup(*RANGE))["oversized"] == "cannot judge"
        valve.checkup("2017-12-01", RANGE[0])
        server.requests.clear()
        found = valve.checkup(*RANGE).verdicts.set_index("check")
        assert not [r for r in server.requests if "timeseries" in r.path]
        survey = bn.connect().survey(bn.connect().devices("Kälte 1.OG Süd"), *RANGE, fetch=0)
    assert found.loc["oversized", "verdict"] == "warn"
    told = r" As of 2018-12-01, from the 36[56] days that the store holds\.$"
    assert re.search(told, found.loc["oversized", "sentence"])
    (surveyed,) = survey.valves.values()
    assert {one.check: one.sentence for one in surveyed.verdicts}["oversized"] == found.loc["oversized", "sentence"]


def test_what_a_device_says_of_its_meter(cloud):
    """The error that the device reports stands in the checks, with its begin, and in the survey alike."""
    valve = cloud.device("EG Aula")
    found = valve.checkup(*RANGE).verdicts.set_index("check").loc["sensor range"]
    said = "The device says of itself: Flow_sensor_error since 2018-11-05."
    assert (found["verdict"], found["sentence"]) == ("fault", said)
    table = cloud.survey(cloud.devices("EG Aula"), *RANGE).table()
    assert table[["status", "sentence"]].to_numpy().tolist() == [["fault", said]]
    before = valve.checkup("2018-10-01", "2018-11-01").verdicts.set_index("check")["sentence"]
    assert "says of itself" not in before["sensor range"], "an error of today says nothing of a period before it"
