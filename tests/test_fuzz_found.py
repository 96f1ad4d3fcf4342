"""What fuzzing has found, each as an example: a sentence or a result now, another exception or a hang then."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import requests
from test_fuzz_answers import DEVICE, LIST, PROFILE, answer_of, answering, quiet  # noqa: F401 - fixtures
from test_fuzz_store import ABOUT, kept_answer, read_all, settings, with_metadata  # noqa: F401 - a fixture

from belimo_nb.api.paging import MAX_ROWS, collect
from belimo_nb.api.profile import Profile
from belimo_nb.calendar.intervals import fixed_length
from belimo_nb.calendar.moments import from_api, parse_time
from belimo_nb.calendar.periods import resolve
from belimo_nb.client import responses
from belimo_nb.client.token_file import TokenFile
from belimo_nb.errors import AnswerError, SettingsError, UsageError
from belimo_nb.settings import load
from belimo_nb.store import Store, StoreWarning
from belimo_nb.store.documents import DocumentStore
from belimo_nb.weather.archive import LATITUDE, LONGITUDE, Place, place_of
from belimo_nb.weather.csv_file import read_csv
from belimo_nb.weather.source import WeatherCache

CREDENTIALS = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
NESTED = b"[" * 100_000


@pytest.mark.parametrize(
    ("paging", "words"),
    [
        ({"total": MAX_ROWS + 1, "offset": 0}, "counts 1000001 rows"),
        ({"total": 10**400}, "which cannot be"),
        ({"total": 5, "offset": 0}, "from 0 on, not from 1 as asked"),
        ({"total": 5, "offset": "x"}, "from x on, not from 0 as asked"),
    ],
)
def test_pages_are_not_read_for_ever(paging, words):
    """A cloud that counts too many rows, or gives the same page again and again."""
    with pytest.raises(AnswerError, match=words):
        collect(lambda *_: {"data": [{}], "paging": paging}, "/x", {}, "the rows")


@pytest.mark.parametrize(
    ("change", "column", "expected"),
    [
        ({"health": 5}, "health", "UNKNOWN"),
        ({"dataprofile": "energyvalve3"}, "profile", None),
        ({"state": [1]}, "name", "Heizung"),
        ({"state": {"datapoints": "none"}}, "name", "Heizung"),
        ({"serialNumber": ["a"]}, "serial", None),
        ({"health": {"lastSeen": "9999-12-31T23:59:59Z"}}, "last_seen", pd.NaT),
    ],
)
def test_parts_of_a_device_that_are_something_else_are_unknown(answering, change, column, expected):  # noqa: F811
    """As if they were missing."""
    client = answering(devices=LIST | {"data": [DEVICE | change], "paging": {"total": 1}})
    (found,) = client.devices()[column]
    assert found is expected or found == expected
    client.latest()
    client.connection.latest_datapoints()


def test_states_and_profiles_without_their_parts(answering):  # noqa: F811
    """Datapoints that are no object, features that are none."""
    client = answering(data={"timestamp": 5, "datapoints": [1]})
    assert client.device("Heizung").state("2018-11-30").empty
    strange = PROFILE | {"datapoints": [{"id": "a", "featureValues": "none"}]}
    assert Profile(strange).datapoints.loc["a", "name"] == ""


@pytest.mark.parametrize("text", ["-1", "9999-12-31T23:59:59Z", "0001-01-01", 5, [], {}, None, True])
def test_what_is_no_time_stamp_is_not_a_time(text):
    """Neither numbers nor moments that nanoseconds do not reach."""
    assert from_api([text, "2018-12-01T00:00:00Z"]).isna().tolist() == [True, False]


def test_lists_within_lists_are_no_answer(isolated):
    """However deep: neither from the cloud nor from the disk."""
    response = answer_of(NESTED, 200, {"Content-Type": "application/json"})
    with pytest.raises(AnswerError, match="no JSON"):
        responses.json_object(response, "it")
    assert "400" in str(responses.refusal(answer_of(NESTED, 400, {}), "it"))
    file = TokenFile(load(demo=False, **CREDENTIALS), isolated)
    file.path.write_bytes(NESTED)
    file.path.chmod(0o600)
    assert file.read() is None


@pytest.mark.parametrize("body", [{"access_token": "a", "scope": {}}, {"access_token": "a", "expires_in": 10**400}])
def test_tokens_with_strange_fields_make_no_sense(answering, body, monkeypatch):  # noqa: F811
    """Oauthlib stumbles over them."""
    response = answer_of(json.dumps(body).encode(), 200, {"Content-Type": "application/json"})
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: response)
    with pytest.raises(AnswerError, match="makes no sense"):
        answering().sign_in()


def test_kept_weather_of_another_kind(isolated):
    """Numbers and texts instead of times: the file is as good as none."""
    file = isolated / "kept.csv"
    for first in ("5", "5.5", "noon"):
        file.write_text(f"time,temperature_c\n{first},1\n")
        assert WeatherCache(isolated, file).read().empty


def test_places_beyond_all_bounds():
    """Numbers too large for a float."""
    with pytest.raises(UsageError, match="latitude"):
        Place(10**400, 0)
    assert place_of({"a": {LATITUDE: 10**400, LONGITUDE: 8}}) is None


def test_weather_of_the_year_one(isolated):
    """A time that nanoseconds do not reach is told, as any that cannot be read."""
    file = isolated / "weather.csv"
    file.write_text("time,temperature_c\n2018-11-01T00:00Z,1\n0001-01-01T00:00Z,1\n")
    with pytest.raises(UsageError, match="'0001-01-01T00:00Z'"):
        read_csv(file)


def test_two_columns_of_one_name(isolated):
    """The first counts."""
    file = isolated / "weather.csv"
    file.write_text("time,temp,temp\n2018-11-01T00:00Z,1,2\n")
    assert read_csv(file).tolist() == [1]


def test_zero_bytes_and_unknown_homes_in_settings(isolated):
    """Told by the setting's name; a secret is not shown."""
    file = isolated / "some.env"
    file.write_bytes(b"BELIMO_PASSWORD=hidden\0word\n")
    with pytest.raises(SettingsError, match="BELIMO_PASSWORD contains a zero byte") as caught:
        load(env_file=file, demo=False)
    assert "hidden" not in str(caught.value)
    with pytest.raises(SettingsError, match="BELIMO_WEATHER is '~nobody-of-that-name"):
        load(demo=False, weather="~nobody-of-that-name/w.csv", **CREDENTIALS)


