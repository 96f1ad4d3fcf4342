"""`belimo-nb report` unattended: the log, silence, exit statuses, the lock, going on, and names that mean harm."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pandas as pd
import pytest
import second_fleet
from click.testing import CliRunner
from made_runs import Here
from prepared import program
from second_cloud import CLIENT_SECRET, PASSWORD, says

import belimo_nb as bn
from belimo_nb.cli import cli
from belimo_nb.display import KeyFigure
from belimo_nb.report import run as run_module
from belimo_nb.report.engine import engines
from belimo_nb.report.jobs import Result
from belimo_nb.report.output import folder as folder_module
from belimo_nb.report.output.folder import claim
from belimo_nb.report.page import report_files

try:
    import resource
except ImportError:  # Windows has none
    resource = None

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d) (\d+) (\w+) (.*)")
NAMES = [
    "\"Quoted\" 'name' & more",
    "../../etc/passwd",
    "a/b\\c:d*e?f|g",
    "..",
    "🔥 暖房 🚿",
    "x" * 300,
    "<script>alert(1)</script>",
    "\x1b[31mred\r\n2018-12-01T00:00:00+00:00 1 end exit status 0",
    "CON",
    "{{ 7 * 7 }} {% raw %}",
    "Twin",
    "Twin",
]


@pytest.fixture
def quick(second, monkeypatch):
    """Reports without kernels, of the second cloud: a page with a title; those in the set fail."""
    broken: dict[str, str] = {}

    def rendered(task):
        error = broken.get(task.job.title)
        bn.connect().device(task.job.parameters["device"]).timeline()  # as a report does
        title = f"# Report of run {os.environ.get('RUN')}"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(title)])
        files = report_files.write_report(
            notebook, task.job, task.out, made_at=task.made_at, version=task.version, failed=error is not None
        )
        figures = [KeyFigure("Energy", 5.0, "kWh").data()]
        status = "failed" if error else "ok"
        return Result(task.job, status, 0.25, error, figures, 0.9, files, made_at=task.made_at)

    monkeypatch.setattr(run_module, "render", rendered)
    monkeypatch.setattr(engines, "worker_pool", Here)
    return broken


def report(*arguments):
    """`belimo-nb report` of one valve over a week, unless the arguments say something else."""
    return CliRunner().invoke(
        cli, ["report", "--device", "SN-0001-K", "--from", "2021-03-01", "--to", "2021-03-08", *arguments]
    )


def lines(path="run.log") -> list[tuple[str, str]]:
    """The events of a log and what they say; each line must have a time with an offset and a process."""
    found = [LINE.fullmatch(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    assert all(found)
    assert {match[2] for match in found} == {str(os.getpid())}
    return [(match[3], match[4]) for match in found]


@pytest.mark.slow
def test_the_log(quick):
    """From start to end: version, period, source, folder, each report with its seconds, counts and the exit status."""
    assert report("--log-file", "run.log").exit_code == 0
    events = lines()
    assert [event for event, _ in events] == ["start", "plan", "fetched", "fetched", "made", "end"]
    out = re.escape(str(Path("reports").absolute()))
    assert re.fullmatch(rf"belimo-nb \S+, 2021-03-01 to 2021-03-07, 127\.0\.0\.1:\d+, into {out}", events[0][1])
    assert events[1][1] == "reports to make: 1, devices as of 2021-04-15 14:00:00+02:00"
    assert re.fullmatch(r"[\d,]+ values with \d+ requests?", events[2][1])
    assert events[4][1] == "devices/heizkreis-01-d7kx01 in 0.2 s, Heizkreis 01"
    assert re.fullmatch(r"exit status 0: 1 made, 0 kept, 0 failed in \d+ s", events[5][1])


@pytest.mark.slow
def test_the_log_is_appended(quick):
    """A second run goes on in the same file, and says what it kept."""
    quick["Heizkreis 02"] = "It broke."
    arguments = ["--device", "Heizkreis 02", "--log-file", "run.log"]
    assert report(*arguments).exit_code == 1
    quick.clear()
    assert report(*arguments, "--resume").exit_code == 0
    events = lines()
    assert [event for event, _ in events].count("start") == 2
    assert [event for event, _ in events[7:]] == ["start", "plan", "fetched", "fetched", "kept", "made", "end"]
    assert re.fullmatch(r"devices/heizkreis-01-d7kx01 as made at \d{4}-\S+, Heizkreis 01", events[11][1])
    assert "1 made, 1 kept, 0 failed" in events[-1][1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("now", "zone", "label"),
    [
        ("2021-01-01T03:15:00+01:00", "Europe/Zurich", "December 2020"),
        ("2020-12-31T23:30:00Z", "Europe/Zurich", "December 2020"),
        ("2020-12-31T23:30:00Z", "America/New_York", "November 2020"),
        ("2021-01-01T00:00:00", "Asia/Tokyo", "December 2020"),
    ],
)
def test_last_month(quick, monkeypatch, now, zone, label):
    """Last month is that of the site's zone at BELIMO_NOW, over the end of a year; log and reports.json say it."""
    monkeypatch.setenv("BELIMO_NOW", now)
    monkeypatch.setenv("BELIMO_TIMEZONE", zone)
    arguments = ["report", "device", "--device", "SN-0001-K", "--period", "last-month", "--log-file", "run.log"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert f", {label}, " in lines()[0][1]
    body = json.loads(Path("reports/reports.json").read_text(encoding="utf-8"))
    assert (body["period"], body["timezone"]) == (label, zone)
    month = pd.Timestamp(body["reports"][0]["parameters"]["start"])
    assert f"{month:%B %Y}" == label


@pytest.mark.slow
def test_failures_in_the_log(quick):
    """A failed report is told with its reason, on standard error, too, and makes the exit status 1."""
    quick["Heizkreis 01"] = "ZeroDivisionError: division by zero"
    result = report("--log-file", "run.log")
    assert result.exit_code == 1
    assert result.stderr == "Failed: Heizkreis 01: ZeroDivisionError: division by zero\n"
    assert (
        "failed",
        "devices/heizkreis-01-d7kx01 in 0.2 s, Heizkreis 01: ZeroDivisionError: division by zero",
    ) in lines()
    assert lines()[-1][1].startswith("exit status 1: 0 made, 0 kept, 1 failed in ")


@pytest.mark.slow
def test_quiet(quick):
    """Nothing is printed where all goes well; failures and the last error are."""
    result = report("--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    quick["Heizkreis 01"] = "It broke."
    result = report("-q")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Failed: Heizkreis 01: It broke.\n")
    result = report("-q", "--period", "2018-13")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_quiet_keeps_remarks_for_the_log(quick, second):
    """What is worth a remark, such as a series that the cloud left out, is in the log alone."""
    second.silent.add(second_fleet.POWER)
    loud = report("--log-file", "loud.log", "--out", "loud")
    assert "lacks pX4v.5" in loud.stderr
    result = report("--log-file", "run.log", "-q")
    assert (result.stdout, result.stderr) == ("", "")
    assert [what for event, what in lines() if event == "note"] == [loud.stderr.strip()]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--period", "2018-11"], 2, "Both a period"),
        (["--device", "nowhere"], 2, "'nowhere'"),
        (["-p", "color", "red"], 2, "'color'"),
    ],
)
def test_wrong_use_in_the_log(quick, arguments, status, words):
    """What ends the command is the last but one line of the log; the last is the exit status."""
    result = report("--log-file", "run.log", *arguments)
    assert result.exit_code == status
    assert lines()[-2:] == [("error", result.stderr.removeprefix("Error: ").strip()), ("end", f"exit status {status}")]
    assert words in result.stderr
    assert not Path("reports").exists()


