"""The command as a shell may start it: outputs closed or full, no home, no room, no memory, interrupted at once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner
from second_cloud import says
from test_bad_input import check_sentence

from belimo_nb._version import __version__
from belimo_nb.cli import cli
from belimo_nb.settings.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and a POSIX shell")
INTERRUPTED = """
import os, signal, sys
from belimo_nb import cli

class Finder:
    def find_spec(name, *_):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder)
cli.main()
"""
WHILE_THREADS_END = """
import os, signal, threading
from belimo_nb import cli

def interrupt():
    threading.main_thread().join()
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt).start()
cli.main()
"""
AT_THE_END = """
import os, signal
from belimo_nb import cli

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGINT):
        kill(pid, number)

last = Last()
cli.main()
"""
IN_AN_EXEC = """
import sys
from belimo_nb import cli, settings

sys.argv = ["belimo-nb", "store", "info"]
settings.load = lambda *_, **__: exec("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
cli.main()
"""
PROGRAM = f"{sys.executable} -m belimo_nb"


def shell(line, **environment):
    """What comes of a line of a shell in which `program` is the command."""
    line = line.replace("program", PROGRAM)
    run = subprocess.run(
        ["bash", "-c", line], env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in run.stderr
    assert "fault of belimo-nb" not in run.stderr
    return run


def refused(run, status, *words):
    """Check that it ended with this status and one sentence."""
    assert run.returncode == status
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("Error: ")]
    check_sentence(line.removeprefix("Error: "), words)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["program --version >/dev/full", "program devices --help >/dev/full", "program --version >&-"]
)
def test_an_output_that_takes_nothing(line):
    """What was to be printed is lost: that is told, with exit status 1."""
    refused(shell(line), 1, "Standard output takes no more", "No space left" if "full" in line else "Bad file")


@pytest.mark.slow
def test_outputs_of_a_command(second):
    """A table into a full disk is told; a reader who has had enough is not; lost remarks cost nothing."""
    refused(shell("program devices --json >/dev/full"), 1, "No space left")
    enough = shell("program devices | true; exit ${PIPESTATUS[0]}")
    assert (enough.returncode, enough.stderr) in [(1, ""), (0, enough.stderr)]
    good = shell("program devices --json").stdout
    for line in ("program devices --json 2>/dev/full", "program devices --json <&- 2>&-"):
        run = shell(line)
        assert (run.returncode, run.stdout) == (0, good)


@pytest.mark.slow
def test_nobody_answers(second):
    """Asked on a closed input, `store clear` deletes nothing and says how to do without."""
    run = shell("program store clear <&-")
    assert run.returncode == 2
    assert "nothing is deleted; give --yes." in run.stderr


@pytest.mark.slow
def test_no_home(second):
    """Without HOME and an entry of passwd, a folder for data is asked for; with it all is well."""
    person = "unshare -U --map-user=4242 env -u HOME -u XDG_DATA_HOME -u XDG_CACHE_HOME "
    if subprocess.run(["bash", "-c", f"{person} true"], capture_output=True, check=False).returncode:
        pytest.skip("this system has no user namespaces")
    refused(shell(f"{person} program store info"), 2, "BELIMO_DATA_DIR")
    run = shell(f"{person} program store info --json", BELIMO_DATA_DIR=str(Path("data").resolve()))
    assert (run.returncode, run.stdout) == (0, "[]\n")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        SystemError("error return without exception set"),
        ImportError("x.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_no_memory(monkeypatch, error):
    """However Python tells that memory is used up, it is no fault of ours."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("belimo_nb.settings.load", fail)
    result = CliRunner().invoke(cli, ["store", "info"])
    assert result.exit_code == 1
    check_sentence(result.stderr.strip().removeprefix("Error: "), ("memory is used up",))


def test_errors_of_the_system(monkeypatch):
    """What no command has foreseen of disk and permissions is told with the file; other faults without a secret."""
    for error, words in (
        (OSError(28, "No space left on device", "/x/y"), "'/x/y' cannot be used (No space left on device)"),
        (
            ZeroDivisionError(f"by \x1b[1m{Secret('correct-horse')}"),
            "fault of belimo-nb: ZeroDivisionError: by  [1m***",
        ),
    ):
        secret = Secret("correct-horse")
        monkeypatch.setattr("belimo_nb.settings.load", mock.Mock(side_effect=error))
        result = CliRunner().invoke(cli, ["store", "info"])
        assert result.exit_code == 1
        assert words in result.stderr
        assert secret not in result.stderr


@pytest.mark.slow
def test_interrupted_at_once(tmp_path):
    """Ctrl-C while Python imports, or waits for threads: one word and its status; when all is done it is too late."""
    version = f"belimo-nb, version {__version__}\n"
    for code, *told in (
        (INTERRUPTED, 130, "", "Interrupted.\n"),
        (WHILE_THREADS_END, 130, version, "Interrupted.\n"),
        (AT_THE_END, 0, version, ""),
    ):
        program = [sys.executable, "-c", code, "--version"]
        run = subprocess.run(program, capture_output=True, text=True, check=False)
        assert [run.returncode, run.stdout, run.stderr] == told
    # Before its handler is set, Python would print a trace: nothing is imported until then that takes time.
    imported = "import sys; before = set(sys.modules); import belimo_nb.cli; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["__future__", "belimo_nb", "belimo_nb._version", "belimo_nb.cli"]
    # From then on, wherever it comes.
    (tmp_path / "in_an_exec.py").write_text(IN_AN_EXEC)
    program = [sys.executable, "-m", "in_an_exec"]  # as `python -m belimo_nb`: a script ends in another way
    run = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr.strip()) == (130, "", "Interrupted.")
    program = [sys.executable, "-X", "importtime", "-m", "belimo_nb", "demo"]
    process = subprocess.Popen(program, stdout=-1, stderr=-1, text=True)
    while not process.stderr.readline().endswith("click.core\n"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "words"),
    [
        (("devices", "--search", "\udcff"), {}, 2, "Argument 3"),
        (("sync", "--resolution", "999999w"), {}, 2, "'999999w'"),
        (("sync", "--resolution", "٣h"), {}, 2, "no length of time"),
        (("sync",), {"BELIMO_NOW": "9999-12-31"}, 2, "BELIMO_NOW"),
        (("devices",), {"BELIMO_NOW": "1066-10-14"}, 2, "BELIMO_NOW"),
        (("devices",), {"BELIMO_NOW": "-5"}, 2, "BELIMO_NOW"),
        (("sync", "--from", "1066-10-14"), {}, 2, "1066"),
        (("report", "--time-limit", "nan"), {}, 2, "--time-limit"),
        (("report", "--time-limit", "1e300"), {}, 2, "--time-limit"),
        (("sync", "--period", "2021-01"), {"BELIMO_DATA_DIR": "loop"}, 1, "BELIMO_DATA_DIR"),
        (("check-cloud", "--out", "mine.json"), {}, 2, "mine.json"),
        (("check-cloud", "--out", "pipe"), {}, 2, "pipe"),
    ],
)
def test_strange_arguments(second, monkeypatch, arguments, environment, status, words):
    """Arguments and settings beyond all measure get one sentence and exit status 2."""
    Path("loop").symlink_to("loop")
    Path("mine.json").write_text("{}")
    os.mkfifo("pipe")
    for name, value in environment.items():
        monkeypatch.setenv(name, str(Path(value).absolute()) if value == "loop" else value)
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == status, result.stderr
    assert "fault of belimo-nb" not in result.stderr
    check_sentence(result.stderr.splitlines()[-1].removeprefix("Error: "), (words,))
    assert Path("mine.json").read_text() == "{}"


