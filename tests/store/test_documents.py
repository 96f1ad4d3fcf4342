"""What else is kept for work offline: which answers are taken as they are, and which are believed."""

import json
import os
import stat

import pandas as pd
import pytest
from locks_places import put

from belimo_nb.errors import ApiError
from belimo_nb.settings import load
from belimo_nb.store.coverage import LATEST
from belimo_nb.store.documents import Document, DocumentStore

NOW = 1_543_622_400
PROFILE = "profile /definitions/dataprofiles/energyvalve3/1.2"


@pytest.fixture
def answers(tmp_path):
    """A function that gives the kept answers of an account, under other settings if wanted."""

    def make(**options):
        names = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
        return DocumentStore(
            load(**{**names, "api_url": "https://cloud.example/api/v3", "data_dir": str(tmp_path), **options})
        )

    return make


def ask(body):
    """A cloud that answers so, and how often it was asked."""
    asked = []

    def answer():
        asked.append(body)
        return body

    return answer, asked


def test_kept_and_read(answers):
    """What was kept is read again, with when it was asked; what was not is None."""
    kept = answers()
    kept.write("stats", NOW, {"devices": 3})
    assert kept.read("stats") == Document(NOW, {"devices": 3})
    assert kept.read(PROFILE) is None


def test_names_have_files_of_their_own(answers):
    """Answers of one kind about different things do not meet, nor do those of different accounts or clouds."""
    kept = answers()
    kept.write(PROFILE, NOW, {"a": 1})
    kept.write(PROFILE.replace("1.2", "1.3"), NOW, {"a": 2})
    assert kept.read(PROFILE).body == {"a": 1}
    kept.write("stats", NOW, {"a": 3})
    names = {path.name for path in kept.folder.iterdir()}
    assert len(names) == 3
    assert "stats.json" in names
    assert kept.folder.parent == kept.folder.parents[2] / "v1" / "cloud.example"
    assert answers(username="y").read(PROFILE) is None
    assert answers(api_url="https://other.example/api/v3").read(PROFILE) is None


def test_online_the_cloud_is_asked(answers):
    """Online, what can change is asked for each time, and the newest answer is kept."""
    kept = answers()
    for moment, body in ((NOW, {"a": 1}), (NOW + 60, {"a": 2})):
        answer, asked = ask(body)
        assert kept.get_or_ask("stats", answer, moment) == Document(moment, body)
        assert len(asked) == 1
        assert kept.read("stats") == Document(moment, body)


def test_what_hardly_changes_is_asked_once_a_day(answers):
    """What lasts is not asked for again for so long, and later it is kept where the cloud does not give it any more."""
    answer, asked = ask({"a": 1})
    for later, requests in ((0, 1), (86399, 1), (86400, 2), (10**9, 3)):
        found = answers().get_or_ask(PROFILE, answer, NOW + later, lasts=86400)
        assert (found.body, len(asked)) == ({"a": 1}, requests)

    def refused():
        raise ApiError("No.")

    assert answers().get_or_ask(PROFILE, refused, NOW + 2 * 10**9, lasts=86400).body == {"a": 1}
    with pytest.raises(ApiError):
        answers().get_or_ask("profile other", refused, NOW, lasts=86400)


def test_what_an_answer_lacks_stays(answers):
    """A new answer gets what only the kept one has, also on the disk; one that is not believed is not kept."""
    kept = answers()
    kept.write("timeline d1", NOW, [{"a": 1}, {"a": 2}])

    def both(before, after):
        return [*after, *(row for row in before if row not in after)]

    whole = [{"a": 3}, {"a": 1}, {"a": 2}]
    assert kept.get_or_ask("timeline d1", ask([{"a": 3}])[0], NOW + 60, completed=both).body == whole
    assert kept.read("timeline d1").body == whole
    assert kept.get_or_ask(PROFILE, ask({})[0], NOW, believed=bool).body == {}
    assert kept.read(PROFILE) is None