def test_a_cloud_that_refuses(quick, second):
    """Exit status 3, in the log, too."""
    second.always("/devices", says({"error": "forbidden"}, 403))
    result = report("--log-file", "run.log", "-q")
    assert result.exit_code == 3
    assert lines()[-1] == ("end", "exit status 3")
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")


def test_no_data(quick):
    """No device that matches is exit status 1."""
    result = CliRunner().invoke(cli, ["report", "--search", "no such device", "--log-file", "run.log"])
    assert result.exit_code == 1
    assert lines()[-1] == ("end", "exit status 1")


@pytest.mark.slow
def test_interrupted(quick, monkeypatch):
    """Ctrl-C is exit status 130; what was made is there, and the log tells."""

    def interrupt(self, function, task):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Here, "submit", interrupt)
        result = report("--log-file", "run.log")
    assert result.exit_code == 130
    assert lines()[-1][1].startswith("exit status 130: 0 made, 0 kept, 1 failed in ")
    assert "the run was interrupted" in Path("reports/index.html").read_text(encoding="utf-8")
    assert report("--resume").exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("changed", [("--tables", "csv-semicolon"), "BELIMO_PRICE_HEAT", "BELIMO_WEATHER"])
def test_resumed_with_other_options(quick, monkeypatch, changed):
    """What was made with other forms of tables, prices or weather is no part of this run: all is made anew."""
    monkeypatch.setattr(folder_module, "LOCK_TIMEOUT", 0.05)
    quick["Heizkreis 02"] = "It broke."
    arguments = ["--device", "Heizkreis 02", "--device", "Heizkreis 01", "--log-file", "run.log"]
    assert report(*arguments).exit_code == 1
    if isinstance(changed, str):
        monkeypatch.setenv(changed, {"BELIMO_PRICE_HEAT": "0.11", "BELIMO_WEATHER": "open-meteo"}[changed])
    report(*arguments, "--resume", *(changed if isinstance(changed, tuple) else ()))
    assert "kept" not in [event for event, _ in lines()]
    report(*arguments, "--resume", *(changed if isinstance(changed, tuple) else ()))
    assert "kept" in [event for event, _ in lines()]


