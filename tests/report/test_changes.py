"""What counts as news: findings that begin, end and flicker, devices, settings, energy."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pandas as pd
import pytest

from belimo_nb.report.changes import Item, Seen, compare

CHECKS = ("low delta-T", "waste zone", "sensor range", "T1/T2 swapped", "hunting", "silent")


def record(**more: Any) -> dict[str, Any]:
    """A valve that is well; `hunting="fault"` and the like, with spaces as underscores, are verdicts of checks."""
    names = {check.replace(" ", "_").replace("-", "_").replace("/", "_"): check for check in CHECKS}
    found = dict.fromkeys(CHECKS, "ok") | {names[key]: more.pop(key) for key in list(more) if key in names}
    verdicts = [{"check": check, "verdict": verdict, "figure": None, "unit": ""} for check, verdict in found.items()]
    well = {"serial": "S", "health": "OK", "note": "", "online": True, "days": 30, "energy": {}, "reset": False}
    return {**well, "settings": {}, "verdicts": verdicts, **more}


def valve(name: str = "North", key: str = "S1", **more: Any) -> Seen:
    """A device in a run."""
    return Seen(key, f"id-{key}", name, f"devices/{key}", record(**more))


def months(*runs: list[Seen], whole: bool = True, first: str = "2017-01-01") -> list[list[Item]]:
    """What changes in each of some runs, a month apart, each compared with the one before."""
    told, before = [], None
    for start, devices in zip(pd.date_range(first, periods=len(runs), freq="MS"), runs, strict=True):
        standing, items = compare(devices, before, start.date(), whole_fleet=whole)
        told.append(items)
        before = [Seen(it.key, it.id, it.title, it.slug, it.record, standing[it.key]) for it in devices]
    return told


def kinds(told: list[list[Item]]) -> list[str]:
    """The kinds of news by run, as text."""
    return [" ".join(f"{item.kind}:{item.topic}" for item in items if item.news) for items in told]


def course(check: str, letters: str) -> list[list[Seen]]:
    """A valve of which a check says, month by month, . ok, w warn, f fault, - cannot judge."""
    words = {".": "ok", "w": "warn", "f": "fault", "-": "cannot judge"}
    return [[valve(**{check: words[letter]})] for letter in letters]


@pytest.mark.parametrize(
    ("letters", "news"),
    [
        (".ff..", {1: "new", 4: "gone"}),
        (".f----f---.", {1: "new"}),
        (".ww.w..", {1: "new"}),
        (".ww.w...", {1: "new", 7: "gone"}),
        (".wf.w", {1: "new", 2: "worse"}),
        (".fwfw", {1: "new"}),
        (".w..w..", {1: "new", 3: "gone", 4: "back", 6: "gone"}),
        (".w.w.w.w.....", {1: "new", 12: "gone"}),
        (".w.w...w.w..ww", {1: "new", 6: "gone", 13: "back"}),
        (".w.w...f", {1: "new", 6: "gone", 7: "back"}),
        ("f.-.", {0: "new", 3: "gone"}),
    ],
)
def test_a_finding_over_months(letters, news):
    """It is news once when it begins, once when it gets worse, once when it ends; flicker and summers are none."""
    told = kinds(months(*course("hunting", letters)))
    assert {n: words.removesuffix(":hunting") for n, words in enumerate(told) if words} == news


def test_random_flicker_is_hardly_news():
    """A check that tosses a coin each month for ten years is news a few times, not sixty."""
    toss = random.Random(1)
    told = kinds(months(*course("hunting", "".join(toss.choice(".w") for _ in range(120)))))
    assert 1 <= sum(map(bool, told)) <= 6


def test_what_cannot_be_judged_is_told_but_no_news():
    """Once, with since when it stands; the topic stays."""
    told = months(*course("hunting", ".f--f"))
    assert [(item.kind, item.since, item.news) for item in told[2]] == [("not judged", "2017-02-01", False)]
    assert told[3] == told[4] == []


def test_checks_of_one_cause_are_one_topic():
    """Swapped sensors that look broken one month and swapped the next are news once; they end when both are well."""
    runs = [
        [valve()],
        [valve(sensor_range="fault", T1_T2_swapped="cannot judge")],
        [valve(T1_T2_swapped="fault")],
        [valve(T1_T2_swapped="cannot judge")],
        [valve()],
        [valve()],
    ]
    assert kinds(months(*runs)) == ["", "new:sensors", "", "", "", "gone:sensors"]


def test_connection_health_and_readings_end_at_once():
    """What has no threshold needs no second look: a device is back, its error is gone, its readings are whole."""
    energy = {"heating": {"kwh": 10.0, "coverage": 0.5}}
    bad, lacking = valve(online=False, health="ERROR", note="flow sensor"), valve(key="S2", energy=energy)
    good = [valve(), valve(key="S2", energy={"heating": {"kwh": 10.0, "coverage": 1.0}})]
    began, ended = months(good, [bad, lacking], good)[1:]
    assert {(item.kind, item.topic, item.bad) for item in began} == {
        ("new", "connection", True),
        ("new", "health", True),
        ("new", "readings", False),
    }
    assert {item.text for item in began} >= {"Offline.", "The device reports: flow sensor."}
    assert {(item.kind, item.topic) for item in ended} == {
        ("gone", topic) for topic in ("connection", "health", "readings")
    }


def test_the_first_run_tells_all():
    """There is nothing to compare with: each finding is new, each device is none."""
    assert kinds(months([valve(hunting="fault")])) == ["new:hunting"]


def test_devices_are_followed_by_serial_number():
    """A new name is told, and findings go on; a device is new or gone where both runs were about all."""
    runs = [valve(hunting="fault"), valve("B", "S2")], [valve("South", hunting="fault"), valve("C", "S3")]
    assert kinds(months(*runs))[1] == "renamed: new device: gone device:"
    assert kinds(months(*runs, whole=False))[1] == "renamed:"


def test_a_device_that_was_replaced():
    """Another serial number under the same name is told once; findings of the place go on, settings are its own."""
    runs = [valve(hunting="fault", settings={"limit": 1})], [valve(key="S2", hunting="fault", settings={"limit": 2})]
    told = months(*runs, runs[1])
    assert kinds(told) == ["new:hunting", "replaced:", ""]
    assert told[1][0].text == "Has the serial number S2, was S1: another device, whose counters begin anew."
    assert kinds(months(*runs, whole=False))[1] == "new:hunting"  # each may be of another search
    twins = [valve(), valve(key="S3")], [valve(), valve(key="S2")]
    assert kinds(months(*twins))[1] == "new device: gone device:"
    two = [valve(), valve(key="S3")], [valve(key="S2")]
    assert kinds(months(*two))[1] == "new device: gone device: gone device:"


def test_a_device_that_was_moved():
    """Another project is told once, with both; a run of a version that kept none tells nothing."""
    told = months(
        [valve()], [valve(project="A")], [valve(project="B", name="South")], [valve(project="B", name="South")]
    )
    assert kinds(told) == ["", "", "renamed: moved:", ""]
    assert [item.text for item in told[2]] == ["Was called North.", "In the project B, was in A."]


def test_a_failed_report_is_no_news():
    """What stood goes on standing, and the device is neither new nor gone."""
    lost = Seen("id-S1", "id-S1", "North", "devices/S1")
    runs = [valve(hunting="fault")], [lost], [valve(hunting="fault")]
    standing, items = compare(runs[1], _after(runs[0]), date(2017, 2, 1), whole_fleet=True)
    assert items == []
    assert standing["id-S1"]["hunting"]["since"] == "2017-01-01"


def _after(devices: list[Seen]) -> list[Seen]:
    standing, _ = compare(devices, None, date(2017, 1, 1), whole_fleet=True)
    return [Seen(it.key, it.id, it.title, it.slug, it.record, standing[it.key]) for it in devices]


def test_settings_and_meters():
    """A setting that someone changed is told with both values; a counter that began anew once."""
    told = months([valve(settings={"limit": 2.0})], [valve(settings={"limit": 1.0, "new": 5}, reset=True)])
    assert [item.text for item in told[1]] == [
        "limit is 1.0, was 2.0.",
        "A lifetime counter began anew: was the meter replaced?",
    ]


def fleet(amounts: list[float], **more: Any) -> list[Seen]:
    """Valves with these amounts of heat."""
    return [
        valve(f"V{n}", f"S{n}", energy={"heating": {"kwh": amount, "coverage": 1.0}}, **(more if n == 0 else {}))
        for n, amount in enumerate(amounts)
    ]


@pytest.mark.parametrize(
    ("first", "more", "found"),
    [
        (100.0, {}, []),
        (60.0, {}, []),
        (10.0, {}, ["heating energy"]),
        (10.0, {"sensor_range": "fault"}, ["sensors"]),
    ],
)
def test_energy_beyond_what_the_others_make_likely(first, more, found):
    """In a colder year all change; one that changes unlike the others, twice, is news, unless its meter failed."""
    before, now = fleet([100.0] * 8), fleet([first * 1.5, 140, 150, 155, 160, 148, 152, 151], **more)
    told, seen = [], _after(before)
    for month in (1, 2, 3, 4):
        standing, items = compare(now, seen, date(2018, month, 1), whole_fleet=True, year_before=before)
        seen = [Seen(it.key, it.id, it.title, it.slug, it.record, standing[it.key]) for it in now]
        told += [(month, item) for item in items]
    assert [item.topic for _, item in told] == found, "once"
    if found == ["heating energy"]:
        ((month, item),) = told
        assert (month, item.kind, item.since) == (2, "new", "")
        assert item.text.startswith("Heating: 15 kWh, where by the change of the others since the year before 1")


def judged(*found: tuple[str, str, str], **more: Any) -> Seen:
    """A valve with some findings (check, verdict, sentence) of its own."""
    verdicts = [{"check": one, "verdict": verdict, "sentence": said} for one, verdict, said in found]
    wrong = {one for one, _, _ in found}
    others = ("sensor range", "no flow with the valve open", "reported errors", "silent")
    verdicts += [{"check": one, "verdict": "ok", "sentence": "Well."} for one in others if one not in wrong]
    return valve(**{"verdicts": verdicts} | more)


FLOW = "The device says of itself: Flow_meter_dead."
DRY = "In 9 of 9 h with the valve open no water flowed: the flow sensor seems to have failed."
BITS = "The device reports flow signal faulty since 2017-02-03."


def test_a_fault_that_shows_in_several_ways_is_news_once():
    """A failed flow sensor is one item, which tells all of it; an error of another kind is its own."""
    found = [
        ("no flow with the valve open", "warn", DRY),
        ("sensor range", "fault", FLOW),
        ("reported errors", "fault", BITS),
    ]
    dead = judged(*found, health="ERROR", note="Flow_meter_dead")
    told = months([judged()], [dead], [dead], [judged()], [judged()])
    assert kinds(told) == ["", "new:sensors", "", "", "gone:sensors"]
    assert (told[1][0].verdict, told[1][0].text.split(FLOW)[0]) == ("fault", "")
    assert DRY in told[1][0].text
    assert BITS in told[1][0].text
    other = judged(found[1], health="ERROR", note="Actuator_stalled")
    assert kinds(months([judged()], [other], [judged()])) == ["", "new:health new:sensors", "gone:health"]


def test_what_lacks_of_a_silent_device_is_no_other_news():
    """Neither while it is silent nor in the month in which it speaks again; what lacks later is."""
    few, all_of_it = ({"heating": {"kwh": 10.0, "coverage": share}} for share in (0.6, 1.0))
    well, lacking = judged(energy=all_of_it), judged(energy=few)
    silent = judged(("silent", "warn", "Silent since 2017-02-20."), online=False, energy=few)
    told = kinds(months([well], [silent], [lacking], [well], [lacking]))
    assert told == ["", "new:connection", "gone:connection", "", "new:readings"]
