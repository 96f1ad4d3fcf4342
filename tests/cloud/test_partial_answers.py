"""Answers that lack a part, or are to another question: what is kept stays, and nothing wrong is kept for good."""

import contextlib

import pytest
from click.testing import CliRunner
from second_cloud import Answer, SecondCloud, says
from second_fleet import HEATING, NOW, T1, VALVE, counter_kwh, iso

import belimo_nb as bn
from belimo_nb.cli import cli
from belimo_nb.errors import AnswerError, BelimoError

DEVICE = "d7Kx01"
SERIES = f"/devices/{DEVICE}/data/history/timeseries"
PROFILE = f"/definitions/dataprofiles/{VALVE}"
MARCH = ("sync", "--search", "SN-0001-K", "--period", "2021-03")
DAYS = ("2021-03-01T00:00Z", "2021-03-03T00:00Z")
TRUTH = counter_kwh(1614729600) - counter_kwh(1614556800)


def spoiled_profile(spoil):
    """A change of the real dataprofile's datapoints."""

    def change(_, answer):
        body = answer.json
        body["datapoints"] = spoil(body["datapoints"])
        return says(body)

    return change


def without_unit(points):
    """The datapoints, and no word on their units."""
    for point in points:
        point["featureValues"].pop("default.unit", None)
    return points


FUTURE = {"timestamp": iso(NOW + 86400), "type": "SOFTWARE_CHANGE"}
PARTS = [
    says({}),
    spoiled_profile(lambda points: []),
    spoiled_profile(lambda points: None),
    spoiled_profile(lambda points: [{"id": HEATING}]),
    spoiled_profile(lambda points: [point for point in points if point["id"] != HEATING]),
    spoiled_profile(without_unit),
]


def energy():
    """The heating energy of two days, as another process reads it."""
    with contextlib.closing(bn.connect()) as cloud:
        return cloud.device(DEVICE).energy("heating", *DAYS, tz="UTC")["kwh"].sum()


@pytest.mark.parametrize("part", PARTS)
def test_a_dataprofile_in_part(second, monkeypatch, part):
    """It is believed for a day at most, and takes nothing away from the whole one, which lasts while none comes."""
    second.next(PROFILE, part)
    with pytest.raises(BelimoError):
        energy()
    monkeypatch.setenv("BELIMO_NOW", iso(NOW + 86400))
    assert energy() == pytest.approx(TRUTH)
    second.always(PROFILE, part)
    for day in (2, 3):
        monkeypatch.setenv("BELIMO_NOW", iso(NOW + day * 86400))
        assert energy() == pytest.approx(TRUTH)
    asked = len(second.asked(PROFILE))
    assert energy() == pytest.approx(TRUTH)
    assert len(second.asked(PROFILE)) <= asked + (part in (PARTS[0], PARTS[2]))  # which are no dataprofiles


def test_events_that_the_cloud_forgets(second):
    """An event that was kept stays in the timeline, and in its place."""

    def timeline(**options):
        with contextlib.closing(bn.connect(**options)) as cloud:
            return cloud.device(DEVICE).timeline("2019-01-01")

    whole = timeline()
    second.always(
        f"/devices/{DEVICE}/timeline",
        lambda _, answer: says({"data": answer.json["data"][1:2], "paging": {"total": 1, "offset": 0, "limit": 10}}),
    )
    assert len(whole) == 4
    second.next(f"/devices/{DEVICE}/timeline", lambda _, answer: says({"data": [FUTURE], "paging": {"total": 1}}))
    timeline()  # which a cloud whose clock is wrong has told once
    for found in (timeline(), timeline(offline="1")):
        assert found.to_dict() == whole.to_dict()


def test_a_search_that_is_not_heeded(second):
    """Devices that a search did not mean are left out."""

    def everything(request, _):
        query = {key: value for key, value in request.query.items() if key != "search"}
        return second._devices(type(request)("GET", request.path, query, {}, {}))

    second.always("/devices", everything)
    with contextlib.closing(bn.connect()) as cloud:
        assert cloud.devices("lüftung")["name"].tolist() == ["Lüftung West", "Lüftung West", "Lüftung Ost"]
        assert cloud.devices("kreis 03")["name"].tolist() == ["Heizkreis 03"]


def test_the_state_of_another_time(client, second):
    """The values of now are not taken for those of January."""
    second.always(f"/devices/{DEVICE}/data", lambda _, answer: says({**answer.json, "timestamp": iso(NOW)}))
    with pytest.raises(AnswerError, match="answered with that at 2021-04-15T12:00:00Z"):
        client.device(DEVICE).state("2021-01-01")


def test_ids_that_are_numbers(second, monkeypatch):
    """An id that the cloud writes as a number is the same id."""
    real = [device | {"id": "5"} for device in SecondCloud.devices[:1]]
    monkeypatch.setattr(second, "devices", real)
    second.always("/devices", says({"data": [real[0] | {"id": 5}], "paging": {"total": 1, "offset": 0, "limit": 10}}))
    second.always("/devices/5", says(real[0] | {"id": 5}))
    second.always(SERIES.replace(DEVICE, "5"), lambda _, answer: says({**answer.json, "deviceId": 5}))
    with contextlib.closing(bn.connect()) as cloud:
        assert len(cloud.device("5").state()) == 4
        assert cloud.device("5").energy("heating", *DAYS, tz="UTC")["kwh"].sum() == pytest.approx(TRUTH)


@pytest.mark.filterwarnings("ignore::belimo_nb.api.history.StrangeValueWarning")
@pytest.mark.parametrize("value", [True, False, [55.5], {"value": 55.5}, "", "warm"])
def test_values_that_are_no_numbers(second, value):
    """They take no kept number away, however often they come, and are no measurement where nothing is kept."""
    assert CliRunner().invoke(cli, MARCH).exit_code == 0
    before = measured("2021-03-02")

    def other(_, answer: Answer):
        body = answer.json
        for series in body["series"]:
            if series["datapointId"] in (T1, HEATING):
                for row in series["values"]:
                    row["value"] = value
        return says(body)

    second.always(SERIES, other)
    for _ in range(2):
        assert CliRunner().invoke(cli, (*MARCH, "--refresh")).exit_code == 0
        assert measured("2021-03-02").equals(before)
        assert energy() == pytest.approx(TRUTH)
    assert measured("2021-01-02")["t1_c"].isna().all()


def measured(day):
    """Temperatures of a day."""
    with contextlib.closing(bn.connect()) as cloud:
        return cloud.device(DEVICE).measurements(["t1", "t2"], f"{day}T00:00", f"{day}T20:00", "1h")
