"""The cloud as an object: look-ups, one token and one dataprofile for all threads, and whole lists or none."""

import contextlib
import json
import threading

import pandas as pd
import pytest
from second_cloud import CLIENT_SECRET, PASSWORD, says
from second_fleet import DEVICES, VALVE

import belimo_nb as bn
from belimo_nb.client import retries
from belimo_nb.cloud.device import Device
from belimo_nb.errors import (
    AmbiguousDevice,
    AnswerError,
    ApiError,
    ConnectionFailed,
    NoDataError,
    ServerError,
    SettingsError,
    SignInError,
    UnknownDevice,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits between tries take no time."""
    monkeypatch.setattr(retries, "pause", lambda _: None)


def changed(**changes):
    """A change of the paging of every answer."""

    def change(_request, answer):
        body = answer.json
        body["paging"] |= changes
        return says(body)

    return change


def without(*keys):
    """An answer that leaves some fields out."""
    return lambda _, answer: says({key: value for key, value in answer.json.items() if key not in keys})


def test_connecting_asks_nothing(second):
    """Connecting costs no request: the first question signs in."""
    with contextlib.closing(bn.connect()) as client:
        assert second.requests == []
        client.user()
    assert second.grants == ["password"]


def test_connect_takes_settings(second, tmp_path):
    """Settings can be given as arguments or in a file."""
    path = tmp_path / "zone.env"
    path.write_text("BELIMO_SOURCE=my building\n", encoding="utf-8")
    with contextlib.closing(bn.connect(path, timezone="America/Santiago", now="2021-04-01")) as client:
        assert (client.timezone, client.source) == ("America/Santiago", "my building")
        assert client.now == pd.Timestamp("2021-04-01", tz="America/Santiago")
    with pytest.raises(SettingsError, match="no setting 'zone'"):
        bn.connect(zone="x")


def test_now_is_the_clock(monkeypatch, second):
    """Without BELIMO_NOW, now is the clock's, in the site's zone."""
    monkeypatch.delenv("BELIMO_NOW")
    with contextlib.closing(bn.connect()) as client:
        before, now, after = pd.Timestamp.now("UTC"), client.now, pd.Timestamp.now("UTC")
    assert before <= now <= after
    assert str(now.tz) == "Europe/Zurich"


def test_period(client):
    """Periods are the site's, relative to its now."""
    assert client.period().label == "April 2020 to March 2021"
    assert client.period(period="2020-12").label == "December 2020"
    assert client.period("2021-01-01", "2021-01-08").days == 7


def test_a_second_cloud_object_signs_in_without_a_request(client, second):
    """Who connects again, in this process or another, uses the kept token."""
    client.user()
    with contextlib.closing(bn.connect()) as again:
        again.user()
    assert second.grants == ["password"]


def test_threads_share_one_cloud_while_the_token_is_revoked(client, second):
    """Eight threads work on, whole lists each, while the token is revoked under them: exactly one renewal."""
    client.devices()
    second.revoke()
    together, results = threading.Barrier(8), []

    def work():
        together.wait()
        results.append(list(client.devices().index))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[device["id"] for device in DEVICES]] * 8
    assert second.grants == ["password", "refresh_token"]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ([lambda _, a: a, changed(total=24)], "changed from 23 to 24"),
        ([lambda _, a: a, says({"data": [], "paging": {"total": 23}})], "only 10 of 23"),
        ([without("paging")], "does not say how many"),
        ([changed(total=None)], "does not say how many"),
        ([lambda _, a: a, without("data")], "without rows"),
        ([lambda _, a: a, lambda _, a: says({**a.json, "data": [{"id": "d7Kx01"}] * 10})], "names one twice"),
        ([lambda _, a: says({**a.json, "data": [{"displayName": "x"}] * 10})], "without an id"),
    ],
)
def test_never_half_a_list(client, second, trouble, words):
    """Pages that do not add up are an error, and nothing of them is kept for later look-ups."""
    second.next("/devices", *trouble)
    with pytest.raises(AnswerError) as caught:
        client.devices()
    assert words in str(caught.value)
    assert client.device("Lüftung Ost").id == "d7Kx23"
    assert len(client.devices()) == 23


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [([says({}, 500)] * 6, ServerError), ([says({}, 403)], ApiError), ([says({}, 401)] * 2, SignInError)],
)
def test_trouble_in_the_middle_of_paging(client, second, trouble, kind):
    """A page that fails is no end of the list."""
    second.next("/devices", lambda _, answer: answer, *trouble)
    with pytest.raises(kind):
        client.devices()


def test_passing_trouble_in_the_middle_of_paging(client, second):
    """A page that is refused for a while is asked for again, and the list is whole."""
    slow = says({}, 429, Retry_After="1")
    second.next("/devices", lambda _, answer: answer, slow, slow)
    assert len(client.devices()) == 23
    assert [request.query["offset"] for request in second.asked("/devices")] == ["0", "10", "10", "10", "20"]


def test_look_ups_list_the_devices_once(client, second):
    """Looking up many devices costs one list."""
    for number in range(1, 10):
        client.device(f"Heizkreis 0{number}")
    assert len(second.asked("/devices")) == 3


