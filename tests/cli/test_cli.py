"""The command line: what it prints, where, and with which exit status."""

import contextlib
import importlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from dotenv import dotenv_values
from prepared import program

import belimo_nb
from belimo_nb.cli import cli
from belimo_nb.cli.login import update
from belimo_nb.cli.shared import output_table
from belimo_nb.client import retries
from belimo_nb.errors import SettingsError

COMMANDS = ("login", "check-cloud", "export", "import", "devices", "sync", "store", "report", "demo", "init")
PROGRAM = [sys.executable, "-m", "belimo_nb"]
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and permissions")


def invoke(*arguments, **options):
    """Run the command line in this process."""
    return CliRunner().invoke(cli, arguments, **options)


def one_sentence(result, status):
    """Check that a command ended with this status and one line on standard error, and give the line."""
    assert result.exit_code == status
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")
    return result.stderr


def test_help():
    """Every command has help with an example; the group's help names them all and the exit statuses."""
    result = invoke("--help")
    assert result.exit_code == 0
    assert "Exit status" in result.stdout
    for name in COMMANDS:
        assert name in result.stdout
        text = invoke(name, "--help").stdout
        assert "Example" in text
        assert f"belimo-nb {name}" in text
    assert set(cli.commands) == set(COMMANDS)


def test_help_imports_little():
    """Help comes at once: nothing that takes long is imported for it."""
    heavy = "{'pandas', 'numpy', 'matplotlib', 'requests', 'papermill', 'tornado', 'nbformat', 'oauthlib'}"
    code = f"import sys, belimo_nb.cli.commands; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_version():
    """`python -m belimo_nb --version` says the version."""
    result = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True)
    assert result.stdout == f"belimo-nb, version {belimo_nb.__version__}\n"


def test_devices(demo_environment):
    """Devices come in the cloud's order with local times; what they are and how many goes to standard error."""
    result = invoke("devices", "--search", "heizung 2.og")
    assert result.exit_code == 0
    header, *rows = result.stdout.splitlines()
    assert " ".join(header.split()) == "name serial health online last seen project city note type profile id"
    assert [row.split("  ")[0] for row in rows] == [
        f"Energieventil Heizung 2.OG {side}" for side in ("Sued-Ost", "Nord-Ost", "Nord-West", "Sued-West")
    ]
    assert "2018-12-01 00:5" in rows[0]
    assert result.stderr.splitlines() == [
        "4 devices match 'heizung 2.og' (demo data, seed 1; times in Europe/Zurich).",
        "4 of 4 are energy valves: 4 with energyvalve3/1.2.",
    ]


def test_devices_json(demo_environment):
    """As JSON: all columns, UTC times in ISO 8601, null for what is unknown."""
    rows = json.loads(invoke("devices", "--json").stdout)
    assert len(rows) == 36
    first = next(row for row in rows if row["id"] == "3c6f7077-a147-4d25-865f-e72901d9de62")
    assert first["name"] == "Energieventil Heizung 2.OG Nord-West"
    assert first["online"] is True
    assert first["note"] is None
    assert first["last_seen"].startswith("2018-11-30T23:5")
    assert first["last_seen"].endswith("Z")
    assert invoke("devices", "--json", "--search", "no such device").stdout == "[]\n"


def test_login(demo_environment):
    """Without a terminal, login asks nothing: it says who, what there is to see, and where settings came from."""
    result = invoke("login", input="never read\n")
    assert result.exit_code == 0
    assert "Signed in to demo data, seed 1 as Demo Account (demo@" in result.stdout
    assert "36 devices: 35 online, 1 offline; health: 35 ok, 1 with a problem" in result.stdout
    assert demo_environment["BELIMO_PASSWORD"] not in result.output
    assert demo_environment["BELIMO_CLIENT_SECRET"] not in result.output
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("BELIMO_PASSWORD")]
    assert line.split() == ["BELIMO_PASSWORD", "********", "environment"]


