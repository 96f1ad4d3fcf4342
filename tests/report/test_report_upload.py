"""Reports at a URL: a real S3 server, a folder by its URL, and places that refuse."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from made_runs import facts

from belimo_nb.cli import cli
from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.report import notebooks
from belimo_nb.report.jobs import Job, Result
from belimo_nb.report.output.folder import claim
from belimo_nb.report.output.upload import Upload
from belimo_nb.report.page.tables import can_write_workbooks

SERVER = Path(__file__).parents[2] / ".venv" / "s3" / ("Scripts" if os.name == "nt" else "bin") / "python"
KEYS = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_DEFAULT_REGION": "us-east-1"}
SERVE = """
import sys
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
url = "http://%s:%s" % server.get_host_and_port()
bucket = boto3.resource("s3", endpoint_url=url).create_bucket(Bucket="valves")
print(url, flush=True)
for line in sys.stdin:
    found = bucket.objects.all()
    listed = [[item.key, item.get()["ContentType"], item.get()["Body"].read().hex()] for item in found]
    __import__("json").dump(listed, sys.stdout)
    print(flush=True)
"""


@pytest.fixture
def s3(monkeypatch):
    """A function that lists the objects of the bucket "valves" of a local S3 server, to which the environment leads."""
    if not SERVER.exists() and not os.environ.get("CI"):
        pytest.skip("no S3 server: make .venv/s3/ready installs one")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with subprocess.Popen(
        [SERVER, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.stdout.readline().strip())

        def listed():
            server.stdin.write("list\n")
            server.stdin.flush()
            found = {key: (kind, bytes.fromhex(body)) for key, kind, body in json.loads(server.stdout.readline())}
            return {key: item for key, item in found.items() if not key.endswith("/")}  # PyArrow's marks of folders

        yield listed
        server.kill()


@pytest.fixture
def report(demo_environment, tmp_path, monkeypatch):
    """A function that makes reports of these names, of one cell each, at a URL."""
    monkeypatch.setenv("BELIMO_DATA_DIR", str(tmp_path / "data"))

    notebook = tmp_path / "page.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# A valve"), nbformat.v4.new_code_cell("1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    monkeypatch.setattr(notebooks, "notebook", lambda _: notebook)

    def make(url, *names):
        jobs = [Job("page", name.title(), f"devices/{name}-1", {}) for name in names]
        monkeypatch.setattr("belimo_nb.report.jobs.plan", lambda *_, **__: jobs)
        return CliRunner().invoke(cli, ["report", "--period", "2018-11", "--out", url])

    return make


def names(*jobs):
    """What a run of these jobs consists of."""
    tops, lists = ("index.html", "reports.json"), ("work-list.csv", *("work-list.xlsx",) * can_write_workbooks())
    pages = (f"devices/{job}-1.{kind}" for job in jobs for kind in ("html", "ipynb.gz"))
    return {*tops, *(f"2018-11/{name}" for name in (*tops, *lists, *pages))}


@pytest.mark.slow
def test_s3(s3, report):
    """Pages of a run are in the bucket with their types, the command says where; their addresses stay with the next."""
    result = report("s3://valves/a/place/", "one", "two")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "s3://valves/a/place/index.html"
    found = s3()
    assert set(found) == {f"a/place/{name}" for name in names("one", "two")}
    kind, body = found["a/place/index.html"]
    assert kind == "text/html; charset=utf-8"
    assert b"devices/one-1.html" in body
    texts = [gzip.decompress(body) if key.endswith(".gz") else body for key, (_, body) in found.items()]
    assert KEYS["AWS_SECRET_ACCESS_KEY"].encode() not in b"".join(texts)

    assert report("s3://valves/a/place", "one").exit_code == 0
    assert set(s3()) == set(found)


@pytest.mark.slow
def test_no_such_bucket(s3, report):
    """A bucket that is not there is one sentence, before anything is fetched or made."""
    result = report("s3://nobody/x", "one")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: Nothing can be written to s3://nobody/x (")
    assert result.stderr.endswith("); check the address and the rights.\n")
    assert s3() == {}


@pytest.mark.slow
def test_a_folder_by_its_url(report, tmp_path):
    """Any place that fsspec knows does: whole after every run, and what others put there stays."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "mine.txt").write_text("mine")
    for jobs, there in ((("one", "two"), ("one", "two")), (("two", "three"), ("one", "two", "three"))):
        result = report(place.as_uri(), *jobs)
        assert (result.exit_code, result.stderr) == (0, "")
        found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
        assert found == names(*there) | {"mine.txt"}