def test_a_log_that_cannot_be_written(quick, tmp_path):
    """It is refused before anything is asked or made."""
    result = report("--log-file", str(tmp_path / "no" / "run.log"))
    assert result.exit_code == 2
    assert re.match(r"Error: The log file '.*run\.log' cannot be written \(No such file.*\); choose", result.stderr)
    assert not Path("reports").exists()


@pytest.mark.slow
def test_secrets_stay_out_of_the_log(quick):
    """Whatever an error says, the credentials are masked."""
    quick["Heizkreis 01"] = f"Sent {PASSWORD} and {CLIENT_SECRET}."
    report("--log-file", "run.log")
    text = Path("run.log").read_text(encoding="utf-8")
    assert "Sent ******** and ********." in text
    assert PASSWORD not in text
    assert CLIENT_SECRET not in text


@pytest.mark.slow
def test_a_second_run_on_the_same_folder(quick, monkeypatch):
    """It says in one sentence who has the folder, ends with status 2, and does no harm."""
    monkeypatch.setattr(folder_module, "LOCK_TIMEOUT", 0.05)
    with claim(Path("reports")):
        result = report("--log-file", "run.log")
    assert result.exit_code == 2
    assert re.fullmatch(
        rf"Error: The output folder '.*reports' is in use by another run \(process {os.getpid()} on .*, since .*\); "
        r"wait until it is done, or choose another with --out\.\n",
        result.stderr,
    )
    assert lines()[-1] == ("end", "exit status 2")
    assert report().exit_code == 0