@pytest.mark.slow
@posix
def test_login_on_a_terminal(demo_environment, monkeypatch):
    """On a terminal, login asks for what is missing, hides secrets, and writes a private .env if told to."""
    import pty

    Path(".env").write_text("# mine\nBELIMO_RATE=0\nBELIMO_PASSWORD=\n")
    Path(".env").chmod(0o644)
    password = demo_environment["BELIMO_PASSWORD"]
    monkeypatch.delenv("BELIMO_PASSWORD")
    terminal, end = pty.openpty()
    login = subprocess.Popen([*PROGRAM, "login"], stdin=end, stdout=end, stderr=end, start_new_session=True)
    os.close(end)
    seen = b""
    for expected, answer in ((b"Password (not shown): ", password), (b"[y/N]: ", "y")):
        while expected not in seen:
            seen += os.read(terminal, 4096)
        os.write(terminal, f"{answer}\n".encode())
    with contextlib.suppress(OSError):  # the terminal is gone
        while chunk := os.read(terminal, 4096):
            seen += chunk
    assert login.wait() == 0
    os.close(terminal)
    assert b"Signed in" in seen
    assert password.encode() not in seen
    assert b"User name" not in seen
    assert Path(".env").read_text() == f"# mine\nBELIMO_RATE=0\nBELIMO_PASSWORD={password}\n"
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600


def test_sync(demo_environment, demo_server):
    """Sync fetches what a valve's report needs with one request, and then nothing more; a dry run only says so."""
    options = ("sync", "--device", "2.OG Nord-West", "--period", "2018-11")
    about = "for 1 energy valve, November 2018 (demo data, seed 1).\n"
    dry = invoke(*options, "--dry-run")
    assert (dry.exit_code, dry.stderr) == (0, "")
    assert dry.stdout.startswith("1 request, at most ")
    assert dry.stdout.endswith(about)
    result = invoke(*options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.match(r"Fetched \d,\d{3} values with 1 request ", result.stdout)
    assert result.stdout.endswith(about)
    asked = len([r for r in demo_server.requests if "timeseries" in r.path])
    assert invoke(*options).stdout == f"Nothing to fetch {about}"
    belimo_nb.connect().device("2.OG Nord-West").energy("heating", "2018-11-01", "2018-12-01")
    assert len([r for r in demo_server.requests if "timeseries" in r.path]) == asked
    assert invoke(*options, "--refresh").stdout == result.stdout


def test_sync_tells_failures(demo_environment, monkeypatch):
    """A device that fails is listed and makes the exit status 1; the others are fetched."""
    archive = importlib.import_module("belimo_nb.store.archive")
    fill = archive.Archive.fill

    def fail_for_one(self, question, *arguments, **options):
        if question.device.startswith("3c6f7077"):
            raise belimo_nb.errors.ServerError("The cloud answered 500.")
        return fill(self, question, *arguments, **options)

    monkeypatch.setattr(archive.Archive, "fill", fail_for_one)
    result = invoke("sync", "--search", "2.OG Nord-", "--period", "2018-11")
    assert result.exit_code == 1
    assert result.stderr == "Failed: Energieventil Heizung 2.OG Nord-West: The cloud answered 500.\n"
    assert "with 1 request; 1 device failed for 2 energy valves" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["report", "--period", "2018-13"], 2, "2018-13"),
        (["report", "--from", "2018-11-20", "--to", "2018-11-03"], 2, "not before"),
        (["report", "--from", "3.11.2018"], 2, "no date"),
        (["report", "--from", "2019-06-01"], 2, "in the future"),
        (["report", "--period", "2018", "--from", "2018-01-01"], 2, "Both a period"),
        (["report", "--device", "2.OG Nord-Wset"], 2, "Nord-West"),
        (["report", "--device", "2.OG"], 2, "fits"),
        (["report", "--device", "Gateway UG"], 2, "no energy counter"),
        (["report", "-p", "colour", "red"], 2, "'colour'"),
        (["report", "-p", "start", "2018-11-01"], 2, "--from"),
        (["report", "--search", "no such device"], 1, "no such device"),
        (["sync", "--resolution", "soon"], 2, "soon"),
        (["demo", "--fault", "gremlins"], 2, "gremlins"),
        (["demo", "--transfers", "22"], 2, "21 energy valves"),
        (["demo", "--now", "1999-01-01T00:00:00Z"], 2, "2016-12-01"),
    ],
)
def test_wrong_use(arguments, status, words, demo_environment):
    """Wrong use ends with one sentence that names the value, and makes no folder."""
    assert words in one_sentence(invoke(*arguments), status)
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"BELIMO_PASSWORD": ""}, 2, "BELIMO_PASSWORD is not set"),
        ({"BELIMO_PASSWORD": "wrong"}, 3, ""),
        ({"BELIMO_API_URL": "http://127.0.0.1:9/api/v3"}, 3, "127.0.0.1:9"),
        ({"BELIMO_TIMEZONE": "Mars/Base"}, 2, "Mars/Base"),
    ],
)
def test_wrong_settings(changes, status, words, demo_environment, monkeypatch):
    """Missing or wrong settings end with one sentence, which never contains a secret."""
    monkeypatch.setattr(retries, "pause", lambda _: None)
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    sentence = one_sentence(invoke("devices"), status)
    assert words in sentence
    assert demo_environment["BELIMO_CLIENT_SECRET"] not in sentence