def filled(upload, *reports):
    """The folder of an upload holds the run of a month with these reports alone."""
    shutil.rmtree(upload.path / "2018-11", ignore_errors=True)
    told = facts(source="here", whole=True, made_at=datetime.now(UTC))
    with claim(upload.path) as folder:
        folder.begin(told)
        results = [Result(Job("page", name, name, {}), "ok", 1.0, files={"html": f"{name}.html"}) for name in reports]
        for name in reports:
            (folder.staging / f"{name}.html").write_text(name)
        folder.publish(told, results)


def test_broken_off(tmp_path):
    """An upload that fails leaves the old index; the next one brings what is missing, in whatever order."""
    place = tmp_path / "place"
    upload = Upload(place.as_uri(), tmp_path / "data")
    filled(upload, "a", "b")
    upload.send()
    before = (place / "index.html").read_text()
    filled(upload, "b", "c")
    put = upload._files.put

    def broken(path, name):
        if name == "2018-11/c.html":
            raise OSError("the line is dead")
        put(path, name)

    upload._files.put = broken
    with pytest.raises(BelimoError, match=r"made but not all of them are at .*\(the line is dead\).*--resume"):
        upload.send()
    assert (place / "index.html").read_text() == before
    assert (place / "2018-11" / "a.html").read_text() == "a"

    Upload(place.as_uri(), tmp_path / "data").send()
    assert sorted(path.name for path in (place / "2018-11").iterdir()) == [
        "b.html", "c.html", "index.html", "reports.json", "work-list.csv", *["work-list.xlsx"] * can_write_workbooks()
    ]  # fmt: skip
    assert (place / "index.html").read_text() == (upload.path / "index.html").read_text() != before


def test_only_what_changed(tmp_path):
    """Pages that are there already are not sent again; the index is, and last."""
    upload = Upload((tmp_path / "place").as_uri(), tmp_path / "data")
    filled(upload, "a", "b")
    upload.send()
    (upload.path / "2018-11" / "b.html").write_text("changed")
    put, sent = upload._files.put, []
    upload._files.put = lambda path, name: (sent.append(name), put(path, name))
    upload.send()
    assert sent == ["2018-11/b.html", "reports.json", "index.html"]


@pytest.mark.parametrize("name", ["index.html", "reports.json", "2018-11/index.html", "2018-11/work-list.csv"])
def test_files_of_others(tmp_path, name):
    """What no run of ours has made is not written over at a URL either; what one has made from elsewhere is."""
    place = tmp_path / "place"
    (place / name).parent.mkdir(parents=True)
    (place / name).write_text("mine")
    upload = Upload(place.as_uri(), tmp_path / "data")
    filled(upload, "a")
    refusing = upload.send if "/" in name else upload.check
    with pytest.raises(UsageError, match=f"{name} already, which no run of belimo-nb has made; move it elsewhere"):
        refusing()
    assert [path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()] == [name]
    assert (place / name).read_text() == "mine"
    (place / name).unlink()
    for data in ("data", "of-another-machine"):
        again = Upload(place.as_uri(), tmp_path / data)
        filled(again, "a")
        again.check()
        again.send()
    assert (place / "2018-11" / "a.html").read_text() == "a"


@pytest.mark.slow
def test_a_bucket_of_others(s3, report, tmp_path):
    """So in a bucket, before anything is made."""
    upload = Upload("s3://valves/mine", tmp_path / "data")
    (tmp_path / "mine.html").write_text("mine")
    upload._files.put(tmp_path / "mine.html", "index.html")
    result = report("s3://valves/mine", "one")
    assert (result.exit_code, "s3://valves/mine/index.html already" in result.stderr) == (2, True)
    assert s3()["mine/index.html"][1] == b"mine"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://me:password@bucket/x", r"^The URL of --out holds credentials.*environment\.$"),
        ("nonsense://x/y", r"^The URL 'nonsense://x/y' of --out cannot be used \(Protocol not known: nonsense\)\.$"),
        ("adl://store/x", r"^--out adl://store/x needs a package"),
    ],
)
def test_urls_that_cannot_be(url, sentence, tmp_path):
    """One sentence, and no credential in it."""
    with pytest.raises(UsageError, match=sentence) as told:
        Upload(url, tmp_path)
    assert "password" not in str(told.value)


def test_without_fsspec(tmp_path, monkeypatch):
    """Without the extra, the sentence says what to install."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"needs a package .*install fsspec and what it needs"):
        Upload("memory://x", tmp_path)
