"""Planning reports: which, with what parameters, under which names."""

from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

from belimo_nb.calendar.periods import resolve
from belimo_nb.errors import NoDataError, UnknownDevice, UsageError
from belimo_nb.report import notebooks as notebook_files
from belimo_nb.report.jobs import Job, distinct_slugs, plan, slugify, typed_value

NOW = pd.Timestamp("2018-12-01T00:00:00Z")
PERIOD = resolve(period="2018-11", now=NOW, tz="Europe/Zurich")
DEVICES = pd.DataFrame(
    {
        "name": ["Heizung Süd", "Kälte Nord", "Gateway"],
        "serial": ["S1", "S2", "S3"],
    },
    index=pd.Index(["5a430aa2-1d46", "3c563d80-48f0", "0cc5b932-c7b0"], name="id"),
)


class FakeDevice:
    """What `Cloud.device` gives, as far as planning looks."""

    def __init__(self, device_id):
        self.id = device_id


class FakeCloud:
    """Three devices, of which two count energy."""

    settings = SimpleNamespace(client_secret="the-secret", password="the-password")

    def __init__(self):
        self.listings = 0

    def devices(self, search=None):
        """The devices whose name contains the text."""
        self.listings += 1
        return DEVICES[DEVICES["name"].str.contains(search or "", case=False)]

    def energy_valves(self, devices):
        """All but the gateway."""
        return devices[devices["name"] != "Gateway"].assign(heating=True, cooling=False)

    def device(self, key):
        """By id, serial or part of the name."""
        for device_id, row in DEVICES.iterrows():
            if key in (device_id, row["serial"]) or key in row["name"]:
                return FakeDevice(device_id)
        raise UnknownDevice(f"There is no device {key!r}.")