def test_offline_what_is_kept_will_do(answers):
    """Offline what is kept is taken, however old; what is not kept is asked for, which says that it cannot be."""
    answers().write("stats", 0, {"a": 1})
    answer, asked = ask({"a": 2})
    assert answers(offline="1").get_or_ask("stats", answer, NOW) == Document(0, {"a": 1})
    assert asked == []
    answers(offline="1").get_or_ask("devices", answer, NOW)
    assert len(asked) == 1


def test_an_empty_list_takes_no_kept_one_away(answers):
    """A list without a row is given, but what was kept stays for work offline; where nothing was kept, it is kept."""
    kept = answers()
    for name, body in (("devices", [{"id": "d1"}]), ("timeline d1", [])):
        kept.write(name, NOW, body)
        assert kept.get_or_ask(name, ask([])[0], NOW + 60) == Document(NOW + 60, [])
        assert kept.read(name).body == body


def test_what_one_run_has_fetched(answers):
    """The notebooks of one run take what was fetched since it began, and nothing older."""
    since = pd.Timestamp(NOW, unit="s", tz="UTC").isoformat()
    for moment, requests in ((NOW - 1, 1), (NOW, 0), (NOW + 1, 0)):
        answers().write("stats", moment, {"a": 1})
        answer, asked = ask({"a": 2})
        found = answers(fresh_since=since).get_or_ask("stats", answer, NOW + 60)
        assert len(asked) == requests
        assert found == (Document(NOW + 60, {"a": 2}) if requests else Document(moment, {"a": 1}))


def test_when_the_list_was_asked_for(answers):
    """The time that offline data are of is that of the list of devices; without a list there is none."""
    assert answers().as_of is None
    answers().write("devices", NOW, [])
    assert answers().as_of == pd.Timestamp("2018-12-01T00:00Z")


@pytest.mark.parametrize(
    "spoil",
    [
        {"version": 2},
        {"name": "other"},
        {"digest": "0" * 32},
        {"body": {"a": 2}},
        {"asked": True},
        {"asked": 1.5},
        {"asked": LATEST + 1},
        {"asked": -LATEST - 1},
    ],
)
def test_answers_that_are_not_believed(answers, spoil):
    """Another version, name, content or a time that is none: it is asked for again."""
    kept = answers()
    kept.write("stats", NOW, {"a": 1})
    (path,) = kept.folder.iterdir()
    path.write_text(json.dumps({**json.loads(path.read_text()), **spoil}))
    assert kept.read("stats") is None


@pytest.mark.parametrize("asked", [LATEST, -LATEST])
def test_the_furthest_moments(answers, asked):
    """Moments that a time can hold are believed."""
    answers().write("stats", asked, {"a": 1})
    assert answers().read("stats") == Document(asked, {"a": 1})


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("devices", [{"id": "d1"}], [{}, ["d1"], [{"id": "d1"}, None]]),
        ("timeline d1", [], [{}, None]),
        ("stats", {}, [[], "text", None]),
    ],
)
def test_the_shape_of_answers(answers, name, good, bad):
    """Lists are lists of objects, everything else is an object; other shapes are not believed."""
    kept = answers()
    kept.write(name, NOW, good)
    assert kept.read(name) == Document(NOW, good)
    for body in bad:
        kept.write(name, NOW, body)
        assert kept.read(name) is None


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_for_the_owner_alone(answers):
    """Names and addresses are in the answers: nobody else may read them."""
    kept = answers()
    kept.write("stats", NOW, {"a": 1})
    (path,) = kept.folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="has no pipes")
@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "socket"])
def test_what_is_no_file(kind, answers):
    """A folder, link, pipe or socket in a document's place is none, and nobody waits for it."""
    put(kind, answers().folder / "stats.json")
    assert answers().read("stats") is None
    assert answers().get_or_ask("stats", ask({"a": 1})[0], NOW) == Document(NOW, {"a": 1})


def test_a_folder_that_takes_nothing(answers):
    """What cannot be kept is given all the same, and not kept."""
    kept = answers()
    kept.folder.parent.mkdir(parents=True)
    kept.folder.write_text("a file where the folder should be")
    assert kept.get_or_ask("stats", ask({"a": 1})[0], NOW) == Document(NOW, {"a": 1})
    assert kept.read("stats") is None