@pytest.mark.slow
def test_names_that_mean_harm(quick, second, monkeypatch):
    """Odd and equal names get safe, distinct files in the folder, and are text in index, reports.json and log."""
    devices = [{**device, "displayName": name} for device, name in zip(second_fleet.DEVICES, NAMES, strict=False)]
    monkeypatch.setattr(second, "devices", devices)
    quick["Twin"] = "Both \x1b[2J fail."
    arguments = ["report", "device", "--from", "2021-03-01", "--to", "2021-03-08", "--log-file", "run.log"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1
    out = Path("reports").resolve() / "2021-03-01_2021-03-07"
    body = json.loads((out / "reports.json").read_text(encoding="utf-8"))
    assert [item["title"] for item in body["reports"]] == NAMES
    names = [name for item in body["reports"] for name in item["files"].values()]
    assert len({name.lower() for name in names}) == len(names) == 2 * len(NAMES)
    assert all(re.fullmatch(r"devices/[a-z0-9][a-z0-9-]{2,80}\.(html|ipynb)", name) for name in names)
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert there - {"work-list.xlsx"} == {*names, "index.html", "reports.json", "work-list.csv"}
    html = (out / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "x" * 300 in html
    assert "\x1b" not in html
    assert {unquote(link) for link in re.findall(r'href="(devices/[^"]*)"', html)} == set(names)
    page = next(item["files"]["html"] for item in body["reports"] if "<script>" in item["title"])
    assert "<script>alert" not in (out / page).read_text(encoding="utf-8")
    assert len([event for event, _ in lines() if event in ("made", "failed")]) == len(NAMES)
    assert [event for event, _ in lines()].count("end") == 1
    assert "\x1b" not in result.stderr
    assert "\x1b" not in Path("run.log").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="has no kill -9")
@pytest.mark.xdist_group("killed")  # groups begin first, and these take long
def test_killed_for_real(demo_environment, tmp_path):
    """A run killed with -9 leaves the one before whole; the next goes on with it and leaves nothing behind."""
    command = [*program(), "report", "device", "--search", "2.OG Nord", "--jobs", "1"]
    out, log = tmp_path / "out", tmp_path / "run.log"
    command += ["--out", str(out), "--log-file", str(log), "--resume", "--period"]
    first = [*command[:-2], "--device", "2.OG Nord-West", "--period", "2018-10"]
    subprocess.run(first, check=True, capture_output=True, timeout=300)
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    log.unlink()
    running = subprocess.Popen([*command, "2018-11"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 300
        while " made " not in (log.read_text() if log.exists() else "") and time.monotonic() < deadline:
            assert running.poll() is None
            time.sleep(0.05)
        running.kill()
        running.wait(60)
    finally:
        running.kill()
        running.communicate()
    assert {path: path.read_bytes() for path in before} == before
    done = subprocess.run([*command, "2018-11"], check=True, capture_output=True, text=True, timeout=300)
    assert re.match(r"3 reports: [12] made, [12] kept from an earlier run, in ", done.stdout)
    body = json.loads((out / "reports.json").read_text(encoding="utf-8"))
    assert body["period"] == "November 2018"
    assert body["counts"]["ok"] == 3
    assert [path.name for path in (out / ".belimo-nb").iterdir()] == ["lock"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_killed_again_and_again(quick, tmp_path, monkeypatch):
    """Killed with -9 at random moments, now and then on a full disk: readers find whole runs, and --resume ends it."""
    out, dice = tmp_path / "out", random.Random(5)
    arguments = ["report", "device", "--search", "Heizkreis 1", "--period", "2021-03", "--out", str(out), "--jobs", "1"]

    def begin(number: int, *options: str, room: int | None = None) -> int:
        """A run of its own number, in a child of this process."""
        if (pid := os.fork()) == 0:
            os.environ["RUN"] = str(number)
            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            os._exit(CliRunner().invoke(cli, [*arguments, *options]).exit_code)
        return pid

    def numbers() -> set[str]:
        """The runs whose pages a reader finds; all that is told of is there."""
        body = json.loads((out / "reports.json").read_text(encoding="utf-8"))
        names = [name for item in body["reports"] for name in item["files"].values()]
        assert len(body["reports"]) == 6
        for index in (out / "index.html", out / "2021-03" / "index.html"):
            links = re.findall(r'href="([^"#:]+)"', index.read_text(encoding="utf-8"))
            assert [link for link in links if not (index.parent / unquote(link)).exists()] == []
        pages = [(out / name).read_text(encoding="utf-8") for name in names if name.endswith(".html")]
        return {found for page in pages for found in re.findall(r"Report of run (\d+)", page)}

    assert CliRunner().invoke(cli, arguments).exit_code == 0  # fetches, and imports what children need
    began = time.monotonic()
    assert os.waitpid(begin(0), 0)[1] == 0
    lasts, killed, number, there = time.monotonic() - began, 0, 0, {"0"}
    while killed < 5 and number < 40:
        number += 1
        room = 20_000 if number % 4 == 0 else None
        pid = begin(number, room=room)
        time.sleep(dice.uniform(0.0, 0.9) * lasts)
        os.kill(pid, signal.SIGKILL)
        in_time = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        killed += in_time
        if not in_time and room is None:
            lasts *= 0.8  # the first was slower than the others are: the machine is less busy now
        found = numbers()
        assert len(found) == 1
        assert int(max(found)) >= int(max(there))
        there = found
    assert killed == 5
    assert os.waitpid(begin(99, "--resume"), 0)[1] == 0
    assert numbers()
    assert [path.name for path in (out / ".belimo-nb").iterdir()] == ["lock"]