@pytest.fixture(autouse=True)
def notebooks(tmp_path, monkeypatch):
    """Four notebooks with parameters of their own, in place of ours."""
    sources = {
        "overview": "search = None\nlimit = 50  # rows\n",
        "device": "device = ''\nstart: str | None = None\nend = None\nfreq = 'D'\n",
        "heating_energy": "start = end = None\nsearch = None\ndevices = None\nfreq = 'D'\n",
        "cooling_energy": "start = end = None\nsearch = None\ndevices = None\nfreq = 'D'\n",
    }
    for name, source in sources.items():
        cells = [
            nbformat.v4.new_markdown_cell("# Title"),
            nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell("other = 1"),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(notebook_files, "notebook", lambda name: tmp_path / f"{name}.ipynb")
    return tmp_path


def test_parameters(notebooks):
    """The parameters of a notebook are the names its tagged cell assigns, in order, annotated or chained or not."""
    assert notebook_files.parameters(notebooks / "device.ipynb") == ("device", "start", "end", "freq")
    assert notebook_files.parameters(notebooks / "heating_energy.ipynb")[:2] == ("start", "end")
    bare = notebooks / "bare.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]), bare)
    assert notebook_files.parameters(bare) == ()


def test_default_plan():
    """By default: overview, heating and cooling, and one report for each energy valve; each gets what it declares."""
    cloud = FakeCloud()
    edges = {"start": "2018-11-01", "end": "2018-12-01"}
    assert plan(cloud, PERIOD) == [
        Job("overview", "Overview", "overview", {"search": ""}),
        Job("heating_energy", "Heating energy", "heating-energy", {**edges, "search": ""}),
        Job("cooling_energy", "Cooling energy", "cooling-energy", {**edges, "search": ""}),
        Job("device", "Heizung Süd", "devices/heizung-sued-5a430aa2", {"device": "5a430aa2-1d46", **edges}),
        Job("device", "Kälte Nord", "devices/kaelte-nord-3c563d80", {"device": "3c563d80-48f0", **edges}),
    ]
    assert cloud.listings == 1


def test_edges_that_are_no_midnights():
    """A period that begins within a day hands its notebooks full times with offsets."""
    period = resolve("2018-11-03T06:00", "2018-11-04", now=NOW, tz="Europe/Zurich")
    (job,) = plan(FakeCloud(), period, notebooks=["heating_energy"])
    assert job.parameters["start"] == "2018-11-03T06:00:00+01:00"
    assert job.parameters["end"] == "2018-11-04"


def test_narrowed_plan():
    """A search reaches the notebooks that declare it; devices named come alone, in the cloud's order."""
    jobs = plan(FakeCloud(), PERIOD, search="heizung")
    assert [job.title for job in jobs] == ["Overview", "Heating energy", "Cooling energy", "Heizung Süd"]
    assert jobs[0].parameters == {"search": "heizung"}
    jobs = plan(FakeCloud(), PERIOD, notebooks=["device", "heating_energy"], devices=["S2", "Heizung"])
    assert [job.title for job in jobs] == ["Heating energy", "Heizung Süd", "Kälte Nord"]
    assert jobs[0].parameters["devices"] == ["5a430aa2-1d46", "3c563d80-48f0"]


def test_single_devices_leave_out_the_fleet():
    """Reports that cannot be narrowed to devices are left out where only some are wanted, or refused if asked for."""
    made = [job.notebook for job in plan(FakeCloud(), PERIOD, devices=["S1"])]
    assert made == ["heating_energy", "cooling_energy", "device"]
    with pytest.raises(UsageError, match="overview cannot be narrowed by --device"):
        plan(FakeCloud(), PERIOD, notebooks=["overview"], devices=["S1"])


def test_overview_needs_no_valves():
    """The overview alone asks for no device list: its notebook does."""
    cloud = FakeCloud()
    assert [job.notebook for job in plan(cloud, PERIOD, notebooks=["overview"])] == ["overview"]
    assert cloud.listings == 0


def test_extra_parameters():
    """A parameter goes to each notebook that declares it, and to no other."""
    jobs = plan(FakeCloud(), PERIOD, parameters={"freq": "MS"})
    assert ["freq" in job.parameters for job in jobs] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"parameters": {"frq": 1}}, UsageError, "'frq'; their parameters are freq, limit"),
        ({"notebooks": ["overview"], "parameters": {"freq": 1}}, UsageError, r"\(overview\).*'freq'"),
        ({"parameters": {"freq": "the-password"}}, UsageError, "'freq' holds a credential"),
        ({"parameters": {"start": "2018"}}, UsageError, "use --from"),
        ({"parameters": {"device": "x"}}, UsageError, "use --device"),
        ({"notebooks": ["fleet"]}, UsageError, "'fleet'"),
        ({"search": "pump"}, NoDataError, "No device has 'pump'"),
        ({"search": "pump", "notebooks": ["overview"]}, NoDataError, "No device has 'pump'"),
        ({"search": "Gateway"}, NoDataError, "None of the 1 device has"),
        ({"devices": ["nothing"]}, UnknownDevice, "'nothing'"),
        ({"devices": ["Gateway"]}, UsageError, "'Gateway' has no energy counter, nor flow and temp"),
        ({"devices": ["Nord"], "search": "Heizung"}, UsageError, "'Nord' does not match 'Heizung'"),
    ],
)
def test_refusals(arguments, kind, words):
    """What cannot be reported on is refused in one sentence that names it."""
    with pytest.raises(kind, match=words):
        plan(FakeCloud(), PERIOD, **arguments)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Energieventil Heizung 2.OG Nord-West", "energieventil-heizung-2-og-nord-west"),
        ("Kühlung Größe ÄÖÜ", "kuehlung-groesse-aeoeue"),
        ("Ku\u0308hlung", "kuehlung"),
        ("Café Ølstykke naïve", "cafe-olstykke-naive"),
        ("../../etc/passwd", "etc-passwd"),
        ('a"b/c\\d:e*f?<script>', "a-b-c-d-e-f-script"),
        ("🔥 Heizung 🔥", "heizung"),
        ("暖房", ""),
        ("  ", ""),
        ("x" * 300, "x" * 60),
        ("a" * 59 + " b", "a" * 59),
    ],
)
def test_slugify(text, slug):
    """Any name becomes a short, plain, lower-case file name, umlauts spelled out."""
    assert slugify(text) == slug


def test_slugs_are_distinct():
    """Devices of one name keep apart by their ids, those whose ids begin alike by the whole id; no name is empty."""
    slugs = distinct_slugs(
        [
            ("aaaaaaaa-1", "Nord"),
            ("bbbbbbbb-2", "Nord"),
            ("cccccccc-3", "暖房"),
            ("dddddddd-4", "Süd"),
            ("dddddddd-5", "Sued"),
        ]
    )
    assert slugs == ["nord-aaaaaaaa", "nord-bbbbbbbb", "device-cccccccc", "sued-dddddddd-4", "sued-dddddddd-5"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True),
        ("None", None),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("2018-11-01", "2018-11-01"),
        ("true", "true"),
    ],
)
def test_typed_value(text, value):
    """Values are typed as papermill's command line does."""
    assert typed_value(text) == value
    assert type(typed_value(text)) is type(value)


def test_slugs_of_ids_that_are_alike():
    """No two reports share a name, and none begins like another, whose tables would have the names of its own."""
    ids = ["d1", "d1-hours", "D1", "d:1", "日本", "北", "d1-hours-daily", "d10"]
    slugs = distinct_slugs([(identifier, "North") for identifier in ids])
    assert len(set(slugs)) == len(ids)
    assert [(a, b) for a in slugs for b in slugs if a != b and f"{b}-".startswith(f"{a}-")] == []
    assert slugs == distinct_slugs([(identifier, "North") for identifier in ids])
    assert slugs[-1] == "north-d10"