def test_usage_errors_of_click():
    """Unknown commands and options have status 2."""
    assert invoke("polish").exit_code == 2
    assert invoke("report", "--engine", "warp").exit_code == 2
    assert invoke("report", "fleet").exit_code == 2
    assert invoke("--env-file", "nowhere.env", "devices").exit_code == 2


@pytest.fixture
def broken(monkeypatch):
    """A function that makes connecting raise this error."""

    def arrange(error):
        def connect(*_, **__):
            raise error

        monkeypatch.setattr("belimo_nb.cloud.cloud.connect", connect)

    return arrange


def test_our_fault(broken, monkeypatch):
    """An unexpected exception is called our fault, in one sentence; the trace comes only when asked for."""
    broken(KeyError("x"))
    sentence = one_sentence(invoke("devices"), 1)
    assert "fault of belimo-nb: KeyError: 'x'" in sentence
    assert "BELIMO_DEBUG=1" in sentence
    monkeypatch.setenv("BELIMO_DEBUG", "1")
    result = invoke("devices")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_warnings_are_sentences(monkeypatch):
    """A warning reaches standard error as a sentence, without our source code."""
    monkeypatch.setattr(
        "belimo_nb.cloud.cloud.connect", lambda *_, **__: warnings.warn("The series is missing.", stacklevel=1)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = invoke("devices")
    assert result.stderr.splitlines()[0] == "Warning: The series is missing."


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interrupted(broken, error):
    """Ctrl-C ends with a word and status 130."""
    broken(error)
    result = invoke("devices")
    assert result.exit_code == 130
    assert result.stderr.strip() == "Interrupted."


@pytest.mark.slow
@posix
def test_reader_gone(demo_environment):
    """A reader that has seen enough (`| head`) is no reason for a trace."""
    command = subprocess.Popen([*program(), "devices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    command.stdout.close()
    said = command.stderr.read()
    command.stderr.close()
    assert command.wait() == 1
    assert b"rror" not in said


@pytest.mark.slow
@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo(number, tmp_path):
    """The demo cloud first prints .env lines that lead to it, at once; a signal ends it with status 0."""
    command = [*program(), "demo", "--devices", "3", "--now", "2018-06-01T00:00:00Z"]
    command += ["--ev4", "0.5", "--reporting", "change", "--transfers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        lines = [server.stdout.readline()]
        while not lines[-1].startswith("BELIMO_SOURCE"):
            lines.append(server.stdout.readline())
        (tmp_path / "demo.env").write_text("".join(lines))
        rows = json.loads(invoke("--env-file", str(tmp_path / "demo.env"), "devices", "--json").stdout)
        server.send_signal(number)
        assert server.wait() == 0
        assert server.stderr.read() == ""
    assert len(rows) == 3
    values = dotenv_values(tmp_path / "demo.env")
    assert list(values)[:2] == ["BELIMO_CLIENT_ID", "BELIMO_CLIENT_SECRET"]
    assert values["BELIMO_NOW"] == "2018-06-01T00:00:00Z"
    told = "demo data, seed 1, 3 devices, Energy Valve 4: 50%, reports: change, transfers: 1"
    assert values["BELIMO_SOURCE"] == told


def test_demo_port_taken(demo_server):
    """A port that is taken is a wrong argument."""
    port = demo_server.url.rpartition(":")[2]
    assert port in one_sentence(invoke("demo", "--port", port), 2)


def test_init(tmp_path):
    """Init brings the notebooks and a private .env, and keeps what is there."""
    folder = tmp_path / "my buildings"
    first = invoke("init", str(folder))
    assert first.exit_code == 0
    assert first.stdout.count("Written") == 5
    assert "jupyter lab" in first.stdout
    names = {"overview.ipynb", "device.ipynb", "heating_energy.ipynb", "cooling_energy.ipynb", ".env"}
    assert {path.name for path in folder.iterdir()} == names
    if os.name != "nt":
        assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert not any((dotenv_values(folder / ".env")).values())

    (folder / ".env").write_text("BELIMO_USERNAME=me\n")
    (folder / "device.ipynb").unlink()
    second = invoke("init", str(folder)).stdout
    assert [second.count(word) for word in ("Written", "There already", "Kept")] == [1, 3, 1]
    assert (folder / ".env").read_text() == "BELIMO_USERNAME=me\n"


def test_init_into_a_file(tmp_path):
    """A folder that cannot be made is a wrong argument."""
    (tmp_path / "file").touch()
    assert "file" in one_sentence(invoke("init", str(tmp_path / "file" / "folder")), 2)


def test_env_file_update(tmp_path):
    """Writing .env changes the named lines only and quotes what needs it."""
    path = tmp_path / ".env"
    path.write_text("# note\nexport A=1\nB='2'\n\nC=3")
    update(path, {"A": "new", "D": 'it\'s \\ "#1" $HOME', "E": "ümlaut"})
    assert path.read_text(encoding="utf-8").splitlines()[:5] == ["# note", "A=new", "B='2'", "", "C=3"]
    values = dotenv_values(path, interpolate=False)
    assert (values["D"], values["E"]) == ('it\'s \\ "#1" $HOME', "ümlaut")
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be written"):
        update(path, {"A": "1"})


@posix
@pytest.mark.parametrize("there", [True, False])
def test_env_file_is_private_at_every_moment(there, tmp_path, monkeypatch):
    """Each file that takes the place of .env is its owner's alone before it is there; a link stays a link."""
    path, real = tmp_path / ".env", tmp_path / "kept" / "real.env"
    real.parent.mkdir()
    path.symlink_to(real)
    if there:
        real.write_text("A=1\n")
        real.chmod(0o644)
    put, modes = os.replace, []

    def seen(source, target):
        modes.append((stat.S_IMODE(Path(source).stat().st_mode), Path(target) == real))
        put(source, target)

    monkeypatch.setattr(os, "replace", seen)
    update(path, {"A": "new", "B": "it's"})
    assert set(modes) == {(0o600, True)}
    assert path.is_symlink()
    assert real.read_text() == "A=new\nB='it\\'s'\n"
    assert [left.name for left in real.parent.iterdir()] == ["real.env"]


def test_table(capsys, monkeypatch):
    """A table shows every column in full, or on a terminal what fits; control characters never reach it."""
    rows = [["Nord \x1b[31m", "1", "Zürich"], ["暖房", "22", ""]]
    output_table(("name", "no", "city"), rows, keep=2)
    assert capsys.readouterr().out.splitlines() == ["name        no  city", "Nord  [31m  1   Zürich", "暖房        22"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "16")
    output_table(("name", "no", "city"), [["a very long name", "1", "Zürich"]], keep=2)
    assert capsys.readouterr().out.splitlines() == ["name          no", "a very long…  1"]