def test_before_the_calendar():
    """Years that nanoseconds do not reach, and twelve months before the first that they do."""
    now = pd.Timestamp("2018-12-01T00:00:00Z")
    for text in ("0001-01-01", "2263-01-01T00:00:00", "9999-12-31T00:00Z"):
        with pytest.raises(UsageError, match="out of reach; give one from 1700 to 2200"):
            parse_time(text, "Europe/Zurich")
    for options in ({"period": "9999"}, {"period": "last-9999-months"}, {"end": "1700-06-01"}):
        with pytest.raises(UsageError, match=r"out of reach|cannot be read"):
            resolve(**options, now=now, tz="UTC")


@pytest.mark.parametrize("freq", ["b", "BQ-JAN", "H", "WOM-2TUE", "1h\n"])
def test_names_of_lengths_that_only_pandas_knows(freq):
    """Refused without its warnings."""
    with pytest.raises(UsageError, match="is no interval"):
        fixed_length(freq)


@pytest.mark.parametrize(
    "change",
    [
        {"coverage": None},
        {"coverage": {"number": None, "text": None}},
        {"coverage": {}},
        {"coverage": {"number": {"final": [[0, 10**400]], "open": []}, "text": {"final": [], "open": []}}},
        {"coverage": {"number": {"final": [[0.5, 2]], "open": []}, "text": {"final": [], "open": []}}},
        {"step_s": 0},
        {"kinds": []},
        {"device": None},
    ],
)
def test_metadata_that_make_no_sense(settings, change):  # noqa: F811
    """The file is set aside, as any that is damaged, though the checksum is right."""
    store = Store(settings)
    path = store.path("d1", "1h")
    path.parent.mkdir(parents=True)
    path.write_bytes(with_metadata(ABOUT | change))
    read_all(store)
    assert path.with_name(path.name + ".damaged-1").exists()
    path.write_bytes(with_metadata(ABOUT | change))
    with pytest.warns(StoreWarning, match="set aside"):
        store.read("d1", "1h")


@pytest.mark.parametrize("change", [{"body": 5}, {"asked": 10**400}, {"asked": "noon"}])
def test_kept_answers_of_another_shape(settings, change):  # noqa: F811
    """As good as none."""
    answers = DocumentStore(settings)
    answers.folder.mkdir(parents=True)
    whole = kept_answer("stats", change.get("body", {})) | {key: v for key, v in change.items() if key == "asked"}
    (answers.folder / "stats.json").write_text(json.dumps(whole))
    assert answers.read("stats") is None
    answers.write("devices", 5, [1])
    assert answers.read("devices") is None