def test_a_working_folder_that_is_gone(second):
    """It is told before anything is looked for there."""
    Path("gone").mkdir()
    os.chdir("gone")
    Path("../gone").rmdir()
    result = CliRunner().invoke(cli, ["devices"])
    os.chdir("/")
    assert result.exit_code == 2
    check_sentence(result.stderr.strip().removeprefix("Error: "), ("working folder",))


def test_foreign_text_as_json(second, monkeypatch):
    """In JSON nothing drives the terminal or is half a character, and a program reads the same text."""
    name = "a\x9b1m\u202eb\x7f\x1b[31m\u200dü\U000e0041\x85\u2028\xa0\x1f"

    def renamed(_, answer):
        return says(answer.json | {"data": [{**row, "displayName": name + "\ud83d"} for row in answer.json["data"]]})

    second.always("/devices", renamed)
    result = CliRunner().invoke(cli, ["devices", "--json"])
    assert result.exit_code == 0
    assert not [letter for letter in result.stdout if not letter.isprintable() and letter != "\n"]
    assert {row["name"] for row in json.loads(result.stdout)} == {name + "\N{REPLACEMENT CHARACTER}"}


def named(answer, name):
    """A list of one device of this name."""
    return says({**answer.json, "data": [answer.json["data"][0] | {"displayName": name}]})


@pytest.mark.parametrize("charset", ["cp1252", "ascii", "utf-16", "cp850"])
def test_json_is_utf_8(second, charset):
    """Whatever the console's encoding is: a program reads it."""
    name = "Sülze → Ω"
    second.always("/devices", lambda _, found: named(found, name))
    for command in (["devices"], ["store", "info"], ["sync", "--dry-run", "--period", "2021-03"]):
        result = CliRunner(charset=charset).invoke(cli, [*command, "--json"])
        assert result.exit_code == 0
        json.loads(result.stdout_bytes.decode("utf-8"))
        assert command != ["devices"] or name in result.stdout_bytes.decode("utf-8")
    Path("log.csv").write_text("Zeit;Wärme [kWh]\n2021-03-01 00:00;1\n2021-03-01 01:00;2\n", encoding="utf-8")
    result = CliRunner(charset=charset).invoke(cli, ["import", "--propose", "log.csv"])
    assert "Wärme" in result.stdout_bytes.decode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "cp437:strict"])
def test_a_console_that_lacks_letters(second, encoding):
    """As Windows redirects output: letters that it lacks are replaced, and nothing fails."""
    name = "Sülze → Ω"
    second.always("/devices", lambda _, found: named(found, name))
    run = shell("program devices | iconv -f latin1 -t utf-8", PYTHONIOENCODING=encoding)
    assert (run.returncode, "lze" in run.stdout, "2192" in run.stdout) == (0, True, True)