def test_unknown_devices(client):
    """An unknown device is named, with those that look like it."""
    with pytest.raises(
        UnknownDevice, match=r"no device 'Heizkreis 51' among 23; near matches: 'Heizkreis 15'"
    ) as caught:
        client.device("Heizkreis 51")
    assert str(caught.value).endswith(".")
    with pytest.raises(UnknownDevice, match=r"near matches: .*'SN-0007-K'"):
        client.device("SN-007-K")
    with pytest.raises(UnknownDevice, match="`belimo-nb devices` lists them"):
        client.device("qqqqq")
    with pytest.raises(UnknownDevice, match="No device is named"):
        client.device("  ")


def test_ambiguous_devices(client):
    """A name that fits several lists them, with what tells them apart, five at most."""
    with pytest.raises(AmbiguousDevice) as caught:
        client.device("Lüftung")
    assert "fits 3 devices: Lüftung West (SN-0021-K); Lüftung West (d7Kx22); Lüftung Ost; give" in str(caught.value)
    with pytest.raises(AmbiguousDevice, match=r"fits 15 devices: .*Heizkreis 05 and 10 more"):
        client.device("Heizkreis")


def test_an_exact_name_wins_over_a_part(client, second):
    """A name that is part of another still finds its own device."""

    def renamed(_request, answer):
        body = answer.json
        for device in body["data"]:
            if device["id"] == "d7Kx20":
                device["displayName"] = "Heizkreis 1"
        return says(body)

    second.always("/devices", renamed)
    assert client.device("Heizkreis 1").id == "d7Kx20"


def test_two_entries_of_one_device(client, second):
    """A device that was transferred has two ids and one serial number: both are kept apart."""

    def transferred(_request, answer):
        body = answer.json
        for device in body["data"]:
            if device["id"] in ("d7Kx02", "d7Kx03"):
                device |= {"displayName": "Umgezogen", "serialNumber": "SN-1"}
        return says(body)

    second.always("/devices", transferred)
    with pytest.raises(AmbiguousDevice, match=r"Umgezogen \(d7Kx02\); Umgezogen \(d7Kx03\)"):
        client.device("SN-1")
    found = client.counters(["d7Kx02", "d7Kx03"], "heating", "2021-01-10", "2021-01-11")
    assert list(found) == ["Umgezogen (d7Kx02)", "Umgezogen (d7Kx03)"]


@pytest.mark.parametrize("ask", [lambda c, ids: c.latest(ids), lambda c, ids: c.counters(ids)])
def test_ids_that_are_none(client, ask):
    """An id that no device has is an error, not a row of nothing."""
    with pytest.raises(UnknownDevice, match="id 'd0'"):
        ask(client, ["d7Kx01", "d0"])


def test_threads_ask_for_a_dataprofile(client, second):
    """Threads that need the same dataprofile at once all get it."""
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(client.connection.profile(f"/definitions/dataprofiles/{VALVE}")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [profile.ref for profile in found] == [VALVE] * 6


def test_secrets_are_not_shown(client):
    """No representation of a cloud, its settings or its parts shows a secret, not even in JSON of its attributes."""
    client.user()
    parts = (client, client.settings, client.connection._transport, client.connection._transport._authenticator)
    shown = f"{parts!r} {client._repr_html_()}"
    shown += json.dumps(client.settings.table().to_dict())
    for secret in (PASSWORD, CLIENT_SECRET, "access-1", "refresh-1"):
        assert secret not in shown


def test_a_cloud_that_hangs_is_not_asked_for_every_device(client, monkeypatch):
    """After a few devices that cannot be reached the others fail at once, with the same reason."""
    asked = []

    def counter(device, *_, fine):
        asked.append(device.id)
        raise ConnectionFailed("No answer.")

    monkeypatch.setattr(Device, "counter", counter)
    valves = client.devices("Heizkreis")
    found = client.counters(valves, start="2021-03-01", end="2021-03-02")
    assert len(found) == 0
    assert set(found.failures.values()) == {"No answer."}
    assert len(found.failures) == len(valves) > len(asked)


def test_devices_are_asked_for_by_words_a_frame_or_ids(cloud):
    """Search words, a frame of devices and ids name the same valves, wherever devices are asked for."""
    frame = cloud.devices("Kälte 1.OG")
    ids = list(frame.index)
    assert len(ids) == 2
    for asked in ("Kälte 1.OG", frame, ids):
        assert list(cloud.energy_valves(asked).index) == ids
        assert list(cloud.cooling_valves(asked).index) == ids
        assert list(cloud.latest(asked).index) == ids
        counters = cloud.counters(asked, "cooling", "2018-07-01", "2018-07-02")
        assert list(counters) == list(frame["name"])
        with pytest.raises(NoDataError, match="counted heating energy"):
            cloud.heating_valves(asked)


def test_cooling_valves(cloud):
    """Valves that have counted cold, change-over valves among them; those that only heat are none of them."""
    cooling, heating = cloud.cooling_valves(), cloud.heating_valves()
    assert (len(cooling), len(heating)) == (13, 11)
    both = set(cooling["name"]) & set(heating["name"])
    assert {"Umschaltventil 1.OG Sitzungszimmer", "Umschaltventil EG Aula"} <= both
    assert not cooling["name"].str.contains("Heizung").any()
    with pytest.raises(NoDataError, match="No device named 'Heizung' has counted cooling energy"):
        cloud.cooling_valves("Heizung")
