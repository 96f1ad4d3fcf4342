"""A whole run of reports against a cloud in bad hands: what it sends stays text, and what we know stays with us."""

from __future__ import annotations

import csv
import html
import json
import os
import subprocess
import sysconfig
import threading
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from click.testing import CliRunner
from hostile_cloud import NAME, SEARCH, poison
from second_cloud import CLIENT_SECRET, PASSWORD, SecondCloud, says

import belimo_nb as bn
from belimo_nb import display
from belimo_nb.cli import cli
from belimo_nb.display.table import FORMULA_STARTS
from belimo_nb.report.page import assets

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hostile cloud")]

DEVICE = "d7Kx01"
BELIMO_NB = str(Path(sysconfig.get_path("scripts")) / "belimo-nb")
PLANTED = (
    "pandas.py",
    "requests.py",
    "sitecustomize.py",
    "usercustomize.py",
    "ipykernel_launcher.py",
    "ipython_config.py",
    "ipython_kernel_config.py",
    "jupyter_config.py",
    "jupyter_nbconvert_config.py",
    "profile_default/startup/00.py",
    "belimo_nb/__init__.py",
)
MIME = "application/vnd.belimo-nb+json"
EXECUTING = {"applet", "base", "embed", "form", "frame", "iframe", "link", "meta", "object", "script", "svg", "math"}


@dataclass
class Run:
    """A run of reports and what could be seen of it from outside."""

    folder: Path
    done: subprocess.CompletedProcess[str]
    command_lines: set[str] = field(default_factory=set)

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.folder / "out"

    def files(self, *suffixes: str) -> list[Path]:
        """The files made, of some kinds or all, token file excepted."""
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return [
            path
            for path in found
            if (not suffixes or path.suffix in suffixes) and not path.name.startswith(("token-", "isolated"))
        ]


def watch(home: str, seen: set[str], stop: threading.Event) -> None:
    """Note the command line of every process with this home, over and over."""
    mark = f"HOME={home}".encode()
    while not stop.wait(0.05):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    seen.add((process / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:  # it has ended meanwhile, or is another user's
                continue


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """The overview, the heating report and one device's report, from the command line, with a home of their own.

    The folder it is started in is in bad hands, too: its modules and settings of Jupyter must not run.
    """
    folder = tmp_path_factory.mktemp("hostile")
    home = str(folder / "home")
    for name in PLANTED:
        (folder / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "work" / name).write_text(f"open({str(folder / 'ran')!r}, 'a').write(__file__)\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BELIMO_", "XDG_"))}
    seen: set[str] = set()
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(home, seen, stop))
    watcher.start()
    try:
        with SecondCloud() as cloud:
            environment = poison(cloud, DEVICE).environment() | {"HOME": home, "BELIMO_DATA_DIR": str(folder / "data")}
            command = [BELIMO_NB, "report", "--search", SEARCH, "--period", "2021-03", "--notebooks", "plain"]
            done = subprocess.run(
                [*command, "--jobs", "2", "--out", str(folder / "out")],
                cwd=folder / "work",
                env=kept | environment,
                capture_output=True,
                text=True,
                timeout=500,
            )
    finally:
        stop.set()
        watcher.join()
    return Run(folder, done, seen)


