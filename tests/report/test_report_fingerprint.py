"""Fingerprints: whatever a report reads is in them, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.report import fingerprint as module
from belimo_nb.report import notebooks
from belimo_nb.report.fingerprint import Fingerprints
from belimo_nb.report.jobs import Job, plan
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import claim
from belimo_nb.report.resume import MAX_AGE, continue_unfinished, device_list_time
from belimo_nb.store.documents import DocumentStore

NORTH, EAST = "3c6f7077-a147-4d25-865f-e72901d9de62", "3c563d80-48f0-4a7a-8701-65d65aefdd9c"


@pytest.fixture
def period(cloud):
    """A week."""
    return cloud.period("2018-11-05", "2018-11-12")


@pytest.fixture
def fetched(cloud, period):
    """The cloud, with some readings of two valves in the store."""
    for device in (NORTH, EAST):
        cloud.device(device).energy("heating", period.start, period.end)
    return cloud


def jobs(cloud, period, **more) -> dict[str, Job]:
    """The jobs by the title of their report."""
    return {job.title: job for job in plan(cloud, period, search="2.OG Nord-", **more)}


def of(cloud, period, title="Energieventil Heizung 2.OG Nord-West", **more) -> str | None:
    """The fingerprint of a report, as a process that starts afresh finds it."""
    return Fingerprints(cloud, period).of(jobs(cloud, period, **more)[title])


@pytest.mark.slow
def test_the_same_again(fetched, period):
    """Another process that finds all as it was finds the same fingerprint; each report has its own."""
    again = Cloud(fetched.settings)
    found = {title: of(fetched, period, title) for title in jobs(fetched, period)}
    assert found == {title: of(again, period, title) for title in found}
    assert len(set(found.values())) == len(found) == 4
    assert None not in found.values()


@pytest.mark.slow
def test_parameters_and_settings(fetched, period):
    """Another period, parameter, time zone, source or weather is another report."""
    other = fetched.period("2018-11-05", "2018-11-13")
    found = [of(fetched, period), of(fetched, other), of(fetched, period, parameters={"resolution": "15m"})]
    changes = ({"timezone": "Europe/London"}, {"source": "x"}, {"weather": None})
    found += [of(Cloud(replace(fetched.settings, **change)), period) for change in changes]
    assert None not in found
    assert len(set(found)) == len(found)


def test_rate_folder_and_port_do_not_matter(fetched, period):
    """How fast the cloud is asked shows in no report."""
    assert of(Cloud(replace(fetched.settings, rate=7.0)), period) == of(fetched, period)


@pytest.mark.slow
def test_code_libraries_and_notebook(fetched, period, monkeypatch, tmp_path):
    """A change of the package, of a library that draws or of the notebook is another report; its outputs are none."""
    found = [of(fetched, period)]
    with monkeypatch.context() as patch:
        patch.setattr(module, "_code", lambda: "changed")
        found.append(of(fetched, period))
    with monkeypatch.context() as patch:
        patch.setattr(module, "version", lambda name: f"{name} 99")
        found.append(of(fetched, period))
    body = json.loads(notebooks.notebook("device").read_text(encoding="utf-8"))

    def stored(name):
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(body))
        module._source.cache_clear()
        return path

    with monkeypatch.context() as patch:
        patch.setattr(module.notebooks, "notebook", stored)
        for cell in body["cells"]:
            cell.pop("outputs", None)
        assert of(fetched, period) == found[0]
        body["cells"][-1]["source"] = ["1 + 1"]
        found.append(of(fetched, period))
    module._source.cache_clear()
    assert len(set(found)) == len(found) == 4


def test_the_code_is_all_of_the_package():
    """The digest of the code covers modules, templates and styles."""
    assert len(module._code()) == 32
    suffixes = {path.suffix for path in module.PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {".py", ".css", ".js", ".j2"} <= suffixes


@pytest.mark.slow
def test_kept_readings(fetched, period):
    """A new reading changes the report of its device and those of the fleet, and no other's; asking again does not."""
    titles = list(jobs(fetched, period))
    before = [of(fetched, period, title) for title in titles]
    fetched.device(NORTH).energy("heating", period.start, period.end)
    assert [of(fetched, period, title) for title in titles] == before
    fetched.device(NORTH).energy("heating", period.start - pd.Timedelta(days=9), period.end)
    after = [of(fetched, period, title) for title in titles]
    changed = {title for title, old, new in zip(titles, before, after, strict=True) if old != new}
    assert changed == {"Overview", "Heating energy", "Energieventil Heizung 2.OG Nord-West"}


