"""Searches find names whatever their case, and however their umlauts are written."""

import unicodedata

import pytest

from belimo_nb.api.devices import find_device, matches
from belimo_nb.api.search import folded, has_two_spellings

NAMES = ["Kühlung SÜD Straße", "Kuehlung Sued Strasse", unicodedata.normalize("NFD", "Kühlung Süd Straße")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "typed", ["süd", "sued", "SÜD", unicodedata.normalize("NFD", "süd"), "straße", "STRASSE", "kuehl"]
)
def test_spellings_are_one(name, typed):
    """Each spelling of an umlaut finds each other one, composed or not."""
    assert matches(typed, name, "S-1")
    assert has_two_spellings(typed)
    assert (
        find_device(typed, {"a": {"id": "a", "displayName": name}, "b": {"id": "b", "displayName": "Nord"}})["id"]
        == "a"
    )


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ä", "ae"),
        ("Ångström", "aangstroem"),
        ("Œuvre", "œuvre"),
        ("İzmir", "izmir"),
        ("crème", "creme"),
        ("½", "1⁄2"),
        ("", ""),
        (None, "none"),
    ],
)
def test_folded(text, plain):
    """Marks go, umlauts are spelled out, ligatures that no search needs stay."""
    assert folded(text) == plain


def test_plain_text_has_one_spelling():
    """What no name can write otherwise is left to the cloud's own search."""
    assert not has_two_spellings("2.OG Nord-West 21501-10006")


def test_the_cloud_is_asked_for_all_where_it_would_miss_some(second, client):
    """The cloud compares letters: "lueftung" finds "Lüftung" all the same, plain words are its own search."""
    found = client.devices("lueftung")
    assert len(found)
    assert found.index.equals(client.devices("LÜFTUNG").index)
    assert not [r for r in second.requests if r.query.get("search")]
    client.devices("heizkreis 01")
    assert [r.query["search"] for r in second.requests if r.query.get("search")] == ["heizkreis 01"]
