"""What every test stands on: its own home, folder and environment, and the demo cloud where it asks for one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import prepared
import pytest
from contract import Watch
from second_cloud import SecondCloud
from tally import count, counts

from belimo_nb.system.cores import cores

os.environ["MPLBACKEND"] = "Agg"
# jsonschema would spend a second on compiling a grammar of web addresses, of which the notebooks' schema has none.
sys.modules.setdefault("rfc3987_syntax", None)

# A busy machine is no fault: no test has a deadline. Each run of a profile draws the same examples.
for profile, examples in {"belimo_nb": 50, "thorough": 500}.items():
    hypothesis.settings.register_profile(profile, deadline=None, derandomize=True, max_examples=examples)
hypothesis.settings.load_profile("belimo_nb")

# A shell's background job ignores Ctrl-C, and so would every program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Looking for garbage among millions of objects would take a twentieth of all time.
gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers more than there are cores: some tests only wait."""
    return cores() + 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that stay together come first: a group of a minute that begins last is a minute of one core alone."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Several workers share one process that programs are forked from."""
    if session.config.getoption("tx", None) and not hasattr(session.config, "workerinput"):
        prepared.share()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker sends its counts to where they are printed."""
    prepared.end()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["counts"] = counts()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """The counts of a worker that is done."""
    for what, number in getattr(node, "workeroutput", {}).get("counts", {}).items():
        count(what, number)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts."""
    if found := counts():
        terminalreporter.section("counts")
        for what, number in sorted(found.items()):
            terminalreporter.line(f"{number:>9,} {what}")


@pytest.fixture(autouse=True, scope="session")
def prepared_processes() -> None:
    """Runs of reports in this process fork from a process that was prepared once, not once a run."""
    if prepared.CAN_FORK:
        prepared.prepare()


@pytest.fixture(scope="module")
def processes_from_nothing() -> Iterator[None]:
    """Each run of reports prepares the process that it forks from, as it does for users."""
    with prepared.from_nothing():
        yield


@pytest.fixture(scope="session")
def watch() -> Watch:
    """Holds every answer of every demo cloud of this process against the API's description."""
    from belimo_nb.demo.server.handler import Handler

    watching = Watch()
    watching.install(Handler)
    return watching


@pytest.fixture(autouse=True)
def described(watch: Watch) -> Iterator[None]:
    """No demo cloud has answered anything that the API's description does not describe."""
    yield
    found = watch.take()
    assert not found, "\n".join(found[:20])


@pytest.fixture(scope="session")
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """New folders, one after the other; pytest would look through all those before to find a name for the next."""
    folder = tmp_path_factory.mktemp("own")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def isolated(own_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working folder of the test's own; no settings of the machine reach it."""
    folder = next(own_folders)
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    work.mkdir()
    for name in [name for name in os.environ if name.startswith("BELIMO_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"):
        monkeypatch.setenv(name, str(home))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.chdir(work)
    return home


@pytest.fixture(autouse=True)
def no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are reserved to lead nowhere (RFC 6761) do so at once; machines without a network ask for seconds."""
    ask = socket.getaddrinfo

    def look_up(host: object, *arguments: object, **options: object) -> object:
        if isinstance(host, str) and host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ask(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture(scope="session")
def demo_server() -> Iterator[object]:
    """One demo cloud for the whole run of this worker; tests must not change it."""
    from belimo_nb.demo import DemoCloud

    with DemoCloud() as cloud:
        yield cloud


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A demo cloud of the test's own, which the environment points at; what is tried again is tried at once."""
    from belimo_nb.client import retries
    from belimo_nb.demo import DemoCloud

    with DemoCloud() as cloud:
        for name, value in cloud.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(retries, "pause", lambda _: None)
        yield cloud


@pytest.fixture
def demo_environment(demo_server: object, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment points at the demo cloud, as a user's would at their own account."""
    environment: dict[str, str] = demo_server.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def cloud(demo_environment: dict[str, str]) -> Iterator[object]:
    """A `Cloud` connected to the demo cloud."""
    import belimo_nb as bn

    connected = bn.connect()
    yield connected
    connected.close()


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecondCloud]:
    """The second cloud, and the environment that leads to it."""
    with SecondCloud() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def client(second: SecondCloud) -> Iterator[object]:
    """A client of the second cloud, connected as users do."""
    import belimo_nb as bn

    with contextlib.closing(bn.connect()) as connected:
        yield connected


@pytest.fixture
def no_event_loop() -> Iterator[None]:
    """No event loop runs but a test's own: once a browser was used, Playwright leaves one running in this thread."""
    left = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(left)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A Chromium without a window; where there is none, its tests are skipped, but not in CI."""
    from playwright.sync_api import Error, sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found, args=quiet)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """A function that makes jobs of notebooks with these one-cell sources."""
    import nbformat

    from belimo_nb.report import notebooks
    from belimo_nb.report.jobs import Job

    def make(sources):
        for name, source in sources.items():
            cells = [nbformat.v4.new_markdown_cell(f"# {name}"), nbformat.v4.new_code_cell(source)]
            nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
        monkeypatch.setattr(notebooks, "notebook", lambda name: tmp_path / f"{name}.ipynb")
        return [Job(name, name.title(), f"devices/{name}-1", {}) for name in sources]

    return make


class Clock:
    """A clock that tests move, in place of a module's `time`."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        """Its time."""
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time, as the sign-in sees it."""
    from belimo_nb.client import auth

    moved = Clock()
    monkeypatch.setattr(auth, "time", moved)
    return moved