@pytest.mark.slow
def test_other_resolutions_count(fetched, period):
    """Readings at any resolution belong to the device."""
    before = of(fetched, period)
    fetched.device(NORTH).history("evcloud.140", period.start, period.end, "15m")
    assert of(fetched, period) != before


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"displayName": "X"}, {"health": {"state": "ERROR"}}, {"state": {"datapoints": {}}}]
)
def test_the_record_of_the_device(fetched, period, change):
    """What the list says of a device, its latest values included, changes its report, and not its neighbor's."""
    found = list(plan(fetched, period, notebooks=["device", "overview"], search="2.OG Nord-"))
    assert len(found) == 3
    before = [Fingerprints(fetched, period).of(job) for job in found]
    listed = fetched.connection.device_list.known()
    records = [{**record, **(change if key == NORTH else {})} for key, record in listed.items()]
    DocumentStore(fetched.settings).write("devices", fetched.connection.now_s, records)
    after = [Fingerprints(fetched, period).of(job) for job in found]
    changed = [job.title for job, old, new in zip(found, before, after, strict=True) if old != new]
    assert changed == ["Overview", "Energieventil Heizung 2.OG Nord-West"]


@pytest.mark.slow
def test_reports_read_the_list_that_is_kept(fetched, period, monkeypatch):
    """A search brings newer values than the list that a device's report reads: its fingerprint is of the list."""
    found = jobs(fetched, period)
    before = {title: Fingerprints(fetched, period).of(job) for title, job in found.items()}
    newer = {key: {**record, "health": {}} for key, record in fetched.connection.device_list.known().items()}
    monkeypatch.setattr(fetched.connection.device_list, "_records", newer)
    after = {title: Fingerprints(fetched, period).of(job) for title, job in found.items()}
    changed = {title for title in found if before[title] != after[title]}
    assert changed == {"Overview", "Heating energy"}, "these ask by the search themselves"


def test_devices_that_come_online(fetched, period):
    """Whether a device is online depends on the time, too."""
    later = Cloud(replace(fetched.settings, now=fetched.settings.now + pd.Timedelta(hours=3)))
    assert of(later, period) != of(fetched, period)


@pytest.mark.slow
def test_time_goes_by(fetched, period):
    """What is over looks the same later, apart from who is online; a period that still runs does not."""
    later = Cloud(replace(fetched.settings, now=fetched.settings.now + pd.Timedelta(seconds=20)))
    assert of(later, period) == of(fetched, period)
    running = fetched.period("2018-11-20", "2018-12-20")
    assert of(later, running) != of(fetched, running)
    assert of(later, period, "Overview") != of(fetched, period, "Overview")


def test_events(fetched, period):
    """Events are those that the report was given, or would be given now."""
    prints, job = Fingerprints(fetched, period), jobs(fetched, period)["Energieventil Heizung 2.OG Nord-West"]
    assert prints.events(job, ask=False) is None
    asked = prints.events(job, ask=True)
    assert asked
    assert prints.events(job, ask=False) == asked
    DocumentStore(fetched.settings).write(f"timeline {NORTH}", fetched.connection.now_s, [{"type": "SOFTWARE_CHANGE"}])
    assert prints.events(job, ask=False) != asked
    assert prints.events(jobs(fetched, period)["Overview"], ask=True) == ""