class Elements(HTMLParser):
    """The elements and texts of a page, as a browser would take them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.texts.append(data)


def assert_harmless(page: Elements) -> None:
    """No attribute runs a script and no link is one; nothing loads from anywhere."""
    for tag, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("href", "src", "action", "formaction", "xlink:href", "srcdoc"):
            target = "".join(attributes.get(name, "").split()).lower()
            assert not target.startswith(("javascript:", "vbscript:", "http:", "https:", "//")), (tag, attributes)
            assert not target.startswith("data:text/html"), (tag, attributes)


def test_the_run_ends_well(run):
    """The attacks cost nothing: all reports are made, and the terminal gets no control characters."""
    assert run.done.returncode == 0, run.done.stderr
    names = [path.relative_to(run.out).as_posix() for path in run.files(".html")]
    assert len(names) == 5, names  # three reports, the index of the period, and the page that leads to it
    assert {"index.html", "2021-03/index.html", "2021-03/overview.html", "2021-03/heating-energy.html"} < set(names)
    assert not [character for character in run.done.stdout + run.done.stderr if character < " " and character != "\n"]


def test_pages_hold_text(run):
    """In each page the names are text, letter by letter, and there is one script, which is ours."""
    for path in run.files(".html"):
        source = path.read_text(encoding="utf-8")
        page = Elements(source)
        assert_harmless(page)
        tags = [tag for tag, _ in page.found]
        assert tags.count("script") == 1
        assert assets.script() in page.texts
        assert not {"applet", "base", "embed", "form", "frame", "iframe", "object", "math"} & set(tags)
        assert "NAME</td></script></style><script>" in "".join(page.texts), path.name
    texts = "".join("".join(Elements(path.read_text(encoding="utf-8")).texts) for path in run.files(".html"))
    for mark in ("NOTE", "CITY", "PROJECT", "TYPE", "POINT", "event", "META"):
        assert f"{mark}</td></script></style><script>" in texts, f"{mark} was to be on a page"


def test_notebooks_hold_text(run):
    """In executed notebooks, too, the HTML that JupyterLab would show has no element that runs or loads."""
    shown = 0
    for path in run.files(".ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert cell["cell_type"] == "code" or "NAME" not in "".join(cell["source"])
            for output in cell.get("outputs", []):
                for markup in (output.get("data", {}).get(kind) for kind in ("text/html", "text/markdown")):
                    page = Elements("".join(markup or ""))
                    assert_harmless(page)
                    assert not {tag for tag, _ in page.found if tag in EXECUTING - {"svg"}}
                    shown += "NAME" in "".join(page.texts)
    assert shown >= 3


def test_tables_are_harmless_in_spreadsheets(run):
    """A cell that a spreadsheet would take for a formula is a plain number, or has an apostrophe before it."""
    defused = 0
    for path in run.files(".csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for cell in (cell for row in csv.reader(stream) for cell in row):
                if cell.startswith(FORMULA_STARTS):
                    assert float(cell) <= 0, cell
                defused += cell.startswith("'=HYPERLINK")
    assert defused


def test_the_index_for_programs_is_json(run):
    """`reports.json` gives the names as they are: whoever shows them escapes them."""
    reports = json.loads((run.out / "reports.json").read_text(encoding="utf-8"))["reports"]
    assert NAME + DEVICE in [report["title"] for report in reports]


def test_files_stay_in_their_folders(run):
    """Names of devices become harmless names of files below the output folder, and no file is made elsewhere."""
    for path in run.files():
        assert path.relative_to(run.folder).parts[0] in ("out", "data", "home", "work")
        assert path.resolve() == path
    work = run.folder / "work"
    assert {path.relative_to(work).as_posix() for path in run.files() if work in path.parents} == {*PLANTED}
    slugs = [path.relative_to(run.out).as_posix() for path in run.files(".html")]
    assert all(set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-./") and ".." not in slug for slug in slugs)


def test_nothing_planted_runs(run):
    """Modules and settings that lie in the folder where the command is started are not run."""
    assert not (run.folder / "ran").exists()


def test_secrets_are_nowhere(run):
    """Neither password nor secret nor token is in a report, notebook, index, store, cache, file name or on a screen."""
    plain = [PASSWORD, CLIENT_SECRET, "access-1-of", "refresh-1-of"]
    forms = {form for text in plain for form in (text, quote_plus(text), quote(text), repr(text)[1:-1])}
    forms |= {html.escape(text) for text in plain} | {json.dumps(text)[1:-1] for text in plain}
    marks = {form.encode() for form in forms}
    files = run.files()
    assert {".html", ".ipynb", ".json", ".csv", ".parquet"} <= {path.suffix for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [mark for mark in marks if mark in content or mark in os.fsencode(path)], path
    heard = run.done.stdout + run.done.stderr
    assert not [form for form in forms if form in heard]
    (token,) = (run.folder / "home").rglob("token-*.json")
    assert not [text for text in plain[:2] if text in token.read_text(encoding="utf-8")]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="lists processes by /proc")
def test_command_lines_hold_no_secret(run):
    """The command, its fork server and the kernels were seen in the list of processes, and none shows a secret."""
    assert any("belimo-nb" in line for line in run.command_lines)
    assert any("ipykernel" in line or "belimo_nb.report.engine.preload" in line for line in run.command_lines)
    for secret in (PASSWORD, CLIENT_SECRET, "access-1-of", "refresh-1-of"):
        assert not [line for line in run.command_lines if secret in line]


def test_objects_hold_text(second):
    """What a notebook's cell shows of a cloud, a device, its datapoints and values is text, even of texts and units."""
    client = bn.connect()
    try:
        poison(second, DEVICE)
        valve = client.device(DEVICE)
        frames = {
            "NAME": client.devices(SEARCH),
            "POINT": valve.datapoints,
            "UNIT": valve.datapoints,
            "VALUE": valve.state(),
        }
        shown = [("NAME", valve._repr_html_())]
        for mark, frame in frames.items():
            shown += [(mark, display.table(frame, "x").html()), (mark, frame.to_html(max_rows=None, max_cols=None))]
        history = valve.history(["pX4v.21", "pX4v.1"], "2021-03-01", "2021-03-02")
        shown.append(("VALUE", display.table(history, "history").html()))
    finally:
        client.close()
    for mark, markup in shown:
        page = Elements(markup)
        assert_harmless(page)
        assert not {tag for tag, _ in page.found} & EXECUTING
        assert f"{mark}</td>" in "".join(page.texts), mark  # pandas cuts long texts


@pytest.mark.parametrize("command", [("devices",), ("login",), ("sync", "--search", SEARCH, "--period", "2021-03")])
def test_the_terminal_gets_text(second, command):
    """No command passes on control characters, which could drive the terminal."""
    poison(second, DEVICE)
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.stderr
    heard = (result.stdout + result.stderr).replace("\n", "")
    assert [character for character in heard if unicodedata.category(character) == "Cc"] == []


def test_a_refusal_is_told_as_text(second):
    """What a server gives as its reason for a refusal does not drive the terminal, and does not repeat the token."""
    second.always("/devices", says({"message": "\x1b]0;evil\x07 Bearer access-1-of-anna \x9b31m is no good"}, 403))
    result = CliRunner().invoke(cli, ["devices"])
    assert result.exit_code == 3
    assert "is no good" in result.stderr
    assert "access-1" not in result.stderr
    assert [character for character in result.stderr[:-1] if unicodedata.category(character) == "Cc"] == []


@pytest.mark.browser
def test_nothing_runs_in_a_browser(run, browser):
    """Opened in Chromium with the pages' own content policy switched off, no script of the cloud's runs or loads."""
    context = browser.new_context(bypass_csp=True, offline=True)
    for path in run.files(".html"):
        page = context.new_page()
        trouble: list[str] = []
        page.on("dialog", lambda dialog, trouble=trouble: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda asked, trouble=trouble: trouble.append(asked.url))
        page.on("pageerror", lambda error, trouble=trouble: trouble.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_load_state("load")
        for box in page.locator("details, summary, [tabindex]").all()[:20]:
            box.dispatch_event("mouseover")
        assert not page.title().endswith("-ran")
        assert [text for text in trouble if text != path.as_uri() and not text.startswith("data:")] == []
        page.close()
    context.close()
