"""Outages of a plant: found over the valves of a building, told once, and counted against no valve."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_valves import made_times, made_valve

import belimo_nb as bn
from belimo_nb.calendar.periods import Period
from belimo_nb.cloud import outages
from belimo_nb.cloud.survey import Survey
from belimo_nb.cloud.survey_valve import Surveyed
from belimo_nb.demo import DemoCloud
from belimo_nb.hydronics import judge
from belimo_nb.hydronics.plant import lacks_water
from belimo_nb.summary import survey_note

OPEN = "no flow with the valve open"


def building(monkeypatch, dry):
    """Six valves of one building and three of another, open for 60 days; the first `dry` of each lack water."""
    times = made_times(60, "1h")
    still = (np.arange(len(times)) > 500) & (np.arange(len(times)) <= 530)
    names = [*"abcdef", *"xyz"]
    lacking = {*"abcdef"[:dry], *"xyz"[:dry]}
    samples = {
        key: made_valve(times, "1h", flow_m3h=np.where(still & (key in lacking), 0.0, 2.0), t1_c=60.0) for key in names
    }
    monkeypatch.setattr(outages, "read_samples", lambda archive, task, now: samples[task.query.device])
    place = {"project": ["West"] * 6 + ["East"] * 3, "city": ["Bern"] * 6 + [None] * 3}
    health = {"health": "OK", "note": None, "online": True, "last_seen": pd.Timestamp("2018-03-09", tz="UTC")}
    valves = pd.DataFrame({"name": names, **place, **health}, index=names)
    found = {
        key: Surveyed(verdicts=judge(one, checks=[OPEN, "stuck"]), lacked_water=bool(lacks_water(one).any()))
        for key, one in samples.items()
    }
    tasks = [SimpleNamespace(query=SimpleNamespace(device=key), outdoor=None) for key in names]
    told = outages.find_outages(None, valves, tasks, found, 0)
    period = Period(pd.Timestamp("2018-01-08", tz="UTC"), pd.Timestamp("2018-03-09", tz="UTC"))
    return Survey(period, valves, found, outages=told)


def test_told_once_for_the_building(monkeypatch):
    """Four of six valves lack water at once: no valve is blamed for it, and the note says it once for the building."""
    survey = building(monkeypatch, 4)
    assert set(survey.outages) == {"West, Bern", "East"}
    assert {one.verdict for valve in survey.valves.values() for one in valve.verdicts if one.check == OPEN} == {"ok"}
    assert all(one.check in (OPEN, "stuck") for valve in survey.valves.values() for one in valve.verdicts)
    note = survey_note(survey).message
    assert note.count("West, Bern") == 1
    assert (
        "Plant of West, Bern: up to 4 valves lacked water at once on 2018-01-28 21:15, 30 h in all; that is the pump's "
        "or the plant's trouble, and counted against no valve." in note
    )


def test_two_valves_are_no_plant(monkeypatch):
    """Valves that lack water alone are blamed, and no plant is."""
    survey = building(monkeypatch, 2)
    assert not survey.outages
    blamed = {key for key, valve in survey.valves.items() if "warn" in {one.verdict for one in valve.verdicts}}
    assert blamed == {"a", "b", "x", "y"}
    assert "Plant" not in survey_note(survey).message


def test_judged_anew_in_the_same_weather(monkeypatch):
    """A valve without water for weeks in the cold: the outage left out, the weather counts as on its own page."""
    times = made_times(60, "1h")
    at = np.arange(len(times))
    still, alone = (at > 500) & (at <= 530), at > 1000
    cold = pd.Series(0.0, times)
    samples = {
        key: made_valve(
            times,
            "1h",
            flow_m3h=np.where(still | (alone & (key == "a")), 0.0, 2.0),
            t1_c=np.where(alone & (key == "a"), 21.0, 60.0),
            t2_c=np.where(alone & (key == "a"), 21.0, 40.0),
        )
        for key in "abcd"
    }
    monkeypatch.setattr(outages, "read_samples", lambda archive, task, now: samples[task.query.device])
    valves = pd.DataFrame({"project": "West", "city": "Bern"}, index=list(samples))
    found = {
        key: Surveyed(verdicts=judge(one, outdoor=cold, checks=[OPEN]), lacked_water=True)
        for key, one in samples.items()
    }
    tasks = [SimpleNamespace(query=SimpleNamespace(device=key), outdoor=cold) for key in samples]
    (spans,) = outages.find_outages(None, valves, tasks, found, 0).values()
    (told,) = found["a"].verdicts
    (due,) = judge(samples["a"], outdoor=cold, outages=spans, checks=[OPEN])
    assert told.sentence == due.sentence
    assert told.sentence.startswith("In 439 of")


def test_many_plants_are_summed_up():
    """Of many buildings three are named; several outages of one are counted."""
    times = pd.to_datetime(["2018-01-10", "2018-02-10"], utc=True)
    spans = pd.DataFrame({"begin": times, "end": times + pd.Timedelta("2h"), "valves": [4, 7]})
    told = outages.outage_sentences(dict.fromkeys("abcde", spans), "Europe/Zurich")
    assert len(told) == 4
    assert "up to 7 valves lacked water at once 2 times from 2018-01-10 to 2018-02-10, 4 h in all" in told[0]
    assert told[3] == "2 more plants lacked water."


@pytest.mark.slow
def test_a_valves_own_page_knows_its_neighbors(monkeypatch):
    """In a week in which the plant stopped a valve's checkup says what the survey says, without another request."""
    span = ("2018-01-29", "2018-02-12")
    with DemoCloud(lifelike=True) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        cloud = bn.connect()
        alone = cloud.device("Heizung 2.OG Sued-Ost").checkup(*span).verdicts.set_index("check").loc[OPEN]
        assert alone["verdict"] == "warn"  # nobody else is known: it could be its own
        survey = cloud.survey("Heizung 2.OG", *span)
        assert survey.outages
        for key, valve in survey.valves.items():
            (told,) = (one for one in valve.verdicts if one.check == OPEN)
            before = len(list(server.requests))
            found = cloud.device(key).checkup(*span).verdicts.set_index("check").loc[OPEN]
            asked = [request.path for request in list(server.requests)[before:]]
            assert not any(other in path for path in asked for other in survey.valves if other != key)
            assert (found["verdict"], found["sentence"]) == (told.verdict, told.sentence)
        assert any("whole building" in one.sentence for valve in survey.valves.values() for one in valve.verdicts)
        cloud.close()