@pytest.mark.slow
def test_weather(fetched, period, tmp_path):
    """The temperatures themselves count; where they are set but cannot be had, there is no fingerprint."""
    weather = tmp_path / "weather.csv"

    def written(value):
        days = pd.date_range("2017-10-01", "2018-11-30", freq="h")
        weather.write_text("time,temperature_c\n" + "".join(f"{day:%Y-%m-%dT%H:%M},{value}\n" for day in days))
        cloud = Cloud(replace(fetched.settings, weather=str(weather)))
        return of(cloud, period, "Heating energy"), of(cloud, period)

    cold, warm, again = written(1.5), written(2.5), written(1.5)
    assert cold == again
    assert cold[0] != warm[0]
    assert cold[1] != warm[1]
    weather.unlink()
    assert of(Cloud(replace(fetched.settings, weather=str(weather))), period, "Heating energy") is None


def test_what_cannot_be_told(fetched, period):
    """No fingerprint where a report would ask for more: unsettled history, another year, an unknown device."""
    found = jobs(fetched, period)
    north = found["Energieventil Heizung 2.OG Nord-West"]
    prints = Fingerprints(fetched, period, {NORTH})
    assert prints.of(north) is None
    assert prints.of(found["Heating energy"]) is None
    assert prints.of(found["Energieventil Heizung 2.OG Nord-Ost"]) is not None
    compared = jobs(fetched, period, parameters={"compare": "2017"})["Heating energy"]
    assert Fingerprints(fetched, period).of(compared) is None
    assert Fingerprints(fetched, period).of(replace(north, parameters={"device": "elsewhere"})) is None


def test_damaged_files(fetched, period):
    """A kept file that cannot be read gives no fingerprint: the report will say what is wrong."""
    fetched.connection.archive.store.path(NORTH, "1h").write_bytes(b"PAR1 and then nothing")
    assert of(fetched, period) is None


def facts(cloud, period) -> reports_json.RunFacts:
    """What a run on this cloud was about."""
    return reports_json.RunFacts("t", period.label, cloud.source, "UTC", "1", cloud.now, 1.0, device_list_time(cloud))


@pytest.fixture
def unfinished(fetched, period, tmp_path):
    """The folder of a run that was killed."""
    fetched.devices()
    with claim(tmp_path / "out") as folder:
        folder.begin(facts(fetched, period))
    return tmp_path / "out"


def test_a_run_goes_on_as_of_its_list(fetched, period, unfinished):
    """The same run is gone on with as of its list of devices, and asks for none again."""
    later = Cloud(replace(fetched.settings, now=fetched.settings.now + pd.Timedelta(hours=5)))
    found = continue_unfinished(later, period, unfinished)
    assert found.settings.fresh_since == fetched.now
    found.devices()
    assert found.connection.device_list.asked == fetched.connection.device_list.asked


def test_another_run_begins_anew(fetched, period, unfinished):
    """Another period, another source, a run of long ago or a newer list: then the devices are taken as they are."""
    other = fetched.period("2018-11-05", "2018-11-13")
    assert continue_unfinished(fetched, other, unfinished) is fetched
    elsewhere = Cloud(replace(fetched.settings, source="elsewhere"))
    assert continue_unfinished(elsewhere, period, unfinished) is elsewhere
    late = Cloud(replace(fetched.settings, now=fetched.settings.now + pd.Timedelta(MAX_AGE) + pd.Timedelta(minutes=1)))
    assert continue_unfinished(late, period, unfinished) is late
    early = Cloud(replace(fetched.settings, now=fetched.settings.now - pd.Timedelta(minutes=1)))
    assert continue_unfinished(early, period, unfinished) is early
    later = Cloud(replace(fetched.settings, now=fetched.settings.now + pd.Timedelta(hours=1)))
    later.devices()
    assert continue_unfinished(later, period, unfinished) is later


def test_a_complete_run_is_not_gone_on_with(fetched, period, tmp_path):
    """After a run that was finished, or where there was none, all is asked anew."""
    assert continue_unfinished(fetched, period, tmp_path / "new") is fetched
    (tmp_path / reports_json.NAME).write_text(reports_json.document([], facts(fetched, period)))
    assert continue_unfinished(fetched, period, tmp_path) is fetched


def test_no_list_no_time():
    """Before the devices were listed there is no time to give."""
    assert device_list_time(bn.connect(client_id="i", client_secret="s", username="u", password="p")) is None
